"""Vectors made orthonormal in C, against LAPACK."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import random

from ptacore.dynamics.orthonormal import orthonormalize
from ptacore.kernels import orthonormal as compiled

pytestmark = pytest.mark.skipif(not compiled.fits(torch.eye(1)), reason="no C compiler on this machine")


@settings(max_examples=80)
@given(
    n=st.integers(1, 40) | st.integers(60, 140),
    k=st.integers(1, 16) | st.integers(17, 140),
    batch=st.sampled_from([(), (3,), (2, 2)]),
    size=st.sampled_from([-280, -30, 0, 30, 280]),
    apart=st.sampled_from([0, 5, 9]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_qr_decomposition(n, k, batch, size, apart, dtype, seed):
    k = min(n, k)
    if dtype == torch.float32:
        size, apart = size // 10, apart // 3
    same, own = random((*batch, n, 1), seed), random((*batch, n, k), seed + 1)
    V = ((same + 10.0**-apart * own) * 10.0**size).to(dtype)  # nearly dependent, and of any size
    Q, logs = compiled.orthonormalize(V)
    eps = torch.finfo(dtype).eps
    near = 200 * eps if k <= compiled.KEPT else {torch.float32: 1e-3, torch.float64: 1e-10}[dtype]
    torch.testing.assert_close(Q.mT @ Q, torch.eye(k, dtype=dtype).expand(*batch, k, k), rtol=0, atol=near)
    R = torch.linalg.lstsq(Q, V / 10.0**size).solution  # not Q^T V: Q is orthogonal to `near` only
    torch.testing.assert_close(Q @ R, V / 10.0**size, rtol=0, atol=100 * eps * n)
    assert (R.tril(-1).abs() < (100 * eps if k <= compiled.KEPT else near) * n).all()
    _, wanted = torch.linalg.qr((V / 10.0**size).double())
    wanted = wanted.diagonal(dim1=-2, dim2=-1).abs().log() + size * torch.tensor(10.0).double().log()
    torch.testing.assert_close(logs.double(), wanted, rtol=1e3 * eps, atol=1e4 * eps * 10.0**apart)


def test_zeros_stay_zeros_and_nan_stays_nan():
    V = random((2, 7, 5), 1)
    V[0, :, 2] = 0.0
    V[1, 3, 3] = torch.nan
    Q, logs = orthonormalize(V)
    assert (Q[0, :, 2] == 0).all()
    assert logs[0, 2] == -torch.inf
    assert Q[1, :, 3:].isnan().all()
    assert logs[1].isnan().tolist() == [False, False, False, True, True]
    rest = Q[0, :, [0, 1, 3, 4]]
    torch.testing.assert_close(rest.mT @ rest, torch.eye(4).double(), rtol=0, atol=1e-14)
    assert Q[1, :, :3].isfinite().all()


def test_nothing_given_changes_unless_it_may():
    for k in (1, 5, 16, 17, 30):
        V = random((3, 30, k), 2)
        before = V.clone()
        Q, logs = orthonormalize(V)
        assert torch.equal(V, before)
        torch.testing.assert_close(logs, torch.linalg.qr(V)[1].diagonal(dim1=-2, dim2=-1).abs().log())
        torch.testing.assert_close((Q @ (Q.mT @ V)), V)


def test_where_torch_makes_tensors_by_default_does_not_matter():
    V = random((4, 9, 3), 0)
    expected = orthonormalize(V)
    with torch.device("meta"):
        found = orthonormalize(V)
    for part, of_expected in zip(found, expected, strict=True):
        assert torch.equal(part, of_expected)


@pytest.mark.parametrize("n", [64, 65])
def test_columns_of_whole_vectors_are_worked_on_in_place(n):
    V = random((40, n), 3).mT
    wanted, logs = orthonormalize(V.clone())
    Q, found = orthonormalize(V, overwrite=True)
    assert torch.equal(Q, wanted)
    assert torch.equal(found, logs)
    assert (Q.data_ptr() == V.data_ptr()) == (n == 64)


def test_what_little_is_left_of_many_columns_is_orthogonal():
    """Columns that all but repeat earlier ones, in other blocks and in their own."""
    V = random((120, 100), 4)
    V[:, 40:80] = V[:, :40] + 1e-9 * V[:, 40:80]
    V[:, 95] = V[:, 94] + 1e-9 * V[:, 95]
    Q, logs = orthonormalize(V)
    torch.testing.assert_close(Q.mT @ Q, torch.eye(100).double(), rtol=0, atol=1e-11)
    wanted = torch.linalg.qr(V)[1].diagonal().abs().log()
    torch.testing.assert_close(logs, wanted, rtol=0, atol=1e-5)
    assert (logs[40:80] < -15).all()


def test_many_columns_with_a_zero_and_a_nan():
    V = random((50, 40), 5)
    V[:, 20] = 0.0
    Q, logs = orthonormalize(V)
    rest = [c for c in range(40) if c != 20]
    torch.testing.assert_close(Q[:, rest].mT @ Q[:, rest], torch.eye(39).double(), rtol=0, atol=1e-13)
    assert logs[20] == -torch.inf
    assert (Q[:, 20] == 0).all()
    V[3, 30] = torch.nan
    Q, logs = orthonormalize(V)
    assert logs[:30].isnan().sum() == 0
    assert logs[30:].isnan().all()
