import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from ptacore import DivergenceError
from ptacore.heading import robustness
from ptacore.heading.head_direction import HeadDirectionCircuit, SpikingPair
from ptacore.heading.ring_attractors import large_ring, small_ring
from ptacore.heading.robustness import (
    CHANGES,
    changed_pair,
    changed_ring,
    circuit_memory,
    memory_error,
    ring_memory,
)

RINGS = {"small": small_ring(), "large": large_ring()}
LATENCIES = ("weights", "thresholds", "time constants")
FOREVER = (*LATENCIES, "delays")


def directions(ring, u):
    """Null vectors of the Jacobian, right r and left l with l . r = 1, and the gradient of the heading along r."""
    left, _, right = torch.linalg.svd(ring.jacobian(u))
    r, l = right[-1], left[:, -1]
    u = u.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(ring.decode(u), u)
    return r, l / (l @ r), gradient @ r


def drift(ring, what, size, draws, stored, seed):
    """Radians per second, to first order in the size: what the change pushes along the ring."""
    push = changed_ring(ring, what, [size], draws, seed)(ring.held(stored).expand(1, draws, len(stored), -1))[0]
    speed = torch.empty(draws, len(stored), dtype=ring.dtype)
    for h, u in enumerate(ring.held(stored)):
        _, l, turn = directions(ring, u)
        speed[:, h] = turn * (push[:, h] @ l)
    return speed.numpy()


@pytest.mark.parametrize("what", ["weights", "thresholds"])
@pytest.mark.parametrize("name", RINGS)
def test_a_changed_ring_drifts_by_what_the_change_pushes_along_it(name, what):
    ring, off = RINGS[name], []
    for size in (1e-4, 1e-5):
        # between two times, when the bump has taken its new shape: that moves it too, but once
        stored, kept = ring_memory(ring, what, [size], [2.0, 3.0], draws=6, headings=3, seed=1)
        expected = drift(ring, what, size, 6, torch.tensor(stored), seed=1)
        off.append(np.abs(np.diff(kept[0], axis=1)[:, 0] - expected).max() / np.abs(expected).max())
    assert off[1] < 1e-3  # a hundred sizes
    assert off[1] < off[0] / 5  # an error of first order falls with the size


@pytest.mark.parametrize("name", RINGS)
def test_time_constants_do_not_move_what_a_ring_holds(name):
    _, kept = ring_memory(RINGS[name], "time constants", [0.01, 0.2], [0.4, 4.0], draws=4)
    assert np.abs(kept - kept[:1, :1, :1]).max() < 1e-9  # equilibria do not depend on them


@pytest.mark.parametrize("what", LATENCIES)
def test_headings_are_kept_as_another_integrator_says_at_the_very_times(what):
    ring, times = RINGS["large"], [0.003, 0.037, 0.5]
    stored, kept = ring_memory(ring, what, [0.2], times, draws=1, headings=1, seed=4)
    changed = changed_ring(ring, what, [0.2], 1, seed=4)

    def flow(_, u):
        return changed(torch.tensor(u)[None, None, None])[0, 0, 0].numpy()

    options = dict(t_eval=times, method="LSODA", rtol=1e-9, atol=1e-12)
    u = solve_ivp(flow, (0, times[-1]), ring.held(torch.tensor(stored))[0].numpy(), **options).y.T
    # a step is wrong by (dt rate)^5 / 120 of what decays at the rate, 2.2 a time constant: 1e-4, of less than 0.1 rad
    assert np.allclose(kept[0, 0, :, 0], ring.decode(torch.tensor(u)), rtol=0, atol=1e-5)


def test_time_constants_that_would_be_negative_are_refused():
    with pytest.raises(ValueError, match="^sizes: "):
        ring_memory(RINGS["small"], "time constants", [1.0], [1.0])


@pytest.mark.parametrize("what", LATENCIES)
def test_a_change_multiplies_one_kind_of_parameter_by_independent_normal_factors(what):
    ring, attribute = small_ring(), {"weights": "W", "thresholds": "b", "time constants": "tau"}[what]
    changed = changed_ring(ring, what, [0.0, 0.1, 0.2], 400, seed=3)
    for name in ("W", "b", "tau"):
        if name != attribute:
            assert getattr(changed, name) is getattr(ring, name)
    xi = getattr(changed, attribute) / getattr(ring, attribute) - 1
    assert (xi[0] == 0).all()
    assert torch.allclose(xi[2], 2 * xi[1], rtol=0, atol=1e-12)
    xi = (xi[1] / 0.1).reshape(400, -1)
    assert xi.shape[1] == (64 if what == "weights" else 8)
    assert abs(xi.mean()) < 5 / math.sqrt(xi.numel())
    assert abs(xi.var() - 1) < 5 * math.sqrt(2 / xi.numel())
    between = torch.corrcoef(xi.T) - torch.eye(xi.shape[1])
    assert between.abs().max() < 5.5 / math.sqrt(400)  # of 2016 pairs at most


def test_noise_makes_a_rings_heading_diffuse_linearly():
    """Headings 0.1 from a neuron stay in the piece of the ring where the same neurons are active: it is linear there.

    Across the ring the heading fluctuates by as much as along it in a time constant or two, 2 % of 10 s.
    """
    ring, size, times, draws = small_ring(), 1e-4, np.array([4.0, 7.0, 10.0]), 500
    stored, kept = ring_memory(ring, "noise", [size], times, draws=draws, seed=5)
    moved = (kept[0] - stored).swapaxes(1, 2).reshape(-1, 3)  # eight headings, alike by symmetry
    _, l, turn = directions(ring, ring.held(torch.tensor(stored[0])))
    rate = float(((turn * l * size * ring.b * math.sqrt(2 / ring.tau)) ** 2).sum())
    assert 10 * math.sqrt(rate * times[-1]) < 0.1
    runs = len(moved)
    assert (np.abs(moved.mean(0)) < 5 * np.sqrt(rate * times / runs)).all()
    assert (np.abs(moved.var(0) / (rate * times) - 1) < 5 * math.sqrt(2 / runs)).all()
    steps = np.diff(moved, axis=1)
    assert abs(np.corrcoef(steps.T)[0, 1]) < 5 / math.sqrt(runs)


@pytest.mark.parametrize("what", LATENCIES)
def test_a_latency_is_the_time_constant_times_the_threshold_over_the_weight(what):
    factors, pair = np.array([1.1, 0.8]), SpikingPair(delay=(0.005, 0.006), latency=(0.004, 0.003))
    tau, threshold, weight = np.array([0.004, 0.003]) / 0.5, 0.5, 1.0
    if what == "weights":
        weight = weight * factors
    if what == "thresholds":
        threshold = threshold * factors
    if what == "time constants":
        tau = tau * factors
    changed = changed_pair(pair, what, factors)
    assert changed.latency == pytest.approx(tuple(tau * threshold / weight))
    assert (changed.delay, changed.gain) == (pair.delay, pair.gain)


def test_what_would_leave_nothing_is_refused_by_the_name_of_what_was_given():
    for factors in ([1.0, 0.0], [-0.1, 1.0]):
        with pytest.raises(ValueError, match="^factors: expected positive numbers"):
            changed_pair(SpikingPair(), "delays", factors)
    with pytest.raises(ValueError, match="^sizes: a change by -"):
        circuit_memory(HeadDirectionCircuit(), "delays", [2.0], [1.0])


def test_changed_delays_change_nothing_else():
    pair = SpikingPair(delay=(0.005, 0.006))
    changed = changed_pair(pair, "delays", np.array([1.1, 0.8]))
    assert changed.delay == pytest.approx((0.0055, 0.0048))
    assert (changed.latency, changed.gain) == (pair.latency, pair.gain)


@pytest.mark.parametrize("what", FOREVER)
def test_changed_circuits_drift_by_the_difference_of_their_frequencies(what, monkeypatch):
    made, change = [], changed_pair
    monkeypatch.setattr(robustness, "changed_pair", lambda *given: made.append(change(*given)) or made[-1])
    times = np.array([1.0, 30.0])
    stored, kept = circuit_memory(HeadDirectionCircuit(), what, [0.01, 0.03], times, draws=3)
    moved = kept - stored
    assert moved.shape == (2, 3, 2, 8)
    assert np.allclose(moved, moved[..., :1], rtol=0, atol=1e-12)  # all headings alike
    pairs = iter(made)
    for i, j in np.ndindex(2, 3):
        plus, minus = next(pairs), next(pairs)
        periods = [sum(pair.delay) + sum(pair.latency) for pair in (plus, minus)]
        assert periods[0] != periods[1]
        by_hand = 2 * np.pi * (1 / periods[0] - 1 / periods[1]) * times
        assert np.allclose(moved[i, j, :, 0], by_hand, rtol=1e-12, atol=1e-12)
        spikes = HeadDirectionCircuit(plus=plus, minus=minus).spikes([0.0, 31.0], [0.0])
        counted = [np.interp(times, s, np.arange(len(s))) for s in (spikes.plus_left, spikes.minus_left)]
        assert np.allclose(moved[i, j, :, 0], 2 * np.pi * (counted[0] - counted[1]), rtol=0, atol=1e-8)


@pytest.mark.parametrize("what", FOREVER)
def test_what_both_oscillators_share_moves_nothing(what):
    stored, kept = circuit_memory(HeadDirectionCircuit(), what, [0.1], [100.0], draws=4, shared=1.0)
    assert (kept == stored).all()


@pytest.mark.parametrize(("what", "seconds"), [("delays", 0.006), ("weights", 0.004), ("time constants", 0.004)])
@pytest.mark.parametrize("shared", [0.0, 0.75])
def test_the_drift_varies_as_four_changes_a_period(what, seconds, shared):
    """To first order; a Gaussian's variance over draws is known to a share of sqrt(2 / draws)."""
    size, draws, period = 1e-4, 4000, 0.02
    stored, kept = circuit_memory(HeadDirectionCircuit(), what, [size], [1.0], draws, headings=1, seed=2, shared=shared)
    moved = (kept - stored)[0, :, 0, 0]
    expected = (1 - shared) * (2 * math.pi / period**2) ** 2 * 4 * (seconds * size) ** 2
    assert abs(moved.var() / expected - 1) < 5 * math.sqrt(2 / draws)
    assert abs(moved.mean()) < 5 * math.sqrt(expected / draws)


def test_noise_makes_a_circuits_heading_diffuse_by_four_latencies_a_cycle():
    size, times, draws = 0.05, np.array([1.0, 2.0]), 60
    stored, kept = circuit_memory(HeadDirectionCircuit(), "noise", [0.0, size], times, draws, headings=8)
    moved = (kept - stored).swapaxes(2, 3).reshape(2, -1, 2)
    assert np.abs(moved[0]).max() < 1e-9
    expected = 4 * times / 0.02 * (size * 0.004) ** 2 * (2 * math.pi / 0.02) ** 2
    assert (np.abs(moved[1].var(0) / expected - 1) < 5 * math.sqrt(2 / moved.shape[1])).all()
    between = np.corrcoef(moved[1, :, -1].reshape(draws, 8).T) - np.eye(8)
    assert np.abs(between).max() < 5.5 / math.sqrt(draws)  # each heading has its own noise


def test_wrong_delays_of_the_read_out_err_by_the_heading_but_do_not_drift():
    sizes = [1e-3, 2e-3]
    stored, kept = circuit_memory(HeadDirectionCircuit(), "read-out delays", sizes, [1.0, 50.0], draws=3)
    off = kept - stored
    assert (off[:, :, 0] == off[:, :, 1]).all()
    assert np.ptp(off, axis=-1).min() > 1e-4
    assert np.abs(off[1] - 2 * off[0]).max() < 0.05 * np.abs(off[1]).max()  # of first order


EVERYTHING = [
    *((ring_memory, RINGS["small"], what) for what in CHANGES["ring"]),
    *((circuit_memory, HeadDirectionCircuit(), what) for what in CHANGES["circuit"]),
]


@pytest.mark.parametrize(("memory", "network", "what"), EVERYTHING)
def test_what_is_not_changed_does_not_move(memory, network, what):
    stored, kept = memory(network, what, [0.0], [0.4, 2.0], draws=2, headings=3)
    assert stored.shape == (3,)
    assert kept.shape == (1, 2, 2, 3)
    assert np.abs(kept - stored).max() < 1e-9
    assert memory_error(stored, kept).max() < 1e-9


@pytest.mark.parametrize(("memory", "network", "what"), EVERYTHING)
def test_draws_are_those_of_the_seed(memory, network, what):
    one, again, other = (memory(network, what, [0.01], [1.0], draws=2, headings=2, seed=s)[1] for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert (what == "time constants" and memory is ring_memory) or not np.isclose(one, other, rtol=0, atol=1e-9).any()


def test_the_error_is_the_root_of_the_mean_square_on_the_circle():
    stored, n = np.zeros(50), 50
    everywhere = (np.arange(n) + 0.5) / n * 2 * np.pi  # midpoints: the mean square of all angles, less 1 / n^2 of it
    for kept in (everywhere, everywhere + 20 * np.pi, everywhere - np.pi):
        assert memory_error(stored, kept) == pytest.approx(math.pi / math.sqrt(3) * math.sqrt(1 - 1 / n**2), rel=1e-9)
    assert memory_error(np.array([0.1, 6.2]), np.array([6.2, 0.1])) == pytest.approx(2 * math.pi - 6.1)
    assert memory_error(np.zeros(2), np.array([[0.3, -0.4], [0.0, 0.1]])) == pytest.approx(
        [math.sqrt(0.125), math.sqrt(0.005)]
    )


def test_what_all_headings_turned_by_can_be_taken_away():
    rng = np.random.default_rng(0)
    stored, off, by = rng.uniform(0, 6, 20), rng.normal(scale=0.2, size=(5, 20)), rng.uniform(0, 100, (5, 1))
    own = memory_error(stored, stored + off, up_to_rotation=True)
    assert np.allclose(memory_error(stored, stored + off + by, up_to_rotation=True), own, rtol=1e-9)
    assert (own <= memory_error(stored, stored + off) + 1e-3).all()
    assert np.allclose(own, off.std(1), rtol=0.02)  # the mean direction is the mean angle but for third moments
    assert np.allclose(memory_error(stored, stored + by), np.abs(np.angle(np.exp(1j * by[:, 0]))))


def test_rates_that_grow_without_bound_are_an_error():
    with pytest.raises(DivergenceError):
        ring_memory(RINGS["small"], "weights", [10.0], [100.0], draws=2, headings=2)


@pytest.mark.parametrize(
    ("memory", "network"), [(ring_memory, RINGS["small"]), (circuit_memory, HeadDirectionCircuit())]
)
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (dict(what="colours"), "what"),
        (dict(sizes=[0.1, -0.1]), "sizes"),
        (dict(sizes=[math.nan]), "sizes"),
        (dict(sizes=0.1), "sizes"),
        (dict(times=[1.0, 1.0]), "times"),
        (dict(times=[0.0, 1.0]), "times"),
        (dict(times=[math.nan]), "times"),
        (dict(times=[math.inf]), "times"),
        (dict(times=1.0), "times"),
    ],
)
def test_sweeps_that_cannot_be_are_refused(memory, network, changes, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        memory(network, **{"what": "weights", "sizes": [0.1], "times": [1.0], **changes})


@pytest.mark.parametrize("shared", [-0.1, 1.1, math.nan])
def test_a_correlation_is_from_0_to_1(shared):
    with pytest.raises(ValueError, match="^shared: "):
        circuit_memory(HeadDirectionCircuit(), "delays", [0.1], [1.0], shared=shared)


def test_what_belongs_to_the_other_kind_of_network_is_refused():
    with pytest.raises(ValueError, match="^what: "):
        ring_memory(RINGS["small"], "delays", [0.1], [1.0])


@pytest.mark.parametrize("dt", [0.0, -0.4, math.nan, math.inf])
def test_a_step_is_positive(dt):
    with pytest.raises(ValueError, match="^dt: "):
        ring_memory(RINGS["small"], "weights", [0.1], [1.0], dt=dt)


def test_a_circuit_that_drifts_unchanged_is_refused():
    with pytest.raises(ValueError, match="^circuit: "):
        circuit_memory(HeadDirectionCircuit(plus=SpikingPair(delay=(0.006, 0.007))), "delays", [0.1], [1.0])
