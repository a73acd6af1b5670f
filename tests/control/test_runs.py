from ptacore.control import PointMass, Tracking, runs
from ptacore.training import read_run


def test_a_recorded_run_is_found_again_and_teaches_the_open_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "Tracking", lambda: Tracking(duration=3.0, plant=PointMass(bound=1e3)))
    first = runs.tracking(tmp_path, seed=0, epochs=2)
    again = runs.tracking(tmp_path, seed=0, epochs=2)
    assert again.history == first.history
    assert again.provenance == first.provenance  # it was read, not made
    student = runs.tracking_imitation(tmp_path, seed=0, epochs=2)
    assert student.config["task"]["teacher"]
    assert read_run(tmp_path / "imitation-0").history == student.history
