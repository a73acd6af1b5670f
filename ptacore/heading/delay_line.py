"""Read-out of two oscillators by axons that delay: coincidences turn a phase difference into a bump on a ring."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ptacore.checks import choice, finite_array, integer, within
from ptacore.heading.head_direction import Spikes

COINCIDENCES = ("product", "threshold", "exponential")
WIRINGS = ("projected", "wrapped")
TOGETHER = 2**16  # activities that are held in memory to be averaged


@dataclass(frozen=True, kw_only=True)
class DelayLine:
    """Where along an axon the spikes of the two oscillators arrive together (Eqs. 27 and 28).

    Parameters
    ----------
    period : float
        Seconds.
    rise, decay : float, optional
        Time constants of the synaptic filter h(t) = exp(-t / decay) - exp(-t / rise), scaled to a peak of 1;
        period / 40 and period / 10 unless given.
    coincidence : {"product", "threshold", "exponential"}
        What is taken of the two filtered trains a and b: a b, [a + b - level]^+, or exp(level (a + b)) - 1.
    level : float
        Level in the latter two.
    wiring : {"projected", "wrapped"}
        Whether the axon of one oscillator alone is delayed, up to a period, or both wrap around the ring in opposite
        directions (Fig. 6C), each for half a period.

    Raises
    ------
    ValueError
        If a time is not positive, the rise not shorter than the decay, or a name unknown.

    Examples
    --------
    >>> line = DelayLine(period=0.02)
    >>> delta = np.linspace(0, 0.02, 5)
    >>> line.tuning(delta).argmax(), line.tuning(delta, location=np.pi).argmax()  # where the delays make up for it
    (np.int64(0), np.int64(2))
    """

    period: float = 0.02
    rise: float | None = None
    decay: float | None = None
    coincidence: str = "product"
    level: float = 1.0
    wiring: str = "projected"

    def __post_init__(self):
        within("period", self.period, 0, math.inf)
        within("level", self.level, -math.inf, math.inf)
        for name, part in (("rise", 40), ("decay", 10)):
            time = self.period / part if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, within(name, time, 0, math.inf))
        if not self.rise < self.decay:
            raise ValueError(f"rise, decay: expected 0 < rise < decay, got {self.rise!r}, {self.decay!r}")
        for name, valid in (("coincidence", COINCIDENCES), ("wiring", WIRINGS)):
            choice(name, getattr(self, name), valid)

    def delays(self, location: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Seconds from a spike of the left neuron of minus, and of plus, to its arrival at a place.

        They differ by period location / 2 pi, which is all that coincidences depend on: clockwise turning puts plus
        ahead, and its spikes wait. Wrapped, plus runs clockwise and minus, from its right neuron, the other way.

        Parameters
        ----------
        location : array (...)
            Radians of the ring.
        """
        part = np.mod(finite_array(location, "location") / (2 * np.pi), 1) * self.period
        if self.wiring == "projected":
            return np.zeros_like(part), part
        return self.period - part / 2, part / 2

    def filtered(self, t: ArrayLike) -> np.ndarray:
        """h * a train that spikes at 0 and every period before and after: a sum of two geometric series."""
        t = np.mod(finite_array(t, "t"), self.period)
        slow, fast = (np.exp(-t / c) / -np.expm1(-self.period / c) for c in (self.decay, self.rise))
        return (slow - fast) / self._top

    @property
    def _top(self) -> float:
        """The difference of exponentials at its peak."""
        peak = math.log(self.decay / self.rise) * self.rise * self.decay / (self.decay - self.rise)
        return math.exp(-peak / self.decay) - math.exp(-peak / self.rise)

    def response(self, spikes: ArrayLike, t: ArrayLike) -> np.ndarray:
        """h * a train of spikes, exact at evenly spaced times for every step.

        Parameters
        ----------
        spikes : array (spikes,)
            In seconds, increasing.
        t : array (T,)
            Evenly spaced, in seconds; spikes before the first or after the last do not count.
        """
        from scipy.signal import lfilter  # takes longer to import than this package

        spikes, t = finite_array(spikes, "spikes"), finite_array(t, "t")
        if t.ndim != 1 or len(t) < 2 or not np.allclose(np.diff(t), t[1] - t[0], rtol=1e-6, atol=0) or t[1] <= t[0]:
            raise ValueError(f"t: expected two or more evenly spaced times, got shape {t.shape}")
        dt = (t[-1] - t[0]) / (len(t) - 1)
        spikes = spikes[(spikes >= t[0]) & (spikes <= t[-1])]
        first = np.minimum(np.ceil((spikes - t[0]) / dt - 1e-9).astype(int), len(t) - 1)  # sample that sees it first
        total = np.zeros(len(t))
        for sign, constant in ((1, self.decay), (-1, self.rise)):
            by_then = np.exp(-(t[0] + first * dt - spikes) / constant)
            new = np.bincount(first, by_then, minlength=len(t))
            total += sign * lfilter([1.0], [1.0, -math.exp(-dt / constant)], new)
        return total / self._top

    def combined(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The coincidence nonlinearity, Phi in Eq. 27."""
        if self.coincidence == "product":
            return a * b
        if self.coincidence == "threshold":
            return np.maximum(a + b - self.level, 0)
        return np.expm1(self.level * (a + b))

    def activity(self, t: ArrayLike, delta: ArrayLike, location: ArrayLike) -> np.ndarray:
        """Synaptic activity at a place and time (Eq. 27, with the delay in the axon of the oscillator that is ahead).

        Parameters
        ----------
        t : array (...)
            Seconds, on the clock of the minus oscillator.
        delta : array (...)
            How far plus is ahead of minus, in seconds (Eq. 24).
        location : array (...)
            Radians of the ring.
        """
        to_minus, to_plus = self.delays(location)
        t, delta = finite_array(t, "t"), finite_array(delta, "delta")
        to_minus = to_minus if to_minus.any() else 0.0  # then one train serves all places
        return self.combined(self.filtered(t - to_minus), self.filtered(t + delta - to_plus))

    def tuning(self, delta: ArrayLike, location: ArrayLike = 0.0, points: int = 1024) -> np.ndarray:
        """Activity averaged over a cycle (Eq. 28), which depends on delta - period location / 2 pi alone.

        Parameters
        ----------
        delta, location : array (...)
            As for `activity`.
        points : int
            Points of the cycle; the mean over them is the integral of a periodic function.
        """
        points = integer("points", points, 1)
        delta, location = finite_array(delta, "delta"), finite_array(location, "location")
        shape = np.broadcast_shapes(delta.shape, location.shape)
        delta, location = (np.broadcast_to(v, shape).reshape(-1, 1) for v in (delta, location))
        t, mean = np.arange(points) * (self.period / points), np.empty(len(delta))
        rows = max(1, TOGETHER // points)
        for some in (slice(first, first + rows) for first in range(0, len(mean), rows)):
            mean[some] = self.activity(t, delta[some], location[some]).mean(-1)
        return mean.reshape(shape)[()]

    def bump(self, heading: ArrayLike, segments: int = 8, profile: int = 64) -> np.ndarray:
        """Cycle-averaged activity of each segment of the ring (Fig. 6E), averaged over its arc.

        Parameters
        ----------
        heading : array (...)
            What the phases say, in radians.
        segments : int
            The ellipsoid body has 8.
        profile : int
            Points per arc at which Eq. 28 is evaluated; in between it is interpolated.

        Returns
        -------
        array (..., segments)
            The first segment is centred on the angle zero.
        """
        n = integer("segments", segments, 1) * integer("profile", profile, 1)
        angles = 2 * np.pi * np.arange(n) / n
        tuned = self.tuning(angles * self.period / (2 * np.pi))  # depends on heading - location
        weights = np.zeros(n)
        weights[np.arange(-(profile // 2), profile - profile // 2)] = 1 / profile
        weights = (weights + np.roll(weights[::-1], 1)) / 2  # alike to both sides of the middle
        smooth = np.fft.ifft(np.fft.fft(tuned) * np.fft.fft(weights)).real
        away = finite_array(heading, "heading")[..., None] - 2 * np.pi * np.arange(segments) / segments
        return np.interp(away, angles, smooth, period=2 * np.pi)

    def imaged(
        self,
        spikes: Spikes,
        t: ArrayLike,
        segments: int = 8,
        places: int = 4,
        time_constant: float = 0.2,
    ) -> np.ndarray:
        """The bump as an indicator of first order shows it, from spikes: filter, delay, coincidence, low pass.

        Parameters
        ----------
        spikes : Spikes
            From time zero, in seconds; those of the left neurons are read.
        t : array (T,)
            When to look, in seconds, 0 or more.
        segments : int
            Segments of the ring; the first is centred on the angle zero.
        places : int
            Detectors of coincidence per arc, evenly spaced; an even number. A period has four times as many samples as
            the ring has detectors.
        time_constant : float
            Time constant of the indicator, in seconds.

        Returns
        -------
        array (T, segments)

        Raises
        ------
        ValueError
            If the number of places is odd, or a time is negative.
        """
        if integer("places", places, 2) % 2:
            raise ValueError(f"places: expected an even number, so that arcs are symmetric, got {places}")
        t, detectors = finite_array(t, "t"), integer("segments", segments, 1) * places
        if t.ndim != 1 or len(t) == 0 or not (t >= 0).all():
            raise ValueError(f"t: expected times in seconds, 0 or more, got {t!r}")
        dt = self.period / (4 * detectors)  # so that every delay is a number of samples
        fine = np.arange(math.ceil(t.max() / dt) + 2) * dt
        a, b = self.response(spikes.minus_left, fine), self.response(spikes.plus_left, fine)
        seen = np.zeros((len(t), segments))
        for i in range(detectors):
            to_minus, to_plus = (round(float(v / dt)) for v in self.delays(2 * np.pi * (i + 0.5) / detectors))
            both = self.combined(_later(a, to_minus), _later(b, to_plus))
            segment = (i + places // 2) // places % segments
            seen[:, segment] += np.interp(t, fine, low_pass(both, dt, time_constant)) / places
        return seen


def _later(x: np.ndarray, samples: int) -> np.ndarray:
    return np.concatenate([np.zeros(samples), x])[: len(x)]


def low_pass(x: ArrayLike, dt: float, time_constant: float) -> np.ndarray:
    """What an indicator of first order shows of (T, ...) values, each held for dt seconds; it starts with the first.

    Examples
    --------
    >>> low_pass([0.0, 1.0, 1.0], dt=1.0, time_constant=1.0).round(3)
    array([0.   , 0.632, 0.865])
    """
    from scipy.signal import lfilter  # takes longer to import than this package

    dt, time_constant = within("dt", dt, 0, math.inf), within("time_constant", time_constant, 0, math.inf)
    x, kept = finite_array(x, "x"), math.exp(-dt / time_constant)
    if x.ndim == 0 or not len(x):
        raise ValueError(f"x: expected values (T, ...), at least one, got shape {x.shape}")
    return lfilter([1 - kept], [1, -kept], x, axis=0, zi=kept * x[:1])[0]


def decode(activity: ArrayLike) -> np.ndarray:
    """The angle, (...) in [0, 2 pi), of the population vector of (..., segments) activities.

    Examples
    --------
    >>> line = DelayLine()
    >>> float(decode(line.bump(1.2)).round(1))
    1.2
    """
    activity = finite_array(activity, "activity")
    if activity.ndim == 0 or activity.shape[-1] == 0:
        raise ValueError(f"activity: expected shape (..., segments), got {activity.shape}")
    angles = 2 * np.pi * np.arange(activity.shape[-1]) / activity.shape[-1]
    return np.angle(activity @ np.exp(1j * angles)) % (2 * np.pi)


def circular_difference(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The angle from b to a, the shorter way: (...) between -pi and pi.

    Parameters
    ----------
    a, b : array (...)
        Radians, of shapes that broadcast.

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or a value is not finite.

    Examples
    --------
    >>> circular_difference([0.1, 6.2], [6.2, 0.1]).round(3)
    array([ 0.183, -0.183])
    """
    a, b = finite_array(a, "a"), finite_array(b, "b")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"a, b: expected shapes that broadcast, got {a.shape} and {b.shape}") from None
    return np.angle(np.exp(1j * (a - b)))
