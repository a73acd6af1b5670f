"""The compiled backend: tangents.c, built once by the machine's C compiler and called through ctypes.

It advances the built-in tanh and ReLU networks, and GRUs whose gates are constant, on the CPU; machines without a
compiler take the torch backend, which does the same arithmetic.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.advance import SUFFIX, Advance, calls

SOURCE = Path(__file__).with_name("tangents.c")
OUTSIDE, INSIDE, MAP = 0, 1, 2  # -x + W phi(x) + b, -x + phi(W x + b), and the map phi(W x + b); enum of tangents.c
SMALL = 4  # states up to which networks share the lanes (LARGEST of tangents.c)
LANES = 32  # networks that share them (WIDE of tangents.c)
MANY = 40_000  # weights times the states that share them: of more, torch takes the steps faster
DELAY = 8  # steps between their normalizations (DELAY of tangents.c)


@functools.cache
def _library(dtype: torch.dtype = torch.float64) -> ctypes.CDLL | None:
    names, small = ("rows", "pack", "advance_dense"), ("advance_small", "orbit_small")
    if dtype == torch.float64:
        library = build.load(SOURCE, names + small)
    else:
        library = build.load("#define SINGLE\n" + SOURCE.read_text(), names)
    if library is None:
        return None
    i32, i64, f64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
    sizes = [i32, i32, i64, i32, i32, i64, f64]
    library.pack.argtypes = [i32, i64, i64, pointer, pointer, pointer]
    library.advance_dense.argtypes = [*sizes, pointer, pointer, i32, pointer, i64, *[pointer] * 4]
    if dtype == torch.float64:
        library.advance_small.argtypes = [*sizes, pointer, i64, pointer, i64, *[pointer] * 4]
        library.orbit_small.argtypes = [i32, i32, i64, i32, i64, f64, pointer, i64, pointer, i64, pointer, pointer]
        library.orbit_small.restype = None
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return all([_library(dtype) for dtype in SUFFIX])


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
    return calls(steps, together * (1 if form == MAP else 4) * n * (n + 16) * (k + 1), DELAY)


def network_kernel(network: Form) -> Advance | None:
    """The kernel of a tanh or ReLU network, in its precision; None for weights that torch keeps sparse."""
    if network.W.layout != torch.strided or _library(network.W.dtype) is None:
        return None
    W, n = network.W, network.W.shape[-1]
    W = W.reshape(n, n) if W.numel() == n * n else W  # of one network, which states share without copies
    b = (W.new_zeros(n) + network.b).to(W.dtype)  # one that was set later may be a number, or in single precision
    network = network._replace(W=W, b=b)
    small = n <= SMALL and W.dtype == torch.float64
    return _Small(network) if small else _Dense(network)


def _shared_or_batched(parameter: Tensor, axes: int, batch: torch.Size) -> tuple[Tensor, int]:
    """A parameter as the kernels read it, and the numbers from a network's to the next one's; 0 where all share it."""
    own = parameter.shape[-axes:]
    if parameter.ndim == axes:
        return parameter.detach().contiguous(), 0
    return parameter.detach().expand(*batch, *own).reshape(-1, *own).contiguous(), own.numel()


class _Dense:
    """Networks one by one; V is the plain image."""

    def __init__(self, network: Form):
        self.network, self.library, self.packed = network, _library(network.W.dtype), None

    def _weights(self, batch: torch.Size) -> tuple[Tensor, Tensor, int]:
        """The weights packed, once for all calls; anew if they have been changed or belong to another batch."""
        W = self.network.W
        counted = not W.is_inference()  # tensors of inference mode do not count their changes
        state = W._version if counted else None, batch if W.ndim > 2 else None
        if self.packed is None or self.packed[0] != state or not counted:
            W, stride = _shared_or_batched(W, 2, batch)
            count, n = W.numel() // (W.shape[-1] ** 2), W.shape[-1]
            rows = self.library.rows()
            panels = -(-n // rows)
            packed = W.new_empty(count, panels * rows * n)
            start = W.new_empty(count, panels + 1, dtype=torch.int64)
            self.library.pack(self.network.kind, count, n, W.data_ptr(), packed.data_ptr(), start.data_ptr())
            self.packed = state, (packed, start, int(stride > 0))
        return self.packed[1]

    def __call__(self, x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False):
        return *self._steps(x, V, steps), None, None

    def record(self, x: Tensor, V: Tensor, states: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Take as many steps as `states` (steps, ..., n) and `images` (steps, ..., n, k) have places, for x and V after
        each step."""
        return self._steps(x, V, len(states), states, images)

    def is_faster_for(self, x: Tensor) -> bool:
        """Whether torch would take longer to follow these states."""
        n = x.shape[-1]
        return self.network.W.ndim > 2 or x.numel() == n or x.numel() * n <= MANY

    def follow(self, x: Tensor, states: Tensor) -> None:
        """Write the states after each step from x to states (steps, ..., n)."""
        self.record(x, x.new_empty(*x.shape, 0), states, states)  # there are no vectors to write

    def _steps(self, x: Tensor, V: Tensor, steps: int, states: Tensor | None = None, images: Tensor | None = None):
        form, phi, _, bias, h = self.network
        (n, k), batch, done = V.shape[-2:], x.shape[:-1], 0
        x = x.detach().clone(memory_format=torch.contiguous_format)
        V = V.detach().mT.clone(memory_format=torch.contiguous_format)  # (..., k, n)
        packed, start, own = self._weights(batch)
        b, b_stride = _shared_or_batched(bias, 1, batch)
        for count in _calls(steps, form, n, k, batch.numel()):
            told = [None if each is None else each[done].data_ptr() for each in (states, images)]
            failed = self.library.advance_dense(
                form, phi, batch.numel(), n, k, count, h, packed.data_ptr(), start.data_ptr(), own,
                b.data_ptr(), b_stride, x.data_ptr(), V.data_ptr(), *told,
            )  # fmt: skip
            if failed:
                raise MemoryError(f"compiled backend: no memory for a network of {n} units and {k} tangent vectors")
            done += count
        return x, V.mT


class _Small:
    """Networks of a few states, many at once; V is kept orthonormal."""

    def __init__(self, network: Form):
        self.network = network

    def is_faster_for(self, x: Tensor) -> bool:
        return True

    def follow(self, x: Tensor, states: Tensor) -> None:
        """Write the states after each step from x to states (steps, ..., n)."""
        form, phi, weights, bias, h = self.network
        batch, x = x.shape[:-1], x.clone(memory_format=torch.contiguous_format)
        (W, W_stride), (b, b_stride) = _shared_or_batched(weights, 2, batch), _shared_or_batched(bias, 1, batch)
        _library().orbit_small(
            form, phi, batch.numel(), x.shape[-1], len(states), h, W.data_ptr(), W_stride, b.data_ptr(), b_stride,
            x.data_ptr(), states.data_ptr(),
        )  # fmt: skip

    def __call__(self, x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False):
        return self._plain(x, V, steps) if plain else self._orthonormal(x, V, steps)

    def _plain(self, x: Tensor, V: Tensor, steps: int):
        """Each vector alone, with a copy of the state: then nothing but its length is taken from it."""
        alone = V.movedim(-1, 0)[..., None]
        x, V, growth, lost = self._orthonormal(x.expand(len(alone), *x.shape), alone, steps)
        length = growth.exp() if lost is None else growth.exp().masked_fill(lost > 0, 0.0)
        return x[0], (V * length[..., None, :])[..., 0].movedim(0, -1), None, None

    def _orthonormal(self, x: Tensor, V: Tensor, steps: int):
        form, phi, weights, bias, h = self.network
        (n, k), batch, lost = V.shape[-2:], x.shape[:-1], 0
        x = x.detach().clone(memory_format=torch.contiguous_format)
        V = V.detach().clone(memory_format=torch.contiguous_format)
        W, W_stride = _shared_or_batched(weights, 2, batch)
        b, b_stride = _shared_or_batched(bias, 1, batch)
        parts, growth = x.new_zeros(*batch, k, 3), x.new_zeros(*batch, k)
        for count in _calls(steps, form, n, k, batch.numel()):
            lost |= _library().advance_small(
                form, phi, batch.numel(), n, k, count, h, W.data_ptr(), W_stride, b.data_ptr(), b_stride,
                *(m.data_ptr() for m in (x, V, parts, growth)),
            )  # fmt: skip
        return x, V, growth, parts[..., 2].long() if lost else None
