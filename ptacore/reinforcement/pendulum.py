"""Gym's pendulum, many at once: a rod that a motor too weak to lift it has to swing up and hold.

States are x = (theta, speed): the angle from upright in radians, and its rate in radians per second.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.checks import choice

STEP = 0.05
"""Seconds between two states."""
EPISODE = 200
"""Steps until a new start; an episode never ends earlier."""
STRONGEST, FASTEST = 2.0, 8.0  # torque in N m and speed in rad/s, to which both are cut
FALL, PUSH = 15.0, 3.0  # 3 g / 2 l with g = 10, l = 1; 3 / m l^2 with m = 1
OBSERVED = ("partial", "full")


def swing(x: Tensor, torque: Tensor) -> tuple[Tensor, Tensor]:
    """One step of Pendulum-v1.

    Parameters
    ----------
    x : Tensor (..., 2)
        Angle and speed.
    torque : Tensor (...,)
        In N m; cut to [-2, 2].

    Returns
    -------
    x : Tensor (..., 2)
        A step later: speed += (15 sin theta + 3 torque) dt, cut to [-8, 8]; theta += speed dt.
    reward : Tensor (...,)
        -(theta^2 + 0.1 speed^2 + 0.001 torque^2) of the state before, with theta in [-pi, pi).

    Examples
    --------
    >>> x, reward = swing(torch.tensor([math.pi, 0.0]), torch.tensor(0.0))
    >>> round(float(x[0]), 3), round(float(reward), 2)
    (3.142, -9.87)
    """
    theta, speed = x.unbind(-1)
    torque = torque.clamp(-STRONGEST, STRONGEST)
    reward = -(wrapped(theta).square() + 0.1 * speed.square() + 0.001 * torque.square())
    speed = (speed + (FALL * theta.sin() + PUSH * torque) * STEP).clamp(-FASTEST, FASTEST)
    return torch.stack([theta + speed * STEP, speed], -1), reward


def swing_jacobians(x: Tensor, torque: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of `swing`'s next state by state and torque: (..., 2, 2), (..., 2)."""
    theta, speed = x.unbind(-1)
    moves = (speed + (FALL * theta.sin() + PUSH * torque.clamp(-STRONGEST, STRONGEST)) * STEP).abs() < FASTEST
    by_speed = moves.to(x)
    by_theta = by_speed * FALL * STEP * theta.cos()
    A = torch.stack(
        [torch.stack([1 + STEP * by_theta, STEP * by_speed], -1), torch.stack([by_theta, by_speed], -1)], -2
    )
    pushed = by_speed * PUSH * STEP * (torque.abs() < STRONGEST)
    return A, torch.stack([STEP * pushed, pushed], -1)


def observation(x: Tensor, observed: str = "partial", raw_angle: bool = False) -> Tensor:
    """What a controller sees: (..., 2) -> (..., 1 to 3).

    Parameters
    ----------
    x : Tensor (..., 2)
    observed : {"partial", "full"}
        The angle, or the angle and the speed over 8.
    raw_angle : bool
        Whether the angle is given as a number in [-pi, pi), else as cosine and sine.

    Raises
    ------
    ValueError
        If `observed` is another word.

    Examples
    --------
    >>> observation(torch.tensor([0.0, 4.0]), "full")
    tensor([1.0000, 0.0000, 0.5000])
    """
    theta, speed = x.unbind(-1)
    seen = [wrapped(theta)] if raw_angle else [theta.cos(), theta.sin()]
    return torch.stack([*seen, speed / FASTEST] if choice("observed", observed, OBSERVED) == "full" else seen, -1)


def observation_jacobian(x: Tensor, observed: str = "partial", raw_angle: bool = False) -> Tensor:
    """Derivative of `observation` by the state: (..., d, 2)."""
    theta = x[..., 0]
    by_theta = [torch.ones_like(theta)] if raw_angle else [-theta.sin(), theta.cos()]
    full = observed == "full"
    J = x.new_zeros(*x.shape[:-1], len(by_theta) + full, 2)
    J[..., : len(by_theta), 0] = torch.stack(by_theta, -1)
    if full:
        J[..., -1, 1] = 1 / FASTEST
    return J


def starts(count: int, dtype: torch.dtype = torch.float32, generator: torch.Generator | None = None) -> Tensor:
    """Starts of episodes (count, 2): angles uniform over the circle, speeds in [-1, 1]."""
    uniform = 2 * torch.rand(count, 2, dtype=dtype, generator=generator) - 1
    return uniform * torch.tensor([math.pi, 1.0], dtype=dtype)


def wrapped(theta: Tensor) -> Tensor:
    """The angle in [-pi, pi)."""
    return torch.remainder(theta + math.pi, 2 * math.pi) - math.pi
