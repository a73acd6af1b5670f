"""What attracts, against maps whose attractors are known."""

import math

import pytest
import torch

from ptacore import System
from ptacore.experiments.attractors import attractors
from ptacore.models import LinearFlow
from ptacore.networks import registry
from ptacore.training import as_system


def a_map(f, dim=1):
    return System.from_function(f, dim=dim, kind="map")


def rotations(*angles):
    """Independent turns, each with a stable circle: the m-torus."""

    turn = torch.tensor(angles, dtype=torch.float64)

    def f(x):
        u, v = x[..., : len(turn)], x[..., len(turn) :]
        grow = 1.25 - 0.25 * (u * u + v * v)
        return torch.cat((u * turn.cos() - v * turn.sin(), u * turn.sin() + v * turn.cos()), -1) * torch.cat(
            (grow, grow), -1
        )

    return a_map(f, 2 * len(angles))


def test_a_stable_fixed_point_with_its_multiplier():
    (found,) = attractors(a_map(lambda x: 0.5 * x + 1), [[7.0]], settle=2000)
    assert (found.kind, found.period) == ("fixed point", 1)
    assert found.multiplier == pytest.approx(0.5)


@pytest.mark.parametrize(("r", "period"), [(3.2, 2), (3.5, 4)])
def test_a_periodic_orbit_with_its_multiplier(r, period):
    (found,) = attractors(a_map(lambda x: r * x * (1 - x)), [[0.3]], settle=2000)
    assert (found.kind, found.period) == ("periodic orbit", period)
    x, product = 0.3, 1.0
    for _ in range(3000):
        x = r * x * (1 - x)
    for _ in range(period):
        product, x = product * r * (1 - 2 * x), r * x * (1 - x)
    assert found.multiplier == pytest.approx(abs(product), abs=1e-7)


@pytest.mark.parametrize("angles", [(1.0,), (1.0, math.sqrt(2)), (0.3, 1.0, math.sqrt(2))])
def test_a_torus_has_a_zero_for_each_angle(angles):
    m = len(angles)
    starts = torch.tensor([[0.9] * m + [0.1] * m, [0.2] * m + [-0.5] * m], dtype=torch.float64)
    for found in attractors(rotations(*angles), starts, settle=2000):
        assert (found.kind, found.zero, found.positive) == ("torus", (m, m), (0, 0))
        assert found.exponents[-1] == pytest.approx(math.log(0.5), abs=1e-6)  # of the radius
        assert found.computed == 2 * m


def test_chaos():
    (found,) = attractors(
        a_map(lambda x: torch.stack((1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]), -1), 2),
        [[0.1, 0.1]],
        settle=1000,
    )
    assert (found.kind, found.positive) == ("chaos", (1, 1))
    assert found.exponents[0] == pytest.approx(0.419, abs=0.01)
    assert sum(found.exponents) == pytest.approx(math.log(0.3))


@pytest.mark.parametrize(
    "f", [lambda x: x / (1 + x * x), lambda x: (1 - 1e-5) * x], ids=["algebraic", "a rate of 1e-5"]
)
def test_a_state_that_still_creeps_is_no_torus(f):
    (found,) = attractors(a_map(f), [[0.9]], windows=(500, 2000))
    assert found.kind == "undecided"
    assert found.travel[1] < 0.8 * found.travel[0]


def test_starts_are_told_apart():
    two = a_map(lambda x: torch.where(x > 0, 0.5 * x + 0.5, 3.9 * (x + 1) * -x - 1), 1)
    found = attractors(two, [[0.5], [-0.6]], settle=1000)
    assert [one.kind for one in found] == ["fixed point", "chaos"]


def test_oscillators_of_a_network_are_a_torus():
    network = registry.build("tanh-pta", 3, 2, 6, torch.Generator().manual_seed(0)).double()
    (found,) = attractors(as_system(network), torch.full((1, 6), 0.1, dtype=torch.float64), settle=20_000)
    assert (found.kind, found.zero) == ("torus", (3, 3))


def test_a_flow_is_refused():
    with pytest.raises(ValueError, match="^system: expected a map, got a flow"):
        attractors(LinearFlow([[-1.0]]), [[1.0]])
