"""Systems of one law: each member does what the law does with its parameters, compiled, and with gradients by torch."""

import copy

import pytest
import torch
from reference_systems import random

from ptacore import lyapunov_spectrum, trajectory
from ptacore.dynamics.integrate import DivergenceError, step, step_tangent
from ptacore.kernels import tangents
from ptacore.models import Ensemble, System, TanhRateFlow

compiled = pytest.mark.skipif(not tangents.available(), reason="no C compiler on this machine")


class Law(Ensemble):
    """n units of quadratic terms, a curve, and a power that members may have of their own."""

    def __init__(self, kind, n, members, seed=1, scale=0.3):
        self.kind, self.dim = kind, n
        self.A = scale * random((members, n, n), seed)
        self.b = random((members, n), seed + 1)
        self.p = 2 + torch.arange(members, dtype=torch.float64) % 3 / 2

    def __call__(self, x):
        u = (self.A @ x[..., None])[..., 0]
        return torch.tanh(u + self.b) - 0.2 * x * self.power(1 + x.square(), self.p / 4)

    @staticmethod
    def power(r, p):
        return (r.movedim(-1, 0) ** p).movedim(0, -1)  # p has no axis for the units

    def jacobian(self, x):
        u = (self.A @ x[..., None])[..., 0]
        slope = 1 / torch.cosh(u + self.b).square()
        r, p = 1 + x.square(), self.p / 4
        own = -0.2 * self.power(r, p) * (1 + 2 * p[..., None] * x.square() / r)
        return slope[..., None] * self.A + torch.diag_embed(own)


class Growth(Ensemble):
    """dx/dt = a x, or x <- a x."""

    dim = 1

    def __init__(self, kind, a):
        self.kind, self.a = kind, torch.as_tensor(a, dtype=torch.float64)[:, None]

    def __call__(self, x):
        return self.a * x

    def jacobian(self, x):
        return (self.a + 0 * x)[..., None]


def member(system: Ensemble, i: int) -> System:
    """Member i as a system of its own, which torch follows."""
    alone = Law(system.kind, system.dim, 1)
    alone.A, alone.b, alone.p = system.A[i], system.b[i], system.p[i]
    alone.kernel = lambda dt: None
    alone.orbit = lambda *arguments: None
    return alone


@compiled
@pytest.mark.parametrize("members", [1, 3, 13])
@pytest.mark.parametrize(("kind", "n"), [("flow", 2), ("flow", 7), ("map", 3), ("map", 7)])
def test_each_member_moves_as_it_does_alone(kind, n, members):
    system, dt = Law(kind, n, members), 1.0 if kind == "map" else 0.05
    x, V = random((members, n), 3), random((members, n, 2), 4)
    kernel = system.kernel(dt)
    assert kernel is not None, system.uncompiled
    assert members < 4 or kernel.together, "side by side"
    got_x, got_V, *_ = kernel(x, V, 5, plain=True)
    orbit = trajectory(system, x, duration=5 * dt, transient=3 * dt, dt=dt)[1]
    for i in range(members):
        alone, y, U = member(system, i), x[i], V[i]
        for _ in range(5):
            y, U = step_tangent(alone, y, U, 0.0, dt)
        torch.testing.assert_close(got_x[i], y, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(got_V[i], U, rtol=1e-12, atol=1e-12)
        expected = trajectory(alone, x[i], duration=5 * dt, transient=3 * dt, dt=dt)[1]
        torch.testing.assert_close(orbit[:, i], expected, rtol=1e-12, atol=1e-12)


@compiled
def test_exponents_are_those_of_each_members_parameter():
    a = torch.linspace(0.5, 2.0, 21, dtype=torch.float64)
    s = lyapunov_spectrum(Growth("map", a), torch.zeros(3, 21, 1), duration=100, backend="compiled")
    torch.testing.assert_close(s.exponents[..., 0], a.log().expand(3, 21), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(9, 1), (2, 9, 1)])
def test_orbits_grow_as_each_members_parameter_says(shape):
    a = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64)
    t, x = trajectory(Growth("flow", a), torch.full(shape, 2.0), duration=1.0, transient=0.5, dt=0.01)
    expected = 2 * torch.exp(a[:, None] * t.reshape(-1, *[1] * len(shape)))
    torch.testing.assert_close(x, expected.expand_as(x), rtol=1e-9, atol=0)


def test_gradients_go_through_orbits():
    a = torch.tensor([-0.5, 0.25], dtype=torch.float64, requires_grad=True)
    x = trajectory(Growth("flow", a), [[1.0], [1.0]], duration=2.0, dt=0.01)[1][-1]
    (slope,) = torch.autograd.grad(x.sum(), a)
    torch.testing.assert_close(slope, 2 * torch.exp(2 * a).detach(), rtol=1e-9, atol=0)
    start = torch.ones(2, 1, dtype=torch.float64, requires_grad=True)
    x = trajectory(Growth("flow", a.detach()), start, duration=2.0, dt=0.01)[1][-1]
    (slope,) = torch.autograd.grad(x.sum(), start)
    torch.testing.assert_close(slope[:, 0], torch.exp(2 * a).detach(), rtol=1e-9, atol=0)


def test_gradients_reach_what_a_law_holds_elsewhere_or_closes_over():
    held, closed = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))

    class Faster(Growth):
        def __init__(self, kind, a):
            super().__init__(kind, a)
            self.parts = {"held": held}

        def __call__(self, x):
            return closed * self.parts["held"] ** 2 * self.a * x

    x = trajectory(Faster("map", [0.5, 0.25]), [[1.0], [1.0]], duration=3).state
    torch.testing.assert_close(x.sum(), torch.tensor(0.5**3 + 0.25**3, dtype=torch.float64))
    slopes = torch.autograd.grad(x.sum(), (held, closed))
    expected = 3 * (0.5**3 + 0.25**3)
    for slope, factor in zip(slopes, (2, 1), strict=True):
        torch.testing.assert_close(slope.item(), factor * expected, rtol=1e-12, atol=0)


def test_an_orbit_that_leaves_the_finite_numbers_is_told():
    with pytest.raises(DivergenceError, match="t = 31"):  # 1e10 to the 31st is above the largest double
        trajectory(Growth("map", [0.5, 1e10]), [[1.0], [1.0]], duration=100)


@compiled
def test_a_network_of_the_package_becomes_an_ensemble():
    class Net(Ensemble, TanhRateFlow):
        pass

    W, b, x = random((5, 4, 4), 1), random((5, 4), 2), random((5, 4), 3)
    one, other = (lyapunov_spectrum(law(W, b), x, duration=20.0, dt=0.05) for law in (Net, TanhRateFlow))
    torch.testing.assert_close(one.exponents, other.exponents, rtol=0, atol=1e-10)
    torch.testing.assert_close(step(Net(W, b), x, 0.0, 0.05), trajectory(Net(W, b), x, duration=0.05, dt=0.05).state)


class Pushed(Growth):
    """dx/dt = a x + t"""

    t = 0.0

    def at(self, t):
        frozen = copy.copy(self)
        frozen.t = t
        return frozen

    def __call__(self, x):
        return self.a * x + self.t


def test_a_driven_law_takes_torch():
    t, x = trajectory(Pushed("flow", [1.0, -1.0]), [[0.0], [0.0]], duration=1.0, dt=0.01)
    expected = torch.stack([t.exp() - 1 - t, (-t).exp() - 1 + t], 1)  # of a = 1 and -1
    torch.testing.assert_close(x[..., 0], expected, rtol=0, atol=1e-9)


def test_members_that_do_not_match_take_torch_and_say_why():
    system = Growth("map", [0.5, 0.5])
    system.unused = torch.zeros(3)
    with pytest.raises(ValueError, match="parameters of different numbers of members"):
        lyapunov_spectrum(system, [[0.0], [0.0]], duration=10, backend="compiled")
    s = lyapunov_spectrum(system, [[0.0], [0.0]], duration=10)
    assert s.backend == "torch"
    torch.testing.assert_close(s.exponents, torch.full((2, 1), 0.5, dtype=torch.float64).log())
