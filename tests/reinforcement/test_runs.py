import pytest
import torch

from ptacore.reinforcement import runs
from ptacore.training import RecordError, checkpoints, read_run


def test_a_recorded_run_is_found_again_with_its_agents(tmp_path):
    first = runs.record(tmp_path, "full", 0, updates=4)
    folder = tmp_path / "full-0"
    (folder / runs.KEPT).unlink()  # killed before they were written
    again = runs.record(tmp_path, "full", 0, updates=4)
    assert again.provenance == first.provenance  # it was read, not made
    agents = runs.kept(folder)
    assert list(agents) == [0, 2, 4]
    last = checkpoints.load(folder, None)["model"]
    for name, w in agents[4].named_parameters():
        assert torch.allclose(w, last[name], rtol=2**-11, atol=1e-7), name
    assert agents[4].observed == "full"
    assert agents[4].value is None
    assert agents[4].torque(torch.zeros(64)).shape == ()


def test_arms_differ_from_the_first_by_what_they_are_named_for(tmp_path):
    configs = {}
    for arm in runs.ARMS:
        runs.record(tmp_path, arm, 5, updates=1)
        configs[arm] = read_run(tmp_path / f"{arm}-5").config
    base = configs["partial"]
    changed = {
        arm: {name for part in ("task", "training") for name in base[part] if base[part][name] != config[part][name]}
        | {name for name, value in config["model"]["options"].items() if value != base["model"]["options"][name]}
        for arm, config in configs.items()
    }
    assert changed == {
        "partial": set(),
        "full": {"observed"},
        **{f"start-{start}": {"start"} for start in ("default", "rotations", "pta")},
        "discount": {"discount"},
        "raw-angle": {"raw_angle"},
        "one-step": {"passes", "minibatches"},
    }


def test_the_command_records_five_seeds_of_all_before_more_of_any(tmp_path, monkeypatch, capsys):
    made = []

    def record(folder, arm, seed):
        made.append((arm, seed))
        return read_run(whole)

    runs.record(tmp_path, "one-step", 0, updates=1)
    whole = tmp_path / "one-step-0"
    monkeypatch.setattr(runs, "record", record)
    runs.main([str(tmp_path), "partial", "full"])
    assert made == [(arm, seed) for arm in ("partial", "full") for seed in range(5)] + [
        ("partial", seed) for seed in range(5, 10)
    ]
    assert capsys.readouterr().out.count("epoch limit") == 15


def test_faults_of_the_files_are_named(tmp_path):
    runs.record(tmp_path, "one-step", 0, updates=1)
    path = tmp_path / "one-step-0" / runs.KEPT
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordError, match="checkpoints.npz: cannot be read"):
        runs.kept(path.parent)
    path.unlink()
    with pytest.raises(RecordError, match="checkpoints.npz: is missing"):
        runs.kept(path.parent)
    with pytest.raises(ValueError, match="^arm: expected"):
        runs.record(tmp_path, "none", 0)
