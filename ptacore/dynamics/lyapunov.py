"""Lyapunov spectra with standard errors (Eq. 15): joint integration of state and tangent vectors, QR."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import integer, to_tensor, within
from ptacore.dynamics.integrate import step, step_count
from ptacore.dynamics.tangents import TangentSystem, flushed_denormals
from ptacore.dynamics.time_average import degrees_of_freedom, error_and_drift
from ptacore.kernels.orthonormal import MOST
from ptacore.memory import foretell
from ptacore.models.system import System

APART, LEAST = 4, 20  # steps between points of a history that costs as much, and points that errors are found from


@dataclass(frozen=True)
class LyapunovSpectrum:
    """What `lyapunov_spectrum` returns.

    Attributes
    ----------
    exponents : Tensor (..., k)
        Lyapunov exponents per unit time (per step for maps), in the order of the QR columns, which is
        descending up to statistical error. -inf where the map is singular to rounding again and again: where what a
        step leaves of a direction does not stand out, in any row of the Jacobian, from the rounding of that row.
        Contraction that does stand out is resolved, down to the smallest double.
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
        How much of the exponents may come from alignment that has not ended, or from algebraic growth (Jordan
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

    @property
    def kaplan_yorke(self) -> Tensor:
        """Kaplan-Yorke dimension, of the exponents as they are: (...). NaN where more exponents are needed.

        Where the first is zero, the dimension is 1 or 0 by its error alone: see `kaplan_yorke_range`.
        """
        return kaplan_yorke(self.exponents, self.state.shape[-1])

    @property
    def kaplan_yorke_range(self) -> tuple[Tensor, Tensor]:
        """The dimension with all exponents lowered, and raised, by their standard errors: (...), (...)."""
        moved = (self.exponents - self.standard_error, self.exponents + self.standard_error)
        low, high = (kaplan_yorke(exponents, self.state.shape[-1]) for exponents in moved)
        return low, high


def kaplan_yorke(exponents, dim: int | None = None) -> Tensor:
    """Kaplan-Yorke dimension j + (l_1 + ... + l_j) / |l_(j+1)|, with the largest j whose sum is not negative [1]_.

    Parameters
    ----------
    exponents : array (..., k)
        In any order.
    dim : int, optional
        Dimension n of the system; k unless given.

    Returns
    -------
    Tensor (...)
        0 where all exponents are negative, n where their sum is not, and NaN where k < n exponents have no negative
        sum yet.

    Raises
    ------
    TypeError, ValueError
        If the exponents are not numbers, or dim is less than their number.

    References
    ----------
    .. [1] J. L. Kaplan and J. A. Yorke, in: Functional Differential Equations and Approximation of Fixed Points,
       Springer 1979.

    Examples
    --------
    >>> kaplan_yorke([[0.9, 0.0, -14.5], [0.0, -1.0, -2.0], [-1.0, -2.0, -3.0], [1.0, 0.0, -1.0]])
    tensor([2.0621, 1.0000, 0.0000, 3.0000], dtype=torch.float64)
    """
    exponents = to_tensor(exponents, "exponents", torch.float64)
    if exponents.ndim == 0 or not exponents.shape[-1]:
        raise ValueError(f"exponents: expected shape (..., k), got {tuple(exponents.shape)}")
    k = exponents.shape[-1]
    n = k if dim is None else integer("dim", dim, k)
    ordered = exponents.sort(-1, descending=True).values
    sums = ordered.cumsum(-1)
    whole = (sums >= 0).sum(-1, keepdim=True)  # the sums rise and then fall
    inside = whole.clamp(1, k - 1) if k > 1 else whole.clamp(0, 0)
    part = sums.gather(-1, (inside - 1).clamp_min(0)) / ordered.gather(-1, inside).abs()
    found = torch.where(whole == 0, 0.0, torch.where(whole < k, whole + part, float(k) if k == n else math.nan))
    return torch.where(exponents.isnan().any(-1), math.nan, found[..., 0])


def _length_of_cycle(tangents: TangentSystem, closed: Tensor) -> int:
    """Steps of the first of the orbits that have closed."""
    x, longest = tangents.x, int(tangents.closed.period[closed][0])
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


def _without_lost_steps(growth: Tensor, lost: Tensor | None, steps: Tensor, tangents: TangentSystem, time: float):
    """Growth (M, ..., k) in which the steps (M,) that were lost count as the others do, and what that means.

    Also returns which columns vanish (..., k): lost in every quarter of the window, and not for a kink; and which
    orbits (...) stand on a kink.
    """
    system, kink = tangents.system, tangents.closed.period > 0
    if kink.any():
        kink = kink & _on_a_kink(system, time, tangents.x, tangents.Q)
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


def _without_closed_orbits(found: LyapunovSpectrum, tangents: TangentSystem) -> LyapunovSpectrum:
    """The spectrum with infinite standard errors where rounding has closed an orbit whose neighbours part from it."""
    closed = tangents.closed.by_rounding & (found.n_positive > 0)
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
        `LyapunovSpectrum` is continued from its last state and time, a `PeriodicOrbit` from its first.
    duration : float
        Averaging time, after the transient.
    transient : float, optional
        Time before it; by default a fifth of `duration`. Too short a transient leaves the decay of the state
        and of the alignment in the mean; `drift` shows it.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of exponents; all n by default.
    seed : int
        Seed of the random orthonormal start basis. (The identity can be degenerate.)
    confidence : float
        Level of the intervals that decide the counts.
    samples : int
        Number M of points of the history, at most. Many exponents over few steps have fewer, some steps apart: the
        growth up to a point costs about as much as a step.
    backend : {"auto", "compiled", "torch"}
        "compiled" for the built-in tanh and ReLU networks and torch's recurrent layers, and in double precision for
        most functions (`System.from_function`), all on the CPU; "auto" takes it there.
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
    tangents = TangentSystem(system, x0, dt=dt, k=k, seed=seed, backend=backend, t0=t0)
    dt, t0 = tangents.dt, tangents.t0
    steps = step_count(duration, dt, "duration")
    skipped = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    within("confidence", confidence, 0, 1)
    samples = min(
        integer("samples", samples, 1), steps if tangents.k <= MOST else max(steps // APART, min(steps, LEAST))
    )
    foretell("samples", 4 * samples * tangents.Q[..., 0, :].numel() * tangents.x.element_size(),
             "take fewer samples or initial states")  # fmt: skip
    edges = torch.linspace(0, steps, samples + 1).round().long()
    with flushed_denormals(), tqdm(total=skipped + steps, disable=not progress, desc="Lyapunov", unit="step") as bar:
        tangents.step(skipped, bar.update)
        tangents.singular = None
        growth, lost = tangents.stretches(edges.diff().tolist(), bar.update)  # (M, ..., k)
    lost = lost if lost.any() else None
    times = edges[1:].to(tangents.x) * dt
    time = t0 + (skipped + steps) * dt
    growth, vanished, doubtful = _without_lost_steps(growth, lost, edges.diff().to(tangents.x.device), tangents, time)
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
        math.log(10) / (steps * dt), confidence, tangents.x, tangents.backend, time,
        drift.masked_fill(vanished, 0.0),
    )  # fmt: skip
    return _without_closed_orbits(found, tangents)
