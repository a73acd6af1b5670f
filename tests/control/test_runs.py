import pytest
import torch

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


def test_starts_differ_by_the_recurrent_matrix_alone_and_have_the_radii_that_they_are_named_for():
    agents = {name: runs.regulator(name, seed=1) for name in runs.STARTS}
    assert all(torch.equal(a.z, agents["default"].z) and torch.equal(a.m, agents["default"].m) for a in agents.values())
    W = {name: a.W.detach().double() for name, a in agents.items()}
    radius = {name: torch.linalg.eigvals(w).abs().max().item() for name, w in W.items()}
    assert radius["default"] == pytest.approx(0.1, rel=0.15)
    assert radius["memory"] == pytest.approx(0.9, rel=0.15)
    assert torch.allclose(W["orthogonal"] @ W["orthogonal"].T, torch.eye(100).double(), atol=1e-5)
    assert torch.linalg.eigvals(W["pta"]).abs().min() > 1  # every block oscillates
    with pytest.raises(ValueError, match="start: expected one of"):
        runs.regulator("zero", 0)


def test_an_optimizer_trains_both_loops(tmp_path):
    run = runs.by_optimizer(tmp_path, "adam", seed=0, epochs=2)
    assert run.config["task"]["task"] == "imitation"
    assert read_run(tmp_path / "closed-adam-0").config["training"]["clip"] is None
    assert runs.from_start(tmp_path, "pta", seed=0, epochs=2).config["training"]["optimizer"] == "sgd"


def test_lessons_are_read_where_they_are_recorded_with_the_same_arguments(tmp_path):
    size = dict(units=6, batch=3, epochs=3)
    made, live = runs.lessons(tmp_path, 1, **size), runs.lessons(None, 1, **size)
    read = runs.read_lessons(tmp_path, 1, **size)
    for one, alike, again in zip(made, live, read, strict=True):
        assert one.history == alike.history == again.history
        assert one.probes == alike.probes == again.probes
    assert [run.config["task"]["task"] for run in read] == ["regulation", "imitation"]
    for other in (dict(units=7), dict(batch=4), dict(epochs=2)):
        assert runs.read_lessons(tmp_path, 1, **size | other) is None
    assert runs.read_lessons(tmp_path, 2, **size) is None


def test_the_command_records_what_it_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(
        runs.RUNS, "short", (2, lambda folder, seed: runs.from_start(folder, "default", seed, epochs=1))
    )
    runs.main([str(tmp_path), "short"])
    assert capsys.readouterr().out.count("epoch limit") == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["start-default-0", "start-default-1"]
