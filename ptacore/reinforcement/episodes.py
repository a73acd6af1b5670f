"""What an agent does without noise: episodes of many pendulums at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ptacore.checks import check_seed, finite, instance, integer, within
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.pendulum import TORQUE, swing

STEPS = 200  # of an episode


class Episodes(NamedTuple):
    """What `play` returns; T steps of B pendulums.

    Attributes
    ----------
    x : array (T, B, 2)
        Angles (not wrapped) and velocities when the agent acts.
    h : array (T, B, N)
        The agent's hidden states when it acts.
    torque : array (T, B)
        What it does, within the bound.
    reward : array (T, B)
    """

    x: np.ndarray
    h: np.ndarray
    torque: np.ndarray
    reward: np.ndarray

    @property
    def returns(self) -> np.ndarray:
        """Sum of the rewards of each episode: (B,)."""
        return self.reward.sum(0)

    def after(self, step: int) -> Episodes:
        """Without the first steps, in which a memory fills."""
        return Episodes(*(part[step:] for part in self))

    def flat(self) -> Episodes:
        """All states in one axis, those of one episode after those of another: (B T, ...)."""
        return Episodes(*(part.swapaxes(0, 1).reshape(-1, *part.shape[2:]) for part in self))
