"""What an agent does without noise: whole episodes of many pendulums at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ptacore.checks import check_seed, choice, finite, integer
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.coupled import ControlledPendulum
from ptacore.reinforcement.pendulum import EPISODE, SPEED, TORQUE, reset, swing

SPREADS = ("episodes", "plane")


class Episodes(NamedTuple):
    """What `play` returns: T steps of B pendulums.

    Attributes
    ----------
    x : array (T, B, 2)
        Angles (not wrapped) and velocities when the agent acts.
    h : array (T, B, units)
        The agent's hidden states when it acts.
    torque : array (T, B)
        What it does, in N m, within the limit.
    reward : array (T, B)
    """

    x: np.ndarray
    h: np.ndarray
    torque: np.ndarray
    reward: np.ndarray

    def every(self, steps: int) -> Episodes:
        """Each so-many-th state of all episodes, in one axis: (m, ...)."""
        steps = integer("steps", steps, 1)
        return Episodes(*(part[::steps].reshape(-1, *part.shape[2:]) for part in self))


@torch.inference_mode()
def play(controller: Controller, starts, steps: int = EPISODE) -> Episodes:
    """Let an agent act without noise, from an empty memory, in double precision.

    Parameters
    ----------
    controller : Controller
    starts : array (B, 2)
        Angles and velocities.
    steps : int
        T, at least 1.

    Returns
    -------
    Episodes

    Raises
    ------
    TypeError, ValueError
        If the arguments are of another kind or shape.

    Examples
    --------
    >>> found = play(Controller(units=8), [[0.1, 0.0], [3.0, 0.0]], steps=5)
    >>> found.x.shape, found.h.shape, found.reward.sum(0) < 0
    ((5, 2, 2), (5, 2, 8), array([ True,  True]))
    """
    loop, rows = ControlledPendulum(controller), []
    x, steps = finite(starts, "starts"), integer("steps", steps, 1)
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"starts: expected shape (B, 2), got {tuple(x.shape)}")
    h = x.new_zeros(len(x), len(loop.b))
    for _ in range(steps):
        h = loop.see(x, h)
        u = loop.torque(h).clamp(-TORQUE, TORQUE)
        new, reward = swing(x, u)
        rows.append((x, h, u, reward))
        x = new
    return Episodes(*(torch.stack(part).numpy() for part in zip(*rows, strict=True)))


def starts(count: int, seed: int = 0, spread: str = "episodes") -> np.ndarray:
    """Where pendulums begin: as episodes do, or anywhere in the plane of angle and velocity.

    Parameters
    ----------
    count : int
    seed : int
    spread : {"episodes", "plane"}

    Returns
    -------
    array (count, 2)

    Examples
    --------
    >>> starts(3).shape, bool(abs(starts(500, spread="plane")[:, 1]).max() > 7)
    ((3, 2), True)
    """
    generator = torch.Generator().manual_seed(check_seed(seed))
    x = reset(integer("count", count, 1), generator, torch.float64)
    if choice("spread", spread, SPREADS) == "plane":
        x[:, 1] *= SPEED
    return x.numpy()
