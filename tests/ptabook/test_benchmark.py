"""Networks of the benchmark: runs that are read where they are recorded, and made where they are not."""

import pytest

from ptabook import benchmark
from ptacore.experiments import experiment
from ptacore.provenance import ROOT
from ptacore.training import read_runs, train

RECORDED = ROOT / "results" / "fig5c-live"


def tiny(seed=0, **given):
    return experiment("copy-memory", "tanh", "quick", seed, units=4, delay=3, sizes=(8, 4, 4), epochs=2, **given)


def test_a_recorded_run_is_read_and_no_other(tmp_path, monkeypatch):
    made = train(*tiny(), tiny().folder(tmp_path))
    monkeypatch.setattr(benchmark, "train", lambda *given: "trained")
    assert benchmark.recorded_or_trained(tiny(), tmp_path).history == made.history
    assert benchmark.recorded_or_trained(tiny(seed=1), tmp_path) == "trained"
    assert benchmark.recorded_or_trained(tiny(lr=0.1), tmp_path) == "trained"
    assert benchmark.recorded_or_trained(tiny(), tmp_path / "nowhere") == "trained"
    assert benchmark.read_recorded(tiny(), tmp_path).best_loss == made.best_loss
    assert benchmark.read_recorded(tiny(seed=1), tmp_path) is None


def test_a_run_from_other_weights_or_one_that_has_not_ended_is_not_taken(tmp_path, monkeypatch):
    problem = tiny()
    train(*problem, problem.folder(tmp_path))
    monkeypatch.setattr(benchmark, "train", lambda *given: "trained")
    other = tiny()
    next(other.model.parameters()).data.mul_(2)
    assert benchmark.recorded_or_trained(other, tmp_path) == "trained"
    (problem.folder(tmp_path) / "summary.json").unlink()
    assert benchmark.recorded_or_trained(tiny(), tmp_path) == "trained"


@pytest.mark.parametrize("name", ["tanh-pta", "gru", "lru"])
def test_recorded_small_runs_are_what_training_gives(name):
    run = next(r for r in read_runs(RECORDED / "temporal-order" / name) if r.seed == 2)
    task = run.config["task"]
    again = experiment(
        "temporal-order", name, "quick", 2, delay=tuple(task["delay"]), lr=run.config["training"]["lr"], epochs=1
    )
    first = train(*again).history[0]
    for column in ("train_loss", "gradient_norm", "validation_loss"):
        assert first[column] == pytest.approx(run.history[0][column], rel=1e-3)
