"""Trajectories: fixed-step fourth-order Runge-Kutta for flows, iteration for maps, and the step's derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ptacore.checks import scalar, shown
from ptacore.dynamics.threads import threads_that_pay
from ptacore.memory import foretell
from ptacore.models.module_map import as_system
from ptacore.models.system import System


class Trajectory(tuple):
    """What `trajectory` returns: the pair (t, x), which knows its step and its place in time.

    It may be handed over as it is: to `sensitivity`, `adjoint` and `time_time_jacobian` in place of ``x``, and in place
    of ``x0`` to all that goes on from its end.

    Attributes
    ----------
    t : Tensor (T + 1,)
        Times.
    x : Tensor (T + 1, ..., n)
        States.
    dt : float
        Time step.
    t0 : float
        Time of the first state.
    state : Tensor (..., n)
        Last state.
    time : float
        Time of the last state.
    """

    def __new__(cls, t: Tensor, x: Tensor, dt: float, t0: float):
        pair = super().__new__(cls, (t, x))
        pair.t, pair.x, pair.dt, pair.t0 = t, x, dt, t0
        pair.state, pair.time = x[-1], t0 + (len(t) - 1) * dt
        return pair

    def __getnewargs__(self):  # for copy and pickle
        return self.t, self.x, self.dt, self.t0


class DivergenceError(ArithmeticError):
    """A state left the finite numbers.

    Attributes
    ----------
    time : float
        When: the earliest time at which it is known to have happened.
    """

    def __init__(self, time: float, what: str = "state"):
        super().__init__(f"the {what} is no longer finite at t = {time:.6g}")
        self.time = time


def step(system: System, x: Tensor, t: float, dt: float) -> Tensor:
    """One step from time t: RK4 over dt for a flow, the image for a map."""
    if system.kind == "map":
        return system.at(t)(x)
    first, middle, last = system.at(t), system.at(t + dt / 2), system.at(t + dt)
    k1 = first(x)
    k2 = middle(x + dt / 2 * k1)
    k3 = middle(x + dt / 2 * k2)
    k4 = last(x + dt * k3)
    return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def step_tangent(system: System, x: Tensor, V: Tensor, t: float, dt: float) -> tuple[Tensor, Tensor]:
    """One step of the state and of tangent vectors V (..., n, k), by the same stages: the exact tangent of `step`."""
    if system.kind == "map":
        return system.at(t).jvp(x, V)
    first, middle, last = system.at(t), system.at(t + dt / 2), system.at(t + dt)
    k1, K1 = first.jvp(x, V)
    k2, K2 = middle.jvp(x + dt / 2 * k1, V + dt / 2 * K1)
    k3, K3 = middle.jvp(x + dt / 2 * k2, V + dt / 2 * K2)
    k4, K4 = last.jvp(x + dt * k3, V + dt * K3)
    return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), V + dt / 6 * (K1 + 2 * K2 + 2 * K3 + K4)


def step_adjoint(system: System, x: Tensor, P: Tensor, t: float, dt: float) -> Tensor:
    """Pull cotangents P (..., n, k) back over the step that starts at x: the exact transpose of `step_tangent`."""
    if system.kind == "map":
        return system.at(t).vjp(x, P)
    first, middle, last = system.at(t), system.at(t + dt / 2), system.at(t + dt)
    x2 = x + dt / 2 * first(x)
    x3 = x + dt / 2 * middle(x2)
    x4 = x + dt * middle(x3)
    g4 = last.vjp(x4, dt / 6 * P)
    g3 = middle.vjp(x3, dt / 3 * P + dt * g4)
    g2 = middle.vjp(x2, dt / 3 * P + dt / 2 * g3)
    g1 = first.vjp(x, dt / 6 * P + dt / 2 * g2)
    return P + g1 + g2 + g3 + g4


def start_of(x0, t0: float | None) -> tuple:
    """The state and the time to start from: the last ones of an earlier result, else x0 itself, at time 0 or t0."""
    if hasattr(x0, "state") and hasattr(x0, "time"):
        x0, carried = x0.state, x0.time
        t0 = carried if t0 is None else t0
    return x0, start_time(t0)


def start_time(t0: float | None) -> float:
    """t0, checked; 0 if none is given."""
    if t0 is None:
        return 0.0
    if not math.isfinite(time := _number(t0)):
        raise ValueError(f"t0: expected a time, got {shown(t0)}")
    return time


def _number(value) -> float:
    """The value as a float; NaN where it is not a real number."""
    value = scalar(value)
    return float(value) if isinstance(value, Real) and not isinstance(value, bool | np.bool_) else math.nan


def step_size(system: System, dt: float | None) -> float:
    """dt, checked: positive and finite; 1 for a map, where it may be left out."""
    if dt is None:
        if system.kind == "flow":
            raise ValueError("dt: a flow needs a time step")
        return 1.0
    if not 0 < _number(dt) < math.inf:
        raise ValueError(f"dt: expected a positive time step, got {shown(dt)}")
    if system.kind == "map" and dt != 1:
        raise ValueError(f"dt: a map moves by whole steps, dt must be 1, got {dt!r}")
    return float(dt)


def step_count(duration: float, dt: float, name: str, least: int = 1) -> int:
    """Number of steps nearest to duration / dt, checked to be at least `least`."""
    if not 0 <= (time := _number(duration)) < math.inf:
        raise ValueError(f"{name}: expected a time of at least {least} step(s) of dt = {dt:g}, got {shown(duration)}")
    steps = round(time / dt)
    if steps < least:
        raise ValueError(f"{name}: expected at least {least} step(s) of dt = {dt:g}, got {duration!r}")
    return steps


def check_finite(x: Tensor, t: float, what: str = "state") -> None:
    """Raise DivergenceError if any entry of x is not finite."""
    if not math.isfinite(x.sum().item()) and not torch.isfinite(x).all():  # the sum is cheaper, and may overflow
        raise DivergenceError(t, what)


def check_path(path: Tensor, h: float, t0: float, skipped: int = 0) -> None:
    """Raise DivergenceError, with the time, where the path leaves the finite numbers."""
    if not torch.isfinite(path.detach().sum()):  # as `check_finite`, and without a copy of the states
        finite = torch.isfinite(path).flatten(1).all(1)
        if not finite.all():
            raise DivergenceError(t0 + (skipped + int((~finite).nonzero()[0, 0])) * h)


def _by_torch(
    system: System, x: Tensor, skipped: int, steps: int, dt: float, t0: float, told: Callable[[], object]
) -> Tensor:
    """States after the steps that are skipped, up to one that is not finite."""
    states = []
    with threads_that_pay(2 * x.numel() * system.dim):
        for i in range(skipped + steps):
            if i >= skipped:
                states.append(x)
            x = step(system, x, t0 + i * dt, dt)
            told()
            if i % 64 == 63 and not torch.isfinite(x).all():
                break
    return torch.stack([*states, x])


def trajectory(
    system: System,
    x0,
    *,
    duration: float,
    dt: float | None = None,
    transient: float = 0.0,
    t0: float | None = None,
    progress: bool = False,
) -> Trajectory:
    """Trajectory of a system from given initial states.

    Flows take fixed steps of the classical fourth-order Runge-Kutta method, as the paper does (S1.1).
    Gradients flow through the steps: ``x0.requires_grad_()`` and backpropagate as through any torch code.

    Parameters
    ----------
    system : System or torch.nn.Module
        The flow or map; a module is taken as `models.ModuleMap`.
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch. A `Trajectory` or `LyapunovSpectrum` is continued from its last
        state and time, a `PeriodicOrbit` from its first.
    duration : float
        Time after the transient, rounded to whole steps of dt.
    dt : float
        Time step; may be left out for maps, where it is 1.
    transient : float
        Time that is integrated first and thrown away.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Trajectory
        The pair t (T + 1,), times from ``t0 + transient``, and x (T + 1, ..., n), states.

    Raises
    ------
    ValueError
        If x0 has the wrong shape or is not finite, or a time is not valid; the message names the argument.
    DivergenceError
        If the state overflows, with the time at which it did.

    Examples
    --------
    >>> from ptacore.models import LinearFlow
    >>> t, x = trajectory(LinearFlow([[-1.0]]), [1.0], duration=1.0, dt=0.01)
    >>> bool(abs(x[-1, 0] - math.exp(-1)) < 1e-9)
    True
    """
    system = as_system(system)
    dt = step_size(system, dt)
    skipped = step_count(transient, dt, "transient", least=0)
    steps = step_count(duration, dt, "duration")
    x0, t0 = start_of(x0, t0)
    x = system.as_state(x0)
    x = x.expand_as(system.at(t0)(x))  # weights may have batch axes that the state has not
    needed = 2 * (steps + 1) * x.numel() * x.element_size()  # the list of states, and the tensor made of it
    foretell("duration", needed, "take a shorter duration, a longer dt or fewer initial states")
    with tqdm(total=skipped + steps, disable=not progress, desc="trajectory") as bar:
        states = system.orbit(x, skipped, steps, dt, bar.update)
        x = _by_torch(system, x, skipped, steps, dt, t0, bar.update) if states is None else states
    check_path(x, dt, t0, skipped)
    t = (t0 + torch.arange(skipped, skipped + steps + 1, dtype=torch.float64) * dt).to(x.device)
    return Trajectory(t, x, dt, t0 + skipped * dt)
