"""The compiled orbits of two units: closed forms where the network is linear, torch and NumPy where it is not."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore import certify
from ptacore.kernels import orbits
from ptacore.models import oscillator
from ptacore.models.oscillator import SYSTEMS
from ptacore.oscillators import certificates

pytestmark = pytest.mark.skipif(not orbits.available(), reason="no C compiler on this machine")
MAPS, FLOWS = ("tanh map", "GRU map"), ("tanh flow", "GRU flow")
TINY = 1e-9  # states at which tanh is linear to rounding
counts, draws = st.integers(1, 70), st.integers(0, 2**20)


def uniform(low, high, count, seed):
    return low + (high - low) * torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def both(monkeypatch, measure):
    """What is measured in C, and without it."""
    compiled = measure()
    with monkeypatch.context() as without:
        without.setattr(orbits, "available", lambda: False)
        return compiled, measure()


@pytest.mark.parametrize("gate", [1.0, 0.5])
@given(count=counts, seed=draws)
@settings(max_examples=10, deadline=None)
def test_small_orbits_of_flows_turn_and_grow_as_the_eigenvalues_say(gate, count, seed):
    gain, theta = uniform(0.5, 3.0, count, seed), uniform(0.2, 1.5, count, seed + 1)
    W = torch.stack([torch.stack([theta.cos(), -theta.sin()], -1), torch.stack([theta.sin(), theta.cos()], -1)], -2)
    angles = torch.linspace(0, 1.5, 61, dtype=torch.float64)[:, None].expand(-1, count)
    start = torch.full((count,), math.log(TINY), dtype=torch.float64)
    (s, time, divergence), times = orbits.turn(gain[:, None, None] / gate * W, gate, start, angles)
    speed, rate = gate * gain * theta.sin(), gate * (gain * theta.cos() - 1)
    torch.testing.assert_close(time, 1.5 / speed, rtol=1e-9, atol=0)
    torch.testing.assert_close(times.sum(0), time)
    torch.testing.assert_close(s - start, rate * 1.5 / speed, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(divergence, 2 * rate * 1.5 / speed, rtol=1e-9, atol=1e-9)


@given(count=counts, steps=st.integers(1, 40), longest=st.integers(1, 30), seed=draws)
@settings(max_examples=20, deadline=None)
def test_small_orbits_of_maps_turn_by_their_angle_and_come_back(count, steps, longest, seed):
    turns = torch.randint(1, 20, (count,), generator=torch.Generator().manual_seed(seed))
    theta = math.tau / turns
    W = torch.stack([torch.stack([theta.cos(), -theta.sin()], -1), torch.stack([theta.sin(), theta.cos()], -1)], -2)
    x, weights = TINY * uniform(0.1, 1.0, 2 * count, seed).reshape(count, 2), torch.ones(steps).double() / steps
    end, square, turned = orbits.average(W.double(), 1.0, x, weights, theta.double() - 0.01)
    torch.testing.assert_close(turned, torch.full_like(turned, 0.01), rtol=0, atol=1e-6)  # angles in single precision
    torch.testing.assert_close(square, (x * x).sum(-1), rtol=1e-5, atol=0)
    torch.testing.assert_close(end.norm(dim=-1), x.norm(dim=-1), rtol=1e-5, atol=0)
    period, distance = orbits.shortest_return(W.double(), 1.0, x, longest, 1e-4 * TINY)
    back = turns <= longest
    assert torch.equal(period[back], turns[back])
    assert (distance[back] <= 1e-4 * TINY).all()
    assert (distance[~back] > 1e-4 * TINY).all()


@pytest.mark.parametrize("system", MAPS)
@given(count=counts, seed=draws)
@settings(max_examples=10, deadline=None)
def test_orbits_of_maps_are_those_of_torch(system, count, seed):
    net = oscillator(system, uniform(0.5, 4.0, count, seed), uniform(0, math.pi, count, seed + 1))
    x = uniform(-1.0, 1.0, 2 * count, seed + 2).reshape(count, 2)
    with pytest.MonkeyPatch.context() as patch:
        for measure in (
            lambda: certificates._turning(net, x, 8)[1:],
            lambda: (certificates._average(net, x, certificates._bump(12))[1],),
            lambda: certificates._shortest_return(net, x, 10),
        ):
            for compiled, expected in zip(*both(patch, measure), strict=True):
                torch.testing.assert_close(compiled, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("system", FLOWS)
@given(count=counts, seed=draws)
@settings(max_examples=10, deadline=None)
def test_turns_of_flows_are_those_of_numpy(system, count, seed):
    net = oscillator(system, uniform(0.5, 8.0, count, seed), uniform(0, 1.5, count, seed + 1))
    s = uniform(-3.0, 0.5, count, seed + 2)
    angles = torch.cumsum(uniform(0.0, 0.02, 40 * count, seed + 3).reshape(count, 40), 1).T  # not contiguous
    with pytest.MonkeyPatch.context() as patch:
        compiled, expected = both(patch, lambda: certificates._turn(net, s, angles))
    for x, y in zip(compiled, expected, strict=True):
        assert torch.equal(x.isnan(), y.isnan())
        torch.testing.assert_close(x, y, rtol=1e-7, atol=1e-9, equal_nan=True)


def test_networks_are_taken_some_at_a_time(monkeypatch):
    net, s = oscillator("tanh flow", uniform(1.5, 3.0, 50, 0), 1.0), torch.zeros(50, dtype=torch.float64)
    angles = torch.linspace(0, 1.0, 9, dtype=torch.float64)[:, None].expand(-1, 50)
    whole = orbits.turn(net.W, 1.0, s, angles)
    monkeypatch.setattr(orbits, "TOGETHER", 7)
    for x, y in zip(whole, orbits.turn(net.W, 1.0, s, angles), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize("system", SYSTEMS)
def test_certificates_do_not_depend_on_a_compiler(system, monkeypatch):
    scale = 1.0 if "tanh" in system else 2.0
    alpha = scale * torch.tensor([0.7, 1.1, 1.3, 2.5], dtype=torch.float64)[:, None]
    compiled, expected = both(monkeypatch, lambda: certify(system, alpha, [0.02, 0.3, 0.9, 1.4]))
    for name in ("kind", "copies", "bistable"):
        assert torch.equal(getattr(compiled, name), getattr(expected, name))
    for name in ("frequency", "period", "multiplier"):
        x, y = getattr(compiled, name), getattr(expected, name)
        torch.testing.assert_close(x, y, rtol=1e-8, atol=1e-9, equal_nan=True)
