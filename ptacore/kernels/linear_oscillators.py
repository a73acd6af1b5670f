"""Linear oscillators in C: linear_oscillators.c, built by the machine's C compiler and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.advance import SUFFIX
from ptacore.kernels.bptt import Kernel

SOURCE = Path(__file__).with_name("linear_oscillators.c")


@functools.cache
def _library() -> ctypes.CDLL | None:
    names = [f"{name}_{suffix}" for suffix in SUFFIX.values() for name in ("advance", "retreat")]
    library = build.load(SOURCE, names)
    for suffix in SUFFIX.values() if library else ():
        getattr(library, f"advance_{suffix}").argtypes = [*[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 8]
        getattr(library, f"retreat_{suffix}").argtypes = [*[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 12]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


def advance(a: Tensor, c: Tensor, d: Tensor, v: Tensor, x0: Tensor, z0: Tensor) -> tuple[Tensor, Tensor]:
    """z(t) = a z(t - 1) - c x(t - 1) + v(t), x(t) = x(t - 1) + d z(t): x and z (T, B, N) from v (T, B, N)."""
    x, z = (Kernel.empty(v, *v.shape) for _ in range(2))
    _call("advance", *v.shape, *map(Tensor.contiguous, (a, c, d, v, x0, z0)), x, z)
    return x, z


def retreat(
    a: Tensor, c: Tensor, d: Tensor, x0: Tensor, z0: Tensor, x: Tensor, z: Tensor, given: tuple[Tensor | None, ...]
) -> tuple[Tensor, ...]:
    """What `advance` hands back, given the gradients of x and z: those of a, c, d, v, x0 and z0."""
    of_v, of_x = Kernel.empty(x, *x.shape), torch.zeros_like(x[0])
    sums = a.new_zeros(3, len(a), dtype=torch.float64)
    given = [None if g is None else g.contiguous() for g in given]
    _call("retreat", *x.shape, *map(Tensor.contiguous, (a, c, d, x0, z0)), x, z, *given, of_v, of_x, sums, like=x)
    return *sums.to(a.dtype), of_v, of_x - c * of_v[0], a * of_v[0]


def _call(name: str, *arguments: int | Tensor | None, like: Tensor | None = None) -> None:
    suffix = SUFFIX[(arguments[-1] if like is None else like).dtype]
    getattr(_library(), f"{name}_{suffix}")(*(x.data_ptr() if isinstance(x, Tensor) else x for x in arguments))
