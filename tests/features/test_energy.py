"""The energy's derivatives by autograd, its maxima by representation theory."""

import math

import pytest
import torch

from ptacore.features.arithmetic import all_pairs
from ptacore.features.energy import Energy, maximum
from ptacore.features.groups import component_power, cyclic, dihedral, product
from ptacore.features.signal import centred, one_hot


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("activation", ["square", "relu", "silu"])
def test_energy_and_gradient_by_their_definition(activation):
    pairs, targets = (a[: 7 * 5] for a in all_pairs(cyclic(7)))
    energy, w = Energy(pairs, targets, 7, activation), normal(3, 14).requires_grad_()
    x = torch.cat([one_hot(pairs[:, 0], 7), one_hot(pairs[:, 1], 7)], 1)
    z = x @ w.mT
    F = {"square": z**2, "relu": z.relu(), "silu": torch.nn.functional.silu(z)}[activation]
    direct = (centred(one_hot(targets, 7)).mT @ F).square().sum(0) / 2
    torch.testing.assert_close(energy(w), direct)
    direct.sum().backward()
    torch.testing.assert_close(energy.gradient(w.detach()), w.grad)


GROUPS = [cyclic(11), cyclic(8), dihedral(5), product(cyclic(3), cyclic(4)), product(dihedral(3), cyclic(3))]


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_every_ascent_ends_in_one_component_with_its_energy(group):
    M = group.order
    energy = Energy(*all_pairs(group), M)
    w = energy.ascend(normal(60, 2 * M), steps=20_000)
    shares, at = component_power(w, group)
    assert float(shares.amax(1).min()) > 1 - 1e-6
    values = [maximum(M, int(d), bool(p)) for d, p in zip(group.degrees[1:], group.paired[1:], strict=True)]
    torch.testing.assert_close(energy(w), torch.tensor(values, dtype=torch.float64)[at])


@pytest.mark.parametrize(
    ("group", "component", "flat"),
    [(cyclic(9), 0, 2), (cyclic(8), 3, 0), (dihedral(5), 1, 3)],  # two phases; a sign; a rotation in three dimensions
)
def test_flat_directions_at_a_maximum(group, component, flat):
    M = group.order
    energy = Energy(*all_pairs(group), M)
    inside = torch.block_diag(*[group.projectors[1 + component]] * 2)
    w = energy.ascend((normal(1, 2 * M) @ inside), steps=20_000)[0]
    slopes = torch.linalg.eigvalsh(energy.hessian(w))
    assert int((slopes.abs() < 1e-6).sum()) == flat
    assert float(slopes.max()) < 1e-6


def test_the_sphere_s_hessian_by_second_differences():
    energy, w, d = Energy(*all_pairs(cyclic(5)), 5), normal(10), normal(10, seed=1)
    w, h = w / w.norm(), 1e-3
    d = d - (d @ w) * w
    d = d / d.norm()
    there = torch.stack([math.cos(a) * w + math.sin(a) * d for a in (-h, 0.0, h)])
    second = (energy(there) @ torch.tensor([1.0, -2, 1], dtype=torch.float64)) / h**2
    basis = torch.linalg.svd(w[None], full_matrices=True)[2][1:]
    assert float(basis @ d @ energy.hessian(w) @ basis @ d) == pytest.approx(float(second), rel=1e-4)


def test_what_is_missing_is_what_the_learned_units_do_not_span():
    """Units that hold a frequency take its waves out of the targets: its energy goes, that of the others stays."""
    M = 7
    pairs, targets = all_pairs(cyclic(M))
    sums, h = 2 * torch.pi * pairs.double().sum(1) / M, torch.arange(M)
    learned = torch.stack([torch.cos(2 * sums), torch.sin(2 * sums)], 1)
    waves = torch.stack([torch.cos(2 * torch.pi * k * h.double() / M).repeat(2) for k in (1, 2, 3)])
    energy = Energy(pairs, targets, M)
    left = energy.without(learned, 1e-9)(waves / waves.norm(dim=1, keepdim=True))
    torch.testing.assert_close(left, torch.tensor([M / 4, 0, M / 4], dtype=torch.float64), atol=1e-8, rtol=1e-8)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="activation: "):
        Energy(*all_pairs(cyclic(3)), 3, "tanh")
