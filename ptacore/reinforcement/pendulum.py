"""The inverted pendulum of Gym, Pendulum-v1, for any number of pendulums at once.

The state x = (theta, theta_dot) has theta = 0 upright, unwrapped; an episode is cut after 200 steps and never ends by
itself. With u the torque clipped to +-2 N m (g = 10 m/s^2, 1 kg, 1 m, dt = 0.05 s)::

    reward     = -(wrap(theta)^2 + 0.1 theta_dot^2 + 0.001 u^2)        of the state before the step
    theta_dot' = clip(theta_dot + (15 sin theta + 3 u) dt, -8, 8)
    theta'     = theta + theta_dot' dt
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.checks import choice, flag, floating, floats, instance, integer

DT = 0.05  # s
TORQUE = 2.0  # N m, the largest
SPEED = 8.0  # rad/s, the largest
PULL = 15.0  # 3 g / (2 l), 1/s^2
PUSH = 3.0  # 3 / (m l^2), 1/(kg m^2)
EPISODE = 200  # steps
OBSERVED = ("partial", "full")
_TURN = 2 * math.pi


def wrap(theta: Tensor) -> Tensor:
    """An angle in [-pi, pi).

    Examples
    --------
    >>> wrap(torch.tensor([0.5, math.pi, -7.0], dtype=torch.float64))
    tensor([ 0.5000, -3.1416, -0.7168], dtype=torch.float64)
    """
    return torch.remainder(floats("theta", theta) + math.pi, _TURN) - math.pi


def swing(x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the pendulum, 0.05 s.

    Parameters
    ----------
    x : Tensor (..., 2)
        theta in radians, 0 upright, and theta_dot in rad/s.
    u : Tensor (...)
        Torque in N m, clipped here.

    Returns
    -------
    new : Tensor (..., 2)
    reward : Tensor (...)
        Of the state and the torque before the step, in [-16.3, 0].

    Raises
    ------
    TypeError, ValueError
        If x or u is not a tensor of floating-point numbers, or their shapes do not belong together.

    Examples
    --------
    >>> new, reward = swing(torch.tensor([math.pi / 2, 0.0]), torch.tensor(5.0))
    >>> new, reward
    (tensor([1.6233, 1.0500]), tensor(-2.4714))
    """
    theta, rate, u = _parts(x, u)
    u = u.clamp(-TORQUE, TORQUE)
    reward = -(wrap(theta).square() + 0.1 * rate.square() + 0.001 * u.square())
    rate = (rate + (PULL * theta.sin() + PUSH * u) * DT).clamp(-SPEED, SPEED)
    return torch.stack([theta + rate * DT, rate], -1), reward


def swing_jacobians(x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of the next state by state and torque: (..., 2), (...) -> (..., 2, 2), (..., 2).

    Without a limit that is met, the first has the determinant 1: the step preserves area.

    Examples
    --------
    >>> of_x, of_u = swing_jacobians(torch.zeros(2), torch.tensor(0.0))
    >>> of_x, of_u
    (tensor([[1.0375, 0.0500],
            [0.7500, 1.0000]]), tensor([0.0075, 0.1500]))
    """
    theta, rate, u = _parts(x, u)
    free = (rate + (PULL * theta.sin() + PUSH * u.clamp(-TORQUE, TORQUE)) * DT).abs() <= SPEED
    by_rate = free.to(x)
    by_theta = PULL * DT * by_rate * theta.cos()
    by_u = PUSH * DT * by_rate * (u.abs() <= TORQUE)
    of_x = torch.stack([1 + DT * by_theta, DT * by_rate, by_theta, by_rate], -1).unflatten(-1, (2, 2))
    return of_x, torch.stack([DT * by_u, by_u], -1)


def observation(x: Tensor, observed: str = "partial", raw_angle: bool = False) -> Tensor:
    """What an agent sees of a state.

    Parameters
    ----------
    x : Tensor (..., 2)
    observed : {"partial", "full"}
        The angle alone, or the angle and theta_dot / 8.
    raw_angle : bool
        The angle in [-pi, pi), which jumps where the pendulum hangs, instead of its cosine and sine.

    Returns
    -------
    Tensor (..., d)
        d is 2 and 3 for the two; 1 and 2 with the raw angle.

    Examples
    --------
    >>> x = torch.tensor([0.0, 4.0])
    >>> observation(x), observation(x, "full"), observation(x, "full", raw_angle=True)
    (tensor([1., 0.]), tensor([1.0000, 0.0000, 0.5000]), tensor([0.0000, 0.5000]))
    """
    theta, rate = _state(x).unbind(-1)
    seen = [wrap(theta)] if flag("raw_angle", raw_angle) else [theta.cos(), theta.sin()]
    if choice("observed", observed, OBSERVED) == "full":
        seen.append(rate / SPEED)
    return torch.stack(seen, -1)


def reset(count: int, generator: torch.Generator | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
    """Starts of episodes (count, 2): theta uniform in [-pi, pi), theta_dot in [-1, 1) rad/s.

    Examples
    --------
    >>> reset(3, torch.Generator().manual_seed(0)).shape
    torch.Size([3, 2])
    """
    if generator is not None:
        instance("generator", generator, torch.Generator)
    count, dtype = integer("count", count, 1), floating("dtype", dtype)
    drawn = 2 * torch.rand(count, 2, generator=generator, dtype=dtype) - 1
    return drawn * drawn.new_tensor([math.pi, 1.0])


def _state(x: Tensor) -> Tensor:
    if floats("x", x).ndim == 0 or x.shape[-1] != 2:
        raise ValueError(f"x: expected shape (..., 2), angle and rate, got {tuple(x.shape)}")
    return x


def _parts(x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    theta, rate = _state(x).unbind(-1)
    if floats("u", u).shape != theta.shape:
        raise ValueError(f"u: expected shape {tuple(theta.shape)}, a torque for each state, got {tuple(u.shape)}")
    return theta, rate, u
