"""What a 2 x 2 block does, and how that is known: the certified phase diagrams of Fig. 5A-B."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ptacore.checks import finite, integer, to_tensor
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.dynamics.spectrum import bump
from ptacore.kernels import orbits
from ptacore.models.gru import GRUFlow, GRUMap
from ptacore.models.oscillator import origin_exponent, oscillator
from ptacore.models.system import System

KINDS = (
    "stable origin",
    "fixed points",
    "locked orbit",
    "invariant circle",
    "limit cycle",
    "chaos",
    "unresolved",
)
ORIGIN, FIXED, LOCKED, CIRCLE, CYCLE, CHAOS, UNRESOLVED = range(len(KINDS))
TIME_STEP = {"tanh map": 1.0, "tanh flow": 0.05, "GRU map": 1.0, "GRU flow": 0.1}  # of a flow, 1/20 time constant
STARTS = ((0.11, 0.29), (0.02, 0.003), (0.97, 0.93))  # anywhere, near the origin, near a corner
CELLS = 4096  # whose histories are held in memory together


@dataclass(frozen=True)
class Certificates:
    """What `certify` returns: tensors of the shape (...) of the points (alpha, theta).

    Attributes
    ----------
    system : str
        Name of the system.
    alpha, theta : Tensor (...)
        Gain, and angle in radians.
    kind : Tensor (...), int
        Index into `KINDS`: what the orbit from the first start comes to.
    exponents : Tensor (..., 2)
        Lyapunov exponents per unit time (per step for maps), smoothly averaged.
    frequency : Tensor (...)
        Turns about the origin per unit time (per step for maps; times 2 pi: radians); exactly p/q for a locked
        orbit, 0 at fixed points; negative where theta turns the other way.
    period : Tensor (...)
        For a locked orbit in steps, for a limit cycle in units of time; nan for the others.
    multiplier : Tensor (...)
        For a fixed point or locked orbit of a map, the largest modulus of its Floquet multipliers; for a limit cycle
        the one that is not 1; for a fixed point of a flow, that of the flow over unit time. Below 1: stable. nan
        where there is none.
    residual : Tensor (...)
        How far the orbit misses itself after its period (|F| at a flow's fixed point); for an invariant circle, the
        difference of its frequency between the two halves of the window in which it is measured.
    copies : Tensor (...), int
        Number of attractors that quarter turns carry into each other (1, 2 or 4).
    bistable : Tensor (...), bool
        Whether another start leads to an attractor that is not one of those copies.
    """

    system: str
    alpha: Tensor
    theta: Tensor
    kind: Tensor
    exponents: Tensor
    frequency: Tensor
    period: Tensor
    multiplier: Tensor
    residual: Tensor
    copies: Tensor
    bistable: Tensor

    def is_kind(self, *names: str) -> Tensor:
        """Whether the kind is one of those named: (...), bool."""
        if unknown := [name for name in names if name not in KINDS]:
            raise ValueError(f"names: expected some of {', '.join(map(repr, KINDS))}, got {unknown[0]!r}")
        return torch.isin(self.kind, torch.tensor([KINDS.index(name) for name in names]))

    @property
    def oscillates(self) -> Tensor:
        """Whether the leading exponent is zero: an invariant circle or a limit cycle, and nothing else found."""
        return self.is_kind("invariant circle", "limit cycle") & ~self.bistable


def _undecided(exponents: Tensor) -> SimpleNamespace:
    """The fields of `Certificates` that are found, for points (m,) of which only the exponents are known yet."""
    m = len(exponents)
    period, multiplier, residual = torch.full((3, m), math.nan, dtype=exponents.dtype)
    return SimpleNamespace(
        kind=torch.full((m,), UNRESOLVED),
        exponents=exponents,
        frequency=torch.zeros_like(period),
        period=period,
        multiplier=multiplier,
        residual=residual,
        copies=torch.ones(m, dtype=torch.long),
        bistable=torch.zeros(m, dtype=torch.bool),
    )


def _invert(A: Tensor) -> Tensor:
    """Inverse of 2 x 2 matrices; not finite where there is none."""
    (a, b), (c, d) = A.movedim((-2, -1), (0, 1))
    rows = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return rows / (a * d - b * c)[..., None, None]


def _quarter(x: Tensor, k: int = 1) -> Tensor:
    """x (..., 2), turned by k quarters."""
    for _ in range(k):
        x = torch.stack([-x[..., 1], x[..., 0]], -1)
    return x


def _close(net: System, x: Tensor, period: int):
    """Newton's method for a point of period `period` of a map: x (m, 2) -> point, multiplier, residual, copies."""
    eye = torch.eye(2, dtype=x.dtype)
    for _ in range(8):
        y, V = x, eye.expand(len(x), 2, 2)
        for _ in range(period):
            y, V = net.jvp(y, V)
        step = (_invert(V - eye) @ (y - x)[..., None])[..., 0]
        x = torch.where(torch.isfinite(step).all(-1, keepdim=True), x - step.clamp(-0.1, 0.1), x)
    y, V = x, eye.expand(len(x), 2, 2)
    half = full = torch.full_like(x[:, 0], math.inf)
    for _ in range(period):
        y, V = net.jvp(y, V)
        half = torch.minimum(half, (y - _quarter(x, 2)).norm(dim=-1))
        full = torch.minimum(full, (y - _quarter(x, 1)).norm(dim=-1))
    copies = torch.where(full < 1e-6, 1, torch.where(half < 1e-6, 2, 4))
    return x, torch.linalg.eigvals(V).abs().amax(-1), (y - x).norm(dim=-1), copies


def _bump(steps: int) -> Tensor:
    """Weights of sum 1 for smooth averages."""
    weights = bump((torch.arange(steps, dtype=torch.float64) + 0.5) / steps)
    return weights / weights.sum()


def _gate(net: System) -> float:
    """c in the map x <- (1 - c) x + c tanh(c W x) and the flow dx/dt = c (-x + tanh(c W x))."""
    return 0.5 if isinstance(net, GRUMap | GRUFlow) else 1.0


def _average(net: System, x: Tensor, weights: Tensor, reference: Tensor | None = None):
    """Weighted means over a map's orbit from x (m, 2): its end, the mean |x|^2, the mean turn beyond a reference."""
    if orbits.available():
        return orbits.average(net.W, _gate(net), x, weights, reference)
    square, turned = torch.zeros_like(x).T
    c, s = (None, None) if reference is None else (reference.cos(), reference.sin())
    for w in weights.tolist():
        y = net(x)
        square = square + w * (y * y).sum(-1)
        if reference is not None:
            dot, cross = (x * y).sum(-1), x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]
            turned = turned + w * torch.atan2(cross * c - dot * s, dot * c + cross * s)
        x = y
    return x, square, turned


def _turning(net: System, x: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean angle (radians) by which a map turns its orbit in a step, in two windows of `steps`: x, first, second.

    Averaged as in `LyapunovSpectrum.smooth_exponents`. Angles count from the one by which the map turns at the origin,
    so that no branch cut is near.
    """
    J = net.jacobian(torch.zeros_like(x))
    reference = torch.atan2(J[..., 1, 0], J[..., 0, 0])
    x, _, first = _average(net, x, _bump(steps), reference)
    x, _, second = _average(net, x, _bump(steps), reference)
    return x, reference + first, reference + second


def _shortest_return(net: System, x: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Number of steps after which a map's orbit is back at x to 1e-7, or else nearest to it; and the distance."""
    if orbits.available():
        return orbits.shortest_return(net.W, _gate(net), x, longest, 1e-7)
    steps, nearest = torch.ones_like(x[:, 0], dtype=torch.long), torch.full_like(x[:, 0], math.inf)
    y = x
    for q in range(1, longest + 1):
        y = net(y)
        distance = (y - x).norm(dim=-1)
        better = (distance < nearest) & (nearest > 1e-7)
        steps, nearest = torch.where(better, q, steps), torch.where(better, distance, nearest)
    return steps, nearest


def _map_orbits(out: SimpleNamespace, net: System, x: Tensor, resolution: float, longest: int) -> None:
    """Fill `out` with what a map's orbits at x, on the attractor, are; locked ones up to the longest period."""
    x, first, second = _turning(net, x, 512)
    period, miss = _shortest_return(net, x, longest)
    leading = out.exponents[:, 0]
    out.kind[:] = torch.where(leading.abs() <= resolution, CIRCLE, UNRESOLVED)
    out.frequency[:], out.residual[:] = second / math.tau, (second - first).abs() / math.tau
    out.kind[out.kind == UNRESOLVED] = torch.where(leading > resolution, CHAOS, UNRESOLVED)[out.kind == UNRESOLVED]
    candidates = (miss < 1e-6) | ((leading < -resolution) & (miss < 1e-2))
    for q in period[candidates].unique().tolist():
        at = (candidates & (period == q)).nonzero()[:, 0]
        point, multiplier, residual, copies = _close(_part(net, at), x[at], q)
        good = (residual < 1e-10) & (multiplier < 1) & ((point - x[at]).norm(dim=-1) < 0.1)
        at, point = at[good], point[good]
        out.kind[at] = ORIGIN if q == 1 else LOCKED
        if q == 1:
            out.kind[at[point.norm(dim=-1) > 1e-6]] = FIXED
        out.period[at], out.frequency[at] = float(q), torch.round(out.frequency[at] * q) / q
        out.multiplier[at], out.residual[at], out.copies[at] = multiplier[good], residual[good], copies[good]
    fixed = (out.kind == ORIGIN) | (out.kind == FIXED)
    out.period[fixed], out.frequency[fixed] = math.nan, 0.0


def _part(net: System, at: Tensor) -> System:
    """The networks at some places of a batch of them."""
    part = copy.copy(net)
    part.W = net.W[at]
    return part


def _turn(net: System, s: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """A flow from radius exp(s) (m,) over the angles (N + 1, m), which are the steps of the integration (RK4).

    Returns log radius, time and the integral of the divergence over time, (3, m), and the time of each step, (N, m);
    nan where the flow does not turn on.
    """
    c = _gate(net)
    if orbits.available():
        return orbits.turn(net.W, c, s, angles)
    W, grid = net.W.movedim((-2, -1), (0, 1)).numpy(), angles.numpy()
    diagonal = c * np.stack([W[0, 0], W[1, 1]])

    def direction(phi):
        """The unit vector at each angle, and its image under c W: (N, 2, 2, m)."""
        e = np.stack([np.cos(phi), np.sin(phi)], 1)
        return np.stack([e, c * (W[:, 0] * e[:, None, 0] + W[:, 1] * e[:, None, 1])], 1)

    def rates(y, along):
        r, e = np.exp(y[0]), along[0]
        F = np.tanh(r * along[1])
        angular = (e[0] * F[1] - e[1] * F[0]) / r
        out = np.ones_like(y)
        out[0] = (e * F).sum(0) / r - 1
        out[2] = (diagonal * (1 - F * F)).sum(0) - 2
        out[1] /= c
        return out / np.where((angular > 0) & (r > 1e-300), angular, math.nan)  # one that hardly turns may shoot to 0

    d = np.diff(grid, axis=0)
    whole, half = direction(grid), direction(grid[:-1] + d / 2)
    y, times = np.stack([s.numpy(), 0 * s.numpy(), 0 * s.numpy()]), np.empty_like(d)
    with np.errstate(all="ignore"):
        for i, step in enumerate(d):
            k1 = rates(y, whole[i])
            k2 = rates(y + step / 2 * k1, half[i])
            k3 = rates(y + step / 2 * k2, half[i])
            k4 = rates(y + step * k3, whole[i + 1])
            change = step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            y, times[i] = y + change, change[1]
    return torch.from_numpy(y), torch.from_numpy(times)


def _spread(angles: Tensor, times: Tensor) -> Tensor:
    """As many angles, spread so that steps share out the angle and the time evenly: the flow may linger somewhere."""
    share = (times / times.sum(0) + 1 / len(times)) / 2
    passed = torch.cat([torch.zeros_like(share[:1]), share.cumsum(0)]).T.contiguous()  # (m, N + 1)
    wanted = torch.linspace(0, 1, len(angles), dtype=angles.dtype).expand_as(passed).contiguous()
    right = torch.searchsorted(passed, wanted).clamp(1, len(times))
    low, high = passed.gather(1, right - 1), passed.gather(1, right)
    part = ((wanted - low) / (high - low)).clamp(0, 1)
    return torch.lerp(angles.T.gather(1, right - 1), angles.T.gather(1, right), part).T


def _cycles(net: System, x: Tensor, steps: int):
    """Newton's method for cycles near x (m, 2), by their quarters: quarter's time, its divergence, residual, error.

    The error is how much the time changes, relatively, when the steps are halved.
    """
    grid = torch.linspace(0, 1, steps + 1, dtype=x.dtype)[:, None]
    start = torch.atan2(x[:, 1], x[:, 0]).remainder(math.pi / 2)
    s = _turn(net, x.norm(dim=-1).log(), start + (math.pi / 2 - start) * grid)[0][0]
    angles = (math.pi / 2 * grid).expand(-1, len(x))
    for _ in range(2):
        angles = _spread(angles, _turn(net, s, angles)[1])
    for _ in range(10):
        (end, time, divergence), _ = _turn(net, s, angles)
        if ((end - s).abs() < 1e-11).all():
            break
        s = s - ((end - s) / torch.expm1(divergence)).clamp(-0.5, 0.5)
    halves = torch.stack([angles[:-1], (angles[:-1] + angles[1:]) / 2], 1).flatten(0, 1)
    (end, finer, divergence), _ = _turn(net, s, torch.cat([halves, angles[-1:]]))
    return finer, divergence, (end.exp() - s.exp()).abs(), (time / finer - 1).abs()


def _flow_orbits(out: SimpleNamespace, net: System, x: Tensor) -> None:
    """Fill `out` with what a flow's orbits at x, on the attractor, are: fixed points, or cycles in four equal parts."""
    point = x
    for _ in range(30):
        step = (_invert(net.jacobian(point)) @ net(point)[..., None])[..., 0]
        point = torch.where(torch.isfinite(step).all(-1, keepdim=True), point - step.clamp(-0.1, 0.1), point)
    rate = torch.linalg.eigvals(net.jacobian(point)).real.amax(-1)
    residual = net(point).norm(dim=-1)
    rests = (residual < 1e-10) & (rate < 0) & ((point - x).norm(dim=-1) < 0.1)
    at_origin = point.norm(dim=-1) < 1e-6
    out.kind[:] = torch.where(rests, torch.where(at_origin, ORIGIN, FIXED), UNRESOLVED)
    out.multiplier[rests], out.residual[rests] = rate[rests].exp(), residual[rests]
    out.copies[rests & ~at_origin] = 4
    turning = (~rests).nonzero()[:, 0]
    for steps in (200, 800):  # the second for cycles that linger where fixed points are about to appear
        if not len(turning):
            break
        time, divergence, residual, error = _cycles(_part(net, turning), x[turning], steps)
        good = (residual < 1e-8) & (error < 1e-7) & (divergence < 0)
        at = turning[good]
        out.kind[at], out.residual[at] = CYCLE, residual[good]
        out.period[at], out.multiplier[at] = 4 * time[good], (4 * divergence[good]).exp()
        turning = turning[~good]
    cycle = out.kind == CYCLE
    out.frequency[cycle] = 1 / out.period[cycle]


def _follow(system: str, alpha: Tensor, theta: Tensor, start, steps: int, dt: float, progress: bool = False):
    """Smooth exponents (m, 2) and last states (m, 2) of points (m,) from a start, after a transient of a fifth."""
    start = to_tensor(start, "start", torch.float64).expand(len(alpha), 2)
    exponents, states = [], []
    with tqdm(total=len(alpha), disable=not progress, desc=system, unit="point") as bar:
        for a, t, x in zip(alpha.split(CELLS), theta.split(CELLS), start.split(CELLS), strict=True):
            spectrum = lyapunov_spectrum(
                oscillator(system, a, t), x, duration=steps * dt, transient=steps // 5 * dt, dt=dt, samples=250
            )
            exponents.append(spectrum.smooth_exponents)
            states.append(spectrum.state)
            bar.update(len(a))
    return torch.cat(exponents), torch.cat(states)


def _marks(system: str, alpha: Tensor, theta: Tensor, exponents: Tensor, x: Tensor, steps: int) -> Tensor:
    """A mean over each attractor that quarter turns do not change: it tells attractors from each other.

    It is the mean of |x|^2 over the orbit of a map, of the divergence over that of a flow. (The mean of a map's
    log |det J| has singularities on the orbit and converges slowly.)
    """
    net = oscillator(system, alpha, theta)
    if net.kind == "flow":
        return exponents.sum(-1)
    return _average(net, x, _bump(min(steps // 3, 4096)))[1]


def _bistable(system: str, alpha: Tensor, theta: Tensor, steps: int, first: Tensor | None = None) -> Tensor:
    """Whether other starts lead to attractors of another mark than the first, followed for longer if it seems so."""

    def marks(start):
        return _marks(system, alpha, theta, *_follow(system, alpha, theta, start, steps, TIME_STEP[system]), steps)

    slow = first is None
    first = marks(STARTS[0]) if slow else first
    different = torch.stack([(marks(start) - first).abs() > 2e-3 for start in STARTS[1:]]).any(0)
    at = different.nonzero()[:, 0]
    if not slow and len(at):
        different[at] = _bistable(system, alpha[at], theta[at], 16 * steps)
    return different


def _certify(system: str, alpha: Tensor, theta: Tensor, steps: int, patience: int, progress: bool) -> SimpleNamespace:
    """`certify` for points (m,)."""
    dt = TIME_STEP[system]
    exponents, x = _follow(system, alpha, theta, STARTS[0], steps, dt, progress)
    out = _undecided(exponents)
    net = oscillator(system, alpha, theta)
    if net.kind == "flow":
        _flow_orbits(out, net, x)
    else:
        _map_orbits(out, net, x, math.log(10) / steps, min(steps // 20, 4096))
    rate = origin_exponent(system, alpha, theta)
    leaving = (rate > 1e-12) & (rate * steps < 10)  # so slowly that the orbit still does what it does at onset
    out.kind[leaving & (out.kind == CIRCLE)] = UNRESOLVED
    decays = (rate <= 1e-12) & (x.norm(dim=-1) < 0.05)  # also where it decays too slowly to be seen to end
    out.kind[decays], out.frequency[decays], out.residual[decays] = ORIGIN, 0.0, 0.0
    out.multiplier[decays], out.period[decays], out.copies[decays] = rate[decays].exp(), math.nan, 1
    first = _marks(system, alpha, theta, exponents, x, steps // 4)
    out.bistable[:] = _bistable(system, alpha, theta, steps // 4, first)
    out.bistable[rate.abs() < 1e-9] = False  # at the bifurcation all decays algebraically, too slowly to tell
    if net.kind == "flow" and decays.any():  # the origin can be fast, up to 1 + alpha: there with smaller steps
        out.exponents[decays], _ = _follow(system, alpha[decays], theta[decays], x[decays], steps, dt / 5)
    unsure = ((out.kind == CHAOS) | (out.kind == UNRESOLVED)).nonzero()[:, 0]
    if patience and len(unsure):
        longer = _certify(system, alpha[unsure], theta[unsure], 8 * steps, patience - 1, progress)
        for name, column in vars(longer).items():
            getattr(out, name)[unsure] = column
    return out


def certify(system: str, alpha, theta, steps: int | None = None, progress: bool = False) -> Certificates:
    """What the 2 x 2 block of Eq. 19 does at given gains and angles, and the numbers that certify it (Fig. 5A-B).

    Each point is followed from three starts. Maps: an orbit is locked if Newton's method finds it as a stable orbit
    of some period up to a twentieth of the steps, an invariant circle if the leading exponent is zero within its
    resolution, ln(10) over the number of steps, and these are ten times as long as the orbit takes to leave the origin.
    Points that stay undecided are followed 8, then 64 times as long; so a circle is told where the origin's exponent is
    above 3e-5 per step, by default, and is unresolved nearer to onset.
    Flows: Newton's method finds the fixed point, or the cycle by its quarter, since a quarter turn maps these systems
    onto themselves; within some 2e-4 rad of the saddle-node curve, where periods grow beyond all bounds, a cycle may
    stay unresolved.

    Parameters
    ----------
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}
        As for `models.oscillator`.
    alpha : array (...)
        Gain, not negative.
    theta : array (...)
        Angle in radians; alpha and theta broadcast.
    steps : int, optional
        Steps over which exponents are averaged: by default 5,000 of a map, 10,000 of a flow (of 1/20 of its
        time constant each).
    progress : bool
        Show a progress bar.

    Returns
    -------
    Certificates

    Raises
    ------
    ValueError
        If there is no such system, or alpha, theta or steps is out of range.

    Examples
    --------
    >>> found = certify("tanh map", 1.2, [0.0, 1.0])
    >>> [KINDS[k] for k in found.kind.tolist()], found.copies.tolist()
    (['fixed points', 'invariant circle'], [4, 1])
    """
    alpha, theta = torch.broadcast_tensors(finite(alpha, "alpha"), finite(theta, "theta"))
    if not (alpha >= 0).all():
        raise ValueError("alpha: expected gains that are not negative")
    if alpha.numel() == 0:
        raise ValueError("alpha, theta: expected at least one point")
    flow = oscillator(system, 0.0, 0.0).kind == "flow"
    steps = (10_000 if flow else 5_000) if steps is None else integer("steps", steps, 1000)
    folded = theta.remainder(math.tau)  # an angle and its negative are mirror images
    folded = torch.minimum(folded, math.tau - folded)
    found = _certify(system, alpha.flatten(), folded.flatten(), steps, 0 if flow else 2, progress)
    found.frequency = torch.where(theta.sin() < 0, -1.0, 1.0).flatten() * found.frequency
    shaped = {name: column.reshape(alpha.shape + column.shape[1:]) for name, column in vars(found).items()}
    return Certificates(system, alpha.clone(), theta.clone(), **shaped)
