"""The compiled unrolling of forced piecewise linear networks, against autograd's, and as an adjoint."""

import pytest
import torch

from ptacore.kernels import piecewise
from ptacore.neighbours import AlmostLinear, Shallow

pytestmark = pytest.mark.skipif(not piecewise.available(), reason="no C compiler")
NETWORKS = {
    "all linear": lambda dtype: AlmostLinear(5, P=0, observed=2, seed=1, dtype=dtype),
    "almost linear": lambda dtype: AlmostLinear(20, P=5, observed=3, seed=1, dtype=dtype),
    "all rectified": lambda dtype: AlmostLinear(9, P=9, observed=9, seed=1, dtype=dtype),
    "shallow": lambda dtype: Shallow(3, hidden=50, observed=3, seed=1, dtype=dtype),
    "shallow, some hidden": lambda dtype: Shallow(7, hidden=13, observed=2, seed=1, dtype=dtype),
    "one unit": lambda dtype: Shallow(1, hidden=1, observed=1, seed=1, dtype=dtype),
}


def gradients(network, x, alpha, backend):
    network.zero_grad()
    start = network.start(x[0]).detach().requires_grad_()
    network.unroll(start, x[1:], alpha, backend).sub(x[1:]).square().mean().backward()
    return [start.grad, *(p.grad.clone() for p in network.parameters() if p.grad is not None)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 16, 19])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd(name, batch, dtype):
    network, generator = NETWORKS[name](dtype), torch.Generator().manual_seed(0)
    with torch.no_grad():
        network.shift.normal_(0, 0.1, generator=generator)
    x = torch.randn(61, batch, network.n_observed, generator=generator, dtype=dtype)
    every = torch.arange(1, 61) % 16 == 0
    for alpha in (every.to(dtype), torch.rand(60, generator=generator, dtype=dtype), torch.zeros(60, dtype=dtype)):
        with torch.no_grad():
            ours, theirs = (network.unroll(network.start(x[0]), x[1:], alpha, b) for b in ("compiled", "autograd"))
        torch.testing.assert_close(ours, theirs)
        pairs = zip(*(gradients(network, x, alpha, b) for b in ("compiled", "autograd")), strict=True)
        for ours, theirs in pairs:
            assert (ours - theirs).norm() <= (1e-4 if dtype == torch.float32 else 1e-9) * theirs.norm() + 1e-30


def test_data_cut_the_adjoint():
    """With all units replaced at a step, nothing before it is felt behind it."""
    network = Shallow(3, hidden=8, observed=3, dtype=torch.float64)
    x = torch.randn(21, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alpha = torch.zeros(20, dtype=torch.float64)
    alpha[9] = 1
    start = x[0].clone().requires_grad_()
    seen = network.unroll(start, x[1:], alpha, "compiled")
    (late,) = torch.autograd.grad(seen[10:].square().sum(), start, retain_graph=True)
    (early,) = torch.autograd.grad(seen[:10].square().sum(), start)
    assert late.abs().max() == 0 < early.abs().max()
    torch.testing.assert_close(seen[10], network(x[10]))


def test_columns_fill_up_to_whole_vectors():
    x = torch.arange(6.0).reshape(3, 2)
    found = piecewise.columns(x)
    assert found.shape == (2, piecewise.SLAB)
    assert (found[:, :3] == x.T).all()
    assert not found[:, 3:].any()


def test_it_has_first_derivatives_only():
    network = Shallow(2, hidden=3, observed=2)
    start = torch.ones(1, 2, requires_grad=True)
    seen = network.unroll(start, torch.ones(4, 1, 2), torch.zeros(4), "compiled")
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(seen.sum(), start, create_graph=True)


def test_data_that_need_a_gradient_are_left_to_autograd():
    network = AlmostLinear(4, P=2, observed=2, seed=1, dtype=torch.float64)
    x = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alpha = torch.full((5,), 0.3, dtype=torch.float64)
    found = []
    for backend in ("auto", "autograd"):
        data, share = x.clone().requires_grad_(), alpha.clone().requires_grad_()
        loss = network.unroll(network.start(x[0]), data[1:], share, backend).square().sum()
        found.append(torch.autograd.grad(loss, (data, share)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert theirs.abs().max() > 0
    for given in (x.clone().requires_grad_(), alpha.clone().requires_grad_()):
        data, share = (given[1:], alpha) if given.ndim == 3 else (x[1:], given)
        with pytest.raises(ValueError, match="^backend: compiled takes"):
            network.unroll(network.start(x[0]), data, share, "compiled")


def test_weights_that_changed_before_the_backward_pass_are_refused():
    network = AlmostLinear(4, P=2, observed=2)
    loss = network.unroll(torch.ones(1, 4), torch.ones(5, 1, 2), torch.zeros(5), "compiled").sum()
    with torch.no_grad():
        network.outward += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_strided_input_one_step_and_nan():
    network = Shallow(3, hidden=5, observed=3, seed=2, dtype=torch.float64)
    x = torch.randn(3, 16, 21, generator=torch.Generator().manual_seed(0), dtype=torch.float64).permute(2, 1, 0)
    alpha = torch.rand(40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)[::2]
    assert not any(tensor.is_contiguous() for tensor in (x, alpha))
    for steps in (20, 1):
        pair = [network.unroll(x[0], x[1 : 1 + steps], alpha[:steps], b) for b in ("compiled", "autograd")]
        torch.testing.assert_close(*pair)
    start = x[0].clone()
    start[3, 1] = float("nan")
    seen = network.unroll(start, x[1:], torch.zeros(20, dtype=torch.float64), "compiled")
    assert seen[:, 3].isnan().all()
    assert seen[:, :3].isfinite().all()
