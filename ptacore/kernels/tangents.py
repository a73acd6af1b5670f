"""The compiled backend: tangents.c, built once by the machine's C compiler and called through ctypes.

It advances the built-in tanh and ReLU networks, and GRUs whose gates are constant, in double precision on the CPU;
torch's modules have a kernel of their own (recurrent.py). Everything else, and machines without a compiler, take the
torch backend, which does the same arithmetic.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ptacore.kernels import build

SOURCE = Path(__file__).with_name("tangents.c")
OUTSIDE, INSIDE, MAP = 0, 1, 2  # -x + W phi(x) + b, -x + phi(W x + b), and the map phi(W x + b); enum of tangents.c
SMALL = 4  # states up to which networks share the lanes (LARGEST of tangents.c)
LANES = 32  # networks that share them (WIDE of tangents.c)
DELAY = 8  # steps between their normalizations (DELAY of tangents.c)
WORK = 2**30  # operations of one call, less than a second: Python sees Ctrl-C between calls only


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = build.load(SOURCE, ("advance_dense", "advance_small"))
    if library is None:
        return None
    i32, i64, f64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
    arguments = [i32, i32, i64, i32, i32, i64, f64, pointer, i64, pointer, i64, pointer, pointer]
    library.advance_dense.argtypes = arguments
    library.advance_small.argtypes = [*arguments, pointer, pointer]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


class Advance(Protocol):
    """Steps of a state and its tangent vectors, in compiled code.

    x (..., n) and V (..., n, k) at time t are not changed. growth (..., k), where it is not None, says that V has been
    kept orthonormal on the way and by how much (logarithm) its columns have grown, and lost (..., k) in how many steps
    they did not stand out from rounding, which growth leaves out (`orthonormal.orthonormalize_graded`); None for none.
    """

    def __call__(
        self, x: Tensor, V: Tensor, steps: int, t: float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]: ...


class Form(NamedTuple):
    """A network as the kernels take it.

    Attributes
    ----------
    kind : int
        OUTSIDE, INSIDE or MAP.
    tanh : bool
        Whether phi is the hyperbolic tangent; else it is the rectifier.
    W, b : Tensor (..., n, n), (..., n)
    h : float
        Time step in units of the time constant.
    """

    kind: int
    tanh: bool
    W: Tensor
    b: Tensor
    h: float


def _calls(steps: int, form: int, n: int, k: int, networks: int) -> Iterator[int]:
    """Split steps into calls that are short, and whole to the kernels: nothing depends on where the cuts are."""
    together = max(1, -(-networks // LANES) * LANES if n <= SMALL else networks)
    a_step = together * (1 if form == MAP else 4) * n * (n + 16) * (k + 1)
    most = max(1, WORK // (a_step * DELAY)) * DELAY
    for done in range(0, steps, most):
        yield min(most, steps - done)


def advance_for(system, dt: float) -> Advance | None:
    """The kernel of a system, by its own account; None where it has none, or there is no compiler."""
    return system.kernel(dt) if system.device.type == "cpu" else None


def network_kernel(network: Form) -> Advance | None:
    """The kernel of a tanh or ReLU network in double precision; None for another precision."""
    if network.W.dtype != torch.float64 or not available():
        return None
    form, phi, weights, bias, h = network
    n = weights.shape[-1]

    def shared_or_batched(parameter: Tensor, axes: int, batch: torch.Size) -> tuple[Tensor, int]:
        own = parameter.shape[-axes:]
        if parameter.ndim == axes:
            return parameter.detach().contiguous(), 0
        return parameter.detach().expand(*batch, *own).reshape(-1, *own).contiguous(), own.numel()

    def advance(x: Tensor, V: Tensor, steps: int, t: float = 0.0):
        batch, k = x.shape[:-1], V.shape[-1]
        x = x.detach().clone(memory_format=torch.contiguous_format)
        V = V.detach().clone(memory_format=torch.contiguous_format)
        W, W_stride = shared_or_batched(weights, 2, batch)
        b, b_stride = shared_or_batched(bias, 1, batch)
        memory = [x, V]
        if n <= SMALL:
            growth = x.new_zeros(*batch, k)
            parts = x.new_zeros(*batch, k, 3)
            memory += [parts, growth]
        kernel, lost = _library().advance_small if n <= SMALL else _library().advance_dense, 0
        for count in _calls(steps, form, n, k, batch.numel()):
            sizes = form, phi, batch.numel(), n, k, count
            told = kernel(*sizes, h, W.data_ptr(), W_stride, b.data_ptr(), b_stride, *(m.data_ptr() for m in memory))
            if told < 0:
                raise MemoryError(f"compiled backend: no memory for a network of {n} units and {k} tangent vectors")
            lost |= told
        return x, V, growth if n <= SMALL else None, parts[..., 2].long() if lost else None

    return advance
