import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, fsolve, minimize_scalar

from ptacore.models import (
    critical_gain,
    onset_frequency,
    origin_exponent,
    oscillator,
    saddle_node_angle,
    scaled_rotation,
    strong_tongues,
)
from ptacore.models.oscillator import SYSTEMS

ANGLES, GAINS = st.floats(0.0, math.pi), st.floats(0.05, 10.0)
every_system = pytest.mark.parametrize("system", list(SYSTEMS))


@given(alpha=GAINS, theta=ANGLES)
def test_block_turns_and_scales(alpha, theta):
    e = scaled_rotation(alpha, theta) @ torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert complex(*e.tolist()) == pytest.approx(alpha * np.exp(1j * theta), abs=1e-13)


@every_system
@given(alpha=GAINS, theta=ANGLES)
def test_origin_exponent_is_that_of_the_jacobians_eigenvalues(system, alpha, theta):
    network = oscillator(system, alpha, theta)
    eigenvalues = np.linalg.eigvals(network.jacobian(torch.zeros(2, dtype=torch.float64)).numpy())
    assume(np.abs(eigenvalues).min() > 1e-4)
    rate = np.log(np.abs(eigenvalues)) if network.kind == "map" else eigenvalues.real
    np.testing.assert_allclose(rate, origin_exponent(system, alpha, theta).item(), atol=1e-9)


@every_system
@given(theta=ANGLES)
def test_origin_is_neutral_at_the_critical_gain(system, theta):
    gain = critical_gain(system, theta)
    if torch.isinf(gain):
        assert (origin_exponent(system, torch.tensor([0.1, 1.0, 100.0]), theta) <= 0).all()
    elif gain < 1e6:
        assert abs(origin_exponent(system, gain, theta).item()) < 1e-9
        assert origin_exponent(system, 1.1 * gain, theta) > 0 > origin_exponent(system, 0.95 * gain, theta)


@every_system
@given(theta=ANGLES)
def test_young_oscillations_turn_as_the_eigenvalues_at_the_onset_do(system, theta):
    gain, turns = critical_gain(system, theta), onset_frequency(system, theta)
    if torch.isinf(gain):
        assert torch.isnan(turns)
        return
    assume(gain < 1e6)
    network = oscillator(system, gain, theta)
    eigenvalues = np.linalg.eigvals(network.jacobian(torch.zeros(2, dtype=torch.float64)).numpy())
    angles = np.angle(eigenvalues) if network.kind == "map" else eigenvalues.imag
    assert max(angles) / math.tau == pytest.approx(turns.item(), rel=1e-7, abs=1e-8)


def test_neimark_sacker_curve_of_the_gru_obeys_its_equation():
    theta = torch.linspace(0, math.pi, 101, dtype=torch.float64)
    gain = critical_gain("GRU map", theta)
    torch.testing.assert_close(gain**2 + 4 * gain * theta.cos(), torch.full_like(gain, 12.0))


@settings(max_examples=15)
@given(gain=st.floats(1.02, 6.0))
def test_saddle_node_angle_by_the_singular_jacobian(gain):
    # At the fold x = tanh(gain R x) and det(gain diag(1 - x^2) R - 1) = 0: three equations for x and theta.
    def fold(unknown):
        x, theta = unknown[:2], unknown[2]
        R = gain * np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]])
        y = np.tanh(R @ x)
        return [*(y - x), np.linalg.det((1 - y**2)[:, None] * R - np.eye(2))]

    angle = saddle_node_angle(gain).item()
    starts = [
        (r * math.cos(p), r * math.sin(p), angle) for p in np.linspace(0.1, 1.5, 15) for r in (0.3, 0.7, 1.0, 1.2)
    ]
    solved = (fsolve(fold, start, full_output=True, xtol=1e-13) for start in starts)
    angles = [u[2] for u, _, good, _ in solved if good == 1 and np.hypot(*u[:2]) > 1e-2 and abs(u[2] - angle) < 0.05]
    assert angles, "no fold near the angle"
    assert min(abs(a - angle) for a in angles) < 1e-7


@pytest.mark.parametrize("gain", [1.001, *np.linspace(1.01, 1.4, 14), *np.linspace(1.5, 20, 14), 1e2, 1e4, 1e6])
def test_saddle_node_angle_is_the_largest_over_all_directions(gain):
    def angle(log_phi):  # between u = r (cos phi, sin phi) and x = tanh(u), where |u| = gain |x|
        phi = math.exp(log_phi)
        direction = np.array([math.cos(phi), math.sin(phi)])
        r = brentq(lambda r: r - gain * np.hypot(*np.tanh(r * direction)), 1e-9, 2 * gain, xtol=1e-15, rtol=1e-15)
        x = np.tanh(r * direction)
        return math.atan2(x[1], x[0]) - phi

    phi = np.log(np.geomspace(1e-7, math.pi / 4, 200))
    best = phi[np.argmax([angle(p) for p in phi])]
    found = minimize_scalar(lambda p: -angle(p), bracket=(best - 0.1, best, best + 0.1), tol=1e-9)
    assert saddle_node_angle(gain).item() == pytest.approx(-found.fun, abs=1e-13)


def test_saddle_node_angle_rises_with_the_gain_to_an_eighth_of_a_turn():
    gain = 1 + torch.logspace(-15, 300, 20_000, dtype=torch.float64)
    angle = saddle_node_angle(gain)
    assert (angle.diff() >= 0).all()
    assert ((gain - 1) * 8**-0.5 * (1 - (gain - 1)) <= angle).all()
    assert (angle <= (gain - 1) * 8**-0.5).all()
    assert angle[-1].item() == pytest.approx(math.pi / 4, abs=1e-15)


@pytest.mark.parametrize("gain", [1.1, 1.5, 3.0])
def test_fixed_points_exist_below_the_saddle_node_angle_and_not_above(gain):
    edge = saddle_node_angle(gain).item()

    def found(theta):
        W = scaled_rotation(gain, theta).numpy()
        for phi in np.linspace(0, math.pi / 2, 40):
            for r in (0.5, 0.8, 0.95, 1.1):
                start = r * np.array([math.cos(phi), math.sin(phi)])
                x, _, good, _ = fsolve(lambda x: np.tanh(W @ x) - x, start, full_output=True, xtol=1e-13)
                if good == 1 and np.hypot(*x) > 1e-3 and np.abs(np.tanh(W @ x) - x).max() < 1e-10:
                    return True
        return False

    assert found(edge - 1e-3)
    assert not found(edge + 1e-3)


def test_saddle_node_angle_near_the_tip_and_at_published_gains():
    # cubic expansion: (gain - 1) / (2 sqrt 2); the authors' stored curve to its three digits
    small = torch.tensor([1e-5, 1e-4], dtype=torch.float64)
    torch.testing.assert_close(saddle_node_angle(1 + small) / small, torch.full_like(small, 8**-0.5), rtol=1e-3, atol=0)
    gains = torch.tensor([1.01, 1.05, 1.1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])
    stored = [0.0035, 0.0173, 0.0340, 0.0656, 0.1478, 0.2524, 0.3284, 0.3851, 0.4629, 0.5136, 0.5494, 0.5971, 0.6276]
    np.testing.assert_allclose(saddle_node_angle(gains), stored, atol=1.5e-4)
    assert (saddle_node_angle([0.0, 0.5, 1.0]) == 0).all()


@every_system
def test_tongues_begin_on_the_curve_where_the_origin_loses_stability(system):
    for tongue in strong_tongues(system):
        assert critical_gain(system, tongue.centre).item() == pytest.approx(tongue.tip, rel=1e-12)
        assert tongue.half_width(0.99 * tongue.tip) == 0 < tongue.half_width(1.01 * tongue.tip)
        assert tongue.contains(1.1 * tongue.tip, tongue.centre)
        assert not tongue.contains(0.9 * tongue.tip, tongue.centre)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_tongue_contains_what_is_nearer_than_its_half_width(system):
    for tongue in strong_tongues(system):
        alpha = tongue.tip * torch.tensor([0, 1, 1 + 1e-12, 1.001, 1.1, 2, 10, 1e6], dtype=torch.float64)[:, None]
        width = tongue.half_width(alpha)
        theta = tongue.centre + torch.tensor([-2, -0.999, 0, 0.5, 0.999, 1.001, 3]) * width.clamp_min(1e-9)
        expected = (theta.abs() - tongue.centre).abs() < width
        assert torch.equal(tongue.contains(alpha, theta), expected)
        assert expected.any()
        assert not expected.all()


@pytest.mark.parametrize("system", ["tanh map", "GRU map"])
@pytest.mark.parametrize("side", [-0.9, 0.0, 0.9])
def test_orbits_in_a_strong_tongue_have_its_rotation_number(system, side):
    for tongue in strong_tongues(system):
        alpha = 1.15 * tongue.tip
        theta = tongue.centre + side * tongue.half_width(alpha).item()
        network, x = oscillator(system, alpha, theta), torch.tensor([0.4, 0.3], dtype=torch.float64)
        for _ in range(3000):
            x = network(x)
        turned = complex(*network(x).tolist()) / complex(*x.tolist())
        assert turned == pytest.approx(np.exp(2j * math.pi * tongue.turns), abs=1e-8)


def test_unknown_systems_are_refused():
    for call in (oscillator, origin_exponent):
        with pytest.raises(ValueError, match=r"^system: expected one of 'tanh map'"):
            call("LSTM map", 1.0, 1.0)
    with pytest.raises(ValueError, match="^system"):
        strong_tongues("tanh")
    with pytest.raises(TypeError, match="^gain"):
        saddle_node_angle("much")
