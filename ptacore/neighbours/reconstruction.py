"""Reconstructing a system from its data: windows that a piecewise linear network is to predict while they force it."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ptacore.checks import choice, instance, integer, within
from ptacore.dynamics.integrate import trajectory
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models.system import System
from ptacore.neighbours.almost_linear import PiecewiseLinear
from ptacore.training.objective import Objective


def lorenz() -> System:
    """The flow of Lorenz, with 10, 28 and 8/3.

    Examples
    --------
    >>> lorenz().dim
    3
    """

    def f(x):
        a, b, c = x.unbind(-1)
        return torch.stack((10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c), -1)

    return System.from_function(f, 3, "flow")


def roessler() -> System:
    """The flow of Roessler, with 0.2, 0.2 and 5.7.

    Examples
    --------
    >>> roessler().kind
    'flow'
    """

    def f(x):
        a, b, c = x.unbind(-1)
        return torch.stack((-b - c, a + 0.2 * b, 0.2 + c * (a - 5.7)), -1)

    return System.from_function(f, 3, "flow")


SOURCES = {"lorenz": (lorenz, 0.01, 1), "roessler": (roessler, 0.08, 4)}
"""Flow, time between data, steps of the integrator in it."""


def sample(source: str, points: int = 24000) -> Tensor:
    """Data of one of the `SOURCES` on its attractor, of mean 0 and variance 1: (points, 3), double precision.

    Examples
    --------
    >>> x = sample("lorenz", 1000)
    >>> x.shape, float(x.std(0).sum().round(decimals=4))
    (torch.Size([1000, 3]), 3.0)
    """
    return _sample(choice("source", source, tuple(SOURCES)), integer("points", points, 2)).clone()


@functools.cache
def _sample(source: str, points: int) -> Tensor:
    make, dt, substeps = SOURCES[source]
    system, step = make(), dt / substeps
    _, x = trajectory(system, torch.ones(3, dtype=torch.float64), duration=100.0, dt=step)
    _, x = trajectory(system, x[-1], duration=dt * (points - 1), dt=step)
    x = x[::substeps]
    return (x - x.mean(0)) / x.std(0)


class Reconstruction(Objective):
    """Squared error of what a network predicts, one step before data force it, over windows of data.

    The last sixth of the data validates and tests, half each, without noise.

    Parameters
    ----------
    source : {"lorenz", "roessler"}
    tau : int, optional
        The observed units are replaced by data at every tau-th step.
    alpha : float, optional
        In its place: the share by which data move them at each step.
    length, batch : int
        Steps of a window, and windows of an update.
    noise : float
        Standard deviation of what is added to the data.
    updates : int
        In an epoch of the record.
    points : int
        Of data.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or not one of tau and alpha is given.

    Examples
    --------
    >>> from ptacore.neighbours import AlmostLinear
    >>> objective = Reconstruction("lorenz", tau=16, updates=3)
    >>> [loss.shape for loss in objective.losses(AlmostLinear(20, P=2, observed=3), epoch=1)]
    [torch.Size([]), torch.Size([]), torch.Size([])]
    """

    name, metrics = "reconstruction", ("loss",)

    def __init__(
        self,
        source: str,
        *,
        tau: int | None = None,
        alpha: float | None = None,
        length: int = 200,
        batch: int = 16,
        noise: float = 0.05,
        updates: int = 500,
        points: int = 24000,
    ):
        if (tau is None) == (alpha is None):
            raise ValueError(f"tau: expected tau or alpha, got {tau!r} and {alpha!r}")
        self.source, self.length = choice("source", source, tuple(SOURCES)), integer("length", length, 1, 1000)
        self.batch, self.updates = integer("batch", batch, 1), integer("updates", updates, 1)
        self.noise = within("noise", noise, 0, 100, "[)")
        self.tau, self.alpha = tau, alpha
        if tau is not None:
            self.share = (torch.arange(1, length + 1) % integer("tau", tau, 1) == 0).float()
        else:
            self.share = torch.full((length,), within("alpha", alpha, 0, 1, "[]"))
        self.points = integer("points", points, 12 * (length + 2))
        self.data = sample(source, points).float()
        twelfth = len(self.data) // 12
        self.parts = {"train": self.data[: -2 * twelfth], "validation": self.data[-2 * twelfth : -twelfth]}
        self.parts["test"] = self.data[-twelfth:]

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        data, steps = self.parts["train"], torch.arange(self.length + 1)
        for _ in range(self.updates):
            first = torch.randint(len(data) - self.length, (self.batch,))
            window = data[steps[:, None] + first]
            yield self._error(model, window + self.noise * torch.randn_like(window))

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        windows = self.parts[split].unfold(0, self.length + 1, self.length // 2).permute(2, 0, 1)
        return {"loss": self._error(model, windows)}

    def _error(self, model: PiecewiseLinear, window: Tensor) -> Tensor:
        window = window.to(model.decay.dtype)
        share = self.share.to(window)
        return (model.unroll(model.start(window[0]), window[1:], share) - window[1:]).square().mean()

    def probe(self, model: PiecewiseLinear, exponents: int | None) -> dict:
        """Leading exponents of the network by itself, per unit of the data's time, from a state on the data."""
        dt = SOURCES[self.source][1]
        start = model.start(self.data[0].to(model.decay.dtype)).detach().double()
        spectrum = lyapunov_spectrum(model.system(), start, duration=10_000, transient=1000, k=min(exponents or 3, 3))
        return {
            "exponents": (spectrum.exponents / dt).clamp_min(-1e4).tolist(),  # JSON has no -inf
            "errors": (spectrum.standard_error / dt).clamp_max(1e4).tolist(),  # inf on a kink, as z = 0 is at the start
        }

    def config(self) -> dict:
        names = ("source", "tau", "alpha", "length", "batch", "noise", "updates", "points")
        return {name: getattr(self, name) for name in names}

    def check(self, model: nn.Module, settings) -> None:
        if instance("model", model, PiecewiseLinear).n_observed != 3:
            raise ValueError(f"model: expected 3 observed units, got {model.n_observed}")
