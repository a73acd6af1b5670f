"""Lyapunov spectra with standard errors (Eq. 15): joint integration of state and tangent vectors, QR."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import check_seed, integer
from ptacore.compiled import advance_for
from ptacore.integrate import check_finite, start_of, step_count, step_size, step_tangent
from ptacore.models.module_map import as_system
from ptacore.models.system import System

BATCHES = 20  # of the averaging window, for the standard error


@dataclass(frozen=True)
class LyapunovSpectrum:
    """What `lyapunov_spectrum` returns.

    Attributes
    ----------
    exponents : Tensor (..., k)
        Lyapunov exponents per unit time (per step for maps), in the order of the QR columns, which is
        descending up to statistical error. -inf where a map is singular.
    standard_error : Tensor (..., k)
        By batch means over 20 consecutive parts of the averaging window, which must be longer than the
        correlation time for it to hold; inf where the window has a single sample. Where the fluctuations are
        bounded swings (the zero exponent of a cycle) it is too large, up to four times: conservative.
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

    def __getitem__(self, index) -> LyapunovSpectrum:
        """The spectrum of one member (or several) of the batch."""
        return replace(
            self,
            exponents=self.exponents[index],
            standard_error=self.standard_error[index],
            history=self.history[(slice(None), *(index if isinstance(index, tuple) else (index,)))],
            state=self.state[index],
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
        return torch.tensordot(weights, growth, 1) / (weights * lengths).sum()

    @property
    def tolerance(self) -> Tensor:
        """Half-width of the confidence interval (Student's t), at least the resolution: (..., k)."""
        from scipy.special import (
            stdtrit,
        )  # here, because importing SciPy costs more than importing this package

        batches = min(BATCHES, len(self.times))
        width = float(stdtrit(batches - 1, (1 + self.confidence) / 2)) if batches > 1 else math.inf
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


def _orthonormalize(V: Tensor) -> tuple[Tensor, Tensor]:
    """V = Q R: Q (..., n, k), and log |R_ii| (..., k)."""
    if V.shape[-1] > 4:
        Q, R = torch.linalg.qr(V)
        return Q, R.diagonal(dim1=-2, dim2=-1).abs().log()
    columns, norms = [], []  # modified Gram-Schmidt: thousands of small matrices at once
    for v in V.unbind(-1):
        for q in columns:
            v = v - (q * v).sum(-1, keepdim=True) * q
        norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
        columns.append(v / norm.clamp_min(torch.finfo(v.dtype).tiny))
        norms.append(norm)
    return torch.stack(columns, -1), torch.cat(norms, -1).log()


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

    def grow(self, steps: int, bar: tqdm) -> Tensor:
        """Take steps; the logarithm of each column's growth (..., k)."""
        total, end = 0.0, self.done + steps
        while self.done < end:
            m = min(self.interval, end - self.done)
            x, V, growth = self.advance(self.x, self.Q, m)
            check_finite(x, self.t0 + (self.done + m) * self.dt)
            check_finite(V, self.t0 + (self.done + m) * self.dt, "tangent basis")
            if growth is None:
                V, growth = _orthonormalize(V)
                if m > 1 and self._collapsed(growth):  # a burst after a quiet stretch: go back, shorter
                    self.interval = max(1, m // 4)
                    continue
                self.interval = self._next_interval(growth, m)
            else:
                self.interval = end  # the kernel needs no help
            self.x, self.Q, self.done = x, V, self.done + m
            total = total + growth
            bar.update(m)
        return total

    def _with_torch(self, x: Tensor, V: Tensor, steps: int):
        for i in range(self.done, self.done + steps):
            x, V = step_tangent(self.system, x, V, self.t0 + i * self.dt, self.dt)
        return x, V, None

    def _collapsed(self, growth: Tensor) -> bool:
        return bool((growth.amax(-1) - growth.amin(-1)).max() > 2 * self.limit)

    def _next_interval(self, growth: Tensor, m: int) -> int:
        growth = growth.masked_fill(growth.isneginf(), 0.0)
        spread = (growth.amax(-1) - growth.amin(-1)).max().item() / self.limit
        size = growth.abs().max().item() / 200  # far from overflow, whatever the columns share
        return max(1, min(2 * self.interval, int(m / max(spread, size, 1e-9))))


def _standard_error(growth: Tensor, lengths: Tensor) -> Tensor:
    """Batch means: growth (M, ..., k) over M consecutive stretches of the given lengths (M,) -> (..., k)."""
    batches = min(BATCHES, len(growth))
    if batches < 2:
        return torch.full_like(growth[0], math.inf)
    groups = torch.arange(len(growth)).tensor_split(batches)
    rates = torch.stack([growth[g].sum(0) / lengths[g].sum() for g in groups])
    error = rates.std(0) / math.sqrt(batches)
    return torch.where(torch.isneginf(rates).any(0), 0.0, error)  # singular map: exponent -inf, known exactly


def _arguments(system, x0, t0, duration, transient, dt, k, confidence, samples, backend):
    dt = step_size(system, dt)
    steps = step_count(duration, dt, "duration")
    skipped = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    if k is None:
        k = system.dim
    if not (isinstance(k, Integral) and 1 <= k <= system.dim):
        raise ValueError(f"k: expected 1 <= k <= n = {system.dim}, got {k!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a level between 0 and 1, got {confidence!r}")
    integer("samples", samples, 1)
    if backend not in ("auto", "compiled", "torch"):
        raise ValueError(f'backend: expected "auto", "compiled" or "torch", got {backend!r}')
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
        Initial states; leading axes are a batch (thousands of small systems in one call). A `Trajectory`,
        `LyapunovSpectrum` or `PeriodicOrbit` is gone on from, at its last state and time.
    duration : float
        Averaging time, after the transient.
    transient : float, optional
        Time before it; by default a fifth of `duration`. Too short a transient leaves the decay of the state
        and of the alignment in the mean, where the standard error does not see it.
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
        growth = torch.stack([tangents.grow(m, bar) for m in lengths])  # (M, ..., k)
    times = edges[1:].to(growth) * dt
    history = growth.cumsum(0) / times.reshape(-1, *[1] * (growth.ndim - 1))
    error = _standard_error(growth, times.diff(prepend=times.new_zeros(1)))
    return LyapunovSpectrum(
        history[-1], error, history, times, math.log(10) / (steps * dt), confidence, tangents.x,
        "torch" if advance is None else "compiled", t0 + (skipped + steps) * dt,
    )  # fmt: skip
