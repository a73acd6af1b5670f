"""The training loop: back-propagation through time, resumable to the bit."""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from ptacore import checks, provenance
from ptacore.checks import instance
from ptacore.dynamics.integrate import DivergenceError
from ptacore.networks.base import Recurrent
from ptacore.tasks.task import SPLITS, Task
from ptacore.training import checkpoints, records
from ptacore.training import objective as objectives
from ptacore.training.evaluation import first_parameter
from ptacore.training.records import Run
from ptacore.training.settings import OPTIMIZERS, Settings


def train(
    task: Task | objectives.Objective,
    model: nn.Module,
    settings: Settings | None = None,
    folder: str | Path | None = None,
    *,
    progress: bool = False,
    on_epoch: Callable[[dict], None] | None = None,
) -> Run:
    """Train a network on a task, or for an objective of your own.

    For a task, the cross-entropy is minimized on mini-batches of the training split. After every epoch the validation
    split is looked at; at the end the network has the weights with which the loss of its answers was lowest, and those
    meet the test split. An `Objective` has losses and metrics of its own, of which the first selects the weights.

    Parameters
    ----------
    task : Task or Objective
    model : Recurrent or torch.nn.Module
        Trained in place, in its own dtype, on its own device. A module of your own is called with inputs (T, B, m)
        and returns (T, B, n_outputs); the settings' dropout and probes need a
        `ptacore.networks.Recurrent`.
    settings : Settings, optional
        The defaults of `Settings` if omitted.
    folder : str or Path, optional
        Where to record the run. If the same run was begun there before, it is resumed: build the network anew,
        with the same seed. If it has ended, its record is returned, and the network gets its weights.
    progress : bool
        Show a progress bar.
    on_epoch : callable, optional
        Called with the row of the history after every epoch, once it is safely written.

    Returns
    -------
    Run

    Raises
    ------
    ValueError, TypeError
        If the network does not fit the task, the folder holds another run, or an objective does not give what it
        has to.
    CheckpointError
        If the folder has checkpoints and none can be used.
    RuntimeError
        If another process trains in that folder.

    Notes
    -----
    A loss or a gradient that is not finite ends the run with the status "diverged" and the reason. The weights of
    the best epoch are kept nevertheless.

    The history of a resumed run is that of an uninterrupted one to the last bit on the same kind of machine, with the
    same versions, number of threads and backend; provenance has those of the last session. A module of your own is
    known by its ``repr``, its initial weights and which of them are trained: attributes that ``repr`` does not show
    are not compared. It comes back with its ``state_dict`` only, without numpy's random numbers or buffers that
    are not persistent.

    Examples
    --------
    >>> from ptacore.models import build
    >>> from ptacore.tasks import CopyMemory
    >>> task = CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
    >>> model = build("gru", task.n_inputs, task.n_outputs, 8, torch.Generator().manual_seed(0))
    >>> run = train(task, model, Settings(epochs=3))
    >>> run.summary["status"], run.column("updates")
    ('epoch limit', array([1., 2., 3.]))
    """
    return prepared(task, model, settings, folder).train(progress, on_epoch)


def prepared(
    task: Task | objectives.Objective, model: nn.Module, settings: Settings | None, folder: str | Path | None
) -> _Session:
    """What `train` begins with: all that is wrong with its arguments is told before anything is trained."""
    settings = Settings() if settings is None else settings
    folder = None if folder is None else checks.folder("folder", folder)
    objective = objectives.as_objective(task, instance("settings", settings, Settings))
    first_parameter(model)
    objectives.check_objective(objective, model, settings)
    if not model.training:
        raise ValueError("model: is in evaluation mode; call model.train() first")
    return _Session(objective, model, settings, folder)


class _NotFinite(ArithmeticError):
    """Training has left the finite numbers."""


class _Session:
    """A run while it is trained: what a checkpoint has to hold, and how to get from one epoch to the next."""

    def __init__(self, objective: objectives.Objective, model: nn.Module, settings: Settings, folder: Path | None):
        self.objective, self.model, self.settings, self.folder = objective, model, settings, folder
        optimizer = OPTIMIZERS[settings.optimizer]
        self.parameters = list(model.parameters())
        self.optimizer = optimizer(self.parameters, lr=settings.lr, weight_decay=settings.weight_decay, foreach=True)
        self.config = describe(objective, model, settings)
        self.history: list[dict] = []
        self.probes: list[dict] = []
        self.best = _copy(model)
        self.best_epoch, self.sessions, self.seconds = 0, 0, 0.0
        self.started, self.commits, self.engines = _now(), [], []
        self.past = None if folder is None else self.recorded()

    def train(self, progress: bool, on_epoch: Callable[[dict], None] | None) -> Run:
        """What `train` does."""
        if self.folder is None:
            return self.run(progress, on_epoch)
        if self.past:  # nobody writes to it any more, and perhaps nobody can
            return self.ended(self.past)
        with checkpoints.alone_in(self.folder, "another process is training in"):
            ended = self.open()
            return self.ended(ended) if ended else self.run(progress, on_epoch)

    # ---- files

    def recorded(self) -> Run | None:
        """The record of the folder's run, if it has ended."""
        if not (self.folder / "config.json").exists():
            return None
        run = records.read_run(self.folder)
        if differences := _differences(run.config, self.config):
            raise ValueError(f"folder: {self.folder} holds another run: {'; '.join(differences)}")
        return run if run.finished else None

    def open(self) -> Run | None:
        """Take up the folder's run, if there is one; its record, if it has ended meanwhile."""
        if run := self.recorded():
            return run
        records.write_json(self.folder / "config.json", self.config)
        if state := checkpoints.load(self.folder, records.digest(self.config), _device(self.model)):
            self.restore(state)
        elif (self.folder / "history.csv").exists():
            warnings.warn(f"{self.folder} has no checkpoint any more: the run begins anew", stacklevel=3)
        return None

    def ended(self, run: Run) -> Run:
        """Give the network the best weights of a run that has ended."""
        if state := checkpoints.load(self.folder, records.digest(self.config), _device(self.model)):
            self.model.load_state_dict(state["best"])
        elif (self.folder / checkpoints.WEIGHTS).exists():
            self.model.load_state_dict(checkpoints.load_weights(self.folder, _device(self.model)))
            warnings.warn(
                f"{self.folder} has its weights in half precision only; the network's are rounded to it", stacklevel=3
            )
        else:
            warnings.warn(
                f"{self.folder} has the run's record, not its weights; the network is as it was", stacklevel=3
            )
        return run

    def save(self) -> None:
        """Write a checkpoint, and what can be read of the run so far."""
        if self.folder is not None:
            checkpoints.save(self.folder, records.digest(self.config), self.state())
            self.write()

    def write(self) -> None:
        records.write_history(self.folder / "history.csv", self.history, records.columns(self.config))
        if self.probes:
            records.write_json(self.folder / "probes.json", self.probes)

    def state(self) -> dict:
        names = ("history", "probes", "best", "best_epoch", "sessions", "seconds", "started", "commits", "engines")
        parts = {part: getattr(self, part).state_dict() for part in ("model", "optimizer", "objective")}
        return parts | {name: getattr(self, name) for name in names}

    def restore(self, state: dict) -> None:
        self.model.load_state_dict(state.pop("model"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        self.objective.load_state_dict(state.pop("objective", {}))  # checkpoints of version 0.2.0 have none
        vars(self).update(state)

    # ---- epochs

    def run(self, progress: bool, on_epoch: Callable[[dict], None] | None) -> Run:
        """Train to the end, and record it."""
        self.sessions += 1
        self.commits = list(dict.fromkeys([*self.commits, provenance.package_commit()]))
        self.engines = [*self.engines, records.ENGINE]
        s = self.settings
        status, reason = "epoch limit", f"{s.epochs} epochs"
        with tqdm(initial=self.updates, disable=not progress, unit="update") as bar:
            while (epochs := len(self.history)) < s.epochs:
                if epochs - self.best_epoch >= s.patience:
                    status, reason = (
                        "early stopping",
                        f"no lower validation {self.objective.metrics[0]} in {s.patience} epochs",
                    )
                    break
                bar.total = s.epochs * self.updates // epochs if epochs else None
                clock = time.perf_counter()
                try:
                    self.look()
                    row = self.epoch(bar)
                except _NotFinite as error:
                    status, reason = "diverged", str(error)
                    break
                finally:
                    self.seconds += time.perf_counter() - clock
                self.save()
                bar.set_postfix(validation=f"{row[self.selects]:.4g}", refresh=False)
                if on_epoch:
                    on_epoch(row)
        return self.conclude(status, reason)

    def look(self) -> None:
        """Probe the dynamics, when it is time to."""
        every, epoch = self.settings.probe_every, len(self.history)
        if every and epoch % every == 0 and all(p["epoch"] != epoch for p in self.probes):
            try:
                with _randomness(_device(self.model), self.settings.seed, 0):
                    found = objectives.probe_of(self.objective, self.model, self.settings.probe_exponents)
            except DivergenceError as error:
                found = {"failed": str(error)}
            self.probes.append({"epoch": epoch} | found)

    def epoch(self, bar: tqdm) -> dict:
        """Steps down all losses of an epoch; the new row of the history."""
        s, number = self.settings, len(self.history) + 1
        waited = len(self.history) - self.best_epoch
        if waited and waited % s.decay_wait == 0:
            for group in self.optimizer.param_groups:
                group["lr"] *= s.decay
        losses, norms = [], []
        with _randomness(_device(self.model), s.seed, number):
            for step in objectives.losses_of(self.objective, self.model, number):
                loss, norm = self.update(step)
                losses.append(loss)
                norms.append(norm)
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    where = f"in update {self.updates + len(losses)} (epoch {number}, learning rate {self.lr:g})"
                    raise _NotFinite(f"loss {loss:g}, norm of the gradient {norm:g} {where}")
                bar.update()
        row = {
            "epoch": number,
            "updates": self.updates + len(losses),
            "lr": self.lr,
            "train_loss": sum(losses) / len(losses),
            "gradient_norm": sum(norms) / len(norms),
        }
        row |= {f"validation_{name}": value for name, value in self.evaluate("validation", number).items()}
        if self.best_epoch == 0 or row[self.selects] < self.history[self.best_epoch - 1][self.selects]:
            self.best, self.best_epoch = _copy(self.model), number
        self.history.append(row)
        return row

    def update(self, loss: Tensor) -> tuple[float, float]:
        """One step of the optimizer; the loss and the norm of its gradient before clipping."""
        for p in self.parameters:
            p.grad = None
        loss.backward()
        norm = clip_([p.grad for p in self.parameters if p.grad is not None], self.settings.clip or math.inf)
        self.optimizer.step()
        return float(loss.detach()), norm

    def evaluate(self, split: str, epoch: int) -> dict[str, float | None]:
        """The objective's metrics with the weights of an epoch, finite; every epoch meets the same random numbers."""
        with _randomness(_device(self.model), self.settings.seed, 0, SPLITS.index(split)):
            found = objectives.metrics_of(self.objective, self.model, split)
        for name, value in found.items():
            if value is not None and not math.isfinite(value):
                raise _NotFinite(f"{split} {name} {value:g} after epoch {epoch}")
        return found

    @property
    def selects(self) -> str:
        """The column by which an epoch is chosen."""
        return f"validation_{self.objective.metrics[0]}"

    @property
    def updates(self) -> int:
        """Steps of the optimizer in the epochs that are over."""
        return self.history[-1]["updates"] if self.history else 0

    @property
    def lr(self) -> float:
        return self.optimizer.param_groups[0]["lr"]

    def conclude(self, status: str, reason: str) -> Run:
        """Test the best weights; write the record's last files, the summary last of all."""
        self.model.load_state_dict(self.best)
        test = dict.fromkeys(self.objective.metrics)
        if self.best_epoch:
            test = self.evaluate("test", self.best_epoch)
        summary = {
            "status": status,
            "reason": reason,
            "epochs": len(self.history),
            "updates": self.updates,
            "best_epoch": self.best_epoch,
            **{f"chance_{name}": value for name, value in objectives.chance_of(self.objective).items()},
            "parameters": sum(p.numel() for p in self.model.parameters() if p.requires_grad),
        }
        summary |= {f"test_{name}": value for name, value in test.items()}
        run = Run(self.config, self.history, summary, self.origin(), self.probes, self.folder)
        run.provenance["seal"] = run.seal
        if self.folder is not None:
            self.write()
            if self.best_epoch:
                checkpoints.save_weights(self.folder, self.best)
            records.write_json(self.folder / "provenance.json", run.provenance)
            records.write_json(self.folder / "summary.json", summary)
            (self.folder / checkpoints.PREVIOUS).unlink(missing_ok=True)
        return run

    def origin(self) -> dict:
        return {
            "engine": min(self.engines),  # a run is as old as its oldest session
            "commits": self.commits,
            "machine": provenance.machine() | {"device": str(_device(self.model))},
            "versions": provenance.versions(),
            "threads": torch.get_num_threads(),
            "seconds": round(self.seconds, 1),
            "sessions": self.sessions,
            "started": self.started,
            "finished": _now(),
        }


def clip_(gradients: list[Tensor], longest: float) -> float:
    """Scale gradients as `torch.nn.utils.clip_grad_norm_` does, which multiplies short ones by 1; their norm before."""
    if not gradients:
        return 0.0
    device = gradients[0].device
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g).to(device) for g in gradients]))
    length = float(norm)
    if not length < 0.999 * longest:  # closer than that, rounding tells
        factor = float((longest / (norm + 1e-6)).clamp(max=1.0))
        for g in gradients:
            g.mul_(factor)
    return length


def describe(task: Task | objectives.Objective, model: nn.Module, settings: Settings) -> dict:
    """All that determines a run, as JSON takes it: task, network with its initial weights' hash, settings."""
    network = {
        "name": getattr(model, "name", type(model).__name__),
        "options": getattr(model, "options", {}),
        "n_hidden": getattr(model, "n_hidden", None),
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
        "initial": weights_hash(model),
    }
    config = {"model": network, "training": settings.config()}
    return {"task": objectives.described(objectives.as_objective(task, settings))} | json.loads(json.dumps(config))


def weights_hash(model: nn.Module) -> str:
    """Sixteen characters that tell apart networks with other weights, to the bit."""
    weights = hashlib.sha256()
    for tensor in model.state_dict().values():
        weights.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    if not isinstance(model, Recurrent):  # of the others, name and options tell the rest
        trained = [(name, tuple(p.shape), p.requires_grad) for name, p in model.named_parameters()]
        weights.update(f"{model!r} {trained}".encode())
    return weights.hexdigest()[:16]


def _differences(recorded: dict, wanted: dict) -> list[str]:
    found = []
    for part in wanted:
        for name in sorted({*recorded[part], *wanted[part]}):
            there, here = recorded[part].get(name), wanted[part].get(name)
            if there != here:
                hint = " (build the network anew, with the same seed)" if name == "initial" else ""
                found.append(f"{part}.{name} is {there!r} there and {here!r} here{hint}")
    return found


@contextmanager
def _randomness(device: torch.device, *seeds: int):
    """Randomness that depends on these seeds and nothing that came before; torch's own is left as it was."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        stream = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1))
        torch.default_generator.manual_seed(stream)
        if device.type == "cuda":
            torch.cuda.manual_seed(stream)
        yield


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
