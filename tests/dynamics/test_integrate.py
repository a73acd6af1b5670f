import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference_systems import henon, lorenz, package_systems, random, stuart_landau
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual

from ptacore import (
    DivergenceError,
    System,
    adjoint,
    lyapunov_spectrum,
    models,
    sensitivity,
    time_time_jacobian,
    trajectory,
)
from ptacore.dynamics.integrate import step, step_adjoint, step_tangent

SYSTEMS = package_systems()


@given(n=st.integers(1, 8), seed=st.integers(0, 2**32 - 1), spread=st.floats(0.1, 3.0))
def test_linear_flows_follow_the_matrix_exponential(n, seed, spread):
    A = random((n, n), seed, spread / math.sqrt(n))
    x0 = random((n,), seed + 1)
    x = trajectory(models.LinearFlow(A), x0, duration=1.0, dt=1 / 256)[1]
    torch.testing.assert_close(x[-1], torch.linalg.matrix_exp(A) @ x0, rtol=1e-7, atol=1e-8)


def test_error_falls_with_the_fourth_power_of_the_step():
    def error(dt):  # z' = (mu + i omega) z - |z|^2 z solved in polar coordinates
        mu, omega, r0 = 0.7, 3.0, 0.2
        x = trajectory(stuart_landau(mu, omega), [r0, 0.0], duration=2.0, dt=dt)[1][-1]
        r = math.sqrt(mu / (1 + (mu / r0**2 - 1) * math.exp(-2 * mu * 2.0)))
        exact = r * torch.tensor([math.cos(2.0 * omega), math.sin(2.0 * omega)], dtype=torch.float64)
        return (x - exact).norm().item()

    order = math.log2(error(0.04) / error(0.02))
    assert 3.8 < order < 4.2


def test_maps_are_iterated_exactly():
    t, x = trajectory(henon(), [0.1, 0.2], duration=3, transient=2)
    assert t.tolist() == [2, 3, 4, 5]
    expected = torch.tensor([0.1, 0.2], dtype=torch.float64)
    for _ in range(2):
        expected = henon()(expected)
    for state in x:
        assert (state == expected).all()
        expected = henon()(expected)


def test_transient_is_the_same_path_cut_off():
    system, x0 = lorenz(), [1.0, 2.0, 20.0]
    t, x = trajectory(system, x0, duration=1.0, dt=0.01, transient=0.5)
    t_all, x_all = trajectory(system, x0, duration=1.5, dt=0.01)
    assert (x == x_all[50:]).all()
    torch.testing.assert_close(t, t_all[50:])


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_steps_tangent_and_transpose_are_autograds(name):
    system, dt = SYSTEMS[name]
    x = random((system.dim,), 7, 0.4)
    J = torch.autograd.functional.jacobian(lambda y: step(system, y, 0.0, dt), x)
    eye = torch.eye(system.dim, dtype=torch.float64)
    torch.testing.assert_close(step_tangent(system, x, eye, 0.0, dt)[0], step(system, x, 0.0, dt))
    torch.testing.assert_close(step_tangent(system, x, eye, 0.0, dt)[1], J, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(step_adjoint(system, x, eye, 0.0, dt), J.T, rtol=1e-11, atol=1e-12)


def test_divergence_is_raised_with_its_time():
    blow_up = System.from_function(lambda x: x * x, 1, "flow")  # x = 1 / (1 - t) from x = 1
    with pytest.raises(DivergenceError, match="no longer finite at t = ") as caught:
        trajectory(blow_up, [1.0], duration=5.0, dt=0.001)
    assert 1.0 < caught.value.time < 1.1
    assert caught.value.time == pytest.approx(round(caught.value.time, 3))
    with pytest.raises(DivergenceError) as caught:  # 2^t is not finite from t = 1024
        trajectory(System.from_function(lambda x: 2 * x, 1, "map"), [1.0], duration=2000, transient=10)
    assert caught.value.time == 1024


@given(
    bad=st.sampled_from([("dt", 0.0), ("dt", -0.1), ("dt", math.nan), ("dt", math.inf), ("duration", 0.0),
                         ("duration", -1.0), ("duration", math.nan), ("duration", 0.001), ("transient", -1.0),
                         ("transient", math.inf), ("x0", [1.0, 2.0]), ("x0", [math.nan, 0.0, 0.0])])
)  # fmt: skip
def test_bad_arguments_are_named(bad):
    arguments = {"x0": [1.0, 2.0, 3.0], "duration": 1.0, "dt": 0.01, "transient": 0.0} | dict([bad])
    with pytest.raises(ValueError, match=f"^{bad[0]}: "):
        trajectory(lorenz(), **arguments)


def test_maps_take_whole_steps_only():
    with pytest.raises(ValueError, match="^dt: a map"):
        trajectory(henon(), [0.0, 0.0], duration=1.0, dt=0.5)


def test_a_flow_needs_a_step_and_a_map_does_not():
    with pytest.raises(ValueError, match="^dt: a flow needs"):
        trajectory(lorenz(), [1.0, 2.0, 3.0], duration=1.0)
    assert len(trajectory(henon(), [0.1, 0.1], duration=3)[0]) == 4


def test_weights_with_batch_axes_that_the_state_has_not_give_a_trajectory_each():
    A = -torch.arange(1.0, 4.0, dtype=torch.float64)[:, None, None] * torch.eye(2, dtype=torch.float64)
    _, x = trajectory(models.LinearFlow(A), [1.0, 2.0], duration=1.0, dt=0.01)
    assert x.shape == (101, 3, 2)
    for i in range(3):
        assert torch.equal(x[:, i], trajectory(models.LinearFlow(A[i]), [1.0, 2.0], duration=1.0, dt=0.01)[1])


# ---- time


def pushed(kind="flow"):
    """x' = (1 + cos(t)) x + sin(x) + cos(2 t), or the map of the same form: nothing about it is the same twice."""
    rate = 1.0 if kind == "flow" else 0.3
    return System.from_function(lambda x, t: rate * (math.cos(t) * x + torch.sin(x)) + math.cos(2 * t), 2, kind)


@pytest.mark.parametrize(("kind", "dt"), [("flow", 0.05), ("map", 1)])
def test_going_on_from_a_result_is_one_long_run(kind, dt):
    system = pushed(kind)
    whole = trajectory(system, [0.1, -0.2], duration=40 * dt, dt=dt, t0=3.0)
    first = trajectory(system, [0.1, -0.2], duration=15 * dt, dt=dt, t0=3.0)
    rest = trajectory(system, first, duration=15 * dt, transient=10 * dt, dt=dt)
    torch.testing.assert_close(rest.t, whole.t[25:], rtol=1e-13, atol=0)
    torch.testing.assert_close(rest.x, whole.x[25:], rtol=1e-12, atol=1e-13)
    assert rest.time == pytest.approx(3 + 40 * dt)
    torch.testing.assert_close(rest.state, whole.x[-1], rtol=1e-12, atol=1e-13)
    t, x = first  # the pair that it always was
    assert len(first) == 2
    assert x is first[1]
    assert t[0] == first.t0 == 3


@pytest.mark.parametrize(("kind", "dt"), [("flow", 0.05), ("map", 1)])
def test_derivatives_after_a_transient_are_those_of_the_solution(kind, dt):
    system = pushed(kind)
    path = trajectory(system, [0.1, -0.2], duration=20 * dt, transient=7 * dt, dt=dt, t0=1.0)

    def end(x):
        return trajectory(system, x, duration=20 * dt, dt=dt, t0=1.0 + 7 * dt).x[-1]

    exact = torch.autograd.functional.jacobian(end, path.x[0])
    torch.testing.assert_close(time_time_jacobian(system, path), exact)
    torch.testing.assert_close(sensitivity(system, path)[-1], exact)
    torch.testing.assert_close(adjoint(system, path)[0], exact.mT)
    torch.testing.assert_close(adjoint(system, path.x, dt=dt, t0=path.t[0].item(), terminal=[1.0, 0])[0], exact[0])
    for function in (sensitivity, adjoint, time_time_jacobian):
        with pytest.raises(ValueError, match="^t0: expected the time of the first state"):
            function(system, path.x, dt=dt)


@pytest.mark.parametrize("system", [models.TanhFlow(random((3, 3), 0)), models.LinearFlow(random((3, 3), 0))])
def test_progress_is_shown_to_its_end(system, capsys):
    trajectory(system, [0.1, 0.2, 0.3], duration=2.0, dt=0.1, transient=1.0, progress=True)
    shown = capsys.readouterr().err
    assert "trajectory: 100%" in shown
    assert "30/30" in shown


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own use of it
@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("of", ["x0", "W", "b"])
def test_forward_derivatives_are_those_of_differences(n, of):
    of_all = {"W": random((n, n), 0), "b": random((n,), 1), "x0": random((n,), 2)}
    value, along, h = of_all[of], random(of_all[of].shape, 3), 1e-6

    def end(value):
        W, b, x0 = (of_all | {of: value}).values()
        flow = models.TanhFlow(torch.zeros(n, n, dtype=torch.float64))
        flow.W, flow.b = W, b  # its own checks depend on numbers, which no transform gives
        return trajectory(flow, x0, duration=1.0, dt=0.1).x[-1]

    expected = (end(value + h * along) - end(value - h * along)) / (2 * h)
    with dual_level():
        found = unpack_dual(end(make_dual(value, along))).tangent
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(torch.func.jvp(end, (value,), (along,))[1], expected, rtol=1e-6, atol=1e-8)


def test_a_spectrum_goes_on_from_a_trajectory_and_from_a_spectrum():
    """x' = -(1 + cos t) x: the mean of the rate over any window is known, so the window's place is."""
    system = System.from_function(lambda x, t: -(1 + math.cos(t)) * x, 1, "flow")

    def mean(start, end):
        return -1 - (math.sin(end) - math.sin(start)) / (end - start)

    path = trajectory(system, [1.0], duration=2.0, dt=0.01, t0=0.5)
    first = lyapunov_spectrum(system, path, duration=1.0, transient=1.0, dt=0.01)
    assert first.exponents.item() == pytest.approx(mean(3.5, 4.5), abs=1e-7)
    assert first.time == pytest.approx(4.5)
    second = lyapunov_spectrum(system, first, duration=2.0, transient=0.0, dt=0.01)
    assert second.exponents.item() == pytest.approx(mean(4.5, 6.5), abs=1e-7)
    assert lyapunov_spectrum(
        system, [1.0], duration=1.0, transient=0.0, dt=0.01, t0=2.0
    ).exponents.item() == pytest.approx(mean(2.0, 3.0), abs=1e-7)


@pytest.mark.parametrize("t0", [math.nan, "now", True])
def test_a_start_that_is_not_a_time_is_named(t0):
    with pytest.raises(ValueError, match="^t0: expected a time"):
        trajectory(pushed(), [0.0, 0.0], duration=1.0, dt=0.1, t0=t0)


def test_what_is_not_a_system_is_named():
    for wrong, told in ((lambda x: -x, "System.from_function"), ({"weight_hh_l0": 1}, "state_dict"), (3, "got int")):
        for function in (trajectory, lyapunov_spectrum):
            with pytest.raises(TypeError, match=f"^system: expected .*{told}"):
                function(wrong, [0.0], duration=1.0, dt=0.1)
        with pytest.raises(TypeError, match=f"^system: expected .*{told}"):
            adjoint(wrong, [[0.0], [1.0]], dt=0.1)
    gru = torch.nn.GRU(2, 3)
    path = trajectory(gru, torch.zeros(3), duration=5)
    torch.testing.assert_close(path.x[1], gru.double()(torch.zeros(1, 2).double())[1][0].detach())
    assert adjoint(gru, path).shape == (6, 3, 3)


def test_memory_that_is_not_there_is_told_before_it_is_taken():
    system = models.LinearFlow(-torch.eye(300))
    with pytest.raises(MemoryError, match="^duration: .*shorter duration"):
        trajectory(system, torch.ones(300), duration=1e9, dt=1e-3)
    few = torch.ones(1, 300, dtype=torch.float64).expand(2 * 10**5, 300)  # takes no memory itself
    for function in (sensitivity, adjoint):
        with pytest.raises(MemoryError, match="^x: .*time_time_jacobian"):
            function(system, few, dt=1e-3)
