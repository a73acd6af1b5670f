"""Shooting: the map from a state to the one a period later, its derivative, and Newton's method on what it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ptacore.dynamics.floquet import product
from ptacore.dynamics.integrate import check_path, step, step_tangent
from ptacore.models.system import System

ABOUT = 0.2  # of a period: one that is further from the guess is another orbit's
NATS = 8.0  # by how much a direction may shrink (logarithm) before the tangent vectors are made orthonormal again


@dataclass(frozen=True)
class Clock:
    """When a step is taken: the drive repeats itself after `cycle` steps; None for an autonomous system."""

    t0: float = 0.0
    cycle: int | None = None

    def time(self, i: int, h: float) -> float:
        """Time of step i; never beyond the first period of the drive, which may not be known further."""
        return self.t0 if self.cycle is None else self.t0 + (i % self.cycle) * h

    def finer(self, factor: int) -> Clock:
        return Clock(self.t0, None if self.cycle is None else factor * self.cycle)


class Rescaled(System):
    """A system whose components are measured in units of their own (n,)."""

    def __init__(self, system: System, units: Tensor):
        self.system, self.units = system, units
        self.dim, self.kind, self.dtype, self.device = system.dim, system.kind, system.dtype, system.device

    @property
    def driven(self):
        return self.system.driven

    def at(self, t):
        return Rescaled(self.system.at(t), self.units)

    def __call__(self, x):
        return self.system(x * self.units) / self.units

    def jacobian(self, x):
        return self.system.jacobian(x * self.units) * self.units / self.units[:, None]

    def jvp(self, x, V):
        F, K = self.system.jvp(x * self.units, V * self.units[:, None])
        return F / self.units, K / self.units[:, None]

    def orbit(self, x, skipped, steps, dt, told=None):
        states = self.system.orbit(x * self.units, skipped, steps, dt, told)
        return None if states is None else states / self.units


def units_of(path: Tensor) -> Tensor:
    """Units (n,) in which the components of a path move about as far; ones where they do so within two decades.

    They are powers of two, so that a change of units rounds nothing. A component that does not move has the largest.
    """
    span = path.amax(0) - path.amin(0)
    most = span.max()
    span = torch.where(span > 1e-9 * most, span, most)
    if not most > 0 or span.min() > 0.01 * most:
        return torch.ones_like(span)
    return torch.exp2(span.log2().round())


def follow(system: System, x: Tensor, steps: int, h: float, clock: Clock) -> Tensor:
    """States (steps + 1, n) at steps of h from x; where they leave the finite numbers, there may be fewer."""
    compiled = None if system.driven else system.orbit(x, 0, steps, h)
    if compiled is not None:
        return compiled
    states = [x]
    for i in range(steps):
        states.append(step(system, states[-1], clock.time(i, h), h))
    return torch.stack(states)


def settle(system: System, x: Tensor, steps: int, h: float, clock: Clock) -> Tensor:
    """The state after some steps, a whole number of the drive's periods."""
    piece = (clock.cycle or 1) * math.ceil(256 / (clock.cycle or 1))
    for i in range(0, steps, piece):
        path = follow(system, x, min(piece, steps - i), h, clock)
        check_path(path, h, clock.t0 + i * h)
        x = path[-1]
    return x


def pieces(system: System, path: Tensor, h: float, clock: Clock) -> tuple[Tensor, Tensor]:
    """Tangent maps (S, n, n) over pieces of the path, whose product is that over all of it, and where pieces end."""
    n, steps = path.shape[-1], len(path) - 1
    eye = torch.eye(n, dtype=path.dtype, device=path.device)
    size = _piece_size(system, path, h, clock)
    chunk = size * max(1, 2**21 // (size * n * n))  # what is held in memory at once
    products = []
    for first in range(0, steps, chunk):
        x = path[first : min(first + chunk, steps)]
        if clock.cycle is None:
            A = step_tangent(system, x, eye.expand(len(x), n, n), clock.t0, h)[1]
        else:
            A = torch.stack([step_tangent(system, s, eye, clock.time(first + i, h), h)[1] for i, s in enumerate(x)])
        A = torch.cat([A, eye.expand(-len(x) % size, n, n)]).reshape(-1, size, n, n)
        P = A[:, 0]
        for i in range(1, size):
            P = A[:, i] @ P
        products.append(P)
    P = torch.cat(products)
    ends = (torch.arange(len(P) + 1, device=path.device) * size).clamp(max=steps)
    return P, ends


def _piece_size(system: System, path: Tensor, h: float, clock: Clock) -> int:
    """Steps over which no direction shrinks by more than about exp(NATS) against another."""
    if system.kind == "map":
        return 1
    steps = len(path) - 1
    some = range(0, steps, max(1, steps // 32))
    J = torch.stack([system.at(clock.time(i, h)).jacobian(path[i]) for i in some]).abs()
    rate = (J.sum(-1).amax(-1) * J.sum(-2).amax(-1)).sqrt().max().item()  # bounds the spectral norm
    return max(1, min(steps, 64, int(NATS / (rate * h)) if rate * h * 64 > NATS else 64))


class LeastNorm:
    """Solves A y = r by the singular values of A above a threshold: the shortest y, and what no y can reach."""

    def __init__(self, A: Tensor):
        self.device, self.dtype = A.device, A.dtype
        self.U, self.sizes, self.Vh = torch.linalg.svd(A.double().cpu())

    def __call__(self, r: Tensor, threshold: float, limit: float = math.inf) -> tuple[Tensor, float, float]:
        """The solution, and the sizes of the parts of r that were used and left; no part may move y by over limit."""
        parts = self.U.T @ r.double().cpu()
        used = (self.sizes > threshold) & (parts.abs() <= limit * self.sizes)
        y = self.Vh.T @ torch.where(used, parts / self.sizes.clamp(min=torch.finfo(torch.float64).tiny), 0.0)
        return y.to(self.device, self.dtype), parts[used].norm().item(), parts[~used].norm().item()

    def null(self, threshold: float) -> Tensor:
        """Unit vectors (d, n) that A carries to nothing above the threshold."""
        return self.Vh[self.sizes <= threshold].to(self.device, self.dtype)


@dataclass(frozen=True)
class Shot:
    """A path that closes.

    Attributes
    ----------
    period, h : float
        Its duration, and the step.
    path : Tensor (N + 1, n)
        Its states.
    P, ends, M
        Tangent maps over pieces of it, where they end, and their product.
    null : Tensor (d, n)
        Directions in which the map of the state to the one a period later cannot be told from the identity.
    period_error, matrix_error : float
        What halving the step changes in the period, and in M: estimates of their error.
    """

    period: float
    h: float
    path: Tensor
    P: Tensor = field(repr=False)
    ends: Tensor = field(repr=False)
    M: Tensor
    null: Tensor
    period_error: float
    matrix_error: float


class Shooting:
    """Newton's method on a state and, for an autonomous flow, the time after which it comes back.

    Solves x(T; x) = x, with the phase fixed by (x - x_ref) . F(x_ref) = 0 where T is free. A singular value of the
    linear equations below the error of the tangent map is taken for zero, and then the step is the shortest: where
    periodic orbits come in families, Newton's method ends on the member next to where it started.
    """

    def __init__(self, system: System, clock: Clock, extent: float, tolerance: float):
        self.system, self.clock, self.extent, self.tolerance = system, clock, extent, tolerance
        self.free = system.kind == "flow" and clock.cycle is None

    def path(self, x: Tensor, steps: int, period: float, finer: int = 1) -> Tensor:
        h = 1.0 if self.system.kind == "map" else period / (finer * steps)
        return follow(self.system, x, finer * steps, h, self.clock.finer(finer))

    def close(self, x: Tensor, steps: int, period: float) -> Shot | None:
        """The closed path near x, of about this period; None where Newton's method does not find one."""
        reference, guess = x, period
        direction = _unit(self.system.at(self.clock.t0)(x))
        if self.free:
            period = self._aimed(x, direction, steps, period)
        errors = None
        for _ in range(20):  # a few steps are enough where it converges
            if not (abs(period - guess) <= ABOUT * guess and (x - reference).norm() <= self.extent):
                return None
            path = self.path(x, steps, period)
            gap = path[-1] - x
            if not torch.isfinite(gap).all():
                return None
            h = period / steps
            P, ends = pieces(self.system, path, h, self.clock)
            M = product(P)
            if not torch.isfinite(M).all():
                return None
            solve, speed = self._equations(path, M, direction)
            right = torch.cat([-gap, (direction @ (reference - x))[None]]) if self.free else -gap
            rounding = 8 * torch.finfo(x.dtype).eps * (math.sqrt(steps) + M.norm().item())
            floor = rounding * path.norm(dim=-1).max().item()
            goal = max(self.tolerance * self._scale(path, speed, period), floor)
            if errors is None and solve.sizes[-1] < 1e-3:
                errors = self._errors(path, period, M)
            drift, matrix_error = errors or (0.0, 0.0)
            zero = 4 * matrix_error + rounding
            blurred = zero + 10 * (drift + gap.norm().item()) / self.extent  # for not on the orbit yet
            y, used, left = solve(right, blurred, 0.3 * self.extent)
            if used <= goal < left:  # only what is nearly singular is left
                blurred = zero
                y, used, left = solve(right, zero, self.extent)
            if used <= goal:
                if left > max(goal, 4 * drift):
                    return None
                zero = zero + 10 * (drift + goal) / self.extent
                null = solve.null(zero)[:, : self.system.dim]
                period_error = self._period_error(solve, zero, x, steps, period, path, speed)
                return Shot(period, h, path, P, ends, M, null, period_error, matrix_error)
            x = x + y[: self.system.dim]
            period = period + y[-1].item() / speed if self.free else period
        return None

    def _scale(self, path: Tensor, speed: float, period: float) -> float:
        """What the tolerance is relative to."""
        return min(self.extent, speed * period) if self.free else path.norm(dim=-1).max().item()

    def _aimed(self, x: Tensor, direction: Tensor, steps: int, period: float) -> float:
        """The time at which the path from x meets the plane through x again, near the guess."""
        guess = period
        for _ in range(2):
            end = self.path(x, steps, period)[-1]
            toward = direction @ self.system(end)
            change = (direction @ (x - end) / toward).item()
            if not (toward > 0 and abs(period + change - guess) <= ABOUT * guess):
                return guess
            period += change
        return period

    def _equations(self, path: Tensor, M: Tensor, direction: Tensor) -> tuple[LeastNorm, float]:
        """Newton's linear equations, in units of the state, and the speed at the path's end (0 where T is given)."""
        n = self.system.dim
        D = M - torch.eye(n, dtype=M.dtype, device=M.device)
        if not self.free:
            return LeastNorm(D), 0.0
        velocity = self.system(path[-1])
        A = M.new_zeros(n + 1, n + 1)
        A[:n, :n], A[:n, n], A[n, :n] = D, _unit(velocity), direction
        return LeastNorm(A), velocity.norm().item()

    def errors(self, shot: Shot) -> tuple[float, float]:
        """What halving the step changes in the last state and in M; nothing for a map."""
        return self._errors(shot.path, shot.period, shot.M)

    def _errors(self, path: Tensor, period: float, M: Tensor) -> tuple[float, float]:
        if self.system.kind == "map":
            return 0.0, 0.0
        steps = len(path) - 1
        half = self.path(path[0], steps, period, finer=2)
        P, _ = pieces(self.system, half, period / (2 * steps), self.clock.finer(2))
        changes = (half[-1] - path[-1]).norm().item(), (product(P) - M).norm().item()
        return tuple(change if math.isfinite(change) else math.inf for change in changes)

    def _period_error(self, solve, zero, x, steps, period, path, speed) -> float:
        if not self.free:
            return 0.0
        change = self.path(x, steps, period, finer=2)[-1] - path[-1]
        if not torch.isfinite(change).all():
            return math.inf
        return abs(solve(torch.cat([-change, change.new_zeros(1)]), zero)[0][-1].item()) / speed


def _unit(v: Tensor) -> Tensor:
    return v / v.norm().clamp(min=torch.finfo(v.dtype).tiny)
