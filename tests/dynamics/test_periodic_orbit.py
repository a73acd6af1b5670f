import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import henon, lorenz, oscillator_block, random, rotated, stuart_landau
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from ptacore import (
    ConvergenceError,
    System,
    adjoint,
    models,
    periodic_orbit,
    sensitivity,
    time_time_jacobian,
    trajectory,
)


@settings(max_examples=3)
@given(mu=st.floats(0.3, 1.0), omega=st.floats(0.5, 5.0))
def test_stuart_landau_is_known_in_full(mu, omega):
    cycle = periodic_orbit(stuart_landau(mu, omega), [0.5, 0.0], dt=0.01, transient=12 / mu, longest=13.0)
    assert cycle.period == pytest.approx(2 * math.pi / omega, rel=1e-7)
    np.testing.assert_allclose(cycle.x.norm(dim=-1), math.sqrt(mu), rtol=1e-7)
    np.testing.assert_allclose(cycle.multipliers.abs(), [1.0, math.exp(-2 * mu * cycle.period)], rtol=1e-5)
    np.testing.assert_allclose(cycle.exponents, [0.0, -2 * mu], atol=1e-6)


def test_the_velocity_solves_the_tangent_equation():
    """Eqs. 17-18: sensitivity carries x'(0) to x'(t); the monodromy matrix has it as eigenvector, multiplier 1."""
    system = models.limit_cycle()
    cycle = periodic_orbit(system, random((20,), 0), dt=1e-3, transient=5.0, longest=1.0)
    dt = cycle.period / (len(cycle.t) - 1)
    D = sensitivity(system, cycle.x, dt=dt)
    velocity = system(cycle.x)
    carried = (D @ velocity[0][:, None])[..., 0]
    assert ((carried - velocity).norm(dim=-1) / velocity.norm(dim=-1)).max() < 1e-3
    assert (cycle.multipliers[0] - 1).abs() < 1e-3
    assert (cycle.multipliers[1:].abs() < 1).all()
    torch.testing.assert_close(D[-1], cycle.monodromy)


def test_the_adjoint_of_the_phase_is_periodic():
    """The left eigenvector of the monodromy with multiplier 1 comes back after each period (Section 2.7)."""
    system = models.TanhRateFlow(oscillator_block(1.7, 0.7))
    cycle = periodic_orbit(system, [0.3, 0.1], dt=0.02, transient=60.0, longest=30.0)
    values, vectors = torch.linalg.eig(cycle.monodromy.T)
    phase = vectors[:, values.abs().argmax()].real
    psi = adjoint(system, cycle.x, dt=cycle.period / (len(cycle.t) - 1), terminal=phase)
    torch.testing.assert_close(psi[0], phase, rtol=1e-6, atol=1e-7)


def test_frequency_near_hopf_is_the_tangent_of_theta():
    theta = 0.9
    system = models.TanhRateFlow(oscillator_block(1.01 / math.cos(theta), theta))
    cycle = periodic_orbit(system, [0.2, 0.0], dt=0.05, transient=600.0, longest=10.0)
    assert 2 * math.pi / cycle.period == pytest.approx(math.tan(theta), rel=1e-2)


def test_what_has_no_cycle_is_an_error():
    with pytest.raises(ConvergenceError, match="fixed point"):
        periodic_orbit(models.two_fixed_points(), torch.ones(6), dt=0.05, transient=200.0, longest=10.0)
    with pytest.raises(ConvergenceError, match="at most 2"):
        periodic_orbit(lorenz(), [1.0, 2.0, 20.0], dt=0.01, transient=20.0, longest=2.0)


def flow(f, n, **options):
    """A flow from a function of the state's components (and the time)."""

    def field(x, *t):
        return torch.stack(f(*x.unbind(-1), *t), -1)

    timed = f.__code__.co_argcount > n
    return System.from_function((lambda x, t: field(x, t)) if timed else (lambda x: field(x)), n, "flow", **options)


def one_map(f):
    return System.from_function(f, 1, "map")


pendulum = flow(lambda q, p: (p, -torch.sin(q)), 2)
volterra = flow(lambda x, y: (x * (1 - y), y * (x - 1)), 2)


def van_der_pol(mu):
    return flow(lambda x, y: (y, mu * (1 - x**2) * y - x), 2)


def roessler(c):
    return flow(lambda x, y, z: (-y - z, x + 0.2 * y, 0.2 + z * (x - c)), 3)


def two_circles(first, second):
    def f(a, b, c, d):
        r, q = a * a + b * b, c * c + d * d
        return a - first * b - r * a, first * a + b - r * b, c - second * d - q * c, second * c + d - q * d

    return flow(f, 4)


def kepler(x, y, u, v):
    cube = (x * x + y * y) ** 1.5
    return u, v, -x / cube, -y / cube


def by_events(system, x0, longest):
    """The time at which the first component comes back to its start, upward or downward as it left: DOP853."""

    def f(t, x):
        return system(torch.from_numpy(x)).numpy()

    def event(t, x):
        return x[0] - x0[0]

    event.direction = np.sign(f(0, np.array(x0))[0])
    times = solve_ivp(f, (0, longest), x0, method="DOP853", rtol=1e-12, atol=1e-12, events=event).t_events[0]
    return times[times > 1e-3][0]


def test_a_member_of_a_family_is_the_one_through_x0():
    """Pendulum: T = 4 K(sin(amplitude / 2)^2); Lotka-Volterra: by events of SciPy; Kepler: T = 2 pi a^(3/2)."""
    for amplitude in (0.5, 2.5):
        swing = periodic_orbit(pendulum, [amplitude, 0.0], 0.02, transient=0.0, longest=12.0)
        assert swing.period == pytest.approx(4 * ellipk(math.sin(amplitude / 2) ** 2), rel=1e-7)
        assert (swing.family, swing.stable, swing.reached) == (1, None, True)
        np.testing.assert_allclose(swing.multipliers, [1.0, 1.0], atol=1e-7)
        np.testing.assert_allclose(swing.x[:, 0].max(), amplitude, rtol=1e-6)
    prey = periodic_orbit(volterra, [1.0, 0.5], 0.02, transient=0.0, longest=10.0)
    assert prey.period == pytest.approx(by_events(volterra, [1.0, 0.5], 10.0), rel=1e-7)
    assert (prey.family, prey.stable) == (1, None)
    for a, e in ((1.0, 0.2), (0.7, 0.4)):
        start = [a * (1 - e), 0.0, 0.0, math.sqrt((1 + e) / (1 - e) / a)]
        ellipse = periodic_orbit(flow(kepler, 4), start, 0.02, transient=0.0, longest=8.0)
        assert ellipse.period == pytest.approx(2 * math.pi * a**1.5, rel=1e-6)
        assert (ellipse.family, ellipse.stable) == (3, None)  # energy, eccentricity, orientation
        np.testing.assert_allclose(ellipse.multipliers, np.ones(4), atol=1e-5)


def test_a_torus_of_commensurate_cycles_is_a_family_and_an_incommensurate_one_has_no_orbit():
    both = periodic_orbit(two_circles(1.0, 2.0), [1.0, 0.2, 0.3, 0.4], 0.02, transient=20.0, longest=8.0)
    assert both.period == pytest.approx(2 * math.pi, rel=1e-6)
    assert (both.family, both.stable, both.reached) == (1, None, True)
    np.testing.assert_allclose(both.exponents, [0, 0, -2, -2], atol=1e-5)
    with pytest.raises(ConvergenceError, match="no periodic orbit found"):
        periodic_orbit(two_circles(1.0, 1.618034), [1.0, 0.2, 0.3, 0.4], 0.05, transient=20.0, longest=10.0)


@pytest.mark.parametrize("transient", [pytest.param(0.0, marks=pytest.mark.slow), 100.0])
def test_a_doubled_orbit_is_not_taken_for_the_unstable_one_inside(transient):
    orbit = periodic_orbit(roessler(3.5), [1.0, 1.0, 1.0], 0.03, transient=transient, longest=13.0)
    assert orbit.period == pytest.approx(11.54522, rel=1e-6)
    assert (orbit.stable, orbit.family, orbit.reached) == (True, 0, True)
    np.testing.assert_allclose(orbit.multipliers[:2], [1.0, -0.4187], atol=1e-4)
    mean_divergence = (0.2 + orbit.x[:-1, 0] - 3.5).mean()
    assert orbit.exponents.sum().item() == pytest.approx(mean_divergence.item(), rel=1e-6)


def test_an_orbit_that_x0_does_not_lead_to_is_told():
    inner = periodic_orbit(roessler(3.5), [1.0, 1.0, 1.0], 0.03, transient=50.0, longest=8.0)
    assert inner.period == pytest.approx(5.80412, rel=1e-6)
    assert (inner.stable, inner.reached) == (False, False)
    assert inner.multipliers[0].real.item() == pytest.approx(-1.41, abs=1e-2)
    saddle = periodic_orbit(henon(), [0.1, 0.1], transient=100, longest=4)
    assert (saddle.stable, saddle.reached) == (False, False)


@pytest.mark.parametrize(
    ("mu", "dt", "period", "exponent"),
    [(1.0, 0.05, 6.66328686, -1.05937699), (5.0, 0.02, 11.61223067, -7.35879445),
     (20.0, 0.015, 34.6823233, -34.44879886)],
)  # fmt: skip
def test_strong_contraction_of_van_der_pol(mu, dt, period, exponent):
    """Period and mean divergence from SciPy's LSODA at 1e-11."""
    cycle = periodic_orbit(van_der_pol(mu), [2.0, 0.0], dt, transient=10.0 + 2 * mu, longest=10 + 2 * mu)
    assert cycle.period == pytest.approx(period, abs=4 * cycle.period_error + 1e-6)
    assert cycle.period_error < 1e-3 * period
    np.testing.assert_allclose(cycle.exponents, [0.0, exponent], rtol=1e-3, atol=1e-4)
    assert cycle.stable


def test_multipliers_far_below_rounding_are_known_one_by_one():
    """A circle, and linear contraction beside it, seen in turned coordinates: exponents and phases in closed form."""
    A = torch.tensor([[-0.5, 2.3, 1.0, 5.0], [-2.3, -0.5, 3.0, 0.0], [0, 0, -12.0, 2.0], [0, 0, 0, -40.0]]).double()
    circle = stuart_landau(0.7, 3.0)
    product = System.from_function(lambda x: torch.cat([circle(x[..., :2]), x[..., 2:] @ A.T], -1), 6, "flow")
    system, Q = rotated(product)
    start = Q @ torch.tensor([0.8, 0.1, 0.2, 0.1, 0.0, 0.3]).double()
    orbit = periodic_orbit(system, start, 0.01, transient=20.0, longest=3.0)
    np.testing.assert_allclose(orbit.exponents, [0, -0.5, -0.5, -1.4, -12, -40], rtol=1e-4, atol=1e-6)
    assert orbit.exponents.sum().item() == pytest.approx(-54.4, rel=1e-6)
    turn = 2.3 * orbit.period
    pair = orbit.multipliers[1:3]
    np.testing.assert_allclose(pair.real / pair.abs(), math.cos(turn), atol=1e-5)
    assert orbit.exponents[-1] * orbit.period < math.log(1e-30)
    with pytest.raises(ConvergenceError, match="^dt: .*take dt = "):
        periodic_orbit(system, start, 0.06, transient=20.0, longest=3.0)


def resonant(t, z):
    x, y = z[:2]
    r, w = x * x + y * y, 2 * math.pi
    J = np.array([[1 - 3 * x * x - y * y, -w - 2 * x * y], [w - 2 * x * y, 1 - x * x - 3 * y * y]])
    return np.r_[x - w * y - r * x + 3 * math.cos(w * t), w * x + y - r * y, (J @ z[2:].reshape(2, 2)).ravel()]


def test_a_driven_flow_has_the_period_and_the_multipliers_of_its_stroboscopic_map():
    def f(x, y, t):
        r, w = x * x + y * y, 2 * math.pi
        return x - w * y - r * x + 3 * math.cos(w * t), w * x + y - r * y

    system = flow(f, 2)
    for t0 in (0.0, 0.3):
        orbit = periodic_orbit(system, [1.0, 0.0], 0.01, transient=20.0, longest=2.0, period=1.0, t0=t0)
        assert (orbit.period, orbit.stable, orbit.reached, orbit.time) == (1.0, True, True, t0)
        np.testing.assert_allclose(orbit.multipliers, [0.34857, 0.00603], atol=1e-5)
        ends = solve_ivp(resonant, (t0, t0 + 1), np.r_[orbit.x[0], 1, 0, 0, 1], "DOP853", rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(ends.y[:2, -1], orbit.x[0], atol=1e-6)
        np.testing.assert_allclose(ends.y[2:, -1].reshape(2, 2), orbit.monodromy, atol=1e-6)
        J = time_time_jacobian(system, trajectory(system, orbit, duration=1.0, dt=0.01))
        torch.testing.assert_close(J, orbit.monodromy, rtol=1e-8, atol=1e-9)


def test_a_subharmonic_is_found_and_told():
    """z' = (mu + i w) z - |z|^2 z + e exp(2 i w t) conj(z): turns once in two periods of its drive."""
    mu, w, e = 0.6, 3.0, 0.2

    def f(x, y, t):
        r, c, s = x * x + y * y, e * math.cos(2 * w * t), e * math.sin(2 * w * t)
        return mu * x - w * y - r * x + c * x + s * y, w * x + mu * y - r * y + s * x - c * y

    T = math.pi / w
    orbit = periodic_orbit(flow(f, 2), [0.5, 0.3], 0.03, transient=20.0, longest=2 * T, period=T)
    assert orbit.period == pytest.approx(2 * T, rel=1e-12)
    np.testing.assert_allclose(orbit.exponents, [-2 * e, -2 * (mu + e)], rtol=1e-5)
    np.testing.assert_allclose(orbit.x.norm(dim=-1), math.sqrt(mu + e), rtol=1e-6)
    rest = periodic_orbit(flow(f, 2), [0.5, 0.3], 0.03, transient=20.0, longest=T, period=T)
    assert (rest.stable, rest.reached) == (False, False)
    np.testing.assert_allclose(rest.exponents, [mu + e, mu - e], rtol=1e-5)


def test_rest_under_a_drive_has_multipliers():
    """Mathieu's equation about rest: volume is kept, the trace is that of SciPy's fundamental matrix."""
    mathieu = flow(lambda q, p, t: (p, -(1.3 + 0.8 * math.cos(2 * t)) * torch.sin(q)), 2)
    orbit = periodic_orbit(mathieu, [0.0, 0.0], 0.01, transient=0.0, longest=4.0, period=math.pi)

    def f(t, Y):
        return np.r_[Y[2:], -(1.3 + 0.8 * math.cos(2 * t)) * Y[:2]]

    ends = solve_ivp(f, (0, math.pi), [1.0, 0, 0, 1], "DOP853", rtol=1e-11, atol=1e-12).y[:, -1].reshape(2, 2)
    assert orbit.multipliers.sum().real.item() == pytest.approx(np.trace(ends), abs=1e-6)
    assert orbit.exponents.sum().item() == pytest.approx(0.0, abs=1e-6)


def test_periodic_points_of_maps():
    r = 3.2
    two = periodic_orbit(one_map(lambda x: r * x * (1 - x)), [0.3], transient=50, longest=10)
    assert (two.period, two.stable, two.x.shape) == (2.0, True, (3, 1))
    assert two.multipliers.item() == pytest.approx(4 + 2 * r - r * r, abs=1e-8)
    np.testing.assert_allclose(sorted(two.x[:2, 0]), (r + 1 + np.array([-1, 1]) * math.sqrt((r - 3) * (r + 1))) / 2 / r)
    four = periodic_orbit(one_map(lambda x: 3.5 * x * (1 - x)), [0.3], transient=100, longest=16)
    assert four.period == 4.0
    still = periodic_orbit(one_map(torch.cos), [0.3], transient=10, longest=5)
    assert (still.period, still.stable) == (1.0, True)
    assert still.x[0].item() == pytest.approx(0.7390851332151607)
    assert still.exponents.item() == pytest.approx(math.log(math.sin(0.7390851332151607)))
    superstable = periodic_orbit(one_map(lambda x: 2 * x * (1 - x)), [0.3], transient=50, longest=5)
    assert superstable.exponents.item() == -math.inf
    assert superstable.multipliers.item() == 0
    tiny = System.from_function(lambda x: x * torch.tensor([-1e-200, 0.5], dtype=torch.float64) + 1, 2, "map")
    np.testing.assert_allclose(
        periodic_orbit(tiny, [0.0, 0.0], transient=60, longest=4).exponents, [math.log(0.5), math.log(1e-200)]
    )
    quarter = System.from_function(lambda x: torch.stack((x[..., 1], -x[..., 0]), -1), 2, "map")
    turned = periodic_orbit(quarter, [1.0, 0.5], transient=0, longest=9)
    assert (turned.period, turned.family, turned.stable) == (4.0, 2, None)


def test_a_driven_network_repeats_its_input():
    torch.manual_seed(3)
    inputs = torch.randn(5, 3)
    system = models.ModuleMap(torch.nn.GRU(3, 4), inputs)
    orbit = periodic_orbit(system, torch.zeros(4), transient=200, longest=10, period=5)
    assert orbit.period == 5.0
    M, x = torch.eye(4).double(), orbit.x[0]
    for t in range(5):
        M, x = system.at(t).jacobian(x) @ M, system.at(t)(x)
    torch.testing.assert_close(x, orbit.x[0])
    torch.testing.assert_close(M, orbit.monodromy)
    assert periodic_orbit(torch.nn.RNN(2, 3), torch.zeros(3), transient=500, longest=3).period == 1.0


@pytest.mark.parametrize("as_given", [np.float32, np.array, torch.tensor])
def test_numbers_may_come_as_arrays_or_tensors(as_given):
    pushed = System.from_function(lambda x, t: -x + math.cos(math.pi * t), 1, "flow")
    arguments = {"dt": 0.125, "transient": 8.0, "longest": 4.0, "tolerance": 2.0**-20, "period": 2.0}
    orbit = periodic_orbit(pushed, [0.0], **{name: as_given(value) for name, value in arguments.items()})
    assert orbit.period == 2.0
    assert orbit.exponents.item() == pytest.approx(-1, abs=1e-4)


@pytest.mark.parametrize(("size", "speed"), [(1e-6, 1e3), (1e5, 1e-3)])
def test_the_orbit_does_not_depend_on_units(size, speed):
    circle = stuart_landau(0.7, 3.0)
    system = System.from_function(lambda x: speed * size * circle(x / size), 2, "flow")
    cycle = periodic_orbit(system, [0.5 * size, 0.0], 0.02 / speed, transient=20 / speed, longest=3 / speed)
    assert cycle.period * speed == pytest.approx(2 * math.pi / 3, rel=1e-6)
    np.testing.assert_allclose(cycle.exponents / speed, [0, -1.4], atol=1e-5)
    swing = System.from_function(lambda x: speed * size * pendulum(x / size), 2, "flow")
    cycle = periodic_orbit(swing, [0.5 * size, 0.0], 0.02 / speed, transient=0.0, longest=8 / speed)
    assert cycle.period * speed == pytest.approx(6.38278970, rel=1e-7)
    focus = System.from_function(lambda x: speed * x @ torch.tensor([[-0.1, 1], [-1, -0.1]]).double(), 2, "flow")
    with pytest.raises(ConvergenceError, match="fixed point"):
        periodic_orbit(focus, [size, 0.0], 0.05 / speed, transient=0.0, longest=20 / speed)


@pytest.mark.parametrize("units", [[1.0, 1e-6], [1e-6, 1.0]])
def test_components_may_have_units_of_their_own(units):
    units = torch.tensor(units, dtype=torch.float64)
    system = van_der_pol(2.0)
    x0 = torch.tensor([2.0, 0.0], dtype=torch.float64)
    plain = periodic_orbit(system, x0, 0.05, transient=20.0, longest=10.0)
    system = System.from_function(lambda x: van_der_pol(2.0)(x / units) * units, 2, "flow")
    other = periodic_orbit(system, x0 * units, 0.05, transient=20.0, longest=10.0)
    assert (other.family, other.stable) == (0, True)
    assert other.period == pytest.approx(plain.period, rel=1e-9)
    np.testing.assert_allclose(other.exponents, plain.exponents, atol=1e-5)
    np.testing.assert_allclose(other.x / units, plain.x, atol=1e-5)
    torch.testing.assert_close(other.monodromy * units / units[:, None], plain.monodromy, rtol=1e-4, atol=1e-5)
    system = System.from_function(lambda x: pendulum(x / units) * units, 2, "flow")
    swing = periodic_orbit(
        system, torch.tensor([0.5, 0.0], dtype=torch.float64) * units, 0.05, transient=0.0, longest=8.0
    )
    assert (swing.family, round(swing.period, 5)) == (1, 6.38279)


def test_single_precision_is_told_by_the_residual():
    def f(x, y):
        r = x * x + y * y
        return x - 3 * y - r * x, 3 * x + y - r * y

    circle = flow(f, 2, dtype=torch.float32)
    cycle = periodic_orbit(circle, [0.5, 0.0], 0.02, transient=20.0, longest=5.0)
    assert cycle.x.dtype == torch.float32
    assert cycle.period == pytest.approx(2 * math.pi / 3, rel=1e-5)
    assert cycle.residual < 1e-4
    np.testing.assert_allclose(cycle.exponents, [0, -2], atol=1e-3)


def test_an_orbit_is_gone_on_from():
    cycle = periodic_orbit(stuart_landau(), [0.5, 0.0], 0.01, transient=20.0, longest=5.0)
    x = trajectory(stuart_landau(), cycle, duration=0.5, dt=0.01).x
    torch.testing.assert_close(x[0], cycle.x[0])
    again = periodic_orbit(stuart_landau(), cycle, 0.01, transient=0.0, longest=5.0)
    assert again.period == pytest.approx(cycle.period, rel=1e-9)


def test_trained_weights_may_ask_for_gradients():
    W = torch.nn.Parameter(torch.tensor(oscillator_block(1.7, 0.7)))
    system = System.from_function(lambda x: torch.tanh(x @ W.T) - x, 2, "flow")
    cycle = periodic_orbit(system, [0.3, 0.1], dt=0.05, transient=60.0, longest=30.0)
    assert not cycle.x.requires_grad
    assert cycle.stable


pushed = System.from_function(lambda x, t: -x + math.cos(t), 1, "flow")


@pytest.mark.parametrize(
    ("system", "bad", "named"),
    [(henon(), {}, "dt"), (stuart_landau(), {"x0": [[1.0, 0.0]]}, "x0"), (stuart_landau(), {"dt": -1.0}, "dt"),
     (stuart_landau(), {"dt": None}, "dt"), (stuart_landau(), {"longest": 0.0}, "longest"),
     (stuart_landau(), {"transient": -1.0}, "transient"), (stuart_landau(), {"tolerance": 0.0}, "tolerance"),
     (stuart_landau(), {"period": 1.0}, "period"), (stuart_landau(), {"t0": math.nan}, "t0"),
     (models.TanhFlow(torch.zeros(3, 2, 2)), {}, "system"), (pushed, {"x0": [1.0]}, "period"),
     (pushed, {"x0": [1.0], "period": -1.0}, "period"), (pushed, {"x0": [1.0], "period": 3.0}, "period"),
     (pushed, {"x0": [1.0], "period": 2 * math.pi}, "longest"),
     (models.ModuleMap(torch.nn.RNN(2, 2), torch.ones(3, 2)), {"dt": None, "period": 2.5}, "period")],
)  # fmt: skip
def test_bad_arguments_are_named(system, bad, named):
    arguments = {"x0": [1.0, 0.0], "dt": 0.01, "transient": 1.0, "longest": 5.0} | bad
    with pytest.raises(ValueError, match=f"^{named}: "):
        periodic_orbit(system, **arguments)
