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
from ptacore.kernels.advance import SUFFIX, Advance, calls
from ptacore.kernels.orthonormal import KEPT, bounds

SOURCE = Path(__file__).with_name("recurrent.c")
CELLS = ("tanh", "relu", "gru", "lstm")  # enum of recurrent.c
SHORT = 8  # steps of a stretch in which the caller's own decomposition costs little
NUMBERS = 2**22  # of the products of inputs that are kept at once


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
    i32, i64, f64, pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
    for suffix in SUFFIX.values():
        width = getattr(library, f"width_{suffix}")
        width.argtypes, width.restype = [i64], i64
        getattr(library, f"pack_{suffix}").argtypes = [i32, i64, pointer, pointer]
        advance = getattr(library, f"advance_{suffix}")
        advance.argtypes = [ctypes.POINTER(_Stack), i64, i64, i64, pointer, i64, i64, *[pointer] * 6, *[f64] * 2]
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
        self.width = self.function("width")(self.units)
        self.weights = self._packed([w for i, of in enumerate(layers) for w in (of.W, of.U)[: 1 + (i > 0)]])
        self.biases = torch.stack([self._filled(vector) for of in layers for vector in (of.b, of.c)])
        self.U, self.b = self._filled(first.U), self.biases[0]
        self.stack = _Stack(
            self.cell, len(layers), self.units, self.width, self.weights.data_ptr(), self.biases.data_ptr()
        )

    def function(self, name: str) -> Callable[..., int]:
        return getattr(_library(), f"{name}_{self.suffix}")

    def _packed(self, matrices: list[Tensor]) -> Tensor:
        """One after the other, and never twice in memory."""
        sizes = [len(matrix) // self.units * self.width * self.units for matrix in matrices]
        packed = matrices[0].new_empty(sum(sizes))
        for matrix, part in zip(matrices, packed.split(sizes), strict=True):
            matrix = matrix.detach().contiguous()
            self.function("pack")(self.cell, self.units, matrix.data_ptr(), part.data_ptr())
        return packed

    def _filled(self, rows: Tensor) -> Tensor:
        """(gates n, ...) with zeros between the gates: (gates width, ...)."""
        gates = rows.detach().unflatten(0, (-1, self.units))
        filled = gates.new_zeros(len(gates), self.width, *gates.shape[2:])
        filled[:, : self.units] = gates
        return filled.flatten(0, 1)

    def of_inputs(self, u: Tensor) -> Tensor:
        """What the first layer adds to the product with its state, for inputs (..., d): (..., gates width)."""
        return torch.addmm(self.b, u.reshape(-1, u.shape[-1]), self.U.T).unflatten(0, u.shape[:-1])


def recurrent_kernel(cell: str, layers: Sequence[Weights], input: Tensor, driven: bool) -> Advance | None:
    """The kernel of a stack of layers on the CPU; None where there is no compiler.

    Up to `orthonormal.KEPT` tangent vectors are kept orthonormal on the way, unless the stretch is short or a
    step takes too much from one of them: then the caller has them as they are.

    Parameters
    ----------
    cell : {"tanh", "relu", "gru", "lstm"}
    layers : sequence of Weights
        Of the same size n, in single or double precision. Changes to them are not seen later.
    input : Tensor (..., d) or (T, ..., d)
        Constant, or for each step. The other axes are a batch that goes with that of the state.
    driven : bool
        Whether there is one for each step.

    Raises
    ------
    MemoryError
        By the kernel: if there is no room for the state, its tangent vectors and as much again.
    """
    if not available():
        return None
    packed, own_batch = _Packed(cell, layers), input.shape[int(driven) : -1]
    advance_in, reach = packed.function("advance"), bounds(input.dtype)
    constant = None if driven else packed.of_inputs(input[None])

    def of_steps(first: int, count: int, batch: torch.Size) -> Tensor:
        """(count, networks, gates width); 1 network where all have the same input, a count of 1 where all steps do."""
        a = packed.of_inputs(input[first : first + count]) if driven else constant
        if own_batch.numel() > 1:
            a = a.expand(len(a), *batch, -1)
        return a.reshape(len(a), -1, len(packed.b))

    def take(x: Tensor, V: Tensor, steps: int, first: int, growth: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """x (..., n) and V (..., k, n), contiguous, some steps on; None where these could not be resolved."""
        networks, k, interval = x[..., 0].numel(), V.shape[-2], ctypes.c_int64(1)
        a_step = packed.weights.numel() * (k + 1) * networks
        known = max(1, NUMBERS // (len(packed.b) * networks)) if driven else max(1, steps)
        new_x, new_V = torch.empty_like(x), torch.empty_like(V)
        for begin in range(0, steps, known):  # not cut into calls: the bits of a product depend on its size
            at, together = 0, min(known, steps - begin)
            a = of_steps(first + begin, together, x.shape[:-1])
            for count in calls(together, a_step):
                told = advance_in(
                    packed.stack, networks, k, count, a[at if driven else 0].data_ptr(),
                    a[0].numel() * driven, a.shape[-1] * (a.shape[1] > 1),
                    x.data_ptr(), V.data_ptr(), new_x.data_ptr(), new_V.data_ptr(),
                    None if growth is None else growth.data_ptr(), ctypes.byref(interval), *reach,
                )  # fmt: skip
                if told < 0:
                    raise MemoryError(
                        f"compiled backend: no memory for {networks} x {k} tangent vectors of {x.shape[-1]}"
                    )
                if told:
                    return None
                x, V, at = new_x, new_V, at + count
        return x, V

    def advance(x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False):
        batch, k = x.shape[:-1], V.shape[-1]
        if own_batch or batch != V.shape[:-2]:
            batch = torch.broadcast_shapes(batch, V.shape[:-2], own_batch)
        x, V = (part.detach().expand(*batch, *part.shape[axes:]).contiguous() for part, axes in ((x, -1), (V.mT, -2)))
        if k <= KEPT and steps > SHORT and not plain:
            growth = x.new_zeros(*batch, k, dtype=torch.float64)
            if found := take(x, V, steps, int(t), growth):
                return found[0], found[1].mT, growth.to(x.dtype), None
        new_x, new_V = take(x, V, steps, int(t), None)
        return new_x, new_V.mT, None, None

    return advance
