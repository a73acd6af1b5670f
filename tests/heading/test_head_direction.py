import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import invgauss, kstest

from ptacore.heading.head_direction import HeadDirectionCircuit, SpikingPair

TIMES = st.floats(1e-3, 1e-2)


def oscillators(gain=None):
    return st.builds(
        SpikingPair,
        delay=st.tuples(TIMES, TIMES),
        latency=st.tuples(TIMES, TIMES),
        refractory=st.just(1e-3),
        gain=st.just(gain),
    )


def velocities(seed, steps=400, dt=5e-3, size=6.0):
    """A seeded Ornstein-Uhlenbeck trace, constant over steps."""
    rng, v = np.random.default_rng(seed), [0.0]
    for kick in rng.normal(size=steps - 1):
        v.append(v[-1] * (1 - dt / 0.2) + size * math.sqrt(2 * dt / 0.2) * kick)
    return np.arange(steps + 1) * dt, np.array(v)


def event_by_event(o, t, turned):
    """The same circuit, one spike after the other: each neuron's charge is followed until it reaches threshold."""

    def told(time):
        return float(np.interp(time, t, turned))

    left, right, now = [t[0]], [], t[0]
    while True:
        now += o.delay[0] + o.latency[1]
        right.append(now)
        arrival, before = now + o.delay[1], left[-1]

        def short_of_threshold(time, arrival=arrival, before=before):
            return o.latency[0] - (time - arrival) - o.gain * (told(time) - told(before))

        if arrival + o.latency[0] > t[-1]:
            return np.array(left), np.array(right)
        now = brentq(short_of_threshold, arrival, arrival + o.latency[0] + 1e-9, xtol=1e-14)
        left.append(now)


@settings(deadline=None)
@given(oscillators())
def test_the_delays_and_latencies_are_the_period(o):
    left, right = o.spikes([0.0, 1.0], [0.0, 0.0])
    assert np.allclose(np.diff(left), sum(o.delay) + sum(o.latency), rtol=0, atol=1e-9)
    assert np.allclose(np.diff(right), o.period, rtol=0, atol=1e-9)
    assert np.allclose(right - left[: len(right)], o.delay[0] + o.latency[1], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(oscillators(gain=1e-4), st.integers(0, 100))
def test_spikes_are_those_of_following_each_neurons_charge(o, seed):
    t, v = velocities(seed)
    turned = np.concatenate([[0], np.cumsum(np.maximum(v, 0) * np.diff(t))])
    left, right = o.spikes(t, turned)
    expected_left, expected_right = event_by_event(o, t, turned)
    assert abs(len(left) - len(expected_left)) <= 1  # one may fall on the last moment
    n = min(len(left), len(expected_left))
    m = min(len(right), len(expected_right))
    assert np.allclose(left[:n], expected_left[:n], rtol=0, atol=1e-9)
    assert np.allclose(right[:m], expected_right[:m], rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_phases_differ_by_the_integral_of_the_velocity(seed):
    """Eq. 26, read from the spikes alone: which spike came last, and how long ago, against a clock at rest."""
    circuit, (t, v) = HeadDirectionCircuit(), velocities(seed)
    v[-40:] = 0  # at rest, phases can be read from the last spikes
    heading = np.concatenate([[0], np.cumsum(v * np.diff(t))])
    assert np.allclose(circuit.heading(t, v), heading, rtol=0, atol=1e-9)
    spikes, period = circuit.spikes(t, v), circuit.plus.period
    read = 2 * np.pi * (spikes.minus_left[-1] - spikes.plus_left[-1]) / period
    assert math.isclose(math.cos(read - heading[-1]), 1, abs_tol=1e-12)
    for train, told in zip((spikes.plus_left, spikes.minus_left), circuit.turned(t, v), strict=True):
        phase = circuit.plus.phase(train, np.interp(train, t, told))
        assert np.allclose(phase, np.arange(len(train)) * period, rtol=0, atol=1e-9)  # Eq. 22


@given(st.floats(-0.1, 0.1))
def test_unequal_delays_make_the_memory_drift_linearly(difference):
    slow = SpikingPair(delay=(0.006 * (1 + difference), 0.006))
    circuit = HeadDirectionCircuit(plus=slow)
    t = np.linspace(0, 10, 11)
    heading = circuit.heading(t, np.zeros(10))
    assert np.allclose(heading, circuit.drift * t, rtol=1e-9, atol=1e-9)
    plus, _ = slow.spikes([0.0, 10.0], [0.0, 0.0])
    cycles = (10 - plus[-1]) / slow.period + len(plus) - 1  # as counted from the spikes
    assert math.isclose(2 * math.pi * (cycles - 10 / 0.02), heading[-1], rel_tol=1e-9, abs_tol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(delay=(-1e-3, 1e-3)), "delay: expected two positive"),
        (dict(latency=(1e-3, math.nan)), "latency: expected finite numbers"),
        (dict(refractory=0.05), "back after 0.016 s, when the neuron is still refractory"),
        (dict(gain=0.0), "gain: expected a number in"),
    ],
)
def test_oscillators_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SpikingPair(**options)


def test_a_velocity_that_outruns_the_oscillator_is_refused_with_the_bound():
    o, t = SpikingPair(), np.linspace(0, 1, 11)
    o.spikes(t, 0.99 * o.fastest * t)
    with pytest.raises(ValueError, match=f"keeps up with .* or {o.fastest:.3g} rad/s"):
        o.spikes(t, 1.01 * o.fastest * t)


@pytest.mark.parametrize(
    ("t", "turned"), [([0, 1], [1, 0]), ([1, 0], [0, 1]), ([0, 1], [0, np.nan]), ([0, 1], [0, 1, 2]), ([0], [0])]
)
def test_turning_that_cannot_be_is_refused(t, turned):
    with pytest.raises(ValueError, match="turned"):
        SpikingPair().spikes(t, turned)


def still(o, cycles, noise, seed):
    """Spikes of at least that many cycles at rest, left and right."""
    left, right = o.spikes([0.0, 1.5 * cycles * o.period], [0.0, 0.0], noise, seed)
    assert len(right) > cycles
    return left[: cycles + 1], right[:cycles]


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_noise_gives_intervals_the_mean_and_variance_of_two_latencies(noise):
    """The cumulants of an inverse Gaussian of mean L and variance (noise L)^2: 3 noise^4 L^3 and 15 noise^6 L^4."""
    o, n = SpikingPair(latency=(0.004, 0.007), delay=(0.003, 0.005)), 20_000
    intervals = np.diff(still(o, n, noise, seed=3)[0])
    variance, fourth = noise**2 * (0.004**2 + 0.007**2), 15 * noise**6 * (0.004**4 + 0.007**4)
    assert abs(intervals.mean() - o.period) < 5 * math.sqrt(variance / n)
    assert abs(intervals.var() - variance) < 5 * math.sqrt((fourth + 2 * variance**2) / n)


def test_a_noisy_latency_is_a_time_of_first_passage():
    """Each side's is distributed as SciPy's inverse Gaussian; 5 standard errors are a chance of 6e-7."""
    o, noise = SpikingPair(latency=(0.004, 0.007), delay=(0.003, 0.005)), 0.5
    left, right = still(o, 20_000, noise, seed=4)
    passages = ((o.latency[1], right - left[:-1] - o.delay[0]), (o.latency[0], left[1:] - right - o.delay[1]))
    for mean, latencies in passages:
        assert kstest(latencies, invgauss(mu=noise**2, scale=mean / noise**2).cdf).pvalue > 6e-7
    correlation = np.corrcoef(*(latencies for _, latencies in passages))[0, 1]
    assert abs(correlation) < 5 / math.sqrt(20_000)


def test_the_noise_is_that_of_its_seed_and_each_oscillator_has_its_own():
    circuit, t, v = HeadDirectionCircuit(), [0.0, 1.0], [1.0]
    one, again, other = (circuit.spikes(t, v, noise=0.1, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(len(a) == len(b) and np.allclose(a, b) for a, b in zip(one, other, strict=True))
    still = circuit.spikes(t, [0.0], noise=0.1, seed=1)
    n = min(len(still.plus_left), len(still.minus_left))
    assert (still.plus_left[1:n] != still.minus_left[1:n]).all()
    silent, none = circuit.spikes(t, v, noise=0.0, seed=1), circuit.spikes(t, v)
    assert all(np.array_equal(a, b) for a, b in zip(silent, none, strict=True))


def test_noise_makes_the_difference_of_the_phases_diffuse():
    """Four latencies a cycle, independent; in so many cycles phases are Gaussian, and variances have 2 / runs."""
    o, noise, runs = SpikingPair(), 0.1, 1000
    circuit, times = HeadDirectionCircuit(), np.array([0.5, 1.0, 2.0])
    moved = np.empty((runs, 3))
    for seed in range(runs):
        spikes = circuit.spikes([0.0, 2.2], [0.0], noise, seed)
        plus, minus = (np.interp(times, s, np.arange(len(s))) for s in (spikes.plus_left, spikes.minus_left))
        moved[seed] = 2 * np.pi * (plus - minus)
    expected = 4 * times / o.period * (noise * o.latency[0]) ** 2 * (2 * np.pi / o.period) ** 2
    assert (np.abs(moved.mean(0)) < 5 * np.sqrt(expected / runs)).all()
    assert (np.abs(moved.var(0) / expected - 1) < 5 * math.sqrt(2 / runs)).all()


@pytest.mark.parametrize(
    ("options", "name"),
    [(dict(noise=0.1), "seed"), (dict(noise=-0.1, seed=0), "noise"), (dict(noise=math.nan, seed=0), "noise")],
)
def test_noise_that_cannot_be_is_refused(options, name):
    with pytest.raises(ValueError, match=f"{name}: "):
        HeadDirectionCircuit().spikes([0.0, 1.0], [0.0], **options)
