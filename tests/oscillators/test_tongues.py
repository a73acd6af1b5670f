import math
from fractions import Fraction

import pytest
import torch

from ptacore import certify
from ptacore.models import oscillator, strong_tongues
from ptacore.oscillators.tongues import tongue_edges

THIN = [Fraction(*pq) for pq in ((1, 12), (1, 8), (1, 6), (1, 3), (3, 8), (5, 12))]


@pytest.mark.parametrize("system", ["tanh map", "GRU map"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_orbits_that_turn_by_quarters_have_the_strong_tongues(system, place):
    tongue = strong_tongues(system)[place]
    gains = tongue.tip * torch.tensor([0.9, 1.05, 1.5, 2.0], dtype=torch.float64)
    low, high = tongue_edges(system, Fraction(tongue.turns), gains, directions=600)
    half = tongue.half_width(gains)
    torch.testing.assert_close(high, tongue.centre + half, rtol=0, atol=1e-5)
    torch.testing.assert_close(low, tongue.centre - half, rtol=0, atol=1e-5)


@pytest.mark.parametrize("turns", THIN[:3])
def test_the_tanh_map_is_its_own_mirror_image(turns):
    """If z_t is an orbit at theta, i^t conj(z_t) is one at pi/2 - theta and turns by 1/4 less its turns."""
    gains = torch.tensor([1.5, 2.5, 4.0], dtype=torch.float64)
    edges = tongue_edges("tanh map", turns, gains)
    mirrored = math.pi / 2 - tongue_edges("tanh map", Fraction(1, 4) - turns, gains).flip(0)
    torch.testing.assert_close(edges, mirrored, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("turns", "power"), [((1, 4), 1), ((3, 8), 3), ((1, 3), 5)])
def test_widths_grow_by_the_power_of_their_points(turns, power):
    excess = torch.tensor([0.03, 0.06], dtype=torch.float64)
    low, high = tongue_edges("tanh map", Fraction(*turns), 1 + excess)
    assert math.log2((high - low)[1] / (high - low)[0]) == pytest.approx(power, rel=0.04)


@pytest.mark.parametrize(("system", "gain"), [("tanh map", 4.0), ("GRU map", 9.5)])
@pytest.mark.parametrize("turns", [Fraction(1, 8), Fraction(1, 6)])
def test_orbits_lock_inside_and_not_beside(system, gain, turns):
    low, high = tongue_edges(system, turns, [gain])[:, 0].tolist()
    middle, half = (low + high) / 2, (high - low) / 2
    found = certify(system, gain, middle + half * torch.tensor([-1.2, -0.8, 0.0, 0.8, 1.2]))
    there = found.is_kind("locked orbit") & ((found.frequency - float(turns)).abs() < 1e-9)
    assert there.tolist() == [False, True, True, True, False]


def test_a_point_of_the_orbit_is_mapped_to_its_image_after_a_turn_of_quarters():
    low, high = tongue_edges("tanh map", Fraction(1, 12), [3.0])[:, 0].tolist()
    net, x = oscillator("tanh map", 3.0, (low + high) / 2), torch.tensor([0.4, 0.3], dtype=torch.float64)
    for _ in range(4000):
        x = net(x)
    y = x
    for _ in range(3):  # three twelfths of a turn
        y = net(y)
    assert torch.allclose(y, torch.stack([-x[1], x[0]]), atol=1e-9)


def test_below_the_tip_there_is_an_axis_and_no_width():
    low, high = tongue_edges("GRU map", Fraction(1, 4), [1.0, 4.0])
    assert torch.equal(low, high)
    assert low[0].item() == pytest.approx(math.pi - math.atan(2))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"system": "tanh flow"}, ValueError, "system: expected one of 'tanh map', 'GRU map', got 'tanh flow'"),
        ({"turns": 0.125}, TypeError, "turns: expected a Fraction"),
        ({"turns": Fraction(5, 8)}, ValueError, "turns: expected a fraction from 0 to 1/2, got 5/8"),
        ({"gains": [2.0, 1.0]}, ValueError, "gains: expected one or more gains that rise"),
        ({"gains": 2.0}, ValueError, "gains: expected"),
        ({"gains": []}, ValueError, "gains: expected"),
        ({"gains": [math.nan]}, ValueError, "gains: expected finite"),
        ({"directions": 0}, ValueError, "directions: expected"),
    ],
)
def test_wrong_arguments_are_refused(change, error, text):
    with pytest.raises(error, match=f"^{text}"):
        tongue_edges(**{"system": "tanh map", "turns": Fraction(1, 8), "gains": [2.0]} | change)
