"""What a network is trained for: the losses that are minimized, and the metrics by which it is judged."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from numbers import Real

import torch
from torch import Tensor, nn

from ptacore.checks import choice, instance, integer, scalar, shown, within
from ptacore.networks.base import Recurrent
from ptacore.tasks.task import Task
from ptacore.training import checkpoints, faults
from ptacore.training.evaluation import evaluate, first_parameter, first_step, in_evaluation_mode, loss_of
from ptacore.training.probes import probe
from ptacore.training.settings import LOSSES, Settings


class Objective(ABC):
    """What `train` minimizes, for training that is not one of the tasks: a subclass has losses and an evaluation.

    Attributes
    ----------
    name : str
        Kept in records.
    metrics : tuple of str
        Names of what ``evaluate`` measures. The first selects: the weights that are kept are those of the epoch in
        which its validation value was lowest; it decides on decay and early stopping, too. Take the
        negative of what should be high, such as a return.
    probe : method (model, exponents) -> dict of what JSON takes, optional
        A look at the dynamics, taken where the settings have ``probe_every``; it may raise a DivergenceError.

    Notes
    -----
    Runs are reproduced and resumed to the last bit if all randomness is torch's: the settings' seed and the epoch
    determine it. Validation meets the same random numbers after every epoch, the test others. What an objective
    carries from one epoch to the next, such as the state of an environment, belongs in its ``state_dict``. Make an
    objective that has a state anew for each run, as the network.

    The settings ``loss``, ``batch_size`` and ``dropout`` are those of `Supervised`; other objectives have parameters
    of their own.

    Examples
    --------
    A regression, by full-batch gradient descent:

    >>> from ptacore.training import Objective, Settings, train
    >>> class Line(Objective):
    ...     name, metrics = "line", ("mse",)
    ...     x = torch.linspace(-1, 1, 20)[:, None]
    ...
    ...     def losses(self, model, epoch):
    ...         yield (model(self.x) - 2 * self.x - 1).square().mean()
    ...
    ...     def evaluate(self, model, split):
    ...         return {"mse": (model(self.x) - 2 * self.x - 1).square().mean()}
    >>> model = torch.nn.Linear(1, 1)
    >>> run = train(Line(), model, Settings(epochs=200, optimizer="sgd", lr=0.5, clip=None))
    >>> run.summary["test_mse"] < 1e-6, [round(float(p.detach()), 2) for p in model.parameters()]
    (True, [2.0, 1.0])
    """

    name: str
    metrics: tuple[str, ...]
    probe: Callable[[nn.Module, int | None], dict] | None = None

    @abstractmethod
    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        """The losses of an epoch, counted from 1: differentiable scalars.

        The optimizer makes a step after each, before the next is asked for: a generator, with ``yield``, computes the
        next with the new weights. One loss per epoch makes full-batch training.
        """

    @abstractmethod
    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        """A value for each of the metrics, on the split "validation" or "test".

        Called without gradients and in evaluation mode; ``torch.enable_grad`` is for metrics that need gradients.
        """

    def config(self) -> dict:
        """All that determines losses and metrics, as JSON takes it; a run is resumed only where it is the same."""
        return {}

    def chance(self) -> dict[str, float]:
        """Values of metrics without learning, as far as they are known; the summary has them as "chance_METRIC"."""
        return {}

    def check(self, model: nn.Module, settings: Settings) -> None:  # noqa: B027
        """Raise a ValueError for a network or settings that do not fit; called before training."""

    def state_dict(self) -> dict:
        """What is carried from one epoch to the next, for checkpoints: tensors, numbers, texts, lists and dicts."""
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Take up what `state_dict` gave."""
        if state:
            raise ValueError(f"state: expected {{}}, because {self.name} carries nothing, got {shown(state)}")


class Supervised(Objective):
    """One of the tasks: cross-entropy of a network's answers, on mini-batches of the training split.

    `train` makes it from a task and its settings. A subclass may add to the losses or metrics; the settings it is
    trained with have to say the same of loss, batch_size and dropout.

    Parameters
    ----------
    task : Task
    loss : {"scored", "every-step"}
        Whether the cross-entropy that is minimized averages the steps of the answer, or all steps of the sequence.
    batch_size : int
        Sequences a batch.
    dropout : float
        Share of hidden units that the readout does not see during training; for a `ptacore.networks.Recurrent`.

    Raises
    ------
    ValueError
        If a value is outside its range, or the task has no targets at every step.

    Examples
    --------
    >>> from ptacore.tasks import CopyMemory
    >>> objective = Supervised(CopyMemory(delay=5, sizes=(10, 5, 5)), "every-step", batch_size=4)
    >>> objective.name, objective.metrics
    ('copy-memory', ('loss', 'loss_every_step', 'accuracy'))
    >>> [loss.shape for loss in objective.losses(torch.nn.Linear(10, 9), epoch=1)]
    [torch.Size([]), torch.Size([]), torch.Size([])]
    """

    metrics = tuple(faults.METRICS)

    def __init__(self, task: Task, loss: str = "scored", *, batch_size: int = 128, dropout: float = 0.0):
        self.task = instance("task", task, Task)
        self.name = task.name
        self.loss = choice("loss", loss, LOSSES)
        self.batch_size = integer("batch_size", batch_size, 1)
        self.dropout = within("dropout", dropout, 0, 1, "[)")
        if loss == "every-step" and not task.every_step:
            raise ValueError(
                f"loss: {task.name} has targets at its scored steps only, so every-step cannot be minimized"
            )

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        split, weight = self.task.split("train"), first_parameter(model)
        for rows in torch.randperm(len(split)).split(self.batch_size):
            batch = split.batch(rows, weight.dtype, weight.device)
            ours = isinstance(model, Recurrent)
            options = {"dropout": self.dropout, "since": first_step(batch, self.loss)} if ours else {}
            yield loss_of(model(batch.inputs, **options), batch, self.loss)

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float | None]:
        return evaluate(model, self.task.split(split))

    def probe(self, model: Recurrent, exponents: int | None) -> dict:
        return probe(model, self.task.split("validation"), exponents)

    def config(self) -> dict:
        return self.task.config()

    def chance(self) -> dict[str, float]:
        return {"loss": self.task.chance_loss()}

    def check(self, model: nn.Module, settings: Settings) -> None:
        for name in ("n_inputs", "n_outputs"):
            got, needed = getattr(model, name, None), getattr(self.task, name)
            if got not in (None, needed):
                raise ValueError(f"model: has {name} = {got}, but {self.name} needs {needed}")
        if not isinstance(model, Recurrent):
            for name in ("dropout", "probe_every"):
                if getattr(settings, name):
                    raise ValueError(f"{name}: needs a network of ptacore.networks, got {type(model).__name__}")
            self._check_outputs(model)

    @torch.no_grad()
    def _check_outputs(self, model: nn.Module) -> None:
        """Call somebody's module once, as `evaluate` will."""
        weight = first_parameter(model)
        batch = self.task.split("train").batch([0], weight.dtype, weight.device)
        expected = (self.task.length, 1, self.task.n_outputs)
        with in_evaluation_mode(model):
            outputs = model(batch.inputs)
        if not isinstance(outputs, Tensor) or outputs.shape != expected:
            got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise ValueError(
                f"model: must return (T, B, n_outputs) = {expected} for one sequence of {self.name}, got {got}"
            )


def as_objective(task: Task | Objective, settings: Settings) -> Objective:
    """An objective as it is; for a task, its `Supervised` training by these settings."""
    if isinstance(task, Task):
        return Supervised(task, settings.loss, batch_size=settings.batch_size, dropout=settings.dropout)
    return instance("task", task, (Task, Objective))


# ---- what somebody's objective returns, looked at before it is used; the argument of `train` is named task


def check_objective(objective: Objective, model: nn.Module, settings: Settings) -> None:
    """Refuse an objective that cannot be recorded, and settings that it does not heed."""
    name, metrics = getattr(objective, "name", None), getattr(objective, "metrics", None)
    if not isinstance(name, str) or not name:
        raise ValueError(f"task: expected an objective with a name, got {shown(name)}")
    if not faults.are_metrics(metrics):
        raise ValueError(f"task: expected metrics, a tuple of different names such as 'loss', got {shown(metrics)}")
    own = objective if isinstance(objective, Supervised) else Settings()
    for setting in ("loss", "batch_size", "dropout"):
        wanted, got = getattr(own, setting), getattr(settings, setting)
        if got != wanted:
            raise ValueError(f"{setting}: expected {wanted!r}, because {name} has its own way, got {got!r}")
    if settings.probe_every and objective.probe is None:
        raise ValueError(f"probe_every: expected 0, because {name} has no probe, got {settings.probe_every}")
    if not checkpoints.can_hold(state := objective.state_dict()):
        raise TypeError(
            f"task: expected state_dict to return tensors, numbers, texts, lists, dicts, got {shown(state)}"
        )
    chance_of(objective)
    objective.check(model, settings)


def described(objective: Objective) -> dict:
    """What determines losses and metrics, as JSON takes it; for a task, its own configuration."""
    own = _as_json("config", objective.config())
    if type(objective) is not Supervised:
        for key, value in (("task", objective.name), ("metrics", list(objective.metrics))):
            if own.setdefault(key, value) != value:
                raise ValueError(f"task: expected config without {key!r}, which has to be {value!r}, got {shown(own)}")
    return own


def probe_of(objective: Objective, model: nn.Module, exponents: int | None) -> dict:
    """The objective's look at the dynamics, as JSON takes it."""
    return _as_json("probe", objective.probe(model, exponents))


def losses_of(objective: Objective, model: nn.Module, epoch: int) -> Iterator[Tensor]:
    """The losses of an epoch: scalars with a graph, at least one."""
    losses, loss = objective.losses(model, epoch), None
    if not isinstance(losses, Iterator):
        raise TypeError(f"task: expected losses to return an iterator, as yield makes it, got {shown(losses)}")
    for loss in losses:
        if not isinstance(loss, Tensor) or loss.ndim or loss.is_complex() or not loss.requires_grad:
            raise TypeError(f"task: expected losses to yield differentiable scalars, got {shown(loss)}")
        yield loss
        if all(p.grad is None for p in model.parameters()):
            raise ValueError(f"task: expected losses that depend on the network's parameters, got {shown(loss)}")
    if loss is None:
        raise ValueError(f"task: expected losses to yield at least one in each epoch, got none in epoch {epoch}")


def metrics_of(objective: Objective, model: nn.Module, split: str) -> dict[str, float | None]:
    """The objective's metrics on a split, each a number, not necessarily finite."""
    with torch.no_grad(), in_evaluation_mode(model):
        return _numbers("evaluate", objective.evaluate(model, split), objective.metrics)


def chance_of(objective: Objective) -> dict[str, float]:
    """Its metrics without learning, as far as they are known."""
    found = objective.chance()
    known = [m for m in objective.metrics if isinstance(found, Mapping) and m in found]
    return _as_json("chance", _numbers("chance", found, known))


def _numbers(method: str, found, names) -> dict[str, float | None]:
    values = {k: scalar(v) for k, v in found.items()} if isinstance(found, Mapping) else None
    fine = values is not None and values.keys() == set(names)
    if not fine or not all(isinstance(v, Real) or (v is None and k == faults.ABSENT) for k, v in values.items()):
        wanted = ", ".join(names) or "the metrics"
        raise TypeError(f"task: expected {method} to return a number for each of {wanted}, got {shown(found)}")
    return {name: None if values[name] is None else float(values[name]) for name in names}


def _as_json(method: str, found) -> dict:
    """A dict as it is read back from JSON: lists for tuples."""
    try:
        if isinstance(found, dict):
            return json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError):
        pass
    raise TypeError(f"task: expected {method} to return a dict that JSON takes, got {shown(found)}")
