"""Networks of the benchmark: runs that are read where they are recorded, and made where they are not."""

import math

import pytest
import torch

from ptabook import benchmark
from ptacore import System, lyapunov_spectrum
from ptacore.experiments import experiment
from ptacore.provenance import ROOT
from ptacore.training import Run, read_runs, train

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


def made_by(version):
    return Run({}, [], {}, {"versions": {"ptacore": version}})


def turning(factor):
    """A probe of a map that turns a plane and shrinks it: both exponents are ln factor, to rounding."""
    turn = factor * torch.tensor([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]], dtype=torch.float64)
    spectrum = lyapunov_spectrum(System.from_function(lambda x: x @ turn.T, dim=2, kind="map"), torch.ones(2).double(),
                                 duration=2000, transient=500)  # fmt: skip
    return dict(exponents=spectrum.exponents.tolist(), standard_error=spectrum.standard_error.tolist())


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_a_decay_that_is_known_to_be_one_does_not_count_as_zero(version):
    """However slow: below the resolution, too, since its error is far smaller."""
    assert benchmark.counts(turning(1.0), made_by(version), 100) == dict(zero=2, slow=2, positive=0)
    slow = math.exp(-0.5 * benchmark.RESOLUTION)
    assert benchmark.counts(turning(slow), made_by(version), 100) == dict(zero=0, slow=2, positive=0)
    assert benchmark.counts(turning(0.9), made_by(version), 100) == dict(zero=0, slow=0, positive=0)
    assert benchmark.counts(turning(1.01), made_by(version), 100) == dict(zero=0, slow=2, positive=2)


def test_recorded_errors_are_as_wide_as_what_made_them_says():
    """Means of twenty parts have 19 degrees of freedom, three slow waves have six: 2.86 and 3.71 standard errors."""
    at = 2 * benchmark.RESOLUTION
    probe = dict(exponents=[at, None], standard_error=[at / 3.2, 0.0])
    assert benchmark.counts(probe, made_by("0.1.0"), 100)["positive"] == 1
    assert benchmark.counts(probe, made_by("0.2.0"), 100)["positive"] == 0
    inside = dict(exponents=[at / 3], standard_error=[at / 3 / 3.2])
    assert benchmark.counts(inside, made_by("0.1.0"), 100)["zero"] == 0
    assert benchmark.counts(inside, made_by("0.2.0"), 100)["zero"] == 1
    unknown = dict(exponents=[at], standard_error=[None])  # infinite
    assert benchmark.counts(unknown, made_by("0.2.0"), 100) == dict(zero=0, slow=1, positive=0)


def test_before_training_rotations_have_no_zero_exponent_and_oscillators_one_each():
    """At the recorded size, from the records: the first turn and fade, the second have 125 limit cycles or fewer."""
    found = {}
    for run in filter(lambda run: run.probes, read_runs(ROOT / "results" / "long")):
        found.setdefault(run.config["model"]["name"], []).append(benchmark.counts(run.probes[0], run, 110))
    assert all(one["zero"] == 0 and one["slow"] > 100 for one in found["tanh-rotation"])
    assert all(110 <= one["zero"] <= 125 for one in found["tanh-pta"])


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
