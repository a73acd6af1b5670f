import itertools
import math
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax

from ptacore.dynamics.integrate import DivergenceError
from ptacore.networks.registry import MODELS, build
from ptacore.tasks import CopyMemory, PermutedImages
from ptacore.training import (
    CheckpointError,
    Settings,
    checkpoints,
    load_weights,
    objective,
    probes,
    read_run,
    records,
    train,
)
from ptacore.training.loop import OPTIMIZERS, clip_

TASK = CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
SETTINGS = Settings(epochs=4, batch_size=2, dropout=0.2, probe_every=2, probe_exponents=2)


def network(name="tanh-rotation", task=TASK, units=8, seed=0):
    return build(name, task.n_inputs, task.n_outputs, units, torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def short_probes(monkeypatch):
    monkeypatch.setattr(probes, "STEPS", 40)


class Own(nn.Module):
    """Somebody's own module, with dropout of its own."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.drop, self.out = nn.GRU(TASK.n_inputs, 8), nn.Dropout(0.5), nn.Linear(8, TASK.n_outputs)

    def forward(self, inputs):
        return self.out(self.drop(self.rnn(inputs)[0]))


# ---- what is minimized


def test_training_is_what_a_plain_torch_loop_does(monkeypatch):
    settings = Settings(epochs=3, batch_size=2, clip=0.3, lr=0.01, loss="every-step", patience=9)
    model = network("tanh")
    plain, readout = nn.RNN(TASK.n_inputs, 8), nn.Linear(8, TASK.n_outputs)
    plain.load_state_dict(model.recurrent.state_dict())
    readout.load_state_dict(model.readout.state_dict())
    parameters = [*plain.parameters(), *readout.parameters()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    orders, randperm = [], torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda n: orders.append(randperm(n)) or orders[-1])
    scripted(monkeypatch, [3, 2, 1])  # the last weights are those that are kept
    run = train(TASK, model, settings)

    step, split = 0, TASK.split("train")
    for order in orders:
        for rows in order.split(2):
            batch, step = split.batch(rows), step + 1
            outputs = log_softmax(readout(plain(batch.inputs)[0]), -1)
            loss = -outputs.gather(-1, batch.targets[..., None])[batch.valid].mean()
            gradients = torch.autograd.grad(loss, parameters)
            norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))
            with torch.no_grad():
                for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
                    g = g * min(1, settings.clip / norm)
                    m.lerp_(g, 0.1)
                    v.lerp_(g * g, 0.001)
                    p -= 0.01 * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    assert step == 9
    assert len(run.history) == len({tuple(order.tolist()) for order in orders}) == 3  # every epoch has its own order
    for ours, theirs in zip([*model.recurrent.parameters(), *model.readout.parameters()], parameters, strict=True):
        assert torch.allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("share", [1e-3, 0.5, 1 - 1e-7, 1, 1 + 1e-7, 1.0005, 1.002, 2, math.inf])
def test_gradients_are_clipped_to_the_bit_as_torch_clips_them(share, dtype):
    draw = torch.Generator().manual_seed(0)
    parameters = [nn.Parameter(torch.zeros(shape, dtype=dtype)) for shape in ((7, 5), (11,), ())]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=draw, dtype=dtype)
    ours, norm = [p.grad.clone() for p in parameters], nn.utils.clip_grad_norm_(parameters, math.inf)
    assert clip_(ours, share * float(norm)) == float(nn.utils.clip_grad_norm_(parameters, share * float(norm)))
    assert all(torch.equal(p.grad, g) for p, g in zip(parameters, ours, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_move_to_the_bit_as_one_by_one(name):
    draw = torch.Generator().manual_seed(0)
    shapes = (7, 5), (64, 64), (11,), ()
    together, single = ([nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    optimizers = [
        OPTIMIZERS[name](p, lr=0.01, weight_decay=0.1, foreach=f) for p, f in ((together, True), (single, False))
    ]
    for _ in range(100):
        for a, b in zip(together, single, strict=True):
            a.grad = torch.randn(a.shape, generator=draw)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(together, single, strict=True))


def test_a_gru_learns_what_chance_cannot():
    task = CopyMemory(delay=3, tokens=4, symbols=5, sizes=(500, 50, 50))
    run = train(task, network("gru", task, 32), Settings(epochs=25, batch_size=10, lr=0.01))
    assert run.summary["test_loss"] < 0.2 * task.chance_loss()
    assert run.summary["test_accuracy"] > 0.9


@pytest.mark.parametrize("name", MODELS)
def test_every_network_is_trained_in_both_precisions(name):
    for dtype in (torch.float32, torch.float64):
        run = train(TASK, network(name).to(dtype), Settings(epochs=2, dropout=0.1))
        assert run.config["model"]["dtype"] == str(dtype).removeprefix("torch.")
        assert np.isfinite(run.column("validation_loss")).all()


@pytest.mark.cuda
@pytest.mark.parametrize("name", MODELS)
def test_cuda_trains_as_the_cpu_does(name):
    losses = [
        train(TASK, network(name).to(device, torch.float64), Settings(epochs=5)).column("validation_loss")
        for device in ("cpu", "cuda")
    ]
    assert np.allclose(*losses, rtol=1e-6)


# ---- the course of a run


def scripted(monkeypatch, losses):
    """Validation losses as told; the weights of each epoch."""
    weights, told = [], iter(losses)

    def evaluate(model, split):
        weights.append(model.readout.bias.detach().clone())
        return {"loss": next(told, 1.0), "loss_every_step": None, "accuracy": 0.5}

    monkeypatch.setattr(objective, "evaluate", evaluate)
    return weights


def test_decay_and_early_stopping_count_epochs_without_a_lower_loss(monkeypatch):
    scripted(monkeypatch, [5, 4, 4, 4, 4, 3, 4, 4, 4, 4, 4, 4])
    run = train(TASK, network(), Settings(lr=1.0, decay=0.5, decay_wait=2, patience=5, epochs=50))
    # lowest in epoch 2; two epochs without, so epoch 5 is at half the rate; lowest in 6; again at 9 and 11
    assert run.column("lr").tolist() == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert (run.summary["status"], run.summary["best_epoch"]) == ("early stopping", 6)
    assert "5 epochs" in run.summary["reason"]


def test_the_weights_of_the_best_epoch_are_kept(monkeypatch):
    weights = scripted(monkeypatch, [3, 1, 2, 2])
    model = network()
    run = train(TASK, model, Settings(epochs=4))
    assert run.summary["best_epoch"] == 2
    assert torch.equal(model.readout.bias, weights[1])
    assert not torch.equal(weights[1], weights[3])


def test_the_test_split_is_not_touched_before_the_end(monkeypatch):
    events = []
    split = type(TASK).split
    monkeypatch.setattr(type(TASK), "split", lambda self, name: events.append(name) or split(self, name))
    train(TASK, network(), Settings(epochs=3, probe_every=1), on_epoch=lambda row: events.append(row["epoch"]))
    assert events[-1] == "test"
    assert "test" not in events[: events.index(3) + 1]


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_loss_that_is_not_finite_ends_the_run_and_says_why(tmp_path, monkeypatch, epoch):
    model, calls, loss_of = network(), [], objective.loss_of

    def bad(*args):
        calls.append(1)
        return loss_of(*args) * (math.nan if len(calls) == 3 * (epoch - 1) + 2 else 1)  # three batches an epoch

    monkeypatch.setattr(objective, "loss_of", bad)
    run = train(TASK, model, Settings(epochs=5, batch_size=2), tmp_path)
    assert run.summary["status"] == "diverged"
    assert f"loss nan, norm of the gradient nan in update {3 * epoch - 1} (epoch {epoch}" in run.summary["reason"]
    assert len(run.history) == epoch - 1
    assert read_run(tmp_path).summary == run.summary
    assert (run.summary["test_loss"] is None) == (epoch == 1)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_an_absurd_rate_diverges_without_an_exception():
    run = train(TASK, network("lru"), Settings(lr=1000.0, epochs=20, clip=None))
    assert run.summary["status"] == "diverged"


def test_a_validation_loss_that_is_not_finite_ends_the_run(monkeypatch):
    scripted(monkeypatch, [1, math.inf])
    run = train(TASK, network(), Settings(epochs=5))
    assert (run.summary["status"], len(run.history)) == ("diverged", 1)
    assert "validation loss inf after epoch 2" in run.summary["reason"]


def test_dynamics_that_cannot_be_probed_do_not_end_the_run(monkeypatch):
    def diverging(*args):
        raise DivergenceError(3.0)

    monkeypatch.setattr(objective, "probe", diverging)
    run = train(TASK, network(), SETTINGS)
    assert run.summary["status"] == "epoch limit"
    assert [p["epoch"] for p in run.probes] == [0, 2]
    assert "no longer finite at t = 3" in run.probes[0]["failed"]


def test_torchs_own_randomness_is_left_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    train(TASK, network(), SETTINGS)
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_change_the_run_and_nothing_else_does():
    runs = [
        train(TASK, network(), Settings(epochs=2, batch_size=2, dropout=d, seed=s)) for d, s in ((0.2, 0), (0.2, 1))
    ]
    again = train(TASK, network(), Settings(epochs=2, batch_size=2, dropout=0.2))
    assert runs[0].history == again.history != runs[1].history


# ---- interruptions


def reference(folder, make=network, settings=SETTINGS):
    train(TASK, make(), settings, folder)
    return {name: (folder / name).read_bytes() for name in ("history.csv", "summary.json", "config.json")}


@pytest.mark.parametrize("make", [network, Own], ids=["own network", "a module with dropout"])
def test_a_run_stopped_at_any_file_operation_is_resumed_to_the_bit(tmp_path, monkeypatch, make):
    settings = SETTINGS if make is network else Settings(epochs=4, batch_size=2)
    expected = reference(tmp_path / "whole", make, settings)
    files = {*expected, "provenance.json", "checkpoint.pt", "weights.npz", ".lock"}
    if make is network:
        files.add("probes.json")
    for stop in itertools.count(1):
        folder = tmp_path / str(stop)
        with monkeypatch.context() as patch:
            finished = _stopped_at(patch, stop, partial(train, TASK, make(), settings, folder))
        train(TASK, make(), settings, folder)
        assert {name: (folder / name).read_bytes() for name in expected} == expected
        assert {path.name for path in folder.iterdir()} == files
        if finished:
            break
    assert stop > 20  # 4 checkpoints, 4 histories, ...


def _stopped_at(patch, stop, call):
    """Whether the call comes to its end although the file operation of this number raises KeyboardInterrupt."""
    operations = itertools.count(1)

    def stopping(real):
        def operation(*args):
            if next(operations) == stop:
                raise KeyboardInterrupt
            return real(*args)

        return operation

    patch.setattr(os, "replace", stopping(os.replace))
    patch.setattr(os, "fsync", stopping(os.fsync))
    try:
        call()
    except KeyboardInterrupt:
        return False
    return True


LONG = Settings(epochs=80, batch_size=2, dropout=0.2, patience=80)
SCRIPT = """
import sys, torch
sys.path.insert(0, {tests!r})
from training.test_loop import LONG, TASK, network
from ptacore.training import train
torch.set_num_threads(1)
train(TASK, network(), LONG, {folder!r})
"""


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_bit(tmp_path):
    expected = reference(tmp_path / "whole", settings=LONG)
    folder = tmp_path / "killed"
    script = SCRIPT.format(tests=os.path.dirname(os.path.dirname(__file__)), folder=str(folder))
    lines = 0
    for kill in range(2):
        process = subprocess.Popen([sys.executable, "-c", script])
        while process.poll() is None and not (folder / "summary.json").exists():
            if (folder / "history.csv").exists() and (folder / "history.csv").read_text().count("\n") > lines + 10:
                break
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        lines = (folder / "history.csv").read_text().count("\n")
        assert not (folder / "summary.json").exists(), f"it ended before kill {kill}"
    run = train(TASK, network(), LONG, folder)
    assert {name: (folder / name).read_bytes() for name in expected} == expected
    assert run.provenance["sessions"] == 3


def test_a_damaged_checkpoint_costs_an_epoch_and_changes_nothing(tmp_path):
    expected = reference(tmp_path / "whole")
    folder = tmp_path / "stopped"

    def stop(row):
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TASK, network(), SETTINGS, folder, on_epoch=stop)
    newest = folder / checkpoints.NAMES[0]
    newest.write_bytes(newest.read_bytes()[:-10])
    with pytest.warns(UserWarning, match="truncated or damaged"):
        train(TASK, network(), SETTINGS, folder)
    assert (folder / "history.csv").read_bytes() == expected["history.csv"]


def test_what_a_killed_process_had_half_written_is_replaced(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(TASK, network(), SETTINGS, tmp_path, on_epoch=lambda row: (_ for _ in ()).throw(KeyboardInterrupt))
    (tmp_path / ".history.csv.new").write_text("epoch,upd")
    train(TASK, network(), SETTINGS, tmp_path)
    assert not list(tmp_path.glob("*.new"))
    assert not list(tmp_path.glob(".*.new"))


def test_without_a_good_checkpoint_nothing_is_overwritten(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(TASK, network(), SETTINGS, tmp_path, on_epoch=lambda row: (_ for _ in ()).throw(KeyboardInterrupt))
    (tmp_path / checkpoints.NAMES[0]).write_bytes(b"junk")
    history = (tmp_path / "history.csv").read_bytes()
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: not a checkpoint of ptacore"):
        train(TASK, network(), SETTINGS, tmp_path)
    assert (tmp_path / "history.csv").read_bytes() == history


def test_a_run_that_has_ended_is_read_and_its_weights_returned(tmp_path):
    trained = network()
    run = train(TASK, trained, SETTINGS, tmp_path)
    model = network()
    again = train(TASK, model, SETTINGS, tmp_path, on_epoch=lambda row: pytest.fail("trained again"))
    assert (again.history, again.summary, again.provenance) == (run.history, run.summary, run.provenance)
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), model.parameters(), strict=True))
    for name in checkpoints.NAMES:
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.warns(UserWarning, match="in half precision only"):
        train(TASK, model := network(), SETTINGS, tmp_path)
    for a, b in zip(trained.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(b, a, rtol=2**-11, atol=2**-25)  # half a unit in the last place of half precision
    (tmp_path / "weights.npz").unlink()
    with pytest.warns(UserWarning, match="has the run's record, not its weights"):
        train(TASK, network(), SETTINGS, tmp_path)


def test_a_run_that_has_ended_is_read_where_nobody_can_write(tmp_path, monkeypatch):
    run = train(TASK, network(), SETTINGS, tmp_path)
    (tmp_path / ".lock").unlink()

    def refused(*_):
        raise PermissionError("read-only")

    for module, name in ((checkpoints, "alone_in"), (checkpoints, "write_atomically"), (records, "write_atomically")):
        monkeypatch.setattr(module, name, refused)
    assert train(TASK, network(), SETTINGS, tmp_path).summary == run.summary
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize(
    ("settings", "seed", "text"),
    [
        (Settings(epochs=2, lr=0.5), 0, r"training\.lr is 0\.001 there and 0\.5 here"),
        (Settings(epochs=2), 1, r"model\.initial is"),
    ],
)
def test_a_folder_of_another_run_is_refused(tmp_path, settings, seed, text):
    train(TASK, network(), Settings(epochs=2), tmp_path)
    with pytest.raises(ValueError, match=f"holds another run: {text}"):
        train(TASK, network(seed=seed), settings, tmp_path)


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    def meanwhile(row):
        with pytest.raises(RuntimeError, match="another process is training"):
            train(TASK, network(), SETTINGS, tmp_path)

    train(TASK, network(), SETTINGS, tmp_path, on_epoch=meanwhile)


# ---- what does not fit


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"model: has n_inputs = 1, but copy-memory needs 5"):
        train(TASK, build("tanh", 1, 4, 8))
    with pytest.raises(ValueError, match=r"dropout: needs a network of ptacore\.networks, got Own"):
        train(TASK, Own(), Settings(dropout=0.1))
    with pytest.raises(ValueError, match=r"must return \(T, B, n_outputs\) = \(7, 1, 4\) .* got tuple"):
        train(TASK, nn.GRU(TASK.n_inputs, 4))
    with pytest.raises(ValueError, match=r"got \(7, 1, 5\)"):
        train(TASK, nn.Sequential(nn.Linear(TASK.n_inputs, 5)))
    with pytest.raises(ValueError, match="model: is in evaluation mode"):
        train(TASK, network().eval())
    with pytest.raises(ValueError, match="loss: permuted-images has targets at its scored steps only"):
        train(PermutedImages(), build("tanh", 1, 10, 8), Settings(loss="every-step"))


# ---- somebody's own modules


def test_a_part_that_is_frozen_in_evaluation_mode_stays_so():
    model = Own()
    model.drop.eval()
    train(TASK, model, Settings(epochs=2))
    assert model.training
    assert not model.drop.training


def test_modules_that_differ_in_their_repr_or_in_what_is_trained_are_different_runs(tmp_path):
    def make(rate=0.5, frozen=False):
        model = Own()
        model.drop = nn.Dropout(rate)
        model.out.weight.requires_grad_(not frozen)
        return model

    train(TASK, make(), Settings(epochs=1), tmp_path)
    for other in (make(rate=0.1), make(frozen=True)):
        with pytest.raises(ValueError, match=r"model\.initial is .*build the network anew, with the same seed"):
            train(TASK, other, Settings(epochs=1), tmp_path)


def test_numbers_without_a_dimension_and_batch_norm_can_be_trained(tmp_path):
    class Scaled(Own):
        def __init__(self):
            super().__init__()
            self.scale, self.norm = nn.Parameter(torch.tensor(2.0)), nn.BatchNorm1d(TASK.n_inputs)

        def forward(self, inputs):
            return self.scale * super().forward(self.norm(inputs.flatten(0, 1)).view_as(inputs))

    expected = reference(tmp_path / "whole", Scaled, Settings(epochs=3, batch_size=2))
    with pytest.raises(KeyboardInterrupt):
        train(
            TASK,
            Scaled(),
            Settings(epochs=3, batch_size=2),
            tmp_path / "stopped",
            on_epoch=lambda row: (_ for _ in ()).throw(KeyboardInterrupt),
        )
    train(TASK, Scaled(), Settings(epochs=3, batch_size=2), tmp_path / "stopped")
    assert (tmp_path / "stopped" / "history.csv").read_bytes() == expected["history.csv"]


def test_weights_of_the_best_epoch_can_be_loaded(tmp_path):
    model, fresh = network(), network()
    train(TASK, model, Settings(epochs=3), tmp_path)
    fresh.load_state_dict(load_weights(tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), fresh.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="has no checkpoint"):
        load_weights(tmp_path / "elsewhere")


def test_a_run_is_as_old_as_its_oldest_session(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        train(TASK, network(), SETTINGS, tmp_path, on_epoch=lambda row: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(records, "ENGINE", records.ENGINE + 1)
    run = train(TASK, network(), SETTINGS, tmp_path)
    assert run.provenance["engine"] == records.ENGINE - 1
    assert run.outdated


def test_a_run_without_its_checkpoints_begins_anew_with_a_warning(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(TASK, network(), SETTINGS, tmp_path, on_epoch=lambda row: (_ for _ in ()).throw(KeyboardInterrupt))
    (tmp_path / checkpoints.NEWEST).unlink()
    with pytest.warns(UserWarning, match="has no checkpoint any more: the run begins anew"):
        train(TASK, network(), SETTINGS, tmp_path)


def test_probes_of_the_epoch_that_diverged_are_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(objective, "loss_of", lambda outputs, *_: outputs.sum() * math.nan)
    run = train(TASK, network(), SETTINGS, tmp_path)
    assert read_run(tmp_path).probes == run.probes != []
