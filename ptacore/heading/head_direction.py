"""Head direction without a continuous attractor: two oscillators, whose phases differ by the heading (Section 2.11)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from ptacore.checks import check_seed, finite_array, instance, shown, within


@dataclass(frozen=True, kw_only=True)
class SpikingPair:
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
    >>> pair = SpikingPair(delay=(0.006, 0.006), latency=(0.004, 0.004))
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
            times = finite_array(getattr(self, name), name)
            if times.shape != (2,) or not (times > 0).all():
                raise ValueError(f"{name}: expected two positive numbers of seconds, got {shown(getattr(self, name))}")
            object.__setattr__(self, name, tuple(times.tolist()))
        object.__setattr__(self, "refractory", within("refractory", self.refractory, 0, math.inf, "[)"))
        away = self.period - self.latency[0]
        if away <= self.refractory:
            raise ValueError(
                f"delay, refractory: a spike is back after {away:g} s, "
                f"when the neuron is still refractory ({self.refractory:g} s)"
            )
        gain = self.period / (2 * math.pi) if self.gain is None else self.gain
        object.__setattr__(self, "gain", within("gain", gain, 0, math.inf))

    @classmethod
    def of_period(cls, period: float) -> Self:
        """A pair of a given period: delays of 0.3, latencies of 0.2 and a refractory time of 0.1 of it."""
        return cls(delay=(0.3 * period,) * 2, latency=(0.2 * period,) * 2, refractory=0.1 * period)

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
        return finite_array(t, "t") + self.gain * finite_array(turned, "turned")

    def spikes(
        self, t: ArrayLike, turned: ArrayLike, noise: float = 0.0, seed: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Spike times of the left and the right neuron, exactly.

        Between two of its spikes the left neuron waits for the delays and latencies of the loop, less ``gain`` times
        what the animal turned meanwhile; so it fires when its phase is a whole number of periods, and the right
        neuron a fixed time after it. White noise in a membrane that integrates makes its latency an inverse Gaussian
        variable, the time of first passage to the threshold; what the noise has added so far shifts the phase.

        Parameters
        ----------
        t : array (T,)
            Increasing, in seconds; the left neuron fires at the first.
        turned : array (T,)
            Radians, not decreasing; linear in between.
        noise : float
            Standard deviation of a membrane's potential after a latency's time, as a share of the threshold; to
            first order also that of a latency, as a share of itself.
        seed : int, optional
            Seed of the noise; needed if there is any.

        Returns
        -------
        left, right : array (spikes,)
            Up to the last of the times.

        Raises
        ------
        ValueError
            If the shapes do not fit, the turning is too fast for the oscillator, or noise has no seed.
        """
        t, turned = finite_array(t, "t"), finite_array(turned, "turned")
        if t.ndim != 1 or t.shape != turned.shape or len(t) < 2 or not (np.diff(t) > 0).all():
            raise ValueError(f"t, turned: expected increasing times and as many angles, got {t.shape}, {turned.shape}")
        if not (np.diff(turned) >= 0).all():
            raise ValueError("turned: expected finite angles that do not decrease; give each oscillator its direction")
        phase = self.phase(t, turned)
        phase -= phase[0]
        count = math.floor(phase[-1] / sum(self.delay)) + 2  # more than there can be
        right_latency, left_latency = self._latencies(count, noise, seed)
        delayed = np.cumsum(right_latency + left_latency - sum(self.latency))  # by the noise
        clock = self.period * np.arange(count + 1) + np.concatenate([[0.0], delayed])
        clock = clock[clock <= phase[-1] * (1 + 1e-15)]
        left = np.interp(clock, phase, t)
        charged = self.gain * np.diff(np.interp(left, t, turned))
        late = charged >= left_latency[: len(charged)]
        if late.any():
            raise ValueError(
                f"turned: too fast, {charged[late][0] / self.gain:.3g} rad in a cycle; this pair keeps up with "
                f"{self.latency[0] / self.gain:.3g} rad in a cycle or {self.fastest:.3g} rad/s, less with noise: raise "
                "the latency of its left neuron, or lower its gain"
            )
        right = left + self.delay[0] + right_latency[: len(left)]
        return left, right[right <= t[-1] * (1 + 1e-15)]

    def _latencies(self, count: int, noise: float, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Latencies of the right and of the left neuron, in successive cycles."""
        mean = np.array(self.latency[::-1])
        noise = within("noise", noise, 0, math.inf, "[)")
        if noise == 0:
            return tuple(np.tile(mean[:, None], count))
        if seed is None:
            raise ValueError("seed: noise needs one")
        rng = np.random.default_rng(check_seed(seed))
        return tuple(rng.wald(mean[:, None], mean[:, None] / noise**2, (2, count)))


def piecewise_constant(t: ArrayLike, velocity: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Increasing times (T + 1,) and finite velocities (T,) between them, as arrays; a ValueError names what is not."""
    t, velocity = finite_array(t, "t"), finite_array(velocity, "velocity")
    if t.ndim != 1 or len(t) < 2 or not (np.diff(t) > 0).all():
        raise ValueError(f"t: expected two or more increasing times, got shape {t.shape}")
    if velocity.shape != (len(t) - 1,):
        raise ValueError(f"velocity: expected {len(t) - 1} finite values between {len(t)} times, got {velocity.shape}")
    return t, velocity


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
    plus, minus : SpikingPair

    Examples
    --------
    >>> circuit = HeadDirectionCircuit()
    >>> t = np.linspace(0, 1, 101)
    >>> velocity = np.full(100, 1.5)  # rad/s
    >>> float(circuit.heading(t, velocity)[-1].round(9))  # Eq. 26
    1.5
    """

    plus: SpikingPair = field(default_factory=SpikingPair)
    minus: SpikingPair = field(default_factory=SpikingPair)

    def __post_init__(self):
        for name in ("plus", "minus"):
            instance(name, getattr(self, name), SpikingPair)

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
        t, velocity = piecewise_constant(t, velocity)
        steps = np.maximum([velocity, -velocity], 0) * np.diff(t)
        plus, minus = np.concatenate([np.zeros((2, 1)), steps.cumsum(1)], axis=1)
        return plus, minus

    def heading(self, t: ArrayLike, velocity: ArrayLike) -> np.ndarray:
        """What the difference of the phases says (Eqs. 24 to 26), in radians, not wrapped; zero at the first time."""
        plus, minus = self.turned(t, velocity)
        t = finite_array(t, "t")
        t = t - t[0]
        return (
            2 * np.pi * (self.plus.phase(t, plus) / self.plus.period - self.minus.phase(t, minus) / self.minus.period)
        )

    def spikes(self, t: ArrayLike, velocity: ArrayLike, noise: float = 0.0, seed: int | None = None) -> Spikes:
        """Spike times of the four neurons; see `SpikingPair.spikes`. Noise is independent between the oscillators."""
        plus, minus = self.turned(t, velocity)
        seeds = (None, None) if seed is None else np.random.SeedSequence(check_seed(seed)).generate_state(2)
        return Spikes(
            *self.plus.spikes(t, plus, noise, seeds[0]),
            *self.minus.spikes(t, minus, noise, seeds[1]),
        )
