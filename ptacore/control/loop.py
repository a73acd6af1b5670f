"""Agent and plant as one system: the map of their joint state."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.checks import choice, finite, floating, instance, integer, of_step, to_tensor
from ptacore.control.agents import Agent, EffectiveAgent, RankOneAgent
from ptacore.control.plants import LinearPlant, Plant
from ptacore.control.powers import response, rows_of_powers
from ptacore.control.scan import scan
from ptacore.models.system import System

AGENTS = (Agent, RankOneAgent, EffectiveAgent)


class ClosedLoop(System):
    """The map (x, h) -> (x', h') of a plant and the agent that controls it.

    The plant moves by the controls u = z h, x' = F(x, u); the agent sees y' = C x' and moves, too. The agent's weights
    are copied.

    Parameters
    ----------
    agent : Agent, RankOneAgent or EffectiveAgent
    plant : Plant
    reference : array (r,) or (T, r), optional
        Input of the agent besides the observation: constant, or for each step. A loop with the latter is driven, and
        can be followed for T steps.
    dtype : torch.dtype

    Attributes
    ----------
    plant_dim : int
        The state's first entries are the plant's, the others the agent's.

    Raises
    ------
    TypeError, ValueError
        If agent, plant and reference do not fit.

    Examples
    --------
    >>> from ptacore.control import ClosedLoop, DoubleIntegrator, RankOneAgent
    >>> loop = ClosedLoop(RankOneAgent.drawn(units=100, zm=-0.02), DoubleIntegrator())
    >>> loop.dim, bool(loop.eigenvalues()[0].abs() > 1)
    (102, True)
    """

    kind = "map"

    def __init__(self, agent, plant: Plant, reference=None, dtype: torch.dtype = torch.float64):
        self.plant, self.dtype = instance("plant", plant, Plant), floating("dtype", dtype)
        width = check_fit(agent, plant)
        with torch.no_grad():
            self.W, self.m, self.z = (w.detach().cpu().to(dtype, copy=True) for w in agent.weights())
        self.phi, self.leak = agent.phi, agent.leak
        self.plant_dim, self.dim = plant.dim, plant.dim + agent.units
        reference = finite(torch.zeros(width) if reference is None else reference, "reference")
        self.reference = reference.to(dtype, copy=True)
        if self.reference.ndim not in (1, 2) or self.reference.shape[-1] != width or len(self.reference) < width:
            raise ValueError(f"reference: expected shape ({width},) or (T, {width}), got {tuple(self.reference.shape)}")

    @property
    def driven(self):
        return self.reference.ndim == 2

    @property
    def steps(self):
        return len(self.reference) if self.driven else None

    def at(self, t):
        if not self.driven:
            return self
        frozen = copy.copy(self)
        frozen.reference = of_step("reference", self.reference, t)
        return frozen

    def split(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The plant's and the agent's part of a state."""
        return s[..., : self.plant_dim], s[..., self.plant_dim :]

    def control(self, s: Tensor) -> Tensor:
        """What the agent does in a state: (..., n) -> (..., p)."""
        return self.split(s)[1] @ self.z.mT

    def _drive(self, x: Tensor, h: Tensor) -> Tensor:
        y = self.plant.observe(x)
        seen = torch.cat([y, self.reference.expand(*y.shape[:-1], -1)], -1)
        return h @ self.W.mT + seen @ self.m.mT

    def __call__(self, s):
        x, h = self.split(s)
        x = self.plant(x, h @ self.z.mT)
        new = self._drive(x, h)
        new = new if self.phi == "identity" else new.tanh()
        return torch.cat([x, torch.lerp(h, new, self.leak)], -1)

    def jacobian(self, s):
        x, h = self.split(s)
        u = h @ self.z.mT
        A, B = self.plant.jacobians(x, u)
        P = joint_matrix(A, B, self.plant.C.to(s), self.W, self.m, self.z)
        upper, lower = P[..., : self.plant_dim, :], P[..., self.plant_dim :, :]
        if self.phi == "tanh":
            lower = (1 - self._drive(self.plant(x, u), h).tanh() ** 2)[..., None] * lower
        keep = torch.eye(len(self.W), self.dim, dtype=s.dtype).roll(self.plant_dim, 1)
        return torch.cat([upper, torch.lerp(keep.expand_as(lower), lower, self.leak)], -2)

    def eigenvalues(self, s=None) -> Tensor:
        """Eigenvalues of the loop's Jacobian, largest modulus first: (n,); at rest in the origin unless told.

        Notes
        -----
        Where agent and plant are linear they do not depend on the state, and the logarithms of their moduli are the
        loop's Lyapunov exponents per step.
        """
        s = torch.zeros(self.dim, dtype=self.dtype) if s is None else self.as_state(s, "s")
        values = torch.linalg.eigvals(self.at(0).jacobian(s))
        return values[values.abs().argsort(descending=True)]

    def __repr__(self):
        return f"ClosedLoop({type(self.plant).__name__}, dim={self.dim})"


def joint_matrix(A: Tensor, B: Tensor, C: Tensor, W: Tensor, m: Tensor, z: Tensor) -> Tensor:
    """Matrix of the linear loop before phi and leak, [[A, B z], [m C A, W + m C B z]], (..., d + N, d + N)."""
    seen = m[:, : len(C)] @ C  # (N, d)
    Bz = B @ z
    upper = torch.cat([A, Bz], -1)
    return torch.cat([upper, torch.cat([seen @ A, W + seen @ Bz], -1)], -2)


class Rollout(NamedTuple):
    """What `rollout` returns.

    Attributes
    ----------
    x : Tensor (T + 1, B, d)
        The plant's states, the start first.
    u : Tensor (T, B, p)
        Controls.
    """

    x: Tensor
    u: Tensor


def rollout(agent, plant: Plant, x0, steps: int, reference=None, *, backend: str = "auto") -> Rollout:
    """A plant under control from h = 0, differentiable by the agent's weights and by x0.

    Parameters
    ----------
    agent : Agent, RankOneAgent or EffectiveAgent
    plant : Plant
    x0 : array (B, d)
        Starts of the plant.
    steps : int
        Horizon T, at least 1.
    reference : Tensor (T, B, r), optional
        Input of the agent besides the observation, at each step.
    backend : {"auto", "powers", "scan", "autograd"}
        "powers" takes all steps at once, from powers of the joint matrix: linear plants without walls, linear agents.
        "scan" takes them as one node of the graph, with a backward pass written by hand: the same plants, and agents
        that are linear or have no leak. "autograd" is a plain loop; "auto" takes the first of these that can.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, the batch is empty, or the horizon is not a positive whole number.

    Examples
    --------
    >>> from ptacore.control import Agent, DoubleIntegrator, rollout
    >>> x, u = rollout(Agent.regulator(units=8), DoubleIntegrator(), torch.ones(5, 2), steps=3)
    >>> x.shape, u.shape
    (torch.Size([4, 5, 2]), torch.Size([3, 5, 1]))
    """
    width, steps = check_fit(agent, plant), integer("steps", steps, 1)
    dtype = next(agent.parameters()).dtype
    x0 = to_tensor(x0, "x0", dtype)
    if x0.ndim != 2 or x0.shape[1] != plant.dim or len(x0) == 0:
        raise ValueError(f"x0: expected shape (B, {plant.dim}) with B >= 1, got {tuple(x0.shape)}")
    if reference is not None or width:
        shape = (steps, len(x0), width)
        reference = to_tensor(torch.empty(0) if reference is None else reference, "reference", dtype)
        if reference.shape != shape or not width:
            raise ValueError(f"reference: expected shape {shape}, got {tuple(reference.shape)}")
    choice("backend", backend, ("auto", *BACKENDS))
    free = isinstance(plant, LinearPlant) and plant.bound is None
    fits = {"powers": free and agent.linear, "scan": free and (agent.linear or agent.leak == 1), "autograd": True}
    chosen = next(name for name, fit in fits.items() if fit) if backend == "auto" else backend
    if not fits[chosen]:
        raise ValueError(f"backend: {chosen} {BACKENDS[chosen]}")
    take = {"powers": _by_powers, "scan": _by_scan, "autograd": _step_by_step}[chosen]
    return take(agent, plant, x0, steps, reference)


BACKENDS = {
    "powers": "needs a linear plant without walls, and a linear agent",
    "scan": "needs a linear plant without walls, and an agent that is linear or has no leak",
    "autograd": "takes all",
}


def _matrix(agent, plant) -> tuple[Tensor, Tensor, int]:
    """The joint matrix with the leak of a linear agent, the rows of controls and plant, the plant's dimension."""
    W, m, z = agent.effective_weights()
    A, B, C = (w.to(W) for w in (plant.A, plant.B, plant.C))
    P, d = joint_matrix(A, B, C, W, m, z), len(A)
    if agent.leak != 1:
        keep = torch.eye(len(P), dtype=P.dtype)
        P = torch.cat([P[:d], torch.lerp(keep[d:], P[d:], agent.leak)])
    rows = torch.cat([torch.cat([z.new_zeros(len(z), d), z], 1), torch.eye(d, len(P), dtype=P.dtype)])
    return P, rows, d


def _by_powers(agent, plant, x0, steps, reference) -> Rollout:
    """All steps at once, from powers of the joint matrix."""
    P, rows, d = _matrix(agent, plant)
    out = rows_of_powers(rows, P, steps + 1)[..., :d] @ x0.mT  # (T + 1, p + d, B)
    if reference is not None:
        D = agent.leak * agent.effective_weights()[1][:, plant.observations :]
        D = torch.cat([D.new_zeros(d, D.shape[1]), D])
        out = out + torch.cat([torch.zeros_like(out[:1]), response(rows, P, D, reference.mT)])
    p = len(rows) - d
    return Rollout(out[:, p:].mT, out[:-1, :p].mT)


def _by_scan(agent, plant, x0, steps, reference) -> Rollout:
    """Step after step, as one node of the graph."""
    P, rows, d = _matrix(agent, plant)
    p = len(rows) - d
    drive = None
    if reference is not None:
        drive = agent.leak * (agent.effective_weights()[1][:, plant.observations :] @ reference.mT)  # (T, N, B)
    start = torch.cat([x0.mT, x0.new_zeros(len(P) - d, len(x0))])
    out = scan(torch.cat([rows[:p], P]), start, steps, p, d, not agent.linear, drive)  # (T + 1, p + d, B)
    return Rollout(out[:, p:].mT, out[1:, :p].mT)


def _step_by_step(agent, plant, x0, steps, reference) -> Rollout:
    h = x0.new_zeros(len(x0), agent.units)
    x, states, controls = x0, [x0], []
    for t in range(steps):
        u = agent.act(h)
        x = plant(x, u)
        seen = plant.observe(x)
        h = agent.step(h, seen if reference is None else torch.cat([seen, reference[t]], -1))
        states.append(x)
        controls.append(u)
    return Rollout(torch.stack(states), torch.stack(controls))


def check_fit(agent, plant: Plant) -> int:
    """The width of the reference that an agent takes besides the plant's observation; errors where they do not fit."""
    instance("agent", agent, AGENTS)
    instance("plant", plant, Plant)
    with torch.no_grad():
        _, m, z = agent.effective_weights()
    if len(z) != plant.controls:
        raise ValueError(f"agent: expected {plant.controls} controls, as the plant takes, got {len(z)}")
    if m.shape[1] < plant.observations:
        raise ValueError(f"agent: expected at least {plant.observations} inputs, as the plant shows, got {m.shape[1]}")
    return m.shape[1] - plant.observations
