"""Few tangent vectors made orthonormal: orthonormal.c, built by the machine's C compiler and called through ctypes."""

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
MOST_COLUMNS = 16  # LAPACK is faster with more


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
    return V.shape[-1] <= MOST_COLUMNS and V.device.type == "cpu" and V.dtype in SUFFIX and available()


def orthonormalize(V: Tensor) -> tuple[Tensor, Tensor]:
    """V = Q R: Q (..., n, k), and log |R_ii| (..., k). A column of zeros stays zero."""
    columns = V.detach().mT.clone(memory_format=torch.contiguous_format)
    *batch, k, n = columns.shape
    logs = columns.new_empty(*batch, k, dtype=torch.float64)
    getattr(_library(), f"orthonormalize_{SUFFIX[V.dtype]}")(
        logs.numel() // k, n, k, columns.data_ptr(), logs.data_ptr()
    )
    return columns.mT, logs.to(V.dtype)


def bounds(dtype: torch.dtype) -> tuple[float, float]:
    """By how much the logarithms of lengths may part between two decompositions, and how far they may go at all.

    Columns whose growth differs by eps^(-1/3) are still independent to far better than the square root of rounding.
    """
    limits = torch.finfo(dtype)
    return -math.log(limits.eps) / 3, 200.0 if dtype == torch.float64 else math.log(limits.max) / 4
