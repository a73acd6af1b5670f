"""Gradient flow of both layers: derivatives by autograd, and what it conserves."""

import pytest
import torch

import ptacore as pta
from ptacore.features import all_pairs, cyclic, split_pairs
from ptacore.features.flow import LearningFlow


def draw(activation="square", eta=0.2, M=4, K=3):
    pairs, targets = all_pairs(cyclic(M))
    seen, _ = split_pairs(cyclic(M), 0.8, 0)
    flow = LearningFlow(pairs[seen], targets[seen], M, K, eta, activation)
    return flow, torch.randn(2, flow.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("activation", ["square", "relu", "silu"])
def test_field_and_jacobian_are_derivatives_of_the_loss(activation):
    flow, x = draw(activation)
    rows = x.clone().requires_grad_()
    torch.testing.assert_close(flow(x), -torch.autograd.grad(flow.loss(rows).sum(), rows)[0])
    J = flow.jacobian(x)
    for row, own in zip(x, J, strict=True):
        torch.testing.assert_close(own, -torch.autograd.functional.hessian(flow.loss, row))
    V = torch.randn(2, flow.dim, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(flow.jvp(x, V)[1], J @ V)
    torch.testing.assert_close(flow.vjp(x, V), J.mT @ V)
    torch.testing.assert_close(flow.jacobian(x[0]), J[0])


def test_the_loss_by_its_definition():
    flow, x = draw(eta=0.0)
    W, V = flow.unpack(x[0])
    gap = flow.Y - (flow.X @ W) ** 2 @ V
    assert float(flow.loss(x[0])) == pytest.approx(float((gap - gap.mean(0)).square().sum() / 2))
    torch.testing.assert_close(flow.pack(*flow.unpack(x)), x)


@pytest.mark.parametrize("eta", [0.0, 0.3])
def test_the_size_of_each_unit_decays_at_twice_the_weight_decay(eta):
    flow, x = draw(eta=eta)
    t, path = pta.trajectory(flow, 0.3 * x[0], duration=2.0, dt=0.01)
    W, V = flow.unpack(path)
    size = W.square().sum(-2) - 2 * V.square().sum(-1)
    torch.testing.assert_close(size, size[0] * torch.exp(-2 * eta * t)[:, None], rtol=1e-6, atol=1e-8)


def test_at_rest_each_unit_has_an_exponent_of_minus_twice_the_decay():
    flow, x = draw(eta=0.1, M=3, K=4)
    end = pta.trajectory(flow, 0.3 * x[0], duration=250.0, dt=0.05)[1][-1]
    W, _ = flow.unpack(end)
    rates = torch.linalg.eigvalsh(flow.jacobian(end))
    alive = int((W.norm(dim=0) > 1e-3).sum())
    assert alive > 0
    assert int(((rates + 0.2).abs() < 1e-5).sum()) >= alive


def test_weights_that_add_to_one_input_and_take_from_the_other_only_decay():
    flow, x = draw(eta=0.1)
    W, V = torch.zeros(8, 3, dtype=torch.float64), torch.zeros(3, 4, dtype=torch.float64)
    W[:4, 1], W[4:, 1] = 1, -1
    along = flow.pack(W, V)
    torch.testing.assert_close(flow.jacobian(x) @ along, (-0.1 * along).expand(2, -1))
