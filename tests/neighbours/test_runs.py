"""The plan of recorded runs: each has its own folder, and what is recorded is what is planned."""

import numpy as np
import pytest
import torch

from ptacore.neighbours import runs
from ptacore.neighbours.almost_linear import AlmostLinear
from ptacore.neighbours.curse import Exponentials, MemoryFit
from ptacore.provenance import ROOT
from ptacore.training import Settings, read_run

RECORDS = ROOT / "results" / "neighbours"
PLAN = list(runs.plan())


def test_each_run_has_a_folder_of_its_own():
    folders = [planned.folder for planned in PLAN]
    assert len(folders) == len(set(folders))
    seeds = {}
    for folder in folders:
        name, _, seed = folder.rpartition("-seed")
        seeds.setdefault(name, []).append(seed)
    assert len(seeds["almost-linear/lorenz-P2"]) == len(seeds["almost-linear/lorenz-P5"]) == 5
    assert all(len(seeds[f"parity/gain{gain}-longest10"]) == 3 for gain in ("0.1", "0.7", "1.3"))
    assert len(seeds["liquid/short"]) == len(seeds["liquid/long-wide"]) == 10


@pytest.mark.parametrize("planned", PLAN, ids=lambda planned: planned.folder)
def test_records_are_of_the_plan(planned):
    folder = RECORDS / planned.folder
    if not (folder / "summary.json").exists():
        pytest.skip("not recorded")
    run = read_run(folder)
    settings = planned.settings.config()
    assert run.finished
    assert {k: run.config[k] for k in settings if k in run.config} == {
        k: settings[k] for k in settings if k in run.config
    }


def test_recorded_weights_are_small_and_fit():
    files = list(RECORDS.rglob("weights.npz"))
    assert sum(path.stat().st_size for path in files) < 200_000
    for path in files:
        assert runs.trained(RECORDS, str(path.parent.relative_to(RECORDS))) is not None


def test_a_run_is_recorded_once_with_weights_in_single_precision(tmp_path, monkeypatch):
    settings = Settings(**runs.ENDLESS, lr=1e-2, epochs=2, probe_every=1, probe_exponents=1)
    planned = runs.Plan("a/b", lambda: MemoryFit("0.9^t", 20, updates=2), lambda: Exponentials(3), settings, keep=True)
    monkeypatch.setattr(runs, "plan", lambda: iter([planned]))
    told = []
    runs.record(tmp_path, report=lambda text, **_: told.append(text))
    runs.record(tmp_path, report=lambda text, **_: told.append(text))
    assert len(told) == 1
    assert not list((tmp_path / "a/b").glob("checkpoint*"))
    with np.load(tmp_path / "a/b/weights.npz") as file:
        assert file["w"].dtype == np.float64
    runs.record(tmp_path, ["other"], report=lambda text, **_: told.append(text))
    assert len(told) == 1
    network = runs.trained(tmp_path, "a/b")
    assert torch.isfinite(network.w).all()
    assert runs.trained(tmp_path / "nothing", "a/b") is None


def test_almost_linear_weights_come_back_to_the_bit(tmp_path):
    network = AlmostLinear(6, P=2, observed=3, seed=4)
    np.savez_compressed(tmp_path / "weights.npz", **{k: w.numpy() for k, w in network.state_dict().items()})
    twin = AlmostLinear(6, P=2, observed=3, seed=5)
    twin.load_state_dict(runs.checkpoints.load_weights(tmp_path))
    assert all((a == b).all() for a, b in zip(network.parameters(), twin.parameters(), strict=True))


def test_a_run_that_is_interrupted_before_its_weights_are_kept_is_not_done(tmp_path, monkeypatch):
    settings = Settings(**runs.ENDLESS, lr=1e-2, epochs=2)
    planned = runs.Plan("a/b", lambda: MemoryFit("0.9^t", 20, updates=2), lambda: Exponentials(3), settings, keep=True)
    monkeypatch.setattr(runs, "plan", lambda: iter([planned]))

    save = runs.checkpoints.save_weights

    def interrupted(folder, weights, exact=False):
        if exact:
            raise KeyboardInterrupt
        save(folder, weights)

    monkeypatch.setattr(runs.checkpoints, "save_weights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runs.record(tmp_path)
    monkeypatch.setattr(runs.checkpoints, "save_weights", save)
    runs.record(tmp_path)
    with np.load(tmp_path / "a/b/weights.npz") as file:
        assert file["w"].dtype == np.float64  # as they are, not in half precision
