"""The compiled oscillators against steps in torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore.kernels import linear_oscillators as compiled
from ptacore.networks import linoss

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C compiler on this machine")


def operands(T, B, N, dtype, seed):
    draw = torch.Generator().manual_seed(seed)
    weights = [0.2 + 0.8 * torch.rand(N, generator=draw, dtype=dtype) for _ in range(3)]
    return *weights, *(torch.randn(shape, generator=draw, dtype=dtype) for shape in ((T, B, N), (B, N), (B, N)))


@given(
    T=st.integers(1, 7),
    B=st.integers(1, 9),
    N=st.integers(1, 40),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    read=st.sampled_from([(True, False), (False, True), (True, True)]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_both_directions_are_torch_s(T, B, N, dtype, read, seed):
    a, c, d, v, x0, z0 = operands(T, B, N, dtype, seed)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    x, z = compiled.advance(a, c, d, v, x0, z0)
    for ours, theirs in zip((x, z), linoss.plain_advance(a, c, d, v, x0, z0), strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)
    given = [torch.randn(x.shape, dtype=dtype, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    given = [g if on else None for g, on in zip(given, read, strict=True)]
    ours, theirs = (f(a, c, d, x0, z0, x, z, given) for f in (compiled.retreat, linoss.plain_retreat))
    for found, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, right, **tolerance)


def test_what_does_not_lie_in_rows_is_copied():
    a, c, d, v, x0, z0 = operands(5, 4, 6, torch.float64, 0)
    turned = v.transpose(0, 1).contiguous().transpose(0, 1), x0.T.contiguous().T
    ours, right = compiled.advance(a, c, d, turned[0], turned[1], z0), compiled.advance(a, c, d, v, x0, z0)
    assert all(map(torch.equal, ours, right))
    given = right[0].transpose(0, 1).contiguous().transpose(0, 1), None
    results = [compiled.retreat(a, c, d, x0, z0, *right, g) for g in (given, (right[0], None))]
    assert all(map(torch.equal, *results))


def test_derivatives_agree_with_differences():
    parts = [p.requires_grad_() for p in operands(3, 2, 5, torch.float64, 1)]
    assert torch.autograd.gradcheck(linoss.oscillate, parts)
