"""The compiled engine of `networks.bptt`: bptt.c, built by the machine's C compiler and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
import math
import weakref
from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.advance import SUFFIX

SOURCE = Path(__file__).with_name("bptt.c")
SLAB = 16  # numbers in whole vectors of either precision


class _Product(ctypes.Structure):
    """Product of bptt.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("into", "of")),
        *((name, ctypes.c_void_p) for name in ("weight", "packed")),
    )


class _Net(ctypes.Structure):
    """Net of bptt.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("cell", "gates", "states", "products")),
        *((name, ctypes.c_int64) for name in ("batch", "units", "width")),
        ("constants", ctypes.c_double * 4),
        ("product", _Product * 2),
    )


@functools.cache
def _library() -> ctypes.CDLL | None:
    names = [f"{name}_{suffix}" for suffix in SUFFIX.values() for name in ("pack", "advance", "retreat", "accumulate")]
    library = build.load(SOURCE, names)
    if library is None:
        return None
    net, i32, i64, pointer = ctypes.POINTER(_Net), ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
    for suffix in SUFFIX.values():
        getattr(library, f"pack_{suffix}").argtypes = [net, i32]
        getattr(library, f"advance_{suffix}").argtypes = [net, i64, pointer, pointer]
        getattr(library, f"retreat_{suffix}").argtypes = [net, i64, *[pointer] * 6]
        getattr(library, f"accumulate_{suffix}").argtypes = [i64, pointer, i64, i64, i64, pointer, i64, pointer, i32]
    return library


def available() -> bool:
    """Whether the compiled kernels can be used here; builds them if they have not been built."""
    return _library() is not None


_idle: deque[Tensor] = deque(maxlen=4)  # memory that nobody uses any more


def _lease(size: int) -> Tensor:
    """Uninitialized memory of so many bytes, which becomes idle once the last tensor that shares it is gone.

    A system takes as long to hand out fresh memory as the kernels to fill it; a training step needs what the one
    before had. What is in use is never handed out.
    """
    memory = _fitting(size)
    if memory is None:
        memory = torch.empty(size, dtype=torch.uint8, device="cpu")
    lease = memory.numpy()[:size]  # a view of its own: torch keeps it alive for as long as it uses the memory
    weakref.finalize(lease, _idle.append, memory).atexit = False
    return torch.from_numpy(lease)


def _fitting(size: int) -> Tensor | None:
    for _ in range(len(_idle)):
        try:
            memory = _idle.popleft()
        except IndexError:  # another thread was faster
            return None
        if size <= len(memory) <= 2 * size:
            return memory
        _idle.append(memory)
    return None


class Kernel:
    """Like `networks.bptt.Loop`. Slabs are filled up with zeros to whole vectors, and stay zero there."""

    projects_again = False

    def __init__(self, cell, weights: tuple[Tensor, ...], constants: tuple[float, ...], n: int):
        self.cell, self.constants, self.n, self.width = cell, constants, n, -(-n // SLAB) * SLAB
        self.keep = cell.keep
        self.weights = [w.contiguous() for w in weights]
        self.packed = [w.new_empty(w.numel() // n**2 * self.width**2) for w in weights]
        self.net = None

    @staticmethod
    def empty(like: Tensor, *shape: int) -> Tensor:
        return _lease(math.prod(shape) * like.element_size()).view(like.dtype).view(shape)

    def forward(self, gates: Tensor, tracks: list[Tensor]) -> None:
        self._prepare(gates.shape[1], transposed=False)
        self._function("advance")(self.net, len(gates), gates.data_ptr(), _pointers(tracks))

    def backward(self, gates, tracks, received, adjoint: list[Tensor], out: Tensor) -> None:
        self._prepare(gates.shape[1], transposed=True)
        given = [(None, 0) if r is None else _rows(r) for r in received]
        arriving, strides = [r for r, _ in given], (ctypes.c_int64 * len(given))(*(stride for _, stride in given))
        arguments = gates.data_ptr(), _pointers(tracks), _pointers(arriving), strides, _pointers(adjoint)
        self._function("retreat")(self.net, len(gates), *arguments, out.data_ptr())

    def accumulate(self, total: Tensor, left: Tensor, right: Tensor, fresh: bool = False) -> None:
        (depth, outputs), columns = left.shape, right.shape[1]
        arguments = left.data_ptr(), *left.stride(), outputs, right.data_ptr(), columns, total.data_ptr(), fresh
        self._function("accumulate")(depth, *arguments)

    def _function(self, name: str):
        return getattr(_library(), f"{name}_{SUFFIX[self.packed[0].dtype]}")

    def _prepare(self, batch: int, transposed: bool) -> None:
        """Describe the network to bptt.c and pack its weights, once."""
        if self.net is not None:
            return
        cell, products = self.cell, zip(self.cell.products, self.weights, self.packed, strict=True)
        self.net = _Net(
            *(cell.kernel, cell.gates, cell.states, len(cell.products), batch, self.n, self.width, self.constants),
            tuple((p.into, len(p.of), w.data_ptr(), packed.data_ptr()) for p, w, packed in products),
        )
        self._function("pack")(self.net, transposed)


def _rows(x: Tensor) -> tuple[Tensor, int]:
    """x (steps, B, n) as rows at one distance from each other, and that distance."""
    if x.stride(2) == 1 and x.stride(0) == x.shape[1] * x.stride(1):
        return x, x.stride(1)
    return x.contiguous(), x.shape[2]


def _pointers(tensors: list[Tensor | None]) -> ctypes.Array:
    return (ctypes.c_void_p * len(tensors))(*(None if t is None else t.data_ptr() for t in tensors))
