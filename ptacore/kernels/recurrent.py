"""Torch's recurrent layers, compiled: recurrent.c, built by the machine's C compiler and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.tangents import WORK, Advance

SOURCE = Path(__file__).with_name("recurrent.c")
SUFFIX = {torch.float32: "float", torch.float64: "double"}  # of the functions' names
CELLS = ("tanh", "relu", "gru", "lstm")  # enum of recurrent.c
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}


class _Stack(ctypes.Structure):
    """Stack of recurrent.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("cell", "layers")),
        *((name, ctypes.c_int64) for name in ("units", "width")),
        *((name, ctypes.c_void_p) for name in ("weights", "biases")),
    )


@functools.cache
def _library() -> ctypes.CDLL | None:
    names = [f"{name}_{suffix}" for suffix in SUFFIX.values() for name in ("width", "pack", "advance")]
    library = build.load(SOURCE, names)
    if library is None:
        return None
    i32, i64, pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p
    for suffix in SUFFIX.values():
        width = getattr(library, f"width_{suffix}")
        width.argtypes, width.restype = [i32, i64], i64
        getattr(library, f"pack_{suffix}").argtypes = [i32, i64, pointer, pointer]
        advance = getattr(library, f"advance_{suffix}")
        advance.argtypes = [ctypes.POINTER(_Stack), i64, i64, i64, pointer, i64, i64, pointer, pointer]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


class Weights(NamedTuple):
    """Of a layer: U (gates n, d), W (gates n, n) and the biases of both (gates n)."""

    U: Tensor
    W: Tensor
    b: Tensor
    c: Tensor


class _Packed:
    """The weights of all layers as the kernels take them."""

    def __init__(self, cell: str, layers: Sequence[Weights]):
        first = layers[0]
        self.cell, self.units, self.suffix = CELLS.index(cell), first.W.shape[1], SUFFIX[first.W.dtype]
        self.width = self.function("width")(self.cell, self.units)
        self.weights = torch.cat([self._packed(w) for i, of in enumerate(layers) for w in (of.W, of.U)[: 1 + (i > 0)]])
        self.biases = torch.stack([self.filled(vector) for of in layers for vector in (of.b, of.c)])
        self.U, self.b = self.filled(first.U), self.filled(first.b)
        self.stack = _Stack(
            self.cell, len(layers), self.units, self.width, self.weights.data_ptr(), self.biases.data_ptr()
        )

    def function(self, name: str) -> Callable[..., int]:
        return getattr(_library(), f"{name}_{self.suffix}")

    def _packed(self, matrix: Tensor) -> Tensor:
        matrix = matrix.detach().contiguous()
        packed = matrix.new_empty(len(matrix) // self.units * self.width * self.units)
        self.function("pack")(self.cell, self.units, matrix.data_ptr(), packed.data_ptr())
        return packed

    def filled(self, rows: Tensor) -> Tensor:
        """(gates n, ...) with zeros between the gates: (gates width, ...)."""
        gates = rows.detach().unflatten(0, (-1, self.units))
        filled = gates.new_zeros(len(gates), self.width, *gates.shape[2:])
        filled[:, : self.units] = gates
        return filled.flatten(0, 1)


def recurrent_kernel(cell: str, layers: Sequence[Weights], inputs: Callable[[int, int], Tensor]) -> Advance | None:
    """The kernel of a stack of layers on the CPU; None where there is no compiler.

    Parameters
    ----------
    cell : {"tanh", "relu", "gru", "lstm"}
    layers : sequence of Weights
        Of the same size n, in single or double precision. Changes to them are not seen later.
    inputs : callable
        (first, count) -> the inputs of these steps (count, ..., d), or (1, ..., d) where all steps have the same.
    """
    if not available():
        return None
    packed = _Packed(cell, layers)

    def advance(x: Tensor, V: Tensor, steps: int, t: float = 0.0):
        batch, k = torch.broadcast_shapes(x.shape[:-1], V.shape[:-2], inputs(int(t), 1).shape[1:-1]), V.shape[-1]
        dim, networks = x.shape[-1], batch.numel()
        x = x.detach().expand(*batch, dim).clone(memory_format=torch.contiguous_format)
        V = V.detach().mT.expand(*batch, k, dim).clone(memory_format=torch.contiguous_format)
        done, most = 0, max(1, WORK // (packed.weights.numel() * (k + 1) * networks + 1))
        while done < steps:
            count = min(most, steps - done)
            u = inputs(int(t) + done, count)
            a = torch.addmm(packed.b, u.flatten(0, -2), packed.U.T).unflatten(0, u.shape[:-1])
            if u.shape[1:-1].numel() > 1:
                a = a.expand(len(u), *batch, -1).reshape(len(u), networks, -1)
            a = a.reshape(len(u), -1, len(packed.b)).contiguous()
            told = packed.function("advance")(
                packed.stack, networks, k, count, a.data_ptr(), a[0].numel() * (len(u) > 1),
                len(packed.b) * (a.shape[1] > 1), x.data_ptr(), V.data_ptr(),
            )  # fmt: skip
            if told < 0:
                raise MemoryError(f"compiled backend: no memory for a network of {dim} units and {k} tangent vectors")
            done += count
        return x, V.mT, None, None

    return advance
