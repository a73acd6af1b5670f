import numpy as np
import pytest
import torch

from ptacore.control import DoubleIntegrator, EffectiveAgent, RankOneAgent, rollout
from ptacore.control import theory as th

ORDERS = 0.3 * torch.randn(40, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_roots_of_the_cubic_are_the_eigenvalues_of_the_effective_matrix():
    cubic = th.roots(ORDERS)
    exact = torch.linalg.eigvals(th.effective_matrix(ORDERS))
    exact = exact.gather(-1, exact.abs().argsort(descending=True))
    assert exact[:, 3].abs().max() < 1e-8
    assert (cubic.abs() - exact[:, :3].abs()).abs().max() < 1e-5
    assert (th.characteristic(ORDERS)[:, 1:2] + exact.sum(-1, keepdim=True).real).abs().max() < 1e-12


def test_the_effective_matrix_takes_a_rollout_a_step():
    agent = EffectiveAgent(ORDERS[3])
    x, _ = rollout(agent, DoubleIntegrator(), torch.tensor([[1.0, -1.0]]), 30)
    s = torch.tensor([1.0, -1.0, 0.0, 0.0], dtype=torch.float64)
    for t in range(30):
        assert torch.allclose(s[:2], x[t, 0], rtol=1e-10)
        s = th.effective_matrix(ORDERS[3]) @ s


def test_the_pairs_modulus_is_exact_with_the_exact_third_root():
    found = th.roots(ORDERS)
    paired = found[:, 0].imag.abs() > 1e-9
    assert paired.sum() > 5
    modulus = th.pair_modulus(ORDERS[paired], found[paired, 2].real)
    assert (modulus - found[paired, 0].abs() ** 2).abs().max() < 1e-8


def test_the_third_root_is_right_to_first_order_in_the_product_of_two_overlaps():
    order = torch.tensor([-0.02, 0.1, 0.1, 0.05], dtype=torch.float64)
    errors = []
    for scale in (1.0, 0.5):
        o = order * torch.tensor([1, scale, 1, 1], dtype=torch.float64)
        errors.append((th.third_root(o) - th.roots(o)[2].real).abs())
    assert float(errors[0] / errors[1]) == pytest.approx(4, rel=0.1)  # second order is left


def test_the_leading_root_is_near_and_exact_without_recurrence():
    alone = torch.tensor([[-0.04, 0.0, 0.0, 0.0], [0.04, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert torch.allclose(th.leading_root(alone), torch.tensor([1 + 0.2j, 1.2 + 0j], dtype=torch.complex128))
    near = torch.tensor([-0.02, 0.1, 0.1, 0.05], dtype=torch.float64)
    plain = 1 + 1j * 0.02**0.5
    exact = th.roots(near)[0]
    exact = torch.complex(exact.real, exact.imag.abs())
    assert (th.leading_root(near) - exact).abs() < 0.02 * abs(exact - plain)


@pytest.mark.parametrize("zm", [-0.3, -0.02, 0.0, 0.05])
def test_position_alone_never_stabilizes_and_costs_a_geometric_series(zm):
    eigenvalues = th.roots([zm, 0.0, 0.0, 0.0])
    assert eigenvalues.abs().max() >= 1 - 1e-7
    rate = float(eigenvalues.abs().max() ** 2)
    series = np.mean([rate**t for t in range(40)])
    assert float(th.position_loss(zm, 40)) == pytest.approx(series, rel=1e-6)


def test_the_short_horizon_is_what_three_steps_leave():
    power = torch.linalg.matrix_power(th.effective_matrix(ORDERS), 3)[:, :2, :2]
    assert torch.allclose(th.short_horizon(ORDERS), power.square().sum((1, 2)), rtol=1e-10)


def test_gains_of_a_law_are_found_and_only_finite_rollouts_have_any():
    x = torch.randn(50, 4, 2, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(th.gains(x, x @ torch.tensor([[0.2], [-0.7]])), torch.tensor([[0.2, -0.7]]).double())
    x[3, 2, 0] = torch.inf
    assert th.gains(x, x[..., :1]).isnan().all()


def test_gains_are_stable_in_the_triangle():
    k1, k2 = torch.meshgrid(torch.linspace(-4.5, 0.6, 60), torch.linspace(-2.6, 0.6, 60), indexing="ij")
    inside = th.eigenvalues_of_gains(k1, k2).abs().amax(-1) < 1
    assert torch.equal(inside, (k2 < k1) & (k1 < 0) & (2 * k2 > k1 - 4))
    closed = torch.tensor([[1.0, 1.0], [-0.3, 1 - 0.8]], dtype=torch.float64)
    found, exact = th.eigenvalues_of_gains(-0.3, -0.8), torch.linalg.eigvals(closed)
    assert found.sum().real == pytest.approx(exact.sum().real)
    assert found.prod().real == pytest.approx(exact.prod().real)


def test_overlaps_have_gradients_and_wrong_ones_are_refused():
    order = RankOneAgent.drawn(10).order()
    assert th.pair_modulus(order).requires_grad
    for function in (
        th.effective_matrix,
        th.characteristic,
        th.roots,
        th.third_root,
        th.pair_modulus,
        th.short_horizon,
    ):
        for wrong in ([1.0, 2.0], torch.empty(0, 4), 1.0):
            with pytest.raises(ValueError, match=r"order: expected shape \(\.\.\., 4\)"):
                function(wrong)
    with pytest.raises(ValueError, match="steps: expected a whole number at least 1"):
        th.position_loss(-0.1, 0)
    with pytest.raises(ValueError, match="x: expected states"):
        th.gains(torch.ones(3, 2), torch.ones(4, 1))
