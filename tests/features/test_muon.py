"""Muon's direction is the polar factor of its momentum."""

import pytest
import torch
from torch import nn

from ptacore.features import TwoLayer, all_pairs, cyclic
from ptacore.features.muon import Muon, MuonAndAdam, orthogonalize


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (5, 5)])
def test_singular_vectors_stay_and_values_go_to_one(shape):
    m = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    U, S, Vh = torch.linalg.svd(m, full_matrices=False)
    inside = U.mT @ orthogonalize(3 * m) @ Vh.mT
    values = inside.diagonal()
    assert float((inside - torch.diag(values)).abs().max()) < 1e-10
    assert float(values[S / S.norm() > 0.01].min()) > 0.8
    assert float(values.max()) < 1.2


def test_a_step_by_hand():
    W = nn.Parameter(torch.randn(4, 6, generator=torch.Generator().manual_seed(1)))
    before, optimizer = W.detach().clone(), Muon([W], lr=0.1, beta=0.9, weight_decay=0.5)
    momentum = torch.zeros_like(before)
    for _ in range(2):
        W.grad = before.clone()
        now = W.detach().clone()
        optimizer.step()
        momentum = 0.9 * momentum + 0.1 * before
        torch.testing.assert_close(W.detach(), now * 0.95 - 0.1 * orthogonalize(momentum))


def test_both_layers_move_and_the_loss_falls():
    network = TwoLayer(5, 16, generator=torch.Generator().manual_seed(2))
    optimizer, (pairs, targets) = MuonAndAdam(network, lr=0.02, weight_decay=1e-4), all_pairs(cyclic(5))
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = network.loss(pairs, targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("options", "message"), [({"lr": 0}, "lr: "), ({"beta": 1}, "beta: "), ({"weight_decay": -1}, "weight_decay: ")]
)
def test_wrong_numbers(options, message):
    with pytest.raises(ValueError, match=message):
        Muon([nn.Parameter(torch.ones(2, 2))], **options)


def test_only_matrices():
    with pytest.raises(ValueError, match="params: expected matrices"):
        Muon([nn.Parameter(torch.ones(2))])
