"""Steps of networks against differences, and against automatic gradients through the ordinary step."""

import pytest
import torch

from ptacore import lyapunov_spectrum, models
from ptacore.dynamics.integrate import step_tangent
from ptacore.dynamics.network_steps import network_of, network_steps
from ptacore.kernels.tangents import INSIDE, MAP, OUTSIDE, Form

SHAPES = {  # of W, b and x
    "one": ((4, 4), (4,), (4,)),
    "shared weights": ((4, 4), (4,), (2, 3, 4)),
    "own weights": ((3, 4, 4), (4,), (3, 4)),
    "own biases": ((4, 4), (3, 4), (3, 4)),
    "weights of a row": ((2, 1, 4, 4), (3, 4), (2, 3, 4)),
}


def draw(*shape, seed=0, dtype=torch.float64):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.to(dtype).requires_grad_()


@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("kind", [OUTSIDE, INSIDE, MAP])
def test_gradients_are_those_of_differences(kind, tanh):
    def f(W, b, x, V):
        return network_steps(Form(kind, tanh, W, b, 0.3), x, V, 3)

    assert torch.autograd.gradcheck(f, (draw(3, 3), draw(3, seed=1), draw(2, 3, seed=2), draw(2, 3, 2, seed=3)))


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("kind", ["TanhFlow", "TanhRateFlow", "ReLUFlow", "TanhMap"])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-11), (torch.float32, 1e-3)])
def test_steps_are_the_ordinary_ones_with_their_automatic_gradient(kind, shapes, dtype, rtol):
    W, b, x = (draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(SHAPES[shapes]))
    V = draw(*x.shape, 3, seed=4, dtype=dtype)
    tau = {} if kind == "TanhMap" else {"tau": 0.7}
    system, steps, dt = getattr(models, kind)(W, b, dtype=dtype, **tau), 4, 1 if kind == "TanhMap" else 0.2
    expected = x, V
    for _ in range(steps):
        expected = step_tangent(system, *expected, 0.0, dt)
    found = network_steps(network_of(system, dt), x, V, steps)
    weights = [draw(*part.shape, seed=5 + i, dtype=dtype).detach() for i, part in enumerate(found)]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol)
    ours, theirs = (
        torch.autograd.grad(sum((w * part).sum() for w, part in zip(weights, parts, strict=True)), (W, b, x, V))
        for parts in (found, expected)
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=rtol * other.abs().max().item())


def test_only_networks_of_the_package_are_known_by_their_parameters():
    class Louder(models.TanhFlow):
        def jvp(self, x, V):
            return 2 * x, 2 * V

    assert network_of(models.TanhFlow(draw(2, 2)), 0.1) is not None
    for other in (Louder(draw(2, 2)), models.LinearFlow(draw(2, 2)), models.GRUFlow(draw(2, 2))):
        assert network_of(other, 0.1) is None


def test_a_bias_that_is_a_number_has_the_gradients_of_one_that_is_a_tensor():
    gradients = []
    for bias in (0.5, torch.tensor(0.5, dtype=torch.float64)):
        W = draw(3, 3)
        system = models.TanhFlow(W)
        system.b = bias
        exponents = lyapunov_spectrum(system, [0.1, 0.2, 0.3], duration=2.0, dt=0.1, differentiable=True).exponents
        gradients += torch.autograd.grad(exponents[0], W)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)
