import numpy as np
import pytest

from ptacore.reinforcement.geometry import angle_on_ring, principal_plane, ring

RNG = np.random.default_rng(0)
THETA = np.linspace(-np.pi, np.pi, 960, endpoint=False)
FRAME = np.linalg.qr(RNG.normal(size=(64, 64)))[0]


def planted(theta, noise=0.0, radius=0.5):
    """A ring in a plane of 64 units, with noise of that size in each of them."""
    flat = radius * np.stack([np.cos(theta), np.sin(theta)], 1)
    return 0.1 + flat @ FRAME[:2] + noise * RNG.normal(size=(len(theta), 64))


def test_a_planted_ring_is_found_in_its_plane():
    plane = principal_plane(planted(THETA))
    assert plane.share == pytest.approx(1)
    assert np.allclose(np.abs(np.linalg.svd(plane.axes @ FRAME[:2].T)[1]), 1)
    assert np.allclose(np.linalg.norm(plane.project(planted(THETA)), axis=1), 0.5)
    found = ring(planted(THETA), THETA, plane)
    assert found == pytest.approx((1, 0, 1), abs=1e-5)  # a state on a bin's edge
    assert ring(planted(THETA), -THETA + 1, plane).fit == pytest.approx(1)  # turned and mirrored


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1])
def test_noise_in_all_units_leaves_the_plane_and_the_ring_by_its_share_of_the_variance(noise):
    states = planted(np.tile(THETA, 4), noise)
    plane, total = principal_plane(states), 0.25 + 64 * noise**2
    assert plane.share == pytest.approx((0.25 + 2 * noise**2) / total, rel=0.03)
    assert ring(states, np.tile(THETA, 4), plane).off == pytest.approx(64 * noise**2 / total, rel=0.1)


def test_an_angle_that_has_nothing_to_do_with_the_states_explains_nothing():
    found = ring(planted(THETA), RNG.permutation(THETA), principal_plane(planted(THETA)))
    assert found.fit < 0.01
    assert found.off > 0.98


def test_time_spent_at_one_angle_changes_nothing():
    """A hundred times as long at the top: the center of the plane moves there, the ring stays."""
    long = np.concatenate([THETA, 0.01 * RNG.normal(size=100_000)])
    found = ring(planted(long), long, principal_plane(planted(long)))
    assert found.fit > 0.995
    assert found.off < 1e-5
    assert ring(planted(THETA[:480]), THETA[:480], principal_plane(planted(THETA))).covered == 0.5


def test_a_line_is_not_a_ring():
    """States that tell the cosine alone: two directions for all angles, of which half the sine is left."""
    states = np.cos(THETA)[:, None] * FRAME[:1] + 1e-9 * RNG.normal(size=(960, 64))
    assert ring(states, THETA, principal_plane(states)).fit == pytest.approx(8 / np.pi**2, abs=0.02)  # of a square wave


def test_a_point_has_the_angle_of_its_neighbour():
    states = planted(THETA)
    for angle in (-3.0, 0.0, 1.0, 3.1):
        assert angle_on_ring(1.3 * (planted(np.array([angle]))[0] - 0.1) + 0.1, states, THETA + 4 * np.pi) == (
            pytest.approx(angle, abs=np.pi / 960)
        )


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: principal_plane(np.zeros((5, 3))), "states"),
        (lambda: principal_plane(np.ones(3)), "states"),
        (lambda: ring(planted(THETA), THETA[:5], principal_plane(planted(THETA))), "theta"),
        (lambda: ring(planted(THETA), THETA, None), "plane"),
        (lambda: ring(np.ones((960, 64)), THETA, principal_plane(planted(THETA))), "states"),
        (lambda: ring(planted(THETA)[:, :9], THETA, principal_plane(planted(THETA))), "states"),
        (lambda: principal_plane(planted(THETA)).project(np.zeros(9)), "states"),
        (lambda: angle_on_ring([0.0], planted(THETA), THETA), "point"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises((ValueError, TypeError), match=f"^{name}:"):
        call()
