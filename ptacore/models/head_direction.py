"""Head direction without a continuous attractor: two oscillators, whose phases differ by the heading (Section 2.11)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import lfilter

COINCIDENCES = ("product", "threshold", "exponential")
WIRINGS = ("projected", "wrapped")


@dataclass(frozen=True, kw_only=True)
class Oscillator:
    """A neuron in each hemisphere, each exciting the other after a delay (Fig. 6A): the delays fix the period.

    Both neurons integrate and fire. A spike travels to the other side and switches on a current there, which
    takes that neuron from rest to its threshold; it fires, is reset, and the current ends. Angular velocity is a
    second current, into the left neuron: what it has charged when the spike arrives shortens the latency by
    ``gain`` seconds a radian, no matter when in the cycle it came. That is a constant phase-resetting curve.

    Parameters
    ----------
    delay : tuple of 2 floats
        Seconds a spike takes from left to right, and from right to left.
    latency : tuple of 2 floats
        Seconds from a spike's arrival to the left, and to the right, neuron's own spike, without angular velocity.
    gain : float, optional
        Seconds by which a turn of one radian advances the cycle; period / 2 pi unless given (Eq. 22).
    refractory : float
        Seconds after a spike during which a neuron takes no notice of others.

    Raises
    ------
    ValueError
        If a time is negative or not finite, or the cycle is too short for the refractory time.

    Examples
    --------
    >>> pair = Oscillator(delay=(0.006, 0.006), latency=(0.004, 0.004))
    >>> pair.period
    0.02
    >>> left, right = pair.spikes([0.0, 0.05], [0.0, 0.0])  # at rest
    >>> left, right
    (array([0.  , 0.02, 0.04]), array([0.01, 0.03, 0.05]))
    """

    delay: tuple[float, float] = (0.006, 0.006)
    latency: tuple[float, float] = (0.004, 0.004)
    gain: float | None = None
    refractory: float = 0.002

    def __post_init__(self):
        for name in ("delay", "latency"):
            times = tuple(float(v) for v in getattr(self, name))
            if len(times) != 2 or not all(0 < v < math.inf for v in times):
                raise ValueError(f"{name}: expected two positive numbers of seconds, got {getattr(self, name)!r}")
            object.__setattr__(self, name, times)
        if not 0 <= self.refractory < math.inf:
            raise ValueError(f"refractory: expected a number of seconds, 0 or more, got {self.refractory!r}")
        away = self.period - self.latency[0]
        if away <= self.refractory:
            raise ValueError(
                f"delay: a spike is back after {away:g} s, when the neuron is still refractory ({self.refractory:g} s)"
            )
        gain = self.period / (2 * math.pi) if self.gain is None else self.gain
        if not 0 < gain < math.inf:
            raise ValueError(f"gain: expected a positive number of seconds a radian, got {self.gain!r}")
        object.__setattr__(self, "gain", gain)

    @property
    def period(self) -> float:
        """Seconds of a cycle at rest: both delays and both latencies."""
        return sum(self.delay) + sum(self.latency)

    @property
    def fastest(self) -> float:
        """Radians per second beyond which the left neuron would fire before the spike from the right arrives."""
        return self.latency[0] / (self.gain * (self.period - self.latency[0]))

    def phase(self, t: ArrayLike, turned: ArrayLike) -> np.ndarray:
        """Time on the oscillator's own clock, in seconds and not wrapped (Eqs. 22 and 23).

        Parameters
        ----------
        t : array (T,)
            Seconds.
        turned : array (T,)
            Radians of turning that this oscillator has been told of by then.
        """
        return np.asarray(t, float) + self.gain * np.asarray(turned, float)

    def spikes(self, t: ArrayLike, turned: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Spike times of the left and the right neuron, exactly.

        Between two of its spikes the left neuron waits for the delays and latencies of the loop, less ``gain`` times
        what the animal turned meanwhile; so it fires when its phase is a whole number of periods, and the right
        neuron a fixed time after it.

        Parameters
        ----------
        t : array (T,)
            Increasing, in seconds; the left neuron fires at the first.
        turned : array (T,)
            Radians, not decreasing; linear in between.

        Returns
        -------
        left, right : array (spikes,)
            Up to the last of the times.

        Raises
        ------
        ValueError
            If the shapes do not fit, or the turning is too fast for the oscillator.
        """
        t, turned = np.asarray(t, float), np.asarray(turned, float)
        if t.ndim != 1 or t.shape != turned.shape or len(t) < 2 or not (np.diff(t) > 0).all():
            raise ValueError(f"t, turned: expected increasing times and as many angles, got {t.shape}, {turned.shape}")
        if not (np.isfinite(turned).all() and (np.diff(turned) >= 0).all()):
            raise ValueError("turned: expected finite angles that do not decrease; give each oscillator its direction")
        phase = self.phase(t, turned)
        phase -= phase[0]
        left = np.interp(np.arange(0, phase[-1] * (1 + 1e-15), self.period), phase, t)
        charged = self.gain * np.diff(np.interp(left, t, turned))
        if len(charged) and charged.max() >= self.latency[0]:
            raise ValueError(
                f"velocity: turned by {charged.max() / self.gain:.3g} rad in a cycle; this oscillator keeps up with "
                f"{self.fastest:.3g} rad/s: raise the latency of its left neuron, or lower its gain"
            )
        right = left + self.delay[0] + self.latency[1]
        return left, right[right <= t[-1] * (1 + 1e-15)]


class Spikes(NamedTuple):
    """Spike times of the four neurons, in seconds."""

    plus_left: np.ndarray
    plus_right: np.ndarray
    minus_left: np.ndarray
    minus_right: np.ndarray


@dataclass(frozen=True, kw_only=True)
class HeadDirectionCircuit:
    """Two oscillators, one told of clockwise turning and one of the other: their phases differ by the heading.

    Parameters
    ----------
    plus, minus : Oscillator

    Examples
    --------
    >>> circuit = HeadDirectionCircuit()
    >>> t = np.linspace(0, 1, 101)
    >>> velocity = np.full(100, 1.5)  # rad/s
    >>> float(circuit.heading(t, velocity)[-1].round(9))  # Eq. 26
    1.5
    """

    plus: Oscillator = field(default_factory=Oscillator)
    minus: Oscillator = field(default_factory=Oscillator)

    @property
    def drift(self) -> float:
        """Radians per second by which the memory moves in the dark, where the two periods differ."""
        return 2 * math.pi * (1 / self.plus.period - 1 / self.minus.period)

    def turned(self, t: ArrayLike, velocity: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Integrals of the clockwise and of the counter-clockwise angular velocity.

        Parameters
        ----------
        t : array (T + 1,)
            Seconds.
        velocity : array (T,)
            Radians per second, constant between two times; clockwise is positive.

        Returns
        -------
        plus, minus : array (T + 1,)
            Radians, zero at the first time.
        """
        t, velocity = np.asarray(t, float), np.asarray(velocity, float)
        if t.ndim != 1 or velocity.shape != (len(t) - 1,) or not np.isfinite(velocity).all():
            raise ValueError(
                f"velocity: expected {len(t) - 1} finite values between {len(t)} times, got {velocity.shape}"
            )
        steps = np.maximum([velocity, -velocity], 0) * np.diff(t)
        plus, minus = np.concatenate([np.zeros((2, 1)), steps.cumsum(1)], axis=1)
        return plus, minus

    def heading(self, t: ArrayLike, velocity: ArrayLike) -> np.ndarray:
        """What the difference of the phases says (Eqs. 24 to 26), in radians, not wrapped; zero at the first time."""
        plus, minus = self.turned(t, velocity)
        t = np.asarray(t, float) - np.asarray(t, float)[0]
        return (
            2 * np.pi * (self.plus.phase(t, plus) / self.plus.period - self.minus.phase(t, minus) / self.minus.period)
        )

    def spikes(self, t: ArrayLike, velocity: ArrayLike) -> Spikes:
        """Spike times of the four neurons; see `Oscillator.spikes`."""
        plus, minus = self.turned(t, velocity)
        return Spikes(*self.plus.spikes(t, plus), *self.minus.spikes(t, minus))


@dataclass(frozen=True, kw_only=True)
class DelayLine:
    """Where along an axon the spikes of the two oscillators arrive together (Eqs. 27 and 28).

    Parameters
    ----------
    period : float
        Seconds.
    rise, decay : float
        Time constants of the synaptic filter h(t) = exp(-t / decay) - exp(-t / rise), scaled to a peak of 1.
    coincidence : {"product", "threshold", "exponential"}
        Of the two filtered trains a and b: a b, [a + b - level]^+, or exp(level (a + b)) - 1.
    level : float
        Of the latter two.
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
    rise: float = 5e-4
    decay: float = 2e-3
    coincidence: str = "product"
    level: float = 1.0
    wiring: str = "projected"

    def __post_init__(self):
        if not 0 < self.period < math.inf:
            raise ValueError(f"period: expected a positive number of seconds, got {self.period!r}")
        if not 0 < self.rise < self.decay < math.inf:
            raise ValueError(f"rise, decay: expected 0 < rise < decay, got {self.rise!r}, {self.decay!r}")
        for name, valid in (("coincidence", COINCIDENCES), ("wiring", WIRINGS)):
            if getattr(self, name) not in valid:
                raise ValueError(f"{name}: expected one of {', '.join(valid)}, got {getattr(self, name)!r}")

    def delays(self, location: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Seconds from a spike of the left neuron of minus, and of plus, to its arrival at a place.

        They differ by period location / 2 pi, which is all that coincidences depend on. Wrapped, the axon of minus
        starts at its right neuron, half a period later (Eq. 27).

        Parameters
        ----------
        location : array (...)
            Radians of the ring.
        """
        part = np.mod(np.asarray(location, float) / (2 * np.pi), 1) * self.period
        if self.wiring == "projected":
            return part, np.zeros_like(part)
        return (self.period + part) / 2, (self.period - part) / 2

    def filtered(self, t: ArrayLike) -> np.ndarray:
        """h * a train that spikes at 0 and every period before and after: a sum of two geometric series."""
        t = np.mod(t, self.period)
        peak = math.log(self.decay / self.rise) * self.rise * self.decay / (self.decay - self.rise)
        top = math.exp(-peak / self.decay) - math.exp(-peak / self.rise)
        slow, fast = (np.exp(-t / c) / -np.expm1(-self.period / c) for c in (self.decay, self.rise))
        return (slow - fast) / top

    def combined(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The coincidence nonlinearity, Phi in Eq. 27."""
        if self.coincidence == "product":
            return a * b
        if self.coincidence == "threshold":
            return np.maximum(a + b - self.level, 0)
        return np.expm1(self.level * (a + b))

    def activity(self, t: ArrayLike, delta: ArrayLike, location: ArrayLike) -> np.ndarray:
        """Synaptic activity at a place and time (Eq. 27).

        Parameters
        ----------
        t : array (...)
            Seconds, on the clock of the minus oscillator.
        delta : array (...)
            Difference of the phases, in seconds.
        location : array (...)
            Radians of the ring.
        """
        to_minus, to_plus = self.delays(location)
        t, delta = np.asarray(t, float), np.asarray(delta, float)
        return self.combined(self.filtered(t + delta - to_minus), self.filtered(t - to_plus))

    def tuning(self, delta: ArrayLike, location: ArrayLike = 0.0, points: int = 1024) -> np.ndarray:
        """Activity averaged over a cycle (Eq. 28), which depends on delta - period location / 2 pi alone.

        Parameters
        ----------
        delta, location : array (...)
            As for `activity`.
        points : int
            Of the cycle; the mean over them is the integral of a periodic function.
        """
        delta, location = np.broadcast_arrays(np.asarray(delta, float), np.asarray(location, float))
        t = np.arange(points) * (self.period / points)
        return self.activity(t, delta[..., None], location[..., None]).mean(-1)

    def bump(self, heading: ArrayLike, segments: int = 8, profile: int = 64) -> np.ndarray:
        """Cycle-averaged activity of each segment of the ring (Fig. 6E), averaged over its arc.

        Parameters
        ----------
        heading : array (...)
            What the phases say, in radians.
        segments : int
            The ellipsoid body has 8.
        profile : int
            Points an arc at which Eq. 28 is evaluated; in between it is interpolated.

        Returns
        -------
        array (..., segments)
            The first segment is centred on the angle zero.
        """
        n = segments * profile
        angles = 2 * np.pi * np.arange(n) / n
        tuned = self.tuning(angles * self.period / (2 * np.pi))  # depends on heading - location
        weights = np.zeros(n)
        weights[np.arange(-(profile // 2), profile - profile // 2)] = 1 / profile
        smooth = np.fft.ifft(np.fft.fft(tuned) * np.fft.fft(weights)).real
        away = np.asarray(heading, float)[..., None] - 2 * np.pi * np.arange(segments) / segments
        return np.interp(away, angles, smooth, period=2 * np.pi)


def low_pass(x: ArrayLike, dt: float, time_constant: float) -> np.ndarray:
    """What an indicator of first order shows of (T, ...) values, each held for dt seconds; it starts with the first.

    Examples
    --------
    >>> low_pass([0.0, 1.0, 1.0], dt=1.0, time_constant=1.0).round(3)
    array([0.   , 0.632, 0.865])
    """
    if not (dt > 0 and time_constant > 0):
        raise ValueError(f"dt, time_constant: expected positive numbers of seconds, got {dt!r}, {time_constant!r}")
    x, kept = np.asarray(x, float), math.exp(-dt / time_constant)
    return lfilter([1 - kept], [1, -kept], x, axis=0, zi=kept * x[:1])[0]


def decode(activity: ArrayLike) -> np.ndarray:
    """The angle, (...) in [0, 2 pi), of the population vector of (..., segments) activities.

    Examples
    --------
    >>> line = DelayLine()
    >>> float(decode(line.bump(1.2)).round(1))
    1.2
    """
    activity = np.asarray(activity, float)
    angles = 2 * np.pi * np.arange(activity.shape[-1]) / activity.shape[-1]
    return np.angle(activity @ np.exp(1j * angles)) % (2 * np.pi)
