import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import lorenz, package_systems, random, small_modules
from scipy.integrate import solve_ivp

from ptacore import DivergenceError, adjoint, models, sensitivity, time_time_jacobian, trajectory

SYSTEMS = package_systems()


def path(name, steps=200, batch=()):
    system, dt = SYSTEMS[name]
    x0 = random((*batch, system.dim), 11, 0.1 if name == "henon" else 0.4)
    return system, dt, trajectory(system, x0, duration=steps * dt, dt=dt)[1]


@pytest.mark.parametrize("name", SYSTEMS)
def test_products_of_adjoint_and_sensitivity_are_constant(name):
    """Eqs. 7-8, to rounding: the discrete adjoint is the exact transpose of the discrete sensitivity."""
    system, dt, x = path(name, batch=(2,))
    delta, psi = sensitivity(system, x, dt=dt), adjoint(system, x, dt=dt)
    products = psi.mT @ delta
    J = time_time_jacobian(system, x, dt=dt)
    scale = (psi.abs().mT @ delta.abs()).amax((0, -1, -2))  # rounding is relative to the summands
    assert ((products - J).abs().amax((0, -1, -2)) / scale).max() < 1e-9
    torch.testing.assert_close(delta[-1], J)
    torch.testing.assert_close(psi[0].mT, J, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SYSTEMS)
def test_adjoint_is_the_gradient_that_backpropagation_computes(name):
    system, dt, x = path(name, steps=100)
    terminal = random((system.dim,), 5)
    x0 = x[0].clone().requires_grad_()
    end = trajectory(system, x0, duration=100 * dt, dt=dt)[1][-1]
    (gradient,) = torch.autograd.grad(terminal @ end, x0)
    psi = adjoint(system, x, dt=dt, terminal=terminal)
    torch.testing.assert_close(psi[0], gradient, rtol=1e-10, atol=1e-10 * gradient.abs().max().item())
    assert (psi[-1] == terminal).all()


def test_a_driven_network_has_an_adjoint_too():
    module = small_modules()["gru"]
    system = models.ModuleMap(module, input=random((30, 3), 1))
    x0 = random((8,), 2, 0.3).requires_grad_()
    x = trajectory(system, x0, duration=30)[1]
    (gradient,) = torch.autograd.grad(x[-1].sum(), x0)
    torch.testing.assert_close(adjoint(system, x.detach(), terminal=torch.ones(8))[0], gradient)
    with pytest.raises(ValueError, match="^input: "):
        adjoint(system, x.detach(), terminal=torch.ones(8), t0=1)


def test_converges_to_the_continuous_equations_at_fourth_order():
    """psi' = -J(t)^T psi solved by DOP853 together with x' = F(x), backward from the same end point."""
    system, T = lorenz(), 0.8
    start = np.array([1.0, 2.0, 20.0])

    def forward(t, x):
        return system(torch.as_tensor(x)).numpy()

    def backward(s, y):
        x, psi = torch.as_tensor(y[:3]), torch.as_tensor(y[3:])
        return np.concatenate([-system(x).numpy(), (system.jacobian(x).T @ psi).numpy()])

    tight = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    end = solve_ivp(forward, (0, T), start, **tight).y[:, -1]
    exact = solve_ivp(backward, (0, T), np.concatenate([end, [1.0, -2.0, 0.5]]), **tight).y[3:, -1]

    def error(dt):
        x = trajectory(system, start, duration=T, dt=dt)[1]
        psi = adjoint(system, x, dt=dt, terminal=[1.0, -2.0, 0.5])[0].numpy()
        return np.linalg.norm(psi - exact) / np.linalg.norm(exact)

    assert error(0.001) < 1e-6
    assert 3.8 < math.log2(error(0.004) / error(0.002)) < 4.2


@pytest.mark.parametrize(("alpha", "rate"), [(0.5, -0.5), (-0.3, -1.3)])
def test_norm_grows_backward_at_the_lyapunov_exponent(alpha, rate):
    system = models.TanhRateFlow([[alpha]])  # x = 0 is stable: rate alpha - 1
    x = trajectory(system, [0.5], duration=60.0, dt=0.05)[1]
    psi = adjoint(system, x, dt=0.05, terminal=[1.0])[:, 0].abs().log()
    assert (psi[800] - psi[1200]) / 20.0 == pytest.approx(rate, abs=1e-6)


@settings(max_examples=30)
@given(n=st.integers(1, 7), seed=st.integers(0, 2**32 - 1), log_condition=st.floats(0, 4))
def test_linear_sensitivity_is_the_matrix_exponential_for_any_conditioning(n, seed, log_condition):
    rng = np.random.default_rng(seed)
    V = np.linalg.qr(rng.normal(size=(n, n)))[0] * np.logspace(0, log_condition, n)
    A = torch.as_tensor(V @ np.diag(rng.uniform(-1, 1, n)) @ np.linalg.inv(V))
    system = models.LinearFlow(A)
    scale = max(1.0, torch.linalg.matrix_norm(A, 2).item())
    dt = 0.02 / scale
    x = trajectory(system, rng.normal(size=n), duration=50 * dt, dt=dt)[1]
    torch.testing.assert_close(
        time_time_jacobian(system, x, dt=dt), torch.linalg.matrix_exp(50 * dt * A), rtol=1e-7, atol=1e-7
    )
    psi = adjoint(system, x, dt=dt)
    torch.testing.assert_close(psi[0].T, torch.linalg.matrix_exp(50 * dt * A), rtol=1e-7, atol=1e-7)


def test_batches_equal_loops():
    system, dt = SYSTEMS["limit-cycle"]
    x = trajectory(system, random((3, 20), 1), duration=0.1, dt=dt)[1]
    v = random((3, 20), 2)
    together = adjoint(system, x, dt=dt, terminal=v)
    for i in range(3):
        torch.testing.assert_close(
            together[:, i], adjoint(system, x[:, i], dt=dt, terminal=v[i]), rtol=1e-12, atol=1e-12
        )
    assert adjoint(system, x, dt=dt, terminal=v[0]).shape == x.shape  # one terminal for all


def test_bad_arguments_are_named():
    system = models.line_attractor()
    x = trajectory(system, torch.ones(6), duration=1.0, dt=0.1)[1]
    for function in (sensitivity, time_time_jacobian, adjoint):
        with pytest.raises(ValueError, match="^x: expected a trajectory"):
            function(system, x[:1], dt=0.1)
        with pytest.raises(ValueError, match="^x: expected shape"):
            function(system, x[:, :3], dt=0.1)
        with pytest.raises(ValueError, match="^dt: "):
            function(system, x, dt=0.0)
    with pytest.raises(ValueError, match="^terminal: "):
        adjoint(system, x, dt=0.1, terminal=torch.ones(5))
    with pytest.raises(ValueError, match="^terminal: "):
        adjoint(system, x, dt=0.1, terminal=torch.ones(2, 6))


def test_overflow_is_an_error_not_a_nan():
    system = models.LinearFlow([[300.0]])
    x = torch.zeros(2001, 1)
    with pytest.raises(DivergenceError, match="adjoint"):
        adjoint(system, x, dt=0.01, terminal=[1.0])
    with pytest.raises(DivergenceError, match="sensitivity"):
        sensitivity(system, x, dt=0.01)
