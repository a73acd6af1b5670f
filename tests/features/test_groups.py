"""Groups obey their axioms; components are those of Fourier's transform."""

import pytest
import torch

from ptacore.features.groups import component_power, cyclic, dihedral, product, purity

GROUPS = [
    cyclic(7),
    cyclic(12),
    product(cyclic(2), cyclic(2), cyclic(3)),
    dihedral(5),
    dihedral(6),
    product(dihedral(3), cyclic(3)),
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_axioms(group):
    t, M = group.table, group.order
    a, b, c = torch.cartesian_prod(*(torch.arange(M),) * 3).T
    assert (t[t[a, b], c] == t[a, t[b, c]]).all()
    own = torch.arange(M)
    assert (t[group.identity] == own).all()
    assert (t[:, group.identity] == own).all()
    assert (t[own, group.inverse] == group.identity).all()
    assert (t[group.inverse, own] == group.identity).all()


def test_which_groups_commute():
    assert [g.abelian for g in GROUPS] == [True, True, True, False, False, False]


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_characters_are_orthonormal_and_complete(group):
    chi, M = group.characters, group.order
    torch.testing.assert_close(chi @ chi.mH / M, torch.eye(len(chi), dtype=chi.dtype))
    assert int(chi[:, group.identity].real.square().sum().round()) == M  # sum of d^2
    classes = {
        tuple(sorted({int(group.table[group.table[g, a], group.inverse[g]]) for g in range(M)})) for a in range(M)
    }
    assert len(classes) == len(chi)


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_projectors_split_the_functions_and_commute_with_translations(group):
    P, M = group.projectors, group.order
    torch.testing.assert_close(P.sum(0), torch.eye(M, dtype=P.dtype))
    torch.testing.assert_close(P @ P, P)
    torch.testing.assert_close(
        P.diagonal(dim1=1, dim2=2).sum(1), (group.degrees**2 * (1 + group.paired.long())).double()
    )
    u = torch.randn(M, dtype=P.dtype, generator=torch.Generator().manual_seed(0))
    for a in range(M):
        moved = group.table[a]
        torch.testing.assert_close((P @ u)[:, moved], P @ u[moved])
        moved = group.table[:, a]
        torch.testing.assert_close((P @ u)[:, moved], P @ u[moved])


def test_shares_of_a_cyclic_group_are_the_power_of_frequencies():
    u = torch.randn(4, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    power = torch.fft.rfft(u).abs().square()[:, 1:]
    torch.testing.assert_close(cyclic(11).shares(u), power / power.sum(1, keepdim=True))


def test_purity_of_two_frequencies():
    h = torch.arange(13, dtype=torch.float64)
    wave = [torch.cos(2 * torch.pi * k * h / 13 + 0.3) for k in (2, 5)]
    w = torch.cat([3 * wave[0] + wave[1] + 7, wave[0]])
    torch.testing.assert_close(purity(w, cyclic(13)), torch.tensor(10 / 11, dtype=torch.float64))
    assert int(component_power(w, cyclic(13))[1]) == 1  # frequency 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cyclic(1), "M: expected a whole number at least 2"),
        (lambda: dihedral(2), "m: expected a whole number at least 3"),
        (lambda: product(), "factors: expected at least one Group"),
        (lambda: product(cyclic(3), 4), "factors: expected a sequence of Group"),
        (lambda: purity(torch.ones(5), cyclic(3)), r"w: expected a tensor \(..., 6\)"),
        (lambda: purity(torch.ones(6), 3), "group: expected a Group"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
