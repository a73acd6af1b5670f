"""The compiled recurrence, which rounds as torch does."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore.kernels import scan as compiled
from ptacore.networks import lru

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C compiler, or no AVX2, on this machine")
DTYPES = (torch.complex64, torch.complex128)


def operands(T, B, H, dtype, seed=0):
    """decay, u, start, and the gradient of h."""
    draw = torch.Generator().manual_seed(seed)
    decay = torch.polar(0.9 + 0.1 * torch.rand(H, generator=draw), 6.28 * torch.rand(H, generator=draw)).to(dtype)
    shapes = (T, B, H), (B, H), (T, B, H)
    return decay, *(torch.randn(shape, dtype=dtype, generator=draw) for shape in shapes)


def by_torch(decay, u, start, received):
    """h, and the gradients of u and decay, step by step."""
    h, adjoint, of_decay = [start], [torch.zeros_like(start)], torch.zeros_like(decay)
    for now in u:
        h.append(torch.addcmul(now, decay, h[-1]))
    for now, before in zip(reversed(received), reversed(h[:-1]), strict=True):
        adjoint.append(torch.addcmul(now, decay.conj(), adjoint[-1]))
        of_decay += (before.conj() * adjoint[-1]).sum(0)
    return torch.stack(h[1:]), torch.stack(adjoint[:0:-1]), of_decay


def differing(T, B, H, dtype, seed=0):
    decay, u, start, received = operands(T, B, H, dtype, seed)
    assert compiled.fits(start, u, received)
    h = compiled.scan(decay, u, start)
    got = h, *compiled.adjoint(decay, h, start, received)
    return [bool((x != y).any()) for x, y in zip(got, by_torch(decay, u, start, received), strict=True)]


@given(T=st.integers(1, 5), B=st.integers(1, 70), H=st.integers(8, 90), dtype=st.sampled_from(DTYPES))
@settings(max_examples=150, deadline=None)
def test_it_rounds_as_torch_does(T, B, H, dtype):
    assert differing(T, B, H, dtype) == [False] * 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("T", "B", "H"), [(120, 16, 250), (64, 70, 250), (9, 128, 250), (35, 32, 64), (35, 20, 64)])
def test_it_rounds_as_torch_does_in_batches_of_training(T, B, H, dtype):
    assert differing(T, B, H, dtype) == [False] * 3


def test_the_chunks_of_the_adjoint_change_nothing(monkeypatch):
    monkeypatch.setattr(compiled, "CHUNK", 3 * 5 * 11)
    for T in (2, 3, 4, 7):
        assert differing(T, 5, 11, torch.complex64) == [False] * 3


def test_derivatives_agree_with_differences():
    decay, u, start, _ = operands(3, 2, 9, torch.complex128)
    assert torch.autograd.gradcheck(lru.scan, [x.requires_grad_() for x in (decay, u, start)])


def test_what_torch_rounds_in_other_ways_is_left_to_it():
    _, u, start, _ = operands(4, 3, 20, torch.complex64)
    assert compiled.fits(start, u)
    assert not compiled.fits(start, u.transpose(1, 2).contiguous().transpose(1, 2))  # rows are not contiguous
    assert not compiled.fits(start.conj(), u)
    assert not compiled.fits(start[:, :7].contiguous(), u[..., :7].contiguous())  # less than a vector
    assert not compiled.fits(start.real.contiguous(), u.real.contiguous())
    assert not compiled.fits(start.to("meta"), u.to("meta"))
    large, threads = start.new_zeros(33, 1000), torch.get_num_threads()
    try:
        for number, alone in ((1, True), (2, False)):  # threads divide rows anywhere
            torch.set_num_threads(number)
            assert compiled.fits(large, large[None]) is alone
    finally:
        torch.set_num_threads(threads)
