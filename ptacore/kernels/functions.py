"""Kernels of functions that users write in torch: recorded, translated to C, compiled, checked, called.

The C text depends on what the function does, and not on its constants, which are read anew for each kernel: a
parameter may change without a new library. Libraries are kept on disk (build.py). A kernel is used only after it has
taken the step that torch takes, state and tangents, to rounding.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.advance import calls
from ptacore.kernels.emit import PANEL, Emitted, emit
from ptacore.kernels.record import record
from ptacore.kernels.tape import Tape, Unrecordable

DELAY = 8  # steps between normalizations (DELAY of functions.h)
KEPT = 40  # tangent vectors up to which the kernel keeps them orthonormal; more are made so in blocks (orthonormal.c)
TOGETHER = 4  # states of a batch from which on they share the lanes of a vector
COARSE = 1e-3  # steps that are checked are at least as long, so that a wrong derivative is seen in them

Jvp = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@functools.lru_cache(maxsize=512)
def _library(text: str) -> ctypes.CDLL | None:
    library = build.load(text, ("advance",))
    if library is not None:
        i32, i64, f64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
        library.advance.argtypes = [i64, i32, i64, f64, *[pointer] * 7]
    return library


def _packed(matrices: list[np.ndarray]) -> Tensor:
    """Matrices in panels of rows, column by column, one after the other."""
    parts = []
    for matrix in matrices:
        rows = -(-len(matrix) // PANEL) * PANEL
        whole = np.zeros((rows, matrix.shape[1]))
        whole[: len(matrix)] = matrix
        parts.append(whole.reshape(-1, PANEL, matrix.shape[1]).swapaxes(1, 2).reshape(-1))
    return torch.from_numpy(np.concatenate([np.zeros(0), *parts]))


class FunctionKernel:
    """Compiled steps of a function (`kernels.advance.Advance`).

    Parameters
    ----------
    emitted : Emitted
        The function in C. Where its constants are those of the members of a batch, states have the shape
        (..., members, n).
    n : int
        States.
    dt : float
        Time step.
    flow : bool
        Whether the function is a vector field.
    jvp : callable
        The function and its derivative along tangent vectors, by torch.
    """

    def __init__(self, emitted: Emitted, n: int, dt: float, flow: bool, jvp: Jvp):
        self.emitted, self.n, self.dt, self.flow, self.jvp = emitted, n, dt, flow, jvp
        self._constants, self._matrices = torch.from_numpy(emitted.constants), _packed(emitted.matrices)
        self.own = len(emitted.constants) > 1

    @functools.cached_property
    def together(self) -> str | None:
        """C text for states that share the lanes of vectors; None where there is none that agrees with torch."""
        text = f"#define MEMBERS\n{self.emitted.text}"
        pays = self.emitted.small or self.own
        return text if pays and _library(text) and self.agrees(text) else None

    def steps(self, text: str, x: Tensor, V: Tensor, steps: int, keep: bool, dt: float | None = None):
        """Steps by one of the two texts, which keeps V orthonormal or not; as long as dt, where it is given."""
        batch, k = x.shape[:-1], V.shape[-1]
        x = x.detach().clone(memory_format=torch.contiguous_format)
        V = V.detach().clone(memory_format=torch.contiguous_format)
        growth, lost = x.new_zeros(2, *batch, k)
        constants = self._constants_of(batch)
        pointers = [a.data_ptr() for a in (constants, self._matrices, x, V)]
        pointers += [growth.data_ptr(), lost.data_ptr()] if keep else [None, None]
        values, tangents = self.emitted.work
        a_step = 8 * (values + k * tangents) * batch.numel()  # of four stages, some of functions that take long
        for count in calls(steps, a_step, DELAY):
            if _library(text).advance(batch.numel(), k, count, dt or self.dt, *pointers, None):
                raise MemoryError(f"compiled backend: no memory for {self.n} states and {k} tangent vectors")
        return x, V, growth if keep else None, lost.long() if keep and lost.any() else None

    def __call__(self, x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False):
        return self.steps(self._text_for(x), x, V, steps, keep=V.shape[-1] <= KEPT and not plain)

    def is_faster_for(self, x: Tensor) -> bool:
        """Not where many states are multiplied by one matrix: torch does that better."""
        return not len(self._matrices) or x.numel() == x.shape[-1]

    def follow(self, x: Tensor, states: Tensor) -> None:
        """Write the states after each step from x to states (steps, ..., n)."""
        text, batch, done = self._text_for(x), x.shape[:-1], 0
        constants, x = self._constants_of(batch), x.clone(memory_format=torch.contiguous_format)
        pointers = [a.data_ptr() for a in (constants, self._matrices, x)]
        for count in calls(len(states), 8 * self.emitted.work[0] * batch.numel()):
            told = _library(text).advance(
                batch.numel(), 0, count, self.dt, *pointers, None, None, None, states[done].data_ptr()
            )
            if told:
                raise MemoryError(f"compiled backend: no memory for {self.n} states")
            done += count

    def _text_for(self, x: Tensor) -> str:
        return (x.shape[:-1].numel() >= TOGETHER and self.together) or self.emitted.text

    def _constants_of(self, batch: torch.Size) -> Tensor:
        return self._constants.expand(*batch, -1).contiguous() if self.own else self._constants

    def agrees(self, text: str) -> bool:
        """Whether a step of random states, small and large ones, is that of torch to rounding."""
        generator = torch.Generator().manual_seed(1)
        sizes = torch.tensor([1e-3, 0.1, 0.5, 1, 1, 1, 2, 3, 10, 50], dtype=torch.float64)
        members = len(self._constants)
        batch = (-(-len(sizes) // members), members) if self.own else (len(sizes),)  # each member once, and each size
        rows = math.prod(batch)
        turns = torch.arange(rows)[:, None]
        x = torch.randn(rows, self.n, generator=generator, dtype=torch.float64)
        x = torch.where(turns % 2 == 0, x, x.abs()) * sizes[turns % len(sizes)]
        x = x.reshape(*batch, self.n)
        V = torch.randn(*x.shape, min(self.n, 20), generator=generator, dtype=torch.float64)
        nearby = x * (1 + 2**-46 * torch.randn(x.shape, generator=generator, dtype=torch.float64))
        dt = max(self.dt, COARSE)
        expected, moved = self._torch_step(x, V, dt), self._torch_step(nearby, V, dt)
        got = self.steps(text, x, V, 1, keep=False, dt=dt)[:2]
        finite = torch.stack([torch.isfinite(a.reshape(rows, -1)).all(1) for a in (*expected, *moved)]).all(0)
        for before, mine, torchs, near in zip((x, V), got, expected, moved, strict=True):
            before, mine, torchs, near = (a.reshape(rows, -1)[finite] for a in (before, mine, torchs, near))
            size = torch.maximum(before.abs(), torchs.abs()).amax(1, keepdim=True)
            if not ((mine - torchs).abs() <= 1e-12 * size + (near - torchs).abs()).all():
                return False
        return int(finite.sum()) >= finite.numel() // 4

    @torch.no_grad()
    def _torch_step(self, x: Tensor, V: Tensor, dt: float) -> tuple[Tensor, Tensor]:
        k = [self.jvp(x, V)]
        if not self.flow:
            return k[0]
        for share in (0.5, 0.5, 1.0):
            k.append(self.jvp(*(a + share * dt * slope for a, slope in zip((x, V), k[-1], strict=True))))
        x, V = (
            a + dt / 6 * (s[0] + 2 * s[1] + 2 * s[2] + s[3]) for a, s in zip((x, V), zip(*k, strict=True), strict=True)
        )
        return x, V


def _same(a: Tape, b: Tape) -> bool:
    """Whether two tapes hold the same operations on the same constants."""
    return (
        a.size == b.size
        and np.array_equal(a.value[: a.size], b.value[: b.size], equal_nan=True)
        and len(a.blocks) == len(b.blocks)
        and all(
            p.name == q.name
            and np.array_equal(p.operands, q.operands)
            and (p.matrix is q.matrix is None or np.array_equal(p.matrix, q.matrix, equal_nan=True))
            for p, q in zip(a.blocks, b.blocks, strict=True)
        )
    )


def function_kernel(
    f: Callable[[Tensor], Tensor],
    jvp: Jvp,
    n: int,
    dt: float,
    flow: bool,
    known: set[str],
    own: Sequence[tuple[Tensor, Tensor]] = (),
) -> FunctionKernel | None:
    """The kernel of a function of n numbers in double precision; None where there is no compiler.

    Parameters
    ----------
    f : callable
        (n,) -> (n,)
    jvp : callable
        f and its derivative along tangent vectors, by torch: (..., n), (..., n, k) -> (..., n), (..., n, k).
    n : int
        States.
    dt : float
        Time step.
    flow : bool
        Whether f is a vector field; else it is a map.
    known : set of str
        Texts that have been checked for this function, which are not checked again.
    own : sequence of (Tensor, Tensor)
        Parameters that the members of a batch have of their own, as `record` takes them; jvp is that of all members,
        (..., members, n), (..., members, n, k), and so are the steps of the kernel.

    Raises
    ------
    Unrecordable
        If f does what cannot be compiled; the message says what.
    """
    generator = torch.Generator().manual_seed(2)
    probes = torch.randn(2, n, generator=generator, dtype=torch.float64)
    tape, outputs = record(f, probes[0], own)
    again, others = record(f, probes[1], own)
    if not (_same(tape, again) and np.array_equal(outputs, others)):
        raise Unrecordable("f does not do the same on every state")
    emitted = emit(tape, outputs, flow)
    if _library(emitted.text) is None:
        return None
    kernel = FunctionKernel(emitted, n, dt, flow, jvp)
    if emitted.text not in known and not kernel.agrees(emitted.text):
        raise Unrecordable("compiled, f or its derivative does not agree with torch")
    known.add(emitted.text)
    return kernel
