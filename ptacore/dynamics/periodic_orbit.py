"""Periodic orbits: period, monodromy matrix and Floquet multipliers by shooting (Section 2.7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ptacore.checks import refuse_tangents, within
from ptacore.dynamics import floquet
from ptacore.dynamics.integrate import check_path, start_of, step, step_count, step_size
from ptacore.dynamics.shooting import Clock, Rescaled, Shooting, Shot, follow, pieces, settle, units_of
from ptacore.models.module_map import as_system
from ptacore.models.system import System

PATHS = 4  # pieces of the trajectory that are searched
TRIES = 16  # returns of one of them from which Newton's method is started
PERIOD_ERROR = 0.01  # relative error from which on a period is refused
STEP_ERROR = 1e-3  # error of one step, relative to the path's extent, that explains why no orbit was found


class ConvergenceError(RuntimeError):
    """An iteration did not find what it looked for."""


@dataclass(frozen=True)
class PeriodicOrbit:
    """What `periodic_orbit` returns. It may be handed over as x0 to all that goes on from a state and its time.

    Attributes
    ----------
    period : float
        T, in units of time: for a driven system a whole multiple of the drive's period, for a map a number of steps.
    t, x : Tensor (N + 1,), (N + 1, n)
        One period, first and last state equal up to `residual`.
    monodromy : Tensor (n, n)
        dx(T)/dx(0): the sensitivity over one period.
    multipliers : Tensor (n,)
        Floquet multipliers, the eigenvalues of the monodromy matrix, complex, largest modulus first. Without a drive
        one of a flow's is 1 (along the cycle, Eq. 18). Those below the smallest number are 0: see `exponents`.
    residual : float
        Distance between first and last state.
    exponents : Tensor (n,)
        Lyapunov exponents of the orbit, log |multiplier| / period, right also where the multiplier is far below the
        rounding error of the monodromy matrix. -inf where one step of a map is singular to rounding.
    stable : bool or None
        Whether all multipliers but the one along the flow are inside the unit circle; False if one is outside; None if
        one cannot be told from the unit circle, as in a family.
    family : int
        Dimension of the family of periodic orbits to which this one belongs, phase not counted: 0 if it is isolated.
        There is one for each conserved quantity, symmetry, or free phase of a torus of commensurate cycles.
    reached : bool
        Whether the trajectory from x0 comes to this orbit, or stays on it, within what was computed of it. If not, the
        orbit is another one, such as one of the unstable orbits in chaos.
    period_error : float
        Estimate of the period's error from the steps' length: what halving the step would change.
    """

    period: float
    t: Tensor
    x: Tensor
    monodromy: Tensor
    multipliers: Tensor
    residual: float
    exponents: Tensor
    stable: bool | None
    family: int
    reached: bool
    period_error: float

    @property
    def state(self) -> Tensor:
        """The first state (n,)."""
        return self.x[0]

    @property
    def time(self) -> float:
        """The time of the first state."""
        return self.t[0].item()


def periodic_orbit(
    system: System,
    x0,
    dt: float | None = None,
    *,
    transient: float,
    longest: float,
    tolerance: float = 1e-10,
    period: float | None = None,
    t0: float | None = None,
) -> PeriodicOrbit:
    """The periodic orbit that x0 leads to, found by Newton's method on its state and period together.

    The orbit of an autonomous flow is a cycle: its period is unknown, its phase free. That of a driven system has the
    drive's period or a multiple of it (a subharmonic), that of a map a whole number of steps, 1 at a fixed point. The
    guesses are the times at which the trajectory comes back near its start, the closest returns first. What Newton's
    method finds is checked: it is not a point of rest, its velocity comes back, its period is the shortest, and it is
    where x0 leads to; otherwise the search goes on, and ends with `PeriodicOrbit.reached` False if there is no better.

    Where orbits come in families, the member next to x0 is found. With a fixed step a conserved quantity drifts; the
    orbit then closes up to that drift only, which `residual` shows.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or a map.
    x0 : array (n,) or earlier result
        A state in the orbit's basin.
    dt : float
        Time step, shortened so that a whole number of steps makes a period; may be left out for maps. A relaxation
        oscillation needs steps that resolve its jumps: see `PeriodicOrbit.period_error`.
    transient : float
        Time to settle on the orbit before the search; for a driven system it is rounded up to whole periods.
    longest : float
        Longest period to look for.
    tolerance : float
        Largest residual accepted, relative to the orbit's extent or to the distance that its first velocity covers in
        a period, whichever is less; for a map or a driven system, relative to its states. Rounding and the drift of
        a family set lower limits.
    period : float, optional
        Period of the drive, for a system that depends on time. What the system is outside [t0, t0 + period) is not
        asked for: an input that has been sampled over one period is taken to repeat itself.
    t0 : float, optional
        Time at x0, and the drive's phase at the orbit's first state; 0, or that of the earlier result.

    Returns
    -------
    PeriodicOrbit

    Raises
    ------
    ValueError
        If an argument is not valid, or the system is driven and `period` is missing or not its drive's.
    DivergenceError
        If the state overflows.
    ConvergenceError
        If none is found within `longest`: x0 leads to a fixed point of a flow, say. If the steps are too long to
        know the period to 1% and the multipliers to 5%; the message says which are not.

    Examples
    --------
    >>> from ptacore.models import TanhRateFlow
    >>> rotation = torch.tensor([[0.6, -0.8], [0.8, 0.6]])        # cos(theta) = 0.6
    >>> weak = TanhRateFlow(1.05 / 0.6 * rotation)                # just above Hopf: frequency near tan(theta)
    >>> cycle = periodic_orbit(weak, [0.3, 0.0], dt=0.05, transient=100.0, longest=10.0)
    >>> round(2 * torch.pi / cycle.period, 1), abs(cycle.multipliers[0] - 1).item() < 1e-6, cycle.stable
    (1.3, True, True)

    A driven system, whose period is that of its drive:

    >>> from ptacore import System
    >>> pushed = System.from_function(lambda x, t: -x + math.cos(t), dim=1, kind="flow")
    >>> orbit = periodic_orbit(pushed, [0.0], 0.05, transient=50.0, longest=7.0, period=2 * math.pi)
    >>> round(orbit.exponents.item(), 6), round(orbit.x[0].item(), 6)
    (-1.0, 0.5)
    """
    system = as_system(system)
    dt = step_size(system, dt)
    x0, t0 = start_of(x0, t0)
    x = system.as_state(x0)
    if x.ndim != 1:
        raise ValueError(f"x0: expected one state ({system.dim},), got {tuple(x.shape)}")
    tolerance = within("tolerance", tolerance, 0, 1)
    h, clock = dt, Clock(t0)
    if system.driven or period is not None:
        h, clock = _drive(system, x, dt, period, t0)
    least = clock.cycle or (8 if system.kind == "flow" else 1)
    skipped = step_count(transient, h, "transient", least=0)
    skipped = math.ceil(skipped / (clock.cycle or 1)) * (clock.cycle or 1)
    steps = step_count(longest, h, "longest", least=least)
    with torch.no_grad():
        refuse_tangents("x0", x)
        F = system.at(t0)(x)
        refuse_tangents("system", F)
        if F.ndim != 1:
            raise ValueError("system: expected one system, got a batch of weights")
        return _Search(system, h, clock, tolerance, longest).run(x, skipped, steps)


def _drive(system: System, x: Tensor, dt: float, period: float | None, t0: float) -> tuple[float, Clock]:
    """Step and clock of a driven system; refused where period is not that of the drive."""
    if not system.driven:
        raise ValueError(f"period: expected none, for the system does not depend on time, got {period!r}")
    if period is None:
        raise ValueError("period: expected the period of the drive, for the system depends on time, got none")
    period = within("period", period, 0, math.inf)
    if system.kind == "map" and period != int(period):
        raise ValueError(f"period: expected a whole number of steps, for the system is a map, got {period!r}")
    cycle = math.ceil(period / dt * (1 - 1e-12))
    generator = torch.Generator().manual_seed(0)
    around = torch.randn(8, len(x), generator=generator, dtype=torch.float64).to(x) * (x.norm() or 1.0)
    x = torch.cat([x[None], x + around])
    for i in range(min(cycle, 8)):
        t = t0 + (i if system.kind == "map" else (i + 0.37) / 8 * period)
        now = system.at(t)(x)
        try:
            later = system.at(t + period)(x)
        except ValueError:  # an input that ends: it is taken to repeat itself
            break
        finite = torch.isfinite(now) & torch.isfinite(later)
        change, size = (later - now)[finite].norm(), now[finite].norm()
        if change > max(1e-6, 1e3 * torch.finfo(x.dtype).eps) * size:
            raise ValueError(
                f"period: expected the period of the drive, got {period!r}; the system at t = {t:g} and at t + period "
                "is not the same"
            )
    return float(period) / cycle, Clock(t0, cycle)


class _Search:
    """The search along one path, and the checks of what it finds."""

    def __init__(self, system: System, h: float, clock: Clock, tolerance: float, longest: float):
        self.given, self.h, self.clock, self.tolerance, self.longest = system, h, clock, tolerance, longest
        self.free = system.kind == "flow" and clock.cycle is None

    def run(self, x: Tensor, skipped: int, steps: int) -> PeriodicOrbit:
        others = []
        for attempt in range(PATHS):  # each starts further on, nearer to where x0 leads
            x = settle(self.given, x, skipped, self.h, self.clock)
            path = follow(self.given, x, steps, self.h, self.clock)
            check_path(path, self.h, self.clock.t0)
            path = self._look_at(path)
            known = len(others)
            for returned, period in self._returns(path)[:TRIES]:
                if any(orbit.stable is False and abs(period - orbit.period) < 0.02 * period for orbit in others):
                    continue
                shot = self._verified(self.shooting.close(path[0], returned, period))
                if shot is None:
                    continue
                orbit = self._orbit(shot, path)
                if orbit.reached:
                    return orbit
                others.append(orbit)
                if len(others) == known + 2:
                    break
            if attempt >= 1 and not others:
                raise ConvergenceError(self._why_not(path))
            x, cycle = path[-1] * self.units, self.clock.cycle or 1
            skipped = -steps % cycle + math.ceil(steps / cycle) * cycle * (2**attempt - 1)
        return min(others, key=lambda orbit: orbit.stable is False)

    def _look_at(self, path: Tensor) -> Tensor:
        """The path in units in which its components move about as far; refused if it rests."""
        self.units = units_of(path)
        plain = bool((self.units == 1).all())
        self.system = self.given if plain else Rescaled(self.given, self.units)
        path = path / self.units
        size = path.norm(dim=-1).max().item()
        self.extent = _extent(path)
        if not self.free:
            self.extent = max(self.extent, size) or 1.0
        elif self.extent <= 64 * torch.finfo(path.dtype).eps * size:
            raise ConvergenceError("x0 leads to a fixed point, not to a periodic orbit")
        self.shooting = Shooting(self.system, self.clock, self.extent, self.tolerance)
        return path

    def _why_not(self, path: Tensor) -> str:
        quarters = [_extent(part) for part in path.chunk(4)]
        if self.free and quarters == sorted(quarters, reverse=True) and quarters[-1] < 0.5 * quarters[0]:
            return "x0 leads to a fixed point, not to a periodic orbit"
        error = self._step_error(path) / self.extent
        if error > STEP_ERROR:
            return _too_long(
                self.h, error / (0.01 * STEP_ERROR), f"one moves the state wrong by {100 * error:.2g}% of it"
            )
        return f"no periodic orbit found with a period of at most {self.longest:g}"

    def _step_error(self, path: Tensor) -> float:
        """How much a step of an autonomous flow differs from two halves of it, at most along the path."""
        if not self.free:
            return 0.0
        half = step(self.system, step(self.system, path, 0.0, self.h / 2), 0.0, self.h / 2)
        return (step(self.system, path, 0.0, self.h) - half).norm(dim=-1).max().item()

    def _returns(self, path: Tensor) -> list[tuple[int, float]]:
        """Steps and time after which the path is back near its start: first the closest returns, shortest first."""
        away = path[1:] - path[0]
        blur = 1e-6 * self.extent
        if self.free:
            velocity = self.system(path[0])
            speed = velocity.norm().item()
            height = (path - path[0]) @ velocity / speed
            crossed = (height[:-1] < 0) & (height[1:] >= 0)
            away = away - height[1:, None] * velocity / speed
            fraction = -height[:-1] / (height[1:] - height[:-1])
            stride = (path[1:] - path[:-1]).norm(dim=-1)
            near = away.norm(dim=-1) < 0.2 * self.extent + stride
            steps = (crossed & near).nonzero()[:, 0] + 1
            times = (steps - 1 + fraction[steps - 1]) * self.h
            blur = blur + (stride[steps - 1] ** 2).max().item() / self.extent if len(steps) else blur
        else:
            cycle = self.clock.cycle or 1
            steps = torch.arange(cycle, len(path), cycle, device=path.device)
            times = steps.double() * self.h
        misses = away[steps - 1].norm(dim=-1)
        near = misses <= max(blur, 10 * misses.min().item()) if len(steps) else misses > 0
        order = torch.cat([near.nonzero()[:, 0], (~near).nonzero()[:, 0]])
        return [(int(steps[i]), float(times[i])) for i in order]

    def _verified(self, shot: Shot | None) -> Shot | None:
        """The shot with its shortest period, if it is an orbit and not a point of rest."""
        if shot is None:
            return None
        if self.free:
            velocity = self.system(shot.path[[0, -1]])
            back = (shot.M @ velocity[0] - velocity[1]).norm() <= 0.05 * velocity[1].norm()
            if not back or _extent(shot.path) < 1e-4 * self.extent:
                return None
        for parts in (2, 3, 5, 7):
            shorter = self._part(shot, parts)
            if shorter is not None:
                return self._verified(shorter)
        return shot

    def _part(self, shot: Shot, parts: int) -> Shot | None:
        """The orbit closed after a part of its period, if it is."""
        steps = len(shot.path) - 1
        if not self.free and (steps // (self.clock.cycle or 1)) % parts:
            return None
        part = round(steps / parts)
        if part < 1:
            return None
        away = shot.path[part] - shot.path[0]
        blur = 1e-4 * self.extent
        if self.free:
            velocity = self.system(shot.path[0])
            stride = shot.h * velocity.norm().item()
            away = away - (away @ velocity) / (velocity @ velocity) * velocity
            blur += stride**2 / self.extent
            if (shot.path[part] - shot.path[0]).norm() > 2 * stride + blur:
                return None
        if away.norm() > blur:
            return None
        shorter = self.shooting.close(shot.path[0], part, shot.period / parts)
        near = shorter is not None and (shorter.path[0] - shot.path[0]).norm() <= 10 * blur
        return shorter if near else None

    def _orbit(self, shot: Shot, path: Tensor) -> PeriodicOrbit:
        system, x = self.system, shot.path
        if not shot.period_error <= PERIOD_ERROR * shot.period:
            raise ConvergenceError(_too_long(shot.h, shot.period_error / shot.period / (0.01 * PERIOD_ERROR),
                f"its period, {shot.period:.4g}, is known to {shot.period_error:.1g} only"))  # fmt: skip
        velocity = system(x[shot.ends]) if self.free else None
        size, phase = floquet.multipliers(shot.P, velocity, self._rounding(shot))
        if self.free:
            along = size[(size.abs() + phase.abs()).argmin()].item()
            if abs(along) > 0.05:
                raise ConvergenceError(_too_long(shot.h, abs(along) / 1e-3,
                    f"its multiplier along the flow is {math.exp(along):.3g}, not 1"))  # fmt: skip
        if system.kind == "flow":
            size = self._with_the_trace(size, shot)
        family = sum(self._is_shared(shot, direction) for direction in shot.null)
        stable = self._stable(shot, size, phase, family)
        steps = torch.arange(len(x), dtype=torch.float64, device=x.device)
        return PeriodicOrbit(
            period=shot.period,
            t=(self.clock.t0 + steps * shot.h).to(x.dtype),
            x=x * self.units,
            monodromy=shot.M * self.units[:, None] / self.units,
            multipliers=torch.polar(size.exp(), phase).to(x.device, x.dtype.to_complex()),
            residual=((x[-1] - x[0]) * self.units).norm().item(),
            exponents=(size / shot.period).to(x.device, x.dtype),
            stable=stable,
            family=family,
            reached=self._reached(path, x, stable),
            period_error=shot.period_error,
        )

    def _rounding(self, shot: Shot) -> Tensor | None:
        """What rounding of the states changes in a map's tangent maps."""
        if self.system.kind == "flow":
            return None
        beside = shot.path * (1 + 4 * torch.finfo(shot.path.dtype).eps)
        return pieces(self.system, beside, 1.0, self.clock)[0] - shot.P

    def _with_the_trace(self, size: Tensor, shot: Shot) -> Tensor:
        """Logarithms of multipliers whose sum is the integral of the divergence, as Liouville's formula says.

        In a direction that shrinks at a rate r, a step of Runge-Kutta errs by (r h)^5 / 120 in the logarithm: what is
        missing in the sum belongs to the directions that contract most.
        """
        integral = self._divergence(shot).sum().item() * shot.h
        missing = integral - size.sum().item()
        weight = (size / size.min()).clamp(min=0) ** 5 if size.min() < 0 else torch.zeros_like(size)
        if not math.isfinite(missing) or weight.sum() == 0:
            return size
        if (weight > 1e-3).sum() > 1 and abs(missing) > 0.05 * max(1.0, -size.min().item()):
            raise ConvergenceError(_too_long(shot.h, abs(missing) / max(1.0, -size.min().item()) / 1e-3,
                f"its exponents sum to {size.sum().item() / shot.period:.4g}, "
                f"but its mean divergence is {integral / shot.period:.4g}"))  # fmt: skip
        return size + missing * weight / weight.sum()

    def _divergence(self, shot: Shot) -> Tensor:
        """Divergence of the flow at the states of the orbit: (N,)."""
        x = shot.path[:-1]
        if self.clock.cycle is None:
            chunks = x.split(max(1, 2**21 // self.system.dim**2))
            J = [self.system.jacobian(chunk).diagonal(dim1=-2, dim2=-1).sum(-1) for chunk in chunks]
            return torch.cat(J).double().cpu()
        J = [self.system.at(self.clock.time(i, shot.h)).jacobian(s).trace() for i, s in enumerate(x)]
        return torch.stack(J).double().cpu()

    def _is_shared(self, shot: Shot, direction: Tensor) -> bool:
        """Whether there is a periodic orbit next to this one in the direction."""
        away = 0.01 * self.extent
        beside = shot.path[0] + away * direction
        other = self.shooting.close(beside, len(shot.path) - 1, shot.period)
        return other is not None and (other.path[0] - beside).norm().item() < 0.3 * away

    def _stable(self, shot: Shot, size: Tensor, phase: Tensor, family: int) -> bool | None:
        if self.free:
            along = int((size.abs() + phase.abs()).argmin())
            size = torch.cat([size[:along], size[along + 1 :]])
        margin = 1e-6
        if (size.abs() < 1e-3).any():
            margin = max(margin, 4 * (shot.matrix_error or self.shooting.errors(shot)[1]))
        if (size > margin).any():
            return False
        return None if family or (size > -margin).any() else True

    def _reached(self, path: Tensor, x: Tensor, stable: bool | None) -> bool:
        """Whether the path comes to the orbit, or ends on it: by its distance in each quarter."""
        cycle, stride = self.clock.cycle or 1, 0.0
        size = path.norm(dim=-1).max().item()
        if self.free:
            stride = (x[1:] - x[:-1]).norm(dim=-1).max().item()
        else:
            path, x = path[::cycle], x[::cycle]
        extent = max(_extent(path), _extent(x))
        quarters = [_distance(part, x, self.free) for part in path.tensor_split(4) if len(part)]
        near = stride**2 / extent if stride else 0.0  # lines between points cut corners
        if quarters[-1] <= 1e-4 * extent + near + 10 * self.tolerance * size + 1e3 * torch.finfo(x.dtype).eps * size:
            return True
        return stable is True and all(b < 0.999 * a for a, b in pairwise(quarters))


def _extent(path: Tensor) -> float:
    return (path - path[0]).norm(dim=-1).max().item()


def _distance(states: Tensor, x: Tensor, curve: bool) -> float:
    """Largest distance of some of the states from an orbit x, whose points are joined by lines if it is a curve."""
    states = states[:: max(1, len(states) // 256)]
    nearest = torch.cdist(states, x).argmin(-1)
    away = states - x[nearest]
    if curve:
        last = len(x) - 2
        sides = [x[(nearest + 1).clamp(max=last + 1)] - x[nearest], x[nearest] - x[(nearest - 1).clamp(min=0)]]
        best = away.norm(dim=-1)
        for side in sides:
            length = (side * side).sum(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
            part = ((away * side).sum(-1, keepdim=True) / length).clamp(-1, 1)
            best = torch.minimum(best, (away - part * side).norm(dim=-1))
        return best.max().item()
    return away.norm(dim=-1).max().item()


def _too_long(h: float, excess: float, what: str) -> str:
    shorter = h / min(max(excess**0.25, 2.0), 16.0)
    return f"dt: the steps of {h:.3g} are too long for this orbit: {what}; take dt = {shorter:.1g} or less"
