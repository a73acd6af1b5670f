import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from ptacore.control import DoubleIntegrator, LinearPlant, Pendulum, PointMass

PLANTS = {
    "integrator": DoubleIntegrator(0.3),
    "mass": PointMass(),
    "pendulum": Pendulum(0.1, frequency=1.7, damping=0.2),
}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_jacobians_are_the_derivatives_of_the_map(plant):
    x, u = 3 * draw(7, plant.dim), draw(7, plant.controls, seed=1)
    A, B = plant.jacobians(x, u)
    for i in range(len(x)):
        dx, du = torch.autograd.functional.jacobian(plant, (x[i], u[i]))
        assert (A[i] - dx).abs().max() < 1e-12
        assert (B[i] - du).abs().max() < 1e-12


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_batch_is_taken_state_by_state(plant):
    x, u = draw(2, 3, plant.dim), draw(2, 3, plant.controls, seed=1)
    single = torch.stack([plant(a, b) for a, b in zip(x.flatten(0, 1), u.flatten(0, 1), strict=True)])
    assert torch.allclose(plant(x, u).flatten(0, 1), single, rtol=1e-14)


def test_a_pushed_mass_goes_the_way_of_newton():
    """x = a t^2 / 2 up to the step: Euler's rule sums k dt^2 for k < n, which is a dt^2 n (n - 1) / 2."""
    plant, x = PointMass(dt=0.1, bound=None), torch.zeros(4, dtype=torch.float64)
    push = torch.tensor([0.5, -2.0], dtype=torch.float64)
    for _ in range(20):
        x = plant(x, push)
    place = 0.01 * 20 * 19 / 2
    assert torch.allclose(x, torch.tensor([0.5 * place, 1.0, -2 * place, -4.0], dtype=torch.float64))


def test_walls_stop_place_and_velocity_and_nothing_passes_them_back():
    plant = PointMass(bound=1.0)
    x = torch.tensor([0.99, 5.0, 0.0, -0.5], dtype=torch.float64)
    u = torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert plant(x, u).tolist() == pytest.approx([1.0, 1.0, -0.05, -0.5])
    A, B = plant.jacobians(x, u)
    assert A[:2].abs().max() == 0
    assert B.abs().max() == pytest.approx(0.1)


def test_a_plant_keeps_its_matrices_when_the_users_change():
    A, B, C = torch.ones(3, 1, 1, dtype=torch.float64)
    plant = LinearPlant(A, B, C)
    for matrix in (A, B, C):
        matrix += 1
    assert plant.A == plant.B == plant.C == 1


def test_the_pendulum_converges_to_its_equation_with_the_first_power_of_the_step():
    def rates(t, s):
        return s[1], -4 * math.sin(s[0]) - 0.3 * s[1] + 0.5

    exact = solve_ivp(rates, (0, 2), (1.0, 0.0), rtol=1e-10, atol=1e-10).y[:, -1]
    errors = []
    for steps in (200, 400):
        plant = Pendulum(2 / steps, frequency=2.0, damping=0.3)
        x, u = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64)
        for _ in range(steps):
            x = plant(x, u)
        errors.append(np.linalg.norm(x.numpy() - exact))
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("frequency", [0.5, 3.0])
@pytest.mark.parametrize("damping", [0.0, 0.4, 5.0])
def test_a_step_is_refused_just_where_the_discrete_pendulum_leaves_its_rest(frequency, damping):
    """The eigenvalues at rest decide: of modulus 1 (no friction) or less inside the limit, one beyond -1 outside."""
    longest = 4 / (damping + math.sqrt(damping**2 + 4 * frequency**2))
    rest = torch.zeros(2, dtype=torch.float64)
    inside = Pendulum(0.999 * longest, frequency, damping).jacobians(rest, rest[:1])[0]
    assert torch.linalg.eigvals(inside).abs().max() <= 1 + 1e-12
    dt = 1.001 * longest
    outside = torch.tensor(
        [[1 - (frequency * dt) ** 2, dt * (1 - damping * dt)], [-(frequency**2) * dt, 1 - damping * dt]]
    )
    assert torch.linalg.eigvals(outside).abs().max() > 1
    with pytest.raises(ValueError, match="dt: expected a step below .* leaves its rest"):
        Pendulum(dt, frequency, damping)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DoubleIntegrator(0), "dt: expected a number in"),
        (lambda: PointMass(-1.0), "dt: expected a number in"),
        (lambda: PointMass(bound=0.0), "bound: expected a number in"),
        (lambda: Pendulum(frequency=math.nan), "frequency: expected a number in"),
        (lambda: Pendulum(damping=-1), "damping: expected a number in"),
        (lambda: LinearPlant(np.eye(2)[:1], np.ones((2, 1)), np.ones((1, 2))), "A: expected a square matrix"),
        (lambda: LinearPlant(np.eye(2), np.ones((3, 1)), np.ones((1, 2))), r"B: expected shape \(2, p\)"),
        (lambda: LinearPlant(np.eye(2), np.ones((2, 0)), np.ones((1, 2))), r"B: expected shape \(2, p\)"),
        (lambda: LinearPlant(np.eye(2), np.ones((2, 1)), np.ones(2)), r"C: expected shape \(k, 2\)"),
        (lambda: LinearPlant(np.eye(2) * np.nan, np.ones((2, 1)), np.ones((1, 2))), "A: expected finite"),
        (lambda: LinearPlant("A", np.ones((2, 1)), np.ones((1, 2))), "A: expected numbers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
