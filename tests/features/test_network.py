"""The loss and its gradients are those of the plain network."""

import pytest
import torch
from torch import nn

from ptacore.features import Energy, LearningFlow, TwoLayer, all_pairs, cyclic
from ptacore.features.network import ACTIVATIONS


def plain_loss(network, pairs, targets):
    """From one-hot inputs, with matrix products and autograd alone."""
    M = network.M
    x = torch.cat([nn.functional.one_hot(pairs[:, i], M) for i in (0, 1)], 1).to(network.W)
    z = x @ network.W
    hidden = {"square": z**2, "relu": z.relu(), "silu": nn.functional.silu(z)}[network.activation]
    out = hidden @ network.V
    target = nn.functional.one_hot(targets, M).to(out) - 1 / M
    return (out - out.mean(1, keepdim=True) - target).square().sum(1).mean()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("M", "n"), [(7, 30), (29, 700)])  # one block, and more than one
def test_loss_and_gradients_are_those_of_autograd(activation, M, n):
    network = TwoLayer(M, 40, activation, torch.Generator().manual_seed(2))
    pairs, targets = (
        a[torch.randperm(M * M, generator=torch.Generator().manual_seed(3))[:n]] for a in all_pairs(cyclic(M))
    )
    exact = TwoLayer(M, 40, activation, torch.Generator().manual_seed(2), dtype=torch.float64)
    (2 * network.loss(pairs, targets)).backward()
    loss = plain_loss(exact, pairs, targets)
    (2 * loss).backward()
    assert network.loss(pairs, targets).item() == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(network.parameters(), exact.parameters(), strict=True):
        assert (ours.grad - theirs.grad).norm() < 1e-5 * theirs.grad.norm()


def test_judge_counts_and_agrees_with_the_loss():
    network = TwoLayer(29, 16, generator=torch.Generator().manual_seed(4))
    pairs, targets = all_pairs(cyclic(29))
    loss, accuracy = network.judge(pairs, targets)
    assert loss == pytest.approx(network.loss(pairs, targets).item(), rel=1e-5)
    assert accuracy == pytest.approx(float((network(pairs).argmax(1) == targets).float().mean()))


def test_weights_are_drawn_as_those_of_linear_layers():
    network = TwoLayer(50, 4000, generator=torch.Generator().manual_seed(5))
    for weight, inputs in ((network.W, 100), (network.V, 4000)):
        assert 0.999 / inputs**0.5 < float(weight.detach().abs().max()) <= 1 / inputs**0.5
        assert float(weight.detach().std()) == pytest.approx((3 * inputs) ** -0.5, rel=0.01)


def test_a_zero_top_leaves_the_lower_weights():
    networks = [TwoLayer(5, 6, generator=torch.Generator().manual_seed(6), zero_top=z) for z in (False, True)]
    assert (networks[0].W == networks[1].W).all()
    assert not networks[1].V.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"M": 1}, "M: "),
        ({"K": 0}, "K: "),
        ({"activation": "tanh"}, "activation: "),
        ({"zero_top": 2}, "zero_top: "),
        ({"dtype": torch.int32}, "dtype: "),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TwoLayer(**{"M": 5, "K": 3} | options)


@pytest.mark.parametrize(
    ("pairs", "targets", "message"),
    [
        ([[0, 1]], [1], "pairs: expected a tensor of int64"),
        (torch.ones(1, 2), torch.tensor([1]), "pairs: expected a tensor of int64"),
        (torch.tensor([0, 1]), torch.tensor([1]), r"pairs: expected shape \(n, 2\)"),
        (torch.tensor([[0, 5]]), torch.tensor([1]), "pairs: expected elements from 0 to 4"),
        (torch.tensor([[0, 1]]), torch.tensor([[1]]), r"targets: expected shape \(n,\)"),
        (torch.tensor([[0, 1]]), torch.tensor([-1]), "targets: expected elements from 0 to 4"),
        (torch.tensor([[0, 1]]), torch.tensor([1, 2]), "targets: expected one for each of 1 pairs"),
    ],
)
def test_what_are_not_pairs_and_answers_is_refused(pairs, targets, message):
    for take in (TwoLayer(5, 3).loss, lambda p, t: Energy(p, t, 5), lambda p, t: LearningFlow(p, t, 5, 3)):
        with pytest.raises((TypeError, ValueError), match=message):
            take(pairs, targets)
