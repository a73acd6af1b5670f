"""Closed forms of the learning signal against autograd, integration and direct inversion."""

import pytest
import torch

from ptacore.features import signal as s
from ptacore.features.arithmetic import all_pairs, split_pairs
from ptacore.features.groups import cyclic
from ptacore.features.network import TwoLayer


def draw(K=12, M=7, share=0.7):
    pairs, targets = all_pairs(cyclic(M))
    seen, _ = split_pairs(cyclic(M), share, 0)
    network = TwoLayer(M, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return network.hidden(pairs[seen]).detach(), s.one_hot(targets[seen], M), network.V.detach()


def test_the_signal_is_minus_the_gradient_by_the_hidden_activities():
    F, Y, V = draw()
    F.requires_grad_()
    (s.centred(Y - F @ V).square().sum() / 2).backward()
    torch.testing.assert_close(s.signal(F.detach(), Y, V), -F.grad)


@pytest.mark.parametrize("K", [12, 60])  # fewer units than samples, and more
def test_the_ridge_solution_is_at_rest(K):
    F, Y, _ = draw(K)
    V = s.ridge(F, Y, 0.3)
    torch.testing.assert_close(s.centred(F).mT @ s.centred(Y - F @ V), 0.3 * V)


@pytest.mark.parametrize("K", [12, 60])
def test_the_lasting_signal_is_that_of_the_ridge_solution(K):
    F, Y, _ = draw(K)
    torch.testing.assert_close(s.lasting_signal(F, Y, 0.3), s.signal(F, Y, s.ridge(F, Y, 0.3)))


def test_the_signal_begins_along_the_targets():
    F, Y, _ = draw()
    dV = s.centred(F).mT @ s.centred(Y)  # the flow of V at V = 0
    t = 1e-6
    torch.testing.assert_close(s.signal(F, Y, t * dV) / t, s.first_signal(F, Y), rtol=1e-3, atol=1e-4)
    assert float(s.strength(F, Y, t * dV)[1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("K", [12, 60])
def test_the_mixing_of_units_is_an_inverse(K):
    F, *_ = draw(K)
    G = s.centred(F).mT @ s.centred(F) + 0.3 * torch.eye(K, dtype=F.dtype)
    torch.testing.assert_close(s.interaction(F, 0.3) @ G, torch.eye(K, dtype=F.dtype))


def test_units_repel_as_theorem_6_says():
    """B_jl is minus f_j^T P f_l over a positive number: Schur's complement of a block of two."""
    F, *_ = draw(20)
    pairs = torch.combinations(torch.arange(20))
    mixing, alike = s.repulsion(F, 0.3, pairs)
    assert (mixing.sign() == -alike.sign()).all()


def test_overlaps_of_orthogonal_and_of_equal_units():
    Q = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    assert float(s.gram_ratio(Q)) < 1e-12
    assert float(s.gram_ratio(torch.ones(4, 3))) == pytest.approx(1)


def test_the_distance_from_a_multiple_of_the_identity_and_of_ones():
    A = 3 * torch.eye(5, dtype=torch.float64) + 0.5
    assert float(s.gram_distance(torch.linalg.cholesky(A))) < 1e-12
    B = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert float(s.gram_distance(B.sqrt())) == pytest.approx((0.5 / 5) ** 0.5)


def test_strength_is_that_of_the_signal_itself():
    F, Y, V = draw()
    G, A = s.signal(F, Y, V), s.first_signal(F, Y)
    size, cosine = s.strength(F, Y, V)
    assert float(size) == pytest.approx(float(G.norm()))
    assert float(cosine) == pytest.approx(float((G * A).sum() / G.norm() / A.norm()))
