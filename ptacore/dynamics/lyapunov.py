"""Lyapunov spectra with standard errors (Eq. 15): joint integration of state and tangent vectors, QR."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import check_seed, choice, integer, within
from ptacore.dynamics.integrate import check_finite, start_of, step, step_count, step_size, step_tangent
from ptacore.dynamics.orthonormal import orthonormalize, orthonormalize_graded
from ptacore.dynamics.time_average import degrees_of_freedom, error_and_drift
from ptacore.kernels.tangents import advance_for
from ptacore.memory import foretell
from ptacore.models.module_map import as_system
from ptacore.models.system import System

LOW = 4  # dimensions in which rounding closes orbits within common runs


@dataclass(frozen=True)
class LyapunovSpectrum:
    """What `lyapunov_spectrum` returns.

    Attributes
    ----------
    exponents : Tensor (..., k)
        Lyapunov exponents per unit time (per step for maps), in the order of the QR columns, which is
        descending up to statistical error. -inf where the map is singular to rounding again and again: where what a
        step leaves of a direction does not stand out, in any row of the Jacobian, from the rounding of that row.
        Contraction that does is resolved, down to the smallest double.
    standard_error : Tensor (..., k)
        From the slowest waves in the growth, and the drift (``dynamics.time_average``); 0 beside -inf. inf where the
        window has a single sample, and where a warning says that the exponents are not the system's: the orbit
        stands on a kink of the map, or rounding has closed it on a cycle from which neighbours part.
    history : Tensor (M, ..., k)
        Running estimates: the exponents had the averaging stopped at each of `times`.
    times : Tensor (M,)
        Time since the start of the averaging.
    resolution : float
        ln(10) / averaging time: a smaller exponent changes no tangent vector by a factor of ten within the
        window, as the bounded swing of a tangent vector along a cycle may.
    confidence : float
        Level of the intervals by which exponents are counted.
    state : Tensor (..., n)
        State at the end, to go on from.
    backend : str
        "compiled" or "torch".
    time : float
        Time of `state`. The spectrum may be handed over in place of ``x0``: what follows starts at this state and time.
    drift : Tensor (..., k)
        What the exponents would seem to have in them of alignment that has not ended, or of algebraic growth (Jordan
        blocks, shear); 0 where the halves of the window agree. It is part of `standard_error`.
    """

    exponents: Tensor
    standard_error: Tensor
    history: Tensor
    times: Tensor
    resolution: float
    confidence: float
    state: Tensor
    backend: str
    time: float
    drift: Tensor

    def __getitem__(self, index) -> LyapunovSpectrum:
        """The spectrum of one member (or several) of the batch."""
        return replace(
            self,
            exponents=self.exponents[index],
            standard_error=self.standard_error[index],
            history=self.history[(slice(None), *(index if isinstance(index, tuple) else (index,)))],
            state=self.state[index],
            drift=self.drift[index],
        )

    @property
    def smooth_exponents(self) -> Tensor:
        """The exponents averaged with weights exp(-1 / u (1 - u)), 0 < u < 1 over the window: (..., k).

        On periodic and quasi-periodic orbits the error falls faster than any power of the window's length [1]_, while
        that of the plain mean falls as its inverse. On chaotic orbits nothing is gained.

        References
        ----------
        .. [1] S. Das, C. B. Dock, Y. Saiki, et al., Europhysics Letters 114:40005, 2016.
        """
        times = self.times.reshape(-1, *[1] * (self.history.ndim - 1))
        growth = (self.history * times).diff(dim=0, prepend=torch.zeros_like(self.history[:1]))  # of each stretch
        lengths = self.times.diff(prepend=self.times.new_zeros(1))
        u = (self.times - lengths / 2) / self.times[-1]
        weights = torch.exp(-1 / (u * (1 - u)))
        smooth = torch.tensordot(weights, growth, 1) / (weights * lengths).sum()
        return torch.where(self.exponents.isneginf(), self.exponents, smooth)

    @property
    def tolerance(self) -> Tensor:
        """Half-width of the confidence interval (Student's t), at least the resolution: (..., k)."""
        from scipy.special import (
            stdtrit,
        )  # here, because importing SciPy costs more than importing this package

        degrees = degrees_of_freedom(len(self.times))
        width = float(stdtrit(degrees, (1 + self.confidence) / 2)) if degrees else math.inf
        return (width * self.standard_error).clamp_min(self.resolution)

    @property
    def n_positive(self) -> Tensor:
        """Number of exponents above zero by more than `tolerance`: (...)."""
        return (self.exponents > self.tolerance).sum(-1)

    @property
    def n_zero(self) -> Tensor:
        """Number of exponents not told from zero: (...)."""
        return (self.exponents.abs() <= self.tolerance).sum(-1)

    @property
    def n_negative(self) -> Tensor:
        """Number of exponents below zero by more than `tolerance`: (...)."""
        return (self.exponents < -self.tolerance).sum(-1)


@contextmanager
def _flush_denormals():
    """Decaying tangent vectors and states end as denormal numbers, which are several times slower.

    A worker thread takes over what is set when it starts, and keeps it: torch's are all started before.
    """
    torch.empty(torch.get_num_threads() << 15, dtype=torch.uint8).fill_(0)  # 2^15: the least that torch gives a thread
    before = (torch.tensor(1e-310, dtype=torch.float64) * 1).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


class _Tangents:
    """State and orthonormal tangent vectors, and how far apart to renormalize them.

    Between two QR decompositions the growth of a network's columns may not differ by more than eps^(-1/3)
    (a factor of 165,000 in double precision): what the columns share then leaves them independent to far
    better than the square root of the rounding error. The interval follows the growth that is measured.
    """

    def __init__(self, system: System, x: Tensor, Q: Tensor, dt: float, advance, t0: float = 0.0):
        self.system, self.x, self.Q, self.dt, self.t0 = system, x, Q, dt, t0
        self.advance = advance or self._with_torch
        self.done, self.interval = 0, 1
        self.limit = -math.log(torch.finfo(x.dtype).eps) / 3
        self.far = 200 if x.dtype == torch.float64 else math.log(torch.finfo(x.dtype).max) / 4
        self.lost = torch.zeros(*x.shape[:-1], Q.shape[-1], dtype=torch.long, device=x.device)
        self.singular: tuple | None = None  # time, state and basis before the last step that lost a column
        self.cycle = _Cycle(x)

    def grow(self, steps: int, bar: tqdm) -> Tensor:
        """Take steps; the logarithm of each column's growth (..., k), without the steps in which it was `lost`."""
        total, end = 0.0, self.done + steps
        while self.done < end:
            m = min(self.interval, end - self.done)
            x, V, growth, lost = self.advance(self.x, self.Q, m)
            check_finite(x, self.t0 + (self.done + m) * self.dt)
            check_finite(V, self.t0 + (self.done + m) * self.dt, "tangent basis")
            if growth is None:
                Q, growth = orthonormalize(V)
                some = self._collapsed(growth)
                collapsed = bool(some.any())
                if m > 1 and collapsed:  # a burst after a quiet stretch: go back, shorter
                    self.interval = max(1, m // 4)
                    continue
                if collapsed:
                    lost = torch.zeros_like(self.lost, dtype=torch.bool)
                    Q[some], growth[some], lost[some] = orthonormalize_graded(V[some])
                    self._remember(lost)
                V, self.interval = Q, 1 if collapsed else self._next_interval(growth, m)
            else:
                self.interval = end  # the kernel needs no help
            if lost is not None:
                self.lost = self.lost + lost if lost.any() else self.lost
            self.x, self.Q, self.done = x, V, self.done + m
            self._look(x, self.done)
            total = total + growth
            bar.update(m)
        return total

    def _with_torch(self, x: Tensor, V: Tensor, steps: int):
        for i in range(self.done, self.done + steps):
            x, V = step_tangent(self.system, x, V, self.t0 + i * self.dt, self.dt)
            if self.system.kind == "map" and x.shape[-1] <= LOW:
                self._look(x, i + 1)
        return x, V, None, None

    def _look(self, x: Tensor, done: int) -> None:
        if not self.system.driven and done > self.cycle.at:  # a stretch that is taken again has been seen
            self.cycle.look(x, done)

    def _collapsed(self, growth: Tensor) -> Tensor:
        return ~((growth.amax(-1) - growth.amin(-1)) <= 2 * self.limit)  # nan: a column vanished

    def _next_interval(self, growth: Tensor, m: int) -> int:
        spread = (growth.amax(-1) - growth.amin(-1)).max().item() / self.limit
        size = growth.abs().max().item() / self.far  # from overflow, whatever the columns share
        return max(1, min(2 * self.interval, int(m / max(spread, size, 1e-9))))

    def _remember(self, lost: Tensor) -> None:
        some = lost.any(-1)
        if some.any():
            _, x, Q = self.singular or (0.0, self.x, self.Q)
            x, Q = torch.where(some[..., None], self.x, x), torch.where(some[..., None, None], self.Q, Q)
            self.singular = self.t0 + self.done * self.dt, x, Q


class _Cycle:
    """Whether orbits have come back to a state, to the last bit (Brent's method): from there on they repeat."""

    def __init__(self, x: Tensor):
        self.mark, self.at = x, 0  # a state to come back to, and its step
        self.period = torch.zeros(x.shape[:-1], dtype=torch.long, device=x.device)  # or a multiple of it; 0: none seen
        self.from_start = self.period > 0
        self.size = x.abs().amax(-1)
        self.strayed = self.size  # between the last two marks before it closed

    def look(self, x: Tensor, done: int) -> None:
        if (x[..., 0] == self.mark[..., 0]).any() and (same := (x == self.mark).all(-1)).any():
            self.period = torch.where(same & (self.period == 0), done - self.at, self.period)
            if self.at == 0:
                self.from_start = same
        if done >= 2 * self.at:
            self.size = torch.maximum(self.size, x.abs().amax(-1))
            self.strayed = torch.where(self.period == 0, (x - self.mark).abs().amax(-1), self.strayed)
            self.mark, self.at = x, done

    @property
    def by_rounding(self) -> Tensor:
        """Orbits that neither started on their cycle nor came to rest by and by."""
        rested = self.strayed < torch.finfo(self.strayed.dtype).eps ** 0.25 * self.size
        return (self.period > 0) & ~self.from_start & ~rested


def _length_of_cycle(tangents: _Tangents, closed: Tensor) -> int:
    """Steps of the first of the orbits that have closed."""
    x, longest = tangents.x, int(tangents.cycle.period[closed][0])
    for i in range(1, longest):
        x = step(tangents.system, x, 0.0, tangents.dt)
        if (x == tangents.x).all(-1)[closed][0]:
            return i
    return longest


def _on_a_kink(system: System, t: float, x: Tensor, Q: Tensor) -> Tensor:
    """Whether the derivative jumps at states x (..., n): the two sides differ by far more than their distance."""
    F = system.at(t)
    h = math.sqrt(torch.finfo(x.dtype).eps)
    aside = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(x)
    aside = h * aside * torch.where(x == 0, 1.0, x).abs().amax(-1, keepdim=True)
    one, other = (F.jvp(x + s * aside, Q)[1] for s in (1, -1))
    size = torch.maximum(one.abs(), other.abs()).amax((-2, -1))
    if system.kind == "map":
        size = size.clamp_min(1.0)  # a slope that passes through zero has no size of its own
    return (one - other).abs().amax((-2, -1)) > math.sqrt(h) * size


def _without_lost_steps(growth: Tensor, lost: Tensor | None, steps: Tensor, tangents: _Tangents, time: float):
    """Growth (M, ..., k) with what it was in steps (M,) that were lost taken as in the others, and what that means.

    Also returns which columns vanish (..., k): lost in every quarter of the window, and not for a kink; and which
    orbits (...) stand on a kink.
    """
    system, cycle = tangents.system, tangents.cycle
    kink = torch.zeros_like(cycle.from_start)
    if (cycle.period > 0).any():
        kink = (cycle.period > 0) & _on_a_kink(system, time, tangents.x, tangents.Q)
    vanished = torch.zeros_like(tangents.lost, dtype=torch.bool)
    if lost is not None:
        vanished = torch.stack([part.any(0) for part in lost.tensor_split(min(4, len(lost)))]).all(0)
        missed = lost.any(0).any(-1)
        if tangents.singular:
            kink = kink | (missed & vanished.any(-1) & _on_a_kink(system, *tangents.singular))
        vanished = vanished & ~kink[..., None]
        kept = steps.reshape(-1, *[1] * (growth.ndim - 1)) - lost
        rate = growth.sum(0) / kept.sum(0)
        growth = torch.where(kept > 0, growth / kept, rate) * (kept + lost)
        growth = growth.masked_fill(vanished, 0.0)
        if (missed & ~vanished.any(-1) & ~kink).any():
            warnings.warn(
                "lyapunov_spectrum: the tangent map was singular, to rounding, at single steps, which are left out",
                stacklevel=4,
            )
    if kink.any():
        warnings.warn(
            "lyapunov_spectrum: an orbit stands on a kink, where the derivative jumps and automatic differentiation "
            f"takes one value for both sides (seen at t = {tangents.singular[0] if tangents.singular else time:g}): "
            "its exponents are not known, their standard errors are infinite",
            stacklevel=4,
        )
    return growth, vanished, kink


def _without_closed_orbits(found: LyapunovSpectrum, tangents: _Tangents) -> LyapunovSpectrum:
    """The spectrum with infinite standard errors where rounding has closed an orbit whose neighbours part from it."""
    closed = tangents.cycle.by_rounding & (found.n_positive > 0)
    if not closed.any():
        return found
    steps = _length_of_cycle(tangents, closed)
    dtype = str(found.state.dtype).removeprefix("torch.")
    advice = "take float64" if dtype != "float64" else "take another x0, or a shorter run"
    warnings.warn(
        f"lyapunov_spectrum: an orbit has closed on a cycle of {steps} steps, from which neighbours part: the rounding "
        f"of {dtype} has closed it, its exponents are not those of the system and their standard errors are infinite; "
        f"{advice}",
        stacklevel=4,
    )
    return replace(found, standard_error=found.standard_error.masked_fill(closed[..., None], math.inf))


def _arguments(system, x0, t0, duration, transient, dt, k, confidence, samples, backend):
    dt = step_size(system, dt)
    steps = step_count(duration, dt, "duration")
    skipped = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    k = integer("k", system.dim if k is None else k, 1, system.dim)
    within("confidence", confidence, 0, 1)
    integer("samples", samples, 1)
    choice("backend", backend, ("auto", "compiled", "torch"))
    x0, t0 = start_of(x0, t0)
    x = system.as_state(x0)
    return x.expand_as(system.at(t0)(x)), t0, dt, steps, skipped, k  # weights may carry batch axes that x0 lacks


@torch.no_grad()
def lyapunov_spectrum(
    system: System | Module,
    x0,
    *,
    duration: float,
    transient: float | None = None,
    dt: float | None = None,
    k: int | None = None,
    seed: int = 0,
    confidence: float = 0.99,
    samples: int = 200,
    backend: str = "auto",
    t0: float | None = None,
    progress: bool = False,
) -> LyapunovSpectrum:
    """The k leading Lyapunov exponents of the attractor that x0 leads to (Eq. 15, Section 2.4).

    State and tangent vectors are integrated together, the tangents through the stages of the same
    Runge-Kutta step (so they are its exact derivative, of fourth order), and re-orthonormalized by QR at
    intervals that keep them well conditioned [1]_. During the transient the state settles and the tangent
    vectors align; only what follows is averaged.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or map; a module is taken as `models.ModuleMap` (undriven).
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch (thousands of small systems in one call). A `Trajectory` or
        `LyapunovSpectrum` is gone on from at its last state and time, a `PeriodicOrbit` at its first.
    duration : float
        Averaging time, after the transient.
    transient : float, optional
        Time before it; by default a fifth of `duration`. Too short a transient leaves the decay of the state
        and of the alignment in the mean; `drift` tells of it.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of exponents; all n by default.
    seed : int
        Of the random orthonormal start basis. (The identity can be degenerate.)
    confidence : float
        Level of the intervals that decide the counts.
    samples : int
        Number M of points of the history, at most.
    backend : {"auto", "compiled", "torch"}
        "compiled" for the built-in tanh and ReLU networks on the CPU in float64, and "auto" takes it there.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.
    progress : bool
        Show a progress bar.

    Returns
    -------
    LyapunovSpectrum
        Exponents, standard errors, history, counts.

    Raises
    ------
    ValueError
        If an argument is not valid; the message names it.
    DivergenceError
        If the state overflows, with the time at which it did.

    Warns
    -----
    UserWarning
        If an orbit stands on a kink, has been closed by rounding, or passed single points where the map is singular.

    References
    ----------
    .. [1] G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15:9-20, 1980.

    Examples
    --------
    >>> from ptacore import models
    >>> s = lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=20.0, transient=20.0, dt=0.01)
    >>> [round(v, 3) + 0.0 for v in s.exponents.tolist()], s.n_zero.item()
    ([0.0, -2.0, -3.0, -3.0, -3.0, -3.0], 1)
    """
    system = as_system(system)
    x, t0, dt, steps, skipped, k = _arguments(system, x0, t0, duration, transient, dt, k, confidence, samples, backend)
    advance = None if backend == "torch" else advance_for(system, dt)
    if backend == "compiled" and advance is None:
        raise ValueError(f"backend: nothing compiled for {system!r} ({system.dtype}, {system.device})")
    needed = 4 * min(samples, steps) * (x.numel() // system.dim) * k * x.element_size()
    foretell("samples", needed, "take fewer samples or initial states")
    start = torch.randn(system.dim, k, generator=torch.Generator().manual_seed(check_seed(seed)), dtype=torch.float64)
    Q = torch.linalg.qr(start)[0].to(x).expand(*x.shape, k)
    tangents = _Tangents(system, x, Q, dt, advance, t0)
    edges = torch.linspace(0, steps, min(samples, steps) + 1).round().long()
    lengths = (edges[1:] - edges[:-1]).tolist()
    with (
        _flush_denormals(),
        tqdm(total=skipped + steps, disable=not progress, desc="Lyapunov", unit="step") as bar,
    ):
        tangents.grow(skipped, bar)
        tangents.singular, growth, lost = None, [], [tangents.lost]
        for m in lengths:
            growth.append(tangents.grow(m, bar))
            lost.append(tangents.lost)
    lost = None if lost[-1] is lost[0] else torch.stack(lost).diff(dim=0)
    times = edges[1:].to(x) * dt
    time = t0 + (skipped + steps) * dt
    growth = torch.stack(growth)  # (M, ..., k)
    growth, vanished, doubtful = _without_lost_steps(growth, lost, edges.diff().to(x.device), tangents, time)
    shown = growth.masked_fill(vanished, -math.inf) if vanished.any() else growth
    history = shown.cumsum(0) / times.reshape(-1, *[1] * (growth.ndim - 1))
    error, drift = error_and_drift(growth, times.diff(prepend=times.new_zeros(1)), skipped * dt)
    if (drift != 0).any():  # columns that have not settled may have to change places yet
        late = growth[len(growth) // 2 :].sum(0).masked_fill(vanished, -math.inf) / (
            times[-1] - times[len(growth) // 2 - 1]
        )
        disorder = (late - late.sort(dim=-1, descending=True)[0]).abs()
        error = torch.where((drift != 0).any(-1, keepdim=True), torch.maximum(error, disorder), error)
    error = error.masked_fill(vanished, 0.0)
    found = LyapunovSpectrum(
        history[-1], error.masked_fill(doubtful[..., None], math.inf), history, times,
        math.log(10) / (steps * dt), confidence, tangents.x, "torch" if advance is None else "compiled", time,
        drift.masked_fill(vanished, 0.0),
    )  # fmt: skip
    return _without_closed_orbits(found, tangents)
