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
from typing import NamedTuple

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
PART = 384  # tangent vectors that take their steps together
TOGETHER = 4  # states of a batch from which on they share the lanes of a vector
FEW = 20  # vectors along which a derivative is checked
COARSE = 1e-3  # steps that are checked are at least as long, so that a wrong derivative is seen in them


class Reference(NamedTuple):
    """A function and its derivative, by torch."""

    value: Callable[[Tensor], Tensor]  # (..., n) -> (..., n)
    vjp: Callable[[Tensor, Tensor], Tensor]  # the transposed Jacobian: (..., n), (..., n, k) -> (..., n, k)


@functools.lru_cache(maxsize=512)
def _library(text: str) -> ctypes.CDLL | None:
    library = build.load(text, ("advance",))
    if library is not None:
        i32, i64, f64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
        library.advance.argtypes = [i64, i32, i64, f64, *[pointer] * 7]
    return library


def _packed(matrices: list[np.ndarray]) -> Tensor:
    """Matrices in panels of rows, column by column, one after the other, and never twice in memory."""
    sizes = [-(-len(matrix) // PANEL) * PANEL * matrix.shape[1] for matrix in matrices]
    packed = np.zeros(sum(sizes))
    for matrix, part in zip(matrices, np.split(packed, np.cumsum(sizes)), strict=False):
        panels = part.reshape(-1, matrix.shape[1], PANEL)
        whole = len(matrix) // PANEL
        panels[:whole] = matrix[: whole * PANEL].reshape(whole, PANEL, matrix.shape[1]).swapaxes(1, 2)
        if rest := len(matrix) % PANEL:
            panels[whole, :, :rest] = matrix[-rest:].T
    return torch.from_numpy(packed)


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
    reference : Reference
        Of states with the shape of the kernel's.
    """

    def __init__(self, emitted: Emitted, n: int, dt: float, flow: bool, reference: Reference):
        self.emitted, self.n, self.dt, self.flow, self.reference = emitted, n, dt, flow, reference
        self._constants, self._matrices = torch.from_numpy(emitted.constants), _packed(emitted.matrices)
        self.own = len(emitted.constants) > 1

    @functools.cached_property
    def together(self) -> str | None:
        """C text for states that share the lanes of vectors; None where there is none that agrees with torch."""
        text = f"#define MEMBERS\n{self.emitted.text}"
        pays = self.emitted.small or self.own
        return text if pays and _library(text) and self.agrees(text) else None

    def steps(self, text: str, x: Tensor, V: Tensor, steps: int, keep: bool, dt: float | None = None):
        """Steps by one of the two texts, which keeps V orthonormal or not; as long as dt, where it is given.

        Many tangent vectors take them one part after the other, and need no more room than a part.
        """
        parts = -(-V.shape[-1] // PART)
        if keep or parts <= 1:
            return self._steps(text, x, V, steps, keep, dt)
        images = V.new_empty(*x.shape[:-1], V.shape[-1], self.n)
        for some, image in zip(V.tensor_split(parts, -1), images.tensor_split(parts, -2), strict=True):
            at, moved, _, _ = self._steps(text, x, some, steps, keep, dt)
            image.copy_(moved.mT)
        return at, images.mT, None, None

    def _steps(self, text: str, x: Tensor, V: Tensor, steps: int, keep: bool, dt: float | None):
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
        """Whether a step of random states, small and large ones, is that of torch to rounding.

        The derivative M is seen along FEW vectors V and, of large systems, FEW cotangents P: M V goes through one
        call, and torch would need one for each state of it, while for M^T P it needs as many as there are P.
        """
        generator = torch.Generator().manual_seed(1)
        sizes = torch.tensor([1e-3, 0.1, 0.5, 1, 1, 1, 2, 3, 10, 50], dtype=torch.float64)
        members = len(self._constants)
        batch = (-(-len(sizes) // members), members) if self.own else (len(sizes),)  # each member once, and each size
        rows = math.prod(batch)
        turns = torch.arange(rows)[:, None]
        x = torch.randn(rows, self.n, generator=generator, dtype=torch.float64)
        x = torch.where(turns % 2 == 0, x, x.abs()) * sizes[turns % len(sizes)]
        x = x.reshape(*batch, self.n)
        V, P = torch.randn(2, *x.shape, min(self.n, FEW), generator=generator, dtype=torch.float64)
        if self.n <= FEW:
            P = torch.eye(self.n, dtype=torch.float64).expand_as(P)
        nearby = x * (1 + 2**-46 * torch.randn(x.shape, generator=generator, dtype=torch.float64))
        dt = max(self.dt, COARSE)
        (y, G), (y_near, G_near) = self._torch_step(x, P, dt), self._torch_step(nearby, P, dt)
        mine, U = self.steps(text, x, V, 1, keep=False, dt=dt)[:2]
        of_state = mine, y, y_near, torch.maximum(x.abs(), y.abs())
        largest = torch.maximum(V.abs(), U.abs()).mT @ P.abs()
        of_tangents = U.mT @ P, V.mT @ G, V.mT @ G_near, largest
        parts = [[a.reshape(rows, -1) for a in part] for part in (of_state, of_tangents)]
        finite = torch.stack([torch.isfinite(a).all(1) for part in parts for a in part[1:3]]).all(0)
        for got, expected, near, size in ((a[finite] for a in part) for part in parts):
            if not ((got - expected).abs() <= 1e-12 * size.amax(1, True) + (near - expected).abs()).all():
                return False
        return int(finite.sum()) >= finite.numel() // 4

    @torch.no_grad()
    def _torch_step(self, x: Tensor, P: Tensor, dt: float) -> tuple[Tensor, Tensor]:
        """The state after a step, and the transposed derivative of the step times P."""
        f, vjp = self.reference
        if not self.flow:
            return f(x), vjp(x, P)
        states, slopes = [x], [f(x)]
        for share in (0.5, 0.5, 1.0):
            states.append(x + share * dt * slopes[-1])
            slopes.append(f(states[-1]))
        back, total = 0.0, P  # each stage's state is x and a share of the slope before
        for state, weight, share in zip(reversed(states), (1, 2, 2, 1), (0.0, 1.0, 0.5, 0.5), strict=True):
            back = vjp(state, dt / 6 * weight * P + share * dt * back)
            total = total + back
        return x + dt / 6 * (slopes[0] + 2 * slopes[1] + 2 * slopes[2] + slopes[3]), total


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
    reference: Reference,
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
    reference : Reference
        f and its derivative on batches of states.
    n : int
        States.
    dt : float
        Time step.
    flow : bool
        Whether f is a vector field; else it is a map.
    known : set of str
        Texts that have been checked for this function, which are not checked again.
    own : sequence of (Tensor, Tensor)
        Parameters that the members of a batch have of their own, as `record` takes them; the reference is that of all
        members, with states (..., members, n), and so are the steps of the kernel.

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
    kernel = FunctionKernel(emitted, n, dt, flow, reference)
    if emitted.text not in known and not kernel.agrees(emitted.text):
        raise Unrecordable("compiled, f or its derivative does not agree with torch")
    known.add(emitted.text)
    return kernel
