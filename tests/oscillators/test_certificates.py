import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ptacore import certify, models, trajectory
from ptacore.models import origin_exponent, saddle_node_angle, scaled_rotation, strong_tongues
from ptacore.models.oscillator import SYSTEMS
from ptacore.oscillators.certificates import KINDS, _turn

every_system = pytest.mark.parametrize("system", list(SYSTEMS))
SCALE = {"tanh map": 1.0, "tanh flow": 1.0, "GRU map": 2.0, "GRU flow": 2.0}


def grid(gains, angles):
    return torch.meshgrid(*(torch.linspace(*ends, dtype=torch.float64) for ends in (gains, angles)), indexing="ij")


def random_points(count, low, high, seed=0):
    draw = torch.rand(2, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return low + (high - low) * draw[0], math.pi * draw[1]


@every_system
def test_exponents_are_closed_form_where_the_origin_is_stable(system):
    alpha, theta = grid((0.1 * SCALE[system], 5 * SCALE[system], 40), (0, 3.1, 41))
    rate = origin_exponent(system, alpha, theta)
    inside = (rate < -0.02) & (rate > -30)  # nearer to the bifurcation the decay outlasts the average's accuracy
    found = certify(system, alpha[inside], theta[inside])
    assert found.is_kind("stable origin").all()
    assert (found.exponents - rate[inside][:, None]).abs().max() < 1e-6
    assert not found.bistable.any()


@every_system
def test_every_point_is_of_a_kind_that_can_be(system):
    alpha, theta = grid((0.2 * SCALE[system], 5 * SCALE[system], 25), (0, math.pi, 26))
    found = certify(system, alpha, theta)
    stable = origin_exponent(system, alpha, theta) < -1e-9
    assert (found.is_kind("stable origin") >= stable).all()
    flow = system.endswith("flow")
    assert not found.is_kind(*(("locked orbit", "invariant circle", "chaos") if flow else ("limit cycle",))).any()
    for tongue in strong_tongues(system):
        inner = tongue.contains(alpha, theta) & (tongue.half_width(alpha) - (theta - tongue.centre).abs() > 0.01)
        locked = found.is_kind("fixed points" if tongue.turns == 0 else "locked orbit")
        assert (locked | ~inner).all()
        assert (found.frequency[inner] == tongue.turns).all()
    beside = ~torch.stack([t.contains(alpha, theta) for t in strong_tongues(system)]).any(0)
    assert not found.is_kind("fixed points")[beside].any()


@pytest.mark.parametrize("alpha", [1.2, 4.0])
def test_flow_rests_below_the_saddle_node_curve_and_turns_above(alpha):
    edge = saddle_node_angle(alpha)
    found = certify("tanh flow", alpha, edge + torch.tensor([-2e-3, 2e-3]))
    assert [KINDS[k] for k in found.kind] == ["fixed points", "limit cycle"]
    assert found.copies.tolist() == [4, 1]
    assert found.period[1] > 50  # on its way to infinity


@pytest.mark.parametrize("alpha", [1.2, 4.0])
def test_period_grows_as_the_inverse_root_of_the_distance_to_the_saddle_node(alpha):
    # saddle-node on an invariant circle: four passages, each as long as a constant over sqrt(distance)
    distance = torch.tensor([1.6e-2, 4e-3, 1e-3], dtype=torch.float64)
    period = certify("tanh flow", alpha, saddle_node_angle(alpha) + distance).period
    ratio = (period[1:] / period[:-1]).tolist()
    assert abs(ratio[1] - 2) < abs(ratio[0] - 2)
    assert ratio[1] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("theta", [0.3, 0.7, 1.2])
def test_cycle_near_hopf_has_the_frequency_and_amplitude_of_the_normal_form(theta):
    above = torch.tensor([1e-2, 2.5e-3], dtype=torch.float64)  # of alpha cos(theta) = 1
    alpha = (1 + above) / math.cos(theta)
    found = certify("tanh flow", alpha, theta)
    assert found.is_kind("limit cycle").all()
    turning = math.tan(theta) / math.tau
    error = (found.frequency / turning - 1).abs()
    assert error[1] < 1e-3
    assert error[1] < 0.5 * error[0] + 1e-9
    network = models.oscillator("tanh flow", alpha, theta)
    radius = []
    for i in range(2):
        W, turn = network.W[i].numpy(), found.period[i].item()
        rhs = lambda t, x, W=W: -x + np.tanh(W @ x)  # noqa: E731
        start = np.sqrt(4 * (1 - 1 / (1 + above[i].item())) / alpha[i].item() ** 2) * np.array([1.0, 0.0])
        settle = 5 / above[i].item()
        end = solve_ivp(
            rhs, (0, settle + turn), start, t_eval=settle + turn * np.arange(64) / 64, rtol=1e-8, atol=1e-10
        ).y
        radius.append(np.sqrt((end**2).sum(0).mean()))
    expected = (4 * (1 - 1 / (1 + above)) / alpha**2).sqrt().numpy()
    np.testing.assert_allclose(radius, expected, rtol=0.02)
    assert radius[0] / radius[1] == pytest.approx(2, rel=0.02)  # the root of a distance four times as large


@pytest.mark.parametrize("system", ["tanh flow", "GRU flow"])
def test_cycles_return_after_their_period_by_another_integrator(system):
    gate = 1 / SCALE[system]
    gain = torch.tensor([1.2, 2.0, 4.5], dtype=torch.float64).repeat_interleave(2)
    edge, hopf = saddle_node_angle(gain), torch.arccos(1 / gain)
    alpha, theta = gain / gate, edge + torch.tensor([0.01, 0.5], dtype=torch.float64).repeat(3) * (hopf - edge)
    found = certify(system, alpha, theta)
    assert found.is_kind("limit cycle").all()
    for i in range(len(alpha)):
        W = gate * scaled_rotation(alpha[i], theta[i]).numpy()
        rhs = lambda t, x, W=W: gate * (np.tanh(W @ x) - x)  # noqa: E731
        settled = solve_ivp(rhs, (0, 300 / gate), [0.5, 0.1], "DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
        back = solve_ivp(rhs, (0, found.period[i].item()), settled, "DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
        assert np.abs(back - settled).max() < 1e-6
        assert found.exponents[i, 1].item() == pytest.approx(
            math.log(found.multiplier[i].item()) / found.period[i].item(), abs=2e-2
        )


@pytest.mark.parametrize("system", ["tanh map", "GRU map"])
def test_a_circle_near_onset_is_told_once_its_orbit_has_left_the_origin(system):
    """The exponents are 0 and, by the normal form, -2 times that of the origin; at onset itself both are transients."""
    rate = torch.tensor([4e-4, 1e-4, 1e-5], dtype=torch.float64)
    theta = torch.full_like(rate, 1.0)
    low, high = SCALE[system] * torch.tensor([[0.9], [2.0]], dtype=torch.float64).expand(2, 3)
    for _ in range(60):  # the gains at which the origin has these exponents
        middle = (low + high) / 2
        below = origin_exponent(system, middle, theta) < rate
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    found = certify(system, high, theta)
    assert [KINDS[kind] for kind in found.kind.tolist()] == ["invariant circle"] * 2 + ["unresolved"]
    assert (found.exponents[:2, 0].abs() < 0.02 * rate[:2]).all()
    assert (found.exponents[:2, 1] / rate[:2] + 2).abs().max() < 0.05


@pytest.mark.parametrize("system", ["tanh map", "GRU map"])
def test_locked_orbits_return_after_their_period_and_no_sooner(system):
    alpha, theta = grid((3 * SCALE[system], 5 * SCALE[system], 8), (0.05, 3.1, 60))
    found = certify(system, alpha, theta)
    at = found.is_kind("locked orbit").nonzero().tolist()
    assert len({found.period[i, j].item() for i, j in at}) > 3
    h = 1 / SCALE[system]
    i, j = np.array(at).T
    W, period = h * scaled_rotation(alpha, theta).numpy()[i, j], found.period.numpy()[i, j]
    x = np.tile([0.11, 0.29], (len(at), 1))
    image = lambda x: (1 - h) * x + h * np.tanh((W @ x[..., None])[..., 0])  # noqa: E731
    for _ in range(20_000):
        x = image(x)
    back, y = [], x
    for _ in range(int(period.max())):
        y = image(y)
        back.append(np.hypot(*(y - x).T))
    back = np.array(back)
    for m, q in enumerate(period.astype(int)):
        if found.multiplier.numpy()[i[m], j[m]] ** (20_000 / q) < 1e-12:  # settled
            assert back[q - 1, m] < 1e-9
        assert back[: q - 1, m].min(initial=1.0) > 1e-6
    turns = found.frequency.numpy()[i, j] * period
    np.testing.assert_allclose(turns, turns.round(), atol=1e-12)


def test_exponent_of_a_locked_orbit_follows_from_its_multiplier():
    found = certify("tanh map", torch.tensor([1.5, 2.0, 3.0]), math.pi / 4)
    assert found.period.tolist() == [8.0, 8.0, 8.0]
    torch.testing.assert_close(found.exponents[:, 0], found.multiplier.log() / 8, rtol=0, atol=1e-6)


@settings(max_examples=4)
@given(seed=st.integers(0, 1000))
def test_tanh_map_is_symmetric_about_an_eighth_of_a_turn(seed):
    alpha, theta = random_points(20, 1.0, 3.0, seed)
    found, mirrored = certify("tanh map", alpha, theta / 2), certify("tanh map", alpha, math.pi / 2 - theta / 2)
    sure = found.is_kind("invariant circle") & mirrored.is_kind("invariant circle")
    assert sure.sum() >= 5
    torch.testing.assert_close(found.exponents[sure], mirrored.exponents[sure], rtol=0, atol=2e-3)
    torch.testing.assert_close(
        (found.frequency + mirrored.frequency)[sure], 0.25 * sure[sure].double(), rtol=0, atol=1e-4
    )


@every_system
def test_exponents_are_even_in_the_angle(system):
    alpha, theta = random_points(30, 0.5 * SCALE[system], 4 * SCALE[system], seed=5)
    spectra = []
    for sign in (1, -1):  # by the networks themselves, from mirrored starts
        network = models.oscillator(system, alpha, sign * theta)
        dt = 1.0 if network.kind == "map" else 0.1
        _, x = trajectory(network, torch.tensor([0.3, sign * 0.1]).expand(30, 2), duration=300 * dt, dt=dt)
        spectra.append(x)
    torch.testing.assert_close(spectra[0], spectra[1] * torch.tensor([1.0, -1.0], dtype=torch.float64))
    found, mirrored = certify(system, alpha, theta), certify(system, alpha, -theta)
    assert (found.kind == mirrored.kind).all()
    torch.testing.assert_close(found.frequency, -mirrored.frequency)
    torch.testing.assert_close(mirrored.theta, -theta)


def test_two_attractors_beside_the_quarter_tongue_of_the_gru_are_reported():
    found = certify("GRU map", torch.tensor([10.0, 3.0]), torch.tensor([0.74, 0.3]) * math.pi)
    assert found.bistable.tolist() == [True, False]
    assert found.oscillates.tolist() == [False, True]
    network, ends = models.oscillator("GRU map", 10.0, 0.74 * math.pi), []
    for start in ([0.11, 0.29], [0.97, 0.93]):
        x = torch.tensor(start, dtype=torch.float64)
        for _ in range(5000):
            x = network(x)
        y = x
        for _ in range(4):
            y = network(y)
        ends.append((y - x).norm().item())
    assert ends[1] < 1e-12 < 1e-3 < ends[0]  # the second start ends in period 4, the first does not


@pytest.mark.slow
def test_chaos_of_the_gru_at_high_gain_by_the_distance_of_two_orbits():
    found = certify("GRU map", 9.25, 0.73 * math.pi)
    assert found.is_kind("chaos")
    network = models.oscillator("GRU map", 9.25, 0.73 * math.pi)
    x = torch.tensor([[0.11, 0.29]], dtype=torch.float64).repeat(2, 1)
    rates = []
    for _ in range(2000):
        x = network(x)
    x[1] += 1e-8
    for _ in range(20_000):
        y = network(x)
        apart = (y[1] - y[0]).norm()
        rates.append((apart / (x[1] - x[0]).norm()).log().item())
        x = torch.stack([y[0], y[0] + 1e-8 * (y[1] - y[0]) / apart])
    assert np.mean(rates) == pytest.approx(found.exponents[0].item(), rel=0.2)


@given(shape=st.sampled_from([(), (1,), (2, 3), (1, 2, 1)]))
@settings(max_examples=4)
def test_shapes_are_those_of_the_points(shape):
    found = certify("tanh map", torch.full(shape, 1.2), 1.0)
    assert found.kind.shape == found.oscillates.shape == shape
    assert found.exponents.shape == (*shape, 2)
    assert found.oscillates.all()


def test_wrong_arguments_are_named():
    for arguments, words in (
        (("tanh", 1.0, 1.0), "^system: expected one of"),
        (("tanh map", -1.0, 1.0), "^alpha"),
        (("tanh map", math.nan, 1.0), "^alpha"),
        (("tanh map", 1.0, math.inf), "^theta"),
        (("tanh map", [], []), "^alpha, theta"),
        (("tanh map", 1.0, 1.0, 10), "^steps"),
    ):
        with pytest.raises(ValueError, match=words):
            certify(*arguments)
    with pytest.raises(ValueError, match="^names: expected some of"):
        certify("tanh map", 0.5, 1.0).is_kind("torus")


@pytest.mark.parametrize("system", ["tanh flow", "GRU flow"])
def test_a_turn_in_polar_coordinates_is_the_flow_itself(system):
    """Log radius, time and the integral of the divergence, from the flow and its Jacobian by another integrator."""
    alpha = SCALE[system] * torch.tensor([1.2, 1.5, 4.0], dtype=torch.float64)
    theta, begin, end = torch.tensor([0.5, 1.5, 2.9], dtype=torch.float64), 0.3, 1.7
    net, s = models.oscillator(system, alpha, theta), torch.tensor([-0.4, 0.1, -0.2], dtype=torch.float64)
    angles = torch.linspace(begin, end, 801, dtype=torch.float64)[:, None].expand(-1, 3)
    got, times = _turn(net, s, angles)
    torch.testing.assert_close(times.sum(0), got[1], rtol=1e-13, atol=0)
    for i in range(3):
        one = models.oscillator(system, alpha[i], theta[i])

        def rates(_, y, one=one):
            x = torch.from_numpy(y[:2])
            return [*one(x), one.jacobian(x).trace()]

        def passed(_, y):
            return math.atan2(y[1], y[0]) - end

        passed.terminal = True
        start = s[i].exp().item() * np.array([math.cos(begin), math.sin(begin)])
        found = solve_ivp(rates, (0, 100), [*start, 0], "DOP853", events=passed, rtol=1e-12, atol=1e-13)
        x, y, divergence = found.y_events[0][0]
        expected = [math.log(math.hypot(x, y)), found.t_events[0][0], divergence]
        assert got[:, i].tolist() == pytest.approx(expected, abs=1e-8)


def test_a_turn_ends_where_the_flow_turns_back():
    net = models.oscillator("tanh flow", torch.tensor([1.5, 1.5]), torch.tensor([0.9, -0.9]))
    angles = torch.linspace(0, math.pi / 2, 101, dtype=torch.float64)[:, None].expand(-1, 2)
    found = _turn(net, torch.zeros(2, dtype=torch.float64), angles)[0]
    assert torch.isfinite(found).all(0).tolist() == [True, False]
