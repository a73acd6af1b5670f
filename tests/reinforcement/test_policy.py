import numpy as np
import pytest

from ptacore.reinforcement.policy import PolicyMap, policy_map, sharpness, torque_at_speed

RNG = np.random.default_rng(0)
STATES = np.stack([RNG.uniform(-20, 20, 60_000), RNG.uniform(-8, 8, 60_000)], 1)
THETA = np.angle(np.exp(1j * STATES[:, 0]))


def test_every_visit_is_counted_once_and_means_are_those_of_the_bin():
    u = RNG.normal(size=60_000)
    found = policy_map(STATES.reshape(300, 200, 2), u.reshape(300, 200), bins=(6, 4))
    assert found.visits.sum() == 60_000
    inside = (np.floor(THETA / (np.pi / 3)) == 0) & (np.floor(STATES[:, 1] / 4) == 0)
    assert found.torque[2, 3] == pytest.approx(u[inside].mean())
    assert np.nansum(found.torque * found.visits) == pytest.approx(u.sum())
    edge = policy_map([[np.pi, 8.0], [-np.pi, -8.0]], [1.0, 2.0], bins=(6, 4))  # one angle, both ends of the speed
    assert edge.torque[3, 0] == 1
    assert edge.torque[0, 0] == 2


@pytest.mark.parametrize("gain", [1.0, 3.0, 6.0])
def test_a_planted_boundary_has_its_slope_and_its_share_of_full_torque(gain):
    """Linear feedback with a bound: slope `gain` where the sign changes at 0; the jump at pi is made to pass unseen."""
    u = np.clip(gain * THETA, -2, 2)
    away = np.abs(THETA) < 2.9
    found = sharpness(policy_map(STATES[away], u[away]))
    assert found.slope == pytest.approx(gain, rel=0.03)
    edges = np.linspace(-np.pi, np.pi, 37)
    middle = np.abs(edges[:-1] + edges[1:]) / 2
    seen = middle < 2.95  # of 36 columns
    assert found.saturated == pytest.approx((gain * middle[seen] > 1.8).mean(), abs=0.04)


def test_sharper_policies_are_sharper_in_both_measures():
    found = [sharpness(policy_map(STATES, 2 * np.tanh(g * np.sin(THETA) + g * STATES[:, 1] / 8))) for g in (0.1, 1, 10)]
    assert found[0].slope < found[1].slope < found[2].slope
    assert found[0].saturated < found[1].saturated < found[2].saturated
    assert sharpness(policy_map(STATES, np.ones(60_000))) == (0.0, 0.0)  # no boundary at all


def test_what_was_not_visited_is_neither_a_boundary_nor_counted():
    u = np.array([[1.0, np.nan, -1.0, -1.0], [2.0, 2.0, 2.0, np.nan]])
    found = PolicyMap(np.linspace(-np.pi, np.pi, 5), np.array([-8.0, 0, 8]), u, np.ones((2, 4)))
    assert sharpness(found).slope == pytest.approx(2 / (np.pi / 2))  # from the last column to the first
    assert sharpness(found).saturated == pytest.approx(3 / 6)
    assert torque_at_speed(found, 3, 5) == pytest.approx(9 / 6)
    assert np.isnan(torque_at_speed(found, 0, 1))


@pytest.mark.parametrize(
    ("change", "name"),
    [({"x": [0.0, 1.0]}, "x"), ({"x": [[0.0, 1.0, 2.0]]}, "x"), ({"torque": [1.0, 2.0]}, "torque"),
     ({"bins": 3}, "bins"), ({"bins": (3, 1)}, "bins")],
)  # fmt: skip
def test_wrong_arguments_are_named(change, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        policy_map(**{"x": [[0.0, 1.0]], "torque": [1.0], **change})
