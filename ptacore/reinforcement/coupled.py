"""Agent and pendulum as one system, and the places where either rests."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.checks import choice, floating, instance
from ptacore.dynamics.fixed_points import fixed_points
from ptacore.models.rate import TanhMap
from ptacore.models.system import System
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.pendulum import jacobians, swing

POSTURES = {"upright": 0.0, "hanging": math.pi}


class ControlledPendulum(System):
    """The map (x, h) -> (x', h') of a pendulum and the agent that controls it.

    The agent sees x, moves to h' = tanh(W_h h + W_x o(x) + b), and the torque that it then exerts moves the pendulum.
    The weights are copied; angles are not wrapped.

    Parameters
    ----------
    controller : Controller
    dtype : torch.dtype

    Raises
    ------
    TypeError
        If it is something else.

    Notes
    -----
    Without torque the pendulum preserves area, so that its two exponents sum to zero. Upright, it has the multipliers
    1 + s/2 +- sqrt(s + s^2/4), where s = (3 g / 2 l) dt^2.

    Examples
    --------
    >>> from ptacore.reinforcement import Controller
    >>> loop = ControlledPendulum(Controller(units=8))
    >>> loop.dim, loop.upright_multiplier()
    (10, 1.2133...)
    """

    kind = "map"
    plant_dim = 2

    def __init__(self, controller: Controller, dtype: torch.dtype = torch.float64):
        self.controller = frozen(controller, dtype)
        self.dtype = dtype
        self.dim = self.plant_dim + self.controller.units
