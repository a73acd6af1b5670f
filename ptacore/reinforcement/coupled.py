"""Agent and pendulum as one system, and the places where the agent rests, with the pendulum or without."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ptacore.checks import choice, finite, flag, floating, instance
from ptacore.dynamics.fixed_points import fixed_points
from ptacore.models.module_map import ModuleMap
from ptacore.models.rate import TanhMap
from ptacore.models.system import System
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.pendulum import DT, PULL, TORQUE, observation, swing, swing_jacobians, wrap

SETTLING = 5000  # steps at most: near a fixed point that is about to be born they are small, and Newton's method stops
HELD = {"upright": (0.0, 0.0), "hanging": (math.pi, 0.0), "none": None}


class ControlledPendulum(System):
    """The map (x, h) -> (x', h') of a pendulum and the agent that controls it.

    The agent sees x, moves to h' = tanh(W_h h + W_x o(x) + b), and the torque that it then exerts, without noise, moves
    the pendulum. The weights are copied; the angle is not wrapped.

    Parameters
    ----------
    controller : Controller
    dtype : torch.dtype

    Attributes
    ----------
    plant_dim : int
        The state's first two entries are the pendulum's, the others the agent's.

    Raises
    ------
    TypeError
        If the controller is something else.

    Examples
    --------
    >>> loop = ControlledPendulum(Controller(units=8))
    >>> loop.dim, loop(torch.zeros(10, dtype=torch.float64)).shape
    (10, torch.Size([10]))
    """

    kind = "map"
    plant_dim = 2

    def __init__(self, controller: Controller, dtype: torch.dtype = torch.float64):
        agent, self.dtype = instance("controller", controller, Controller), floating("dtype", dtype)
        self.observed, self.raw_angle = agent.observed, agent.raw_angle
        first, last = agent.policy[0], agent.policy[2]
        weights = agent.W_h, agent.W_x, agent.b, first.weight, first.bias, last.weight[0], last.bias[0]
        self.W_h, self.W_x, self.b, self.V, self.c, self.v, self.d = (
            w.detach().cpu().to(dtype, copy=True) for w in weights
        )
        self.dim = self.plant_dim + len(self.b)

    def split(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The pendulum's and the agent's part of a state."""
        return s[..., : self.plant_dim], s[..., self.plant_dim :]

    def see(self, x: Tensor, h: Tensor) -> Tensor:
        """The agent's hidden state once it has seen the pendulum: (..., 2), (..., units) -> (..., units)."""
        seen = observation(x, self.observed, self.raw_angle)
        return (h @ self.W_h.mT + seen @ self.W_x.mT + self.b).tanh()

    def torque(self, h: Tensor) -> Tensor:
        """What the agent does in a hidden state, in N m, not clipped: (..., units) -> (...)."""
        return TORQUE * ((h @ self.V.mT + self.c).tanh() @ self.v + self.d)

    def __call__(self, s):
        x, h = self.split(s)
        h = self.see(x, h)
        return torch.cat([swing(x, self.torque(h))[0], h], -1)

    def jacobian(self, s):
        x, h = self.split(s)
        h = self.see(x, h)
        by_x, by_u = swing_jacobians(x, self.torque(h))
        lower = (1 - h**2)[..., None] * torch.cat([self.W_x @ self._seen_by(x), self.W_h.expand(*h.shape, -1)], -1)
        hidden = (h @ self.V.mT + self.c).tanh()
        slope = TORQUE * ((1 - hidden**2) * self.v) @ self.V  # of the torque by h'
        upper = by_u[..., None] * (slope[..., None, :] @ lower)
        upper[..., :2] += by_x
        return torch.cat([upper, lower], -2)

    def _seen_by(self, x: Tensor) -> Tensor:
        """Derivative of the observation by the state: (..., d, 2)."""
        sine, cosine, zero = x[..., 0].sin(), x[..., 0].cos(), torch.zeros_like(x[..., 0])
        rows = [(zero + 1, zero)] if self.raw_angle else [(-sine, zero), (cosine, zero)]
        if self.observed == "full":
            rows.append((zero, zero + observation(torch.ones_like(x), "full")[..., -1]))
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    def __repr__(self):
        return f"ControlledPendulum(observed={self.observed!r}, dim={self.dim})"


def upright_multiplier() -> float:
    """|lambda_1| of the upright pendulum without torque, 1 + s/2 + sqrt(s + s^2/4) with s = (3 g / 2 l) dt^2.

    Its product with the other one is 1, for the step preserves area.

    Examples
    --------
    >>> round(upright_multiplier(), 4)
    1.2133
    """
    s = PULL * DT**2
    return 1 + s / 2 + math.sqrt(s + s**2 / 4)


def held(controller: Controller, posture: str = "upright") -> TanhMap:
    """The agent alone, while it sees a pendulum at rest.

    Parameters
    ----------
    controller : Controller
    posture : {"upright", "hanging", "none"}
        What it sees; with "none" its input is zero.

    Examples
    --------
    >>> held(Controller(units=8), "hanging").dim
    8
    """
    agent = instance("controller", controller, Controller)
    x = HELD[choice("posture", posture, HELD)]
    W_h, W_x, b = (w.detach().double() for w in (agent.W_h, agent.W_x, agent.b))
    seen = None if x is None else agent.observe(torch.tensor(x, dtype=torch.float64))
    return TanhMap(W_h, b if seen is None else b + W_x @ seen)


class Rest(NamedTuple):
    """A fixed point.

    Attributes
    ----------
    point : array (n,)
    radius : float
        |lambda_1| of the Jacobian there.
    stable : bool
    count : int
        How many were found, of which this one is the nearest to what was asked for.
    """

    point: np.ndarray
    radius: float
    stable: bool
    count: int


def resting(controller: Controller, posture: str, states, *, coupled: bool = False) -> Rest | None:
    """Where an agent rests: alone, with its input held, or together with the pendulum.

    Parameters
    ----------
    controller : Controller
    posture : {"upright", "hanging", "none"}
        What it sees, or, coupled, the posture that the pendulum rests near: the torque's limit allows no other angle
        than arcsin(2/5) = 0.41 radians from it.
    states : array (m, units)
        Hidden states from which Newton's method starts, held also from where they lead; of several fixed points the
        one nearest to their mean counts or, coupled, the one nearest to the posture.
    coupled : bool
        Whether the pendulum moves.

    Returns
    -------
    Rest or None
        None where none is found.

    Raises
    ------
    ValueError
        If shapes do not fit, or a coupled agent is asked to see nothing.

    Examples
    --------
    >>> rest = resting(Controller(units=8, start="default"), "upright", np.zeros((1, 8)))
    >>> rest.stable, rest.count
    (True, 1)
    """
    agent, h = instance("controller", controller, Controller), finite(states, "states")
    choice("posture", posture, HELD)
    if h.ndim != 2 or h.shape[1] != agent.units or not len(h):
        raise ValueError(f"states: expected shape (m, {agent.units}), got {tuple(h.shape)}")
    if not flag("coupled", coupled):
        system, settled = held(agent, posture), h
        for _ in range(SETTLING):
            before, settled = settled, system(settled)
            if (settled - before).abs().max() < 1e-6:
                break
        found = fixed_points(system, torch.cat([h, settled]))
        distance = (found.points - h.mean(0)).norm(dim=1)
    else:
        if posture == "none":
            raise ValueError("posture: expected upright or hanging of a coupled agent, got 'none'")
        angle = HELD[posture][0]
        starts = torch.cat([h.new_tensor([[angle + a, 0.0]]).expand(len(h), 2) for a in (-0.2, 0.0, 0.2)])
        found = fixed_points(ControlledPendulum(agent), torch.cat([starts, h.repeat(3, 1)], 1))
        distance = wrap(found.points[:, 0] - angle).abs()
        distance = torch.where(distance < math.pi / 2, distance, torch.inf)
    if not len(found) or not torch.isfinite(distance).any():
        return None
    k = int(distance.argmin())
    moduli = found.eigenvalues.abs()[k]
    return Rest(found.points[k].numpy(), float(moduli[0]), bool(found.stable[k]), int(torch.isfinite(distance).sum()))


def driven(controller: Controller, x) -> ModuleMap:
    """The agent as a map that is driven by what it saw: its conditional exponents are those of this system.

    Parameters
    ----------
    controller : Controller
    x : array (T, 2)
        States of a pendulum.

    Examples
    --------
    >>> driven(Controller(units=8), np.zeros((50, 2))).driven
    True
    """
    agent, x = instance("controller", controller, Controller), finite(x, "x")
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"x: expected shape (T, 2), got {tuple(x.shape)}")
    rnn = nn.RNN(agent.W_x.shape[1], agent.units, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(agent.W_h)
        rnn.weight_ih_l0.copy_(agent.W_x)
        rnn.bias_ih_l0.copy_(agent.b)
        rnn.bias_hh_l0.zero_()
    return ModuleMap(rnn, agent.observe(x))
