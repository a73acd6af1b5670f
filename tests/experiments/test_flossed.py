import json

import pytest
import torch

from ptacore import lyapunov_spectrum
from ptacore.experiments.flossed import How, floss, line, record
from ptacore.experiments.presets import experiment
from ptacore.models import ModuleMap
from ptacore.training.records import read_runs

SMALL = dict(delay=12, tokens=2, sizes=(8, 4, 4))
HOW = How(exponents=3, steps=20, lr=0.03, window=40, sequences=2)


def leading(model, task):
    """The three leading exponents on sequences that flossing has not seen."""
    inputs = task.split("test").batch(range(4)).inputs
    system = ModuleMap(model, inputs)
    return lyapunov_spectrum(system, torch.zeros(4, system.dim), duration=30, transient=8, k=3).exponents.mean(0)


def test_flossing_brings_exponents_to_zero_and_leaves_the_readout():
    one = experiment("copy-memory", "tanh", "paper", 0, 10, delay=30, tokens=4, sizes=(60, 4, 4))
    readout = [p.clone() for name, p in one.model.named_parameters() if "readout" in name]
    before = leading(one.model, one.task)
    found = floss(one, HOW)
    assert readout
    after = [p for name, p in one.model.named_parameters() if "readout" in name]
    assert all(torch.equal(a, b) for a, b in zip(readout, after, strict=True))
    assert leading(one.model, one.task).abs().max() < before.abs().max() / 5
    assert torch.tensor(found["exponents"][1]).abs().max() < torch.tensor(found["exponents"][0]).abs().max() / 5
    assert found["adjoint"][1] > 100 * found["adjoint"][0]


def test_flossed_runs_have_an_arm_of_their_own_and_are_made_once(tmp_path, monkeypatch):
    runs = record(tmp_path, seeds=[0], rates=[1e-3, 1e-2], how=How(exponents=2, steps=2), units=6, epochs=2, **SMALL)
    plain = experiment("copy-memory", "tanh", "paper", 0, 6, epochs=2, decay_wait=5, lr=1e-3, **SMALL)
    folders = {run.folder for run in runs} | {plain.folder(tmp_path)}
    assert len(folders) == 3
    assert line(runs[0]).endswith(f"epoch limit (2 epochs), test loss {runs[0].summary['test_loss']:.4g}")
    assert [run.config["training"]["lr"] for run in runs] == [1e-3, 1e-2]
    assert len({run.config["model"]["initial"] for run in runs}) == 1  # flossed once
    assert len(read_runs(tmp_path)) == 2
    beside = json.loads((runs[0].folder / "flossing.json").read_text())
    assert len(beside["exponents"][1]) == 2
    monkeypatch.setattr("ptacore.experiments.flossed.floss", lambda *_: pytest.fail("it was flossed again"))
    again = record(tmp_path, seeds=[0], rates=[1e-3, 1e-2], how=How(exponents=2, steps=2), units=6, epochs=2, **SMALL)
    assert [run.seal for run in again] == [run.seal for run in runs]


def test_a_run_that_diverged_in_its_first_epoch_is_printed_without_a_loss(tmp_path, monkeypatch):
    monkeypatch.setattr("ptacore.training.objective.loss_of", lambda outputs, *_: outputs.sum() * float("nan"))
    (run,) = record(tmp_path, seeds=[0], rates=[1e-3], how=How(exponents=2, steps=1), units=6, epochs=1, **SMALL)
    assert run.summary["test_loss"] is None
    assert line(run).startswith(f"{run.folder}: diverged (loss nan")
