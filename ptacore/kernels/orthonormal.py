"""Tangent vectors made orthonormal: orthonormal.c, built by the machine's C compiler and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
import math
from pathlib import Path

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.advance import SUFFIX

SOURCE = Path(__file__).with_name("orthonormal.c")
KEPT = 16  # tangent vectors that kernels keep orthonormal on the way
VECTOR = 64  # bytes of the longest vectors
LAPACKS = 3  # threads with which LAPACK is faster
SINGLE_STEP = 1.6  # by how much more than `bounds` growth may part in a step, which cannot be divided


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = build.load(SOURCE, [f"orthonormalize_{suffix}" for suffix in SUFFIX.values()], tell=False)
    i64, pointer = ctypes.c_int64, ctypes.c_void_p
    for suffix in SUFFIX.values() if library else ():
        function = getattr(library, f"orthonormalize_{suffix}")
        function.argtypes, function.restype = [i64, i64, i64, pointer, pointer], None
    return library


def available() -> bool:
    """Whether the kernel can be used here; builds it if it has not been built."""
    return _library() is not None


def fits(V: Tensor) -> bool:
    """Whether `orthonormalize` takes tangent vectors (..., n, k); builds it if it has not been built."""
    if V.device.type != "cpu" or V.dtype not in SUFFIX or (V.shape[-1] > KEPT and torch.get_num_threads() >= LAPACKS):
        return False
    return available()


def orthonormalize(V: Tensor, overwrite: bool = False) -> tuple[Tensor, Tensor]:
    """V = Q R: Q (..., n, k), and log |R_ii| (..., k). A column of zeros stays zero.

    Many columns are orthogonal to 1e-12 or so, nearly parallel ones to 1e-9, in single precision to 1e-5: what is off
    in one decomposition does not add up in those that follow. Q takes V's place if that may be overwritten, its columns
    are contiguous and n numbers are whole vectors.
    """
    *batch, n, k = V.shape
    whole = VECTOR // V.element_size()
    columns = V.detach().mT
    if not (overwrite and columns.is_contiguous() and n % whole == 0):
        columns = V.new_zeros(*batch, k, -(-n // whole) * whole, device="cpu")
        columns[..., :n] = V.detach().mT
    logs = columns.new_empty(*batch, k, dtype=torch.float64)
    function = getattr(_library(), f"orthonormalize_{SUFFIX[V.dtype]}")
    function(logs.numel() // max(k, 1), columns.shape[-1], k, columns.data_ptr(), logs.data_ptr())
    return columns[..., :n].mT, logs.to(V.dtype)


def bounds(dtype: torch.dtype) -> tuple[float, float]:
    """By how much the logarithms of lengths may part between two decompositions, and how far they may go at all.

    Where the growth of columns differs by eps^(-5/12), that of the least is known to eps^(7/12).
    """
    limits = torch.finfo(dtype)
    return -5 * math.log(limits.eps) / 12, 200.0 if dtype == torch.float64 else math.log(limits.max) / 4
