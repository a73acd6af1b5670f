"""Trajectories: fixed-step fourth-order Runge-Kutta for flows, iteration for maps, and the step's derivatives."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor
from tqdm import tqdm

from ptacore.models.system import System


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


def step_size(system: System, dt: float | None) -> float:
    """dt, checked: positive and finite; 1 for a map, where it may be left out."""
    if dt is None:
        if system.kind == "flow":
            raise ValueError("dt: a flow needs a time step")
        return 1.0
    if not (isinstance(dt, Real) and math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt: expected a positive time step, got {dt!r}")
    if system.kind == "map" and dt != 1:
        raise ValueError(f"dt: a map moves by whole steps, dt must be 1, got {dt!r}")
    return float(dt)


def step_count(duration: float, dt: float, name: str, least: int = 1) -> int:
    """Number of steps nearest to duration / dt, checked to be at least `least`."""
    if not (isinstance(duration, Real) and math.isfinite(duration) and duration >= 0):
        raise ValueError(f"{name}: expected a time of at least {least} step(s) of dt = {dt:g}, got {duration!r}")
    steps = round(duration / dt)
    if steps < least:
        raise ValueError(f"{name}: expected at least {least} step(s) of dt = {dt:g}, got {duration!r}")
    return steps


def check_finite(x: Tensor, t: float, what: str = "state") -> None:
    """Raise DivergenceError if any entry of x is not finite."""
    if not torch.isfinite(x).all():
        raise DivergenceError(t, what)


def trajectory(
    system: System,
    x0,
    *,
    duration: float,
    dt: float | None = None,
    transient: float = 0.0,
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    """Trajectory of a system from given initial states.

    Flows take fixed steps of the classical fourth-order Runge-Kutta method, as the paper does (S1.1).
    Gradients flow through the steps: ``x0.requires_grad_()`` and backpropagate as through any torch code.

    Parameters
    ----------
    system : System
        The flow or map.
    x0 : array (..., n)
        Initial states; leading axes are a batch.
    duration : float
        Time after the transient, rounded to whole steps of dt.
    dt : float
        Time step; may be left out for maps, where it is 1.
    transient : float
        Time that is integrated first and thrown away.
    progress : bool
        Show a progress bar.

    Returns
    -------
    t : Tensor (T + 1,)
        Times, starting at `transient`.
    x : Tensor (T + 1, ..., n)
        States.

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
    dt = step_size(system, dt)
    skipped = step_count(transient, dt, "transient", least=0)
    steps = step_count(duration, dt, "duration")
    x = system.as_state(x0)
    x = x.expand_as(system.at(0.0)(x))  # weights may have batch axes that the state has not
    states = []
    for i in tqdm(range(skipped + steps), disable=not progress, desc="trajectory"):
        if i >= skipped:
            states.append(x)
        x = step(system, x, i * dt, dt)
        if i % 64 == 63 and not torch.isfinite(x).all():
            break
    states.append(x)
    x = torch.stack(states)
    finite = torch.isfinite(x).flatten(1).all(1)
    if not finite.all():
        raise DivergenceError((skipped + int((~finite).nonzero()[0, 0])) * dt)
    t = (torch.arange(skipped, skipped + steps + 1, dtype=torch.float64) * dt).to(x.device)
    return t, x
