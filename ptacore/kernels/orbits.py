"""Orbits of two units, measured in C: orbits.c, built by the machine's C compiler and called through ctypes.

Each has its equivalent in torch or NumPy in `ptacore.oscillators.certificates`, for machines without a compiler: they
agree to rounding.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import torch
from torch import Tensor

from ptacore.kernels import build

SOURCE = Path(__file__).with_name("orbits.c")
TOGETHER = 1024  # networks whose angles are held in memory


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = build.load(SOURCE, ("turn", "average", "shortest_return"))
    if library is None:
        return None
    i64, f64, pointer = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
    library.turn.argtypes = [i64, i64, f64, *[pointer] * 6]
    library.average.argtypes = [i64, i64, f64, *[pointer] * 6]
    library.shortest_return.argtypes = [i64, i64, f64, pointer, pointer, f64, pointer, pointer]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


def _rows(x: Tensor) -> Tensor:
    """(m, ...) as rows of m numbers, in memory of their own."""
    return x.flatten(1).T.clone(memory_format=torch.contiguous_format)


def turn(W: Tensor, c: float, s: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """The flow dx/dt = c (-x + tanh(c W x)), W (m, 2, 2), from radius exp(s) (m,) over angles (N + 1, m).

    Returns log radius, time and the integral of the divergence over time, (3, m), and the time of each step, (N, m).
    """
    parts = zip(W.split(TOGETHER), s.split(TOGETHER), angles.split(TOGETHER, 1), strict=True)
    y, times = zip(*(_turn(*part, c) for part in parts), strict=True)
    return torch.cat(y, 1), torch.cat(times, 1)


def _turn(W: Tensor, s: Tensor, angles: Tensor, c: float) -> tuple[Tensor, Tensor]:
    angles = angles.contiguous()
    sizes = angles.diff(dim=0)
    at = torch.stack([angles[:-1], angles[:-1] + sizes / 2], 1).flatten(0, 1)
    at = torch.cat([at, angles[-1:]])
    rows, y, times = _rows(W), s.new_zeros(3, len(s)), torch.empty_like(sizes)
    y[0] = s
    _call("turn", len(s), len(sizes), c, rows, sizes, at.cos(), at.sin(), y, times)
    return y, times


def average(W: Tensor, c: float, x: Tensor, weights: Tensor, reference: Tensor | None = None):
    """Means over an orbit of the map x <- (1 - c) x + c tanh(c W x), W (m, 2, 2), from x (m, 2), after each step.

    Returns the last x (m, 2), the mean of |x|^2 (m,) and of the angle that a step turns by beyond the reference (m,), 0
    where there is none.
    """
    rows, at, (square, turned) = _rows(W), _rows(x), x.new_zeros(2, len(x))
    turning = (None, None) if reference is None else (torch.stack([reference.cos(), reference.sin()]), turned)
    _call("average", len(x), len(weights), c, rows, weights, at, square, *turning)
    return at.T.contiguous(), square, turned


def shortest_return(W: Tensor, c: float, x: Tensor, longest: int, near: float) -> tuple[Tensor, Tensor]:
    """Steps (m,) after which that map's orbit is back at x (m, 2) within `near`, or else nearest; and the distance."""
    steps, nearest = x.new_empty(len(x), dtype=torch.long), x.new_empty(len(x))
    _call("shortest_return", len(x), longest, c, _rows(W), _rows(x), near, steps, nearest)
    return steps, nearest


def _call(name: str, *arguments: float | Tensor | None) -> None:
    getattr(_library(), name)(*(a.data_ptr() if isinstance(a, Tensor) else a for a in arguments))
