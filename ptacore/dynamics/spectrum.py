"""What a Lyapunov spectrum tells: exponents, counts, the attractor's dimension, entropy, finite-time exponents."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.checks import flag, within
from ptacore.dynamics.time_average import degrees_of_freedom, error_and_drift

SHOWN = 6  # exponents of a summary
FINE = 1e-6  # of a unit: what is less is rounding, and not shown


def bump(u: Tensor) -> Tensor:
    """exp(-1 / (u (1 - u))), 0 < u < 1: weights of a smooth average over a window.

    Examples
    --------
    >>> bump(torch.tensor([0.5])).log()
    tensor([-4.])
    """
    return torch.exp(-1 / (u * (1 - u)))


class Estimate(NamedTuple):
    """A number that follows from the exponents.

    Attributes
    ----------
    value : Tensor (...)
        The number; a lower bound where it is not complete.
    standard_error : Tensor (...)
        From the growth of the same stretches as those of the exponents, so that errors that exponents share count once;
        0 where it is a count.
    complete : Tensor (...)
        Whether the exponents that were computed are enough.
    """

    value: Tensor
    standard_error: Tensor
    complete: Tensor


@dataclass(frozen=True, repr=False)
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
    transient : float
        Time before the averaging.

    Examples
    --------
    >>> from ptacore import lyapunov_spectrum, models
    >>> print(lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=20.0, transient=20.0, dt=0.01))
    6 of 6 Lyapunov exponents over a time of 20 after 20 (compiled), with standard errors:
      0, -2, -3, -3, -3, -3
    0 positive, 1 zero, 5 negative (99% intervals, at least 0.12 wide on each side)
    Kaplan-Yorke dimension 1
    entropy rate 0: no exponent is positive
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
    transient: float = 0.0

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
        """The exponents averaged with weights exp(-1 / (u (1 - u))), 0 < u < 1 over the window: (..., k).

        On periodic and quasi-periodic orbits the error falls faster than any power of the window's length [1]_, while
        that of the plain mean falls as its inverse. On chaotic orbits nothing is gained.

        References
        ----------
        .. [1] S. Das, C. B. Dock, Y. Saiki, et al., Europhysics Letters 114:40005, 2016.
        """
        growth, lengths = self._growth()
        weights = bump((self.times - lengths / 2) / self.times[-1])
        smooth = torch.tensordot(weights, growth, 1) / (weights * lengths).sum()
        return torch.where(self.exponents.isneginf(), self.exponents, smooth)

    def _growth(self) -> tuple[Tensor, Tensor]:
        """Logarithmic growth over the stretches of the history (M, ..., k), 0 beside -inf, and their lengths (M,)."""
        times = self.times.reshape(-1, *[1] * (self.history.ndim - 1))
        total = (self.history * times).masked_fill(self.exponents.isneginf(), 0.0)
        return total.diff(dim=0, prepend=torch.zeros_like(total[:1])), self.times.diff(prepend=self.times.new_zeros(1))

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
    def _threshold(self) -> Tensor:
        """What an exponent has to exceed to be told from zero; where nothing is known of errors, the resolution."""
        return torch.where(self.tolerance.isfinite(), self.tolerance, self.resolution)

    def _error(self, weights: Tensor) -> Tensor:
        """Standard error (...) of the exponents' sum with these weights (..., k), from the growth of the same sum."""
        growth, lengths = self._growth()
        error = error_and_drift((growth * weights).sum(-1), lengths, self.transient)[0]
        used = (self.standard_error.isinf() & (weights != 0)).any(-1)
        return torch.where((weights == 0).all(-1), 0.0, error.masked_fill(used, math.inf))

    @property
    def entropy_rate(self) -> Estimate:
        """The sum of the exponents that are positive by more than `tolerance`, per unit time.

        By Ruelle's inequality it is an upper bound of the metric (Kolmogorov-Sinai) entropy; the two are equal where
        the invariant measure is smooth along unstable directions (Pesin's formula [1]_). Where all of fewer than n
        exponents are positive, those that were not computed may add to it.

        References
        ----------
        .. [1] J.-P. Eckmann, D. Ruelle, Reviews of Modern Physics 57:617-656, 1985.

        Examples
        --------
        >>> from ptacore import System, lyapunov_spectrum
        >>> cat = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
        >>> s = lyapunov_spectrum(System.from_function(lambda x: x @ cat % 1, 2, "map"), [0.1, 0.2], duration=100)
        >>> round(s.entropy_rate.value.item(), 6)  # ln((3 + sqrt 5) / 2)
        0.962424
        """
        positive = self.exponents > self._threshold
        value = torch.where(positive, self.exponents, 0.0).sum(-1)
        complete = ~positive.all(-1) | (self.exponents.shape[-1] == self.state.shape[-1])
        return Estimate(value, self._error(positive.to(value)), complete)

    @property
    def kaplan_yorke_dimension(self) -> Estimate:
        """The Kaplan-Yorke (Lyapunov) dimension j + (l_1 + ... + l_j) / |l_(j+1)|: j is the largest number of leading
        exponents whose sum is not negative [1]_.

        Exponents that are not told from zero count as zeros where none is positive: a fixed point has dimension 0, a
        cycle 1, an m-torus m. Where the sum of all of fewer than n exponents is not negative, the dimension is at least
        their number.

        References
        ----------
        .. [1] J. L. Kaplan, J. A. Yorke, Lecture Notes in Mathematics 730:204-227, 1979.

        Examples
        --------
        >>> from ptacore import lyapunov_spectrum, models
        >>> s = lyapunov_spectrum(models.chaos(), torch.ones(100), duration=5.0, dt=1e-3, k=3)
        >>> s.kaplan_yorke_dimension.value.item(), s.kaplan_yorke_dimension.complete.item()
        (3.0, False)
        """
        k = self.exponents.shape[-1]
        chaotic = (self.exponents > self._threshold).any(-1)
        zero = self.exponents.abs() <= self._threshold
        exponents, order = self.exponents.sort(dim=-1, descending=True)
        sums = exponents.cumsum(-1)
        j = torch.where(chaotic, (sums >= 0).sum(-1), zero.sum(-1))
        complete = (j < k) | (k == self.state.shape[-1])
        inside = chaotic & (j < k)  # else it is a count
        at = j.clamp(max=k - 1)[..., None]
        following = exponents.gather(-1, at)[..., 0].masked_fill(~inside, -1.0).abs()
        excess = sums.gather(-1, (at - 1).clamp(min=0))[..., 0].masked_fill(~inside, 0.0)
        weights = torch.arange(k, device=j.device) < j[..., None]  # d D / d l_i = 1 / |l_(j+1)| up to j
        weights = weights.to(exponents).scatter(-1, at, (excess / following)[..., None]) / following[..., None]
        weights = torch.zeros_like(weights).scatter(-1, order, weights).masked_fill(~inside[..., None], 0.0)
        return Estimate(j + excess / following, self._error(weights), complete)

    def finite_time(self, window: float) -> Tensor:
        """Exponents of consecutive windows that do not overlap: their distribution, (W, ..., k).

        Parameters
        ----------
        window : float
            Length, a multiple of the spacing of the history, which `samples` of `lyapunov_spectrum` decides. What is
            left over at the end is not used.

        Raises
        ------
        ValueError
            If the window is not such a multiple, or longer than the averaging time.

        Examples
        --------
        >>> from ptacore import lyapunov_spectrum, models
        >>> s = lyapunov_spectrum(models.chaos(), torch.ones(100), duration=5.0, dt=1e-3, k=2, samples=100)
        >>> local = s.finite_time(0.5)
        >>> local.shape, bool(local[:, 0].std() > s.standard_error[0])
        (torch.Size([10, 2]), True)
        """
        total = self.times[-1].item()
        spacing = total / len(self.times)
        window = within("window", window, 0, math.inf)
        number = max(1, round(window / spacing))
        ends = self.times[number - 1 :: number].double()
        expected = window * torch.arange(1, len(ends) + 1, dtype=torch.float64, device=ends.device)
        if not len(ends) or (ends - expected).abs().max() > 1e-3 * spacing:
            raise ValueError(
                f"window: expected a multiple of the history's spacing of {spacing:g} up to {total:g}, got {window:g}"
                + ("" if self._is_even() else "; the spacing is uneven: take a duration of `samples` times whole steps")
            )
        growth = self._growth()[0][: len(ends) * number].unflatten(0, (len(ends), number)).sum(1)
        return torch.where(self.exponents.isneginf(), -math.inf, growth / window)

    def _is_even(self) -> bool:
        lengths = self.times.double().diff(prepend=self.times.new_zeros(1).double())
        return (lengths - lengths[0]).abs().max().item() < 1e-3 * lengths[0].item()

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """At most ten lines: exponents with standard errors, counts, dimension, entropy rate.

        Of a batch the means over its members are shown, with the lowest and the highest.
        """
        k, n = self.exponents.shape[-1], self.state.shape[-1]
        batch = tuple(self.exponents.shape[:-1])
        of = f" of {math.prod(batch)} orbits {batch}" if batch else ""
        level, half = f"{100 * self.confidence:g}%", self.resolution
        counts = (self.n_positive, self.n_zero, self.n_negative)
        return "\n".join(
            [
                f"{k} of {n} Lyapunov exponents{of} over a time of {self.times[-1].item():g} after {self.transient:g} "
                f"({self.backend}), {'means (lowest to highest)' if batch else 'with standard errors'}:",
                "  " + self._leading(),
                ", ".join(
                    f"{_range(c)} {name}" for c, name in zip(counts, ("positive", "zero", "negative"), strict=True)
                )
                + f" ({level} intervals, at least {half:.2g} wide on each side)",
                self._told(self.kaplan_yorke_dimension, "Kaplan-Yorke dimension", "their sum is still positive"),
                self._told_entropy(),
            ]
        )

    def _leading(self) -> str:
        k = self.exponents.shape[-1]
        places = range(k) if k <= SHOWN + 1 else [*range(SHOWN), k - 1]
        texts = [_number(self.exponents[..., i], self.standard_error[..., i], self.resolution) for i in places]
        if k > len(places):
            texts.insert(SHOWN, "...")
        return ", ".join(texts)

    def _told(self, found: Estimate, name: str, missing: str) -> str:
        if found.complete.all():
            return f"{name} {_number(found.value, found.standard_error, 1.0)}"
        k, n = self.exponents.shape[-1], self.state.shape[-1]
        some = "" if found.complete.ndim == 0 else f" for {int((~found.complete).sum())} orbits"
        least = found.value[~found.complete].min().item()
        return f"{name} at least {least:.4g}{some}: computed {k} of {n} exponents, {missing}"

    def _told_entropy(self) -> str:
        found = self.entropy_rate
        if not (found.value > 0).any():
            return "entropy rate 0: no exponent is positive"
        told = self._told(found, "entropy rate", "the last is still positive")
        return told + " (sum of the positive exponents; an upper bound in general)"

    def to_dict(self, history: bool = False) -> dict:
        """All of it in numbers, texts and lists, ready for ``json.dumps``.

        Parameters
        ----------
        history : bool
            Whether `times` and `history` are wanted, too.

        Returns
        -------
        dict
            Infinite numbers, which JSON has not, are the texts "inf" and "-inf"; ``float`` takes them back.

        Examples
        --------
        >>> import json
        >>> from ptacore import lyapunov_spectrum, models
        >>> s = lyapunov_spectrum(models.LinearFlow([[-1.0]]), [1.0], duration=5.0, dt=0.1)
        >>> record = json.loads(json.dumps(s.to_dict()))
        >>> record["n_negative"], record["kaplan_yorke_dimension"]["value"]
        (1, 0.0)
        """
        names = ("exponents", "standard_error", "tolerance", "drift", "n_positive", "n_zero", "n_negative")
        names += ("times", "history") if flag("history", history) else ()
        found = {name: plain(getattr(self, name)) for name in names}
        for name in ("kaplan_yorke_dimension", "entropy_rate"):
            found[name] = plain(getattr(self, name)._asdict())
        found["duration"] = self.times[-1].item()
        for name in ("transient", "time", "resolution", "confidence", "backend"):
            found[name] = getattr(self, name)
        return found | {"dimension": self.state.shape[-1], "state": plain(self.state)}

    def plot(self, ax=None):
        """The exponents with the intervals by which they are counted, in matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if omitted.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ValueError
            If the spectrum is that of a batch: index it.
        """
        from matplotlib import pyplot, ticker  # here: matplotlib takes longer than most spectra

        from ptacore.plotting.panels import plot_spectrum

        if self.exponents.ndim > 1:
            shape = tuple(self.exponents.shape[:-1])
            raise ValueError(f"spectrum: expected that of one orbit, got a batch {shape}; plot one, as spectrum[0]")
        ax = pyplot.figure().add_subplot() if ax is None else ax
        plot_spectrum(ax, self)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
        ax.set(xlabel="exponent", ylabel="per unit time")
        return ax


def _range(count: Tensor) -> str:
    low, high = count.min().item(), count.max().item()
    return str(low) if low == high else f"{low} to {high}"


def _number(value: Tensor, error: Tensor, unit: float) -> str:
    """A number with its standard error, where that is not far below `unit`; of several, their mean and range."""
    if value.ndim:
        low, high = value.min().item(), value.max().item()
        return f"{value.mean().item():.4g}" + (f" ({low:.4g} to {high:.4g})" if high - low > FINE * unit else "")
    value, error = value.item(), error.item()
    if not (math.isfinite(value) and FINE * unit < error < math.inf):
        return f"{value if abs(value) > FINE * unit else 0:.4g}" + (" ± inf" if error == math.inf else "")
    digits = 1 - math.floor(math.log10(error))
    return " ± ".join(f"{round(number, digits) + 0.0:.{max(digits, 0)}f}" for number in (value, error))


def plain(value):
    """For JSON, which has no infinities: they are texts."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
