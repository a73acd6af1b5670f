"""Back-propagation through time as one operation: the mechanism behind every network of `recurrent`.

A `Cell` is one step of a network. `run` takes it through a whole sequence as a single node of the autograd graph:
storage is allocated once, the input is projected by one product a chunk of steps, and in the backward pass the
gradients of the weights are collected chunk by chunk. Three backends do the same arithmetic:

- "compiled": fused.c advances the state and its adjoint; float32 and float64 on the CPU;
- "torch": any device and dtype. Only the states are stored: each step is taken again in the backward pass;
- "autograd": a plain loop that torch records. It needs the most memory, but has derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

BACKENDS = ("auto", "compiled", "torch", "autograd")
CHUNK = 2048  # rows (steps x batch) that are projected, or added to the weights' gradients, at a time

Tensors = tuple[Tensor, ...]


class Product(NamedTuple):
    """A recurrent product: ``gates[first : first + into] += weight @ state[of]``, counted in slabs of n_hidden."""

    first: int
    into: int
    of: tuple[int, ...]
    new: bool = False  # of the state after the step instead of the one before it


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent network.

    Attributes
    ----------
    step : callable
        ``step(gates, state, weights, constants)`` -> new state, a tuple like `state`. gates (..., gates * n) are the
        pre-activations without their recurrent products, which `step` adds; state: tuple of (..., n).
    kernel : int
        Number of the cell in fused.c.
    states, gates : int
        How many slabs of n numbers the state and the pre-activations have.
    inputs : int
        Input is projected into the first so many slabs of the pre-activations; the others get a bias only.
    products : tuple of Product
        What `step` does with the weights: one weight (into * n, len(of) * n) for each product.
    keep : bool
        Whether the adjoint in fused.c needs what it left in the pre-activations, or the states suffice.
    """

    step: Callable[[Tensor, Tensors, Tensors, tuple[float, ...]], Tensors]
    kernel: int
    states: int
    gates: int
    inputs: int
    products: tuple[Product, ...]
    keep: bool = True


def available() -> bool:
    """Whether the compiled kernels can be used here; builds them if they have not been built."""
    return False


def run(
    cell: Cell,
    inputs: Tensor,
    weight_in: Tensor,
    bias: Tensor,
    weights: Tensors,
    state: Tensors,
    constants: tuple[float, ...] = (),
    backend: str = "auto",
) -> Tensors:
    """Take a cell through a sequence, differentiably with respect to every tensor.

    Parameters
    ----------
    cell : Cell
        What to do in one step.
    inputs : Tensor (T, B, m)
        T steps of a batch of B.
    weight_in : Tensor (cell.inputs * n, m)
        Projects the input into the first slabs of the pre-activations.
    bias : Tensor (cell.gates * n,)
        Of all pre-activations.
    weights : tuple of Tensor
        One for each of ``cell.products``.
    state : tuple of Tensor (B, n)
        Before the first step.
    constants : tuple of float
        Numbers that the step needs besides.
    backend : {"auto", "compiled", "torch", "autograd"}
        "auto" takes the compiled kernels where they can be used, and torch elsewhere.

    Returns
    -------
    tuple of Tensor (T, B, n)
        The state after every step.

    Raises
    ------
    ValueError
        If the backend is unknown or cannot be used here, or a shape, a dtype or a device does not fit.

    Examples
    --------
    >>> from ptacore.models.recurrent import Tanh
    >>> x, U, b, W = torch.ones(5, 1, 2), torch.zeros(3, 2), torch.ones(3), torch.zeros(3, 3)
    >>> run(Tanh.cell, x, U, b, (W,), (torch.zeros(1, 3),))[0][-1]
    tensor([[0.7616, 0.7616, 0.7616]])
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, got {backend!r}")
    _check(cell, inputs, weight_in, bias, weights, state)
    if backend == "autograd":
        return _recorded(cell, inputs, weight_in, bias, weights, state, constants)
    if backend == "compiled":
        raise ValueError("backend: compiled kernels are not available here")
    return _Scan.apply(cell, constants, _Loop, inputs, weight_in, bias, *weights, *state)


def project(cell: Cell, inputs: Tensor, weight_in: Tensor, bias: Tensor) -> Tensor:
    """Pre-activations without recurrent products: (..., m) -> (..., gates * n)."""
    gates = torch.nn.functional.linear(inputs, weight_in, bias[: len(weight_in)])
    rest = bias[len(weight_in) :]
    return torch.cat([gates, rest.expand(*gates.shape[:-1], -1)], -1) if len(rest) else gates


def _check(cell: Cell, inputs: Tensor, weight_in: Tensor, bias: Tensor, weights: Tensors, state: Tensors) -> None:
    """Kernels read memory as they are told: whatever does not fit is refused here."""
    (_, batch, m), n = inputs.shape, state[0].shape[-1]
    expected = [(cell.inputs * n, m), (cell.gates * n,), *((p.into * n, len(p.of) * n) for p in cell.products)]
    expected += [(batch, n)] * cell.states
    given = [weight_in, bias, *weights, *state]
    names = ["weight_in", "bias", *("weights" for _ in weights), *("state" for _ in state)]
    for name, x, shape in zip(names, given, expected, strict=True):
        if x.shape != shape:
            raise ValueError(f"{name}: expected shape {shape}, got {tuple(x.shape)}")
        if x.dtype != inputs.dtype or x.device != inputs.device:
            raise ValueError(f"{name}: {x.dtype} on {x.device}, but the inputs are {inputs.dtype} on {inputs.device}")


def _recorded(cell, inputs, weight_in, bias, weights, state, constants) -> Tensors:
    """The plain loop, step after step on the autograd graph."""
    steps = []
    for gates in project(cell, inputs, weight_in, bias).unbind(0):  # gates[t] would make the backward pass quadratic
        state = cell.step(gates, state, weights, constants)
        steps.append(state)
    return tuple(torch.stack(track) for track in zip(*steps, strict=True))


def first_derivatives_only() -> None:
    """Called in a backward pass: refuse to be differentiated again."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            'the fused recurrence has first derivatives only (create_graph=True); use backend="autograd"'
        )


class _Scan(torch.autograd.Function):
    """A whole sequence as one node. Every call has its own storage: calls may nest, and graphs may be kept."""

    @staticmethod
    def forward(ctx, cell, constants, engine, inputs, weight_in, bias, *rest):
        weights, start = rest[: len(cell.products)], rest[len(cell.products) :]
        (steps, batch), n = inputs.shape[:2], start[0].shape[1]
        engine = engine(cell, weights, constants, n)
        weight_in, bias = _resize(weight_in, n, engine.width), _resize(bias, n, engine.width)
        tracks = [inputs.new_empty(steps + 1, batch, engine.width) for _ in start]
        for track, x in zip(tracks, start, strict=True):
            track[0, :, :n], track[0, :, n:] = x, 0
        chunks = _chunks(steps, batch)
        keep = engine.keep and any(ctx.needs_input_grad)
        gates = inputs.new_empty(steps if keep else chunks[0].stop, batch, len(bias))
        for c in chunks:
            g = gates[c] if keep else gates[: c.stop - c.start]
            _project(inputs[c], weight_in, bias, g)
            engine.forward(g, [track[c.start : c.stop + 1] for track in tracks])
        ctx.cell, ctx.constants, ctx.engine, ctx.n = cell, constants, type(engine), n
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs, weight_in, bias, *weights, *tracks, *([gates] if keep else []))
        return tuple(track[1:, :, :n] for track in tracks)

    @staticmethod
    def backward(ctx, *received):
        first_derivatives_only()
        cell, n = ctx.cell, ctx.n
        inputs, weight_in, bias, *rest = ctx.saved_tensors
        weights, rest = tuple(rest[: len(cell.products)]), rest[len(cell.products) :]
        tracks, kept = rest[: cell.states], rest[cell.states :]
        engine = ctx.engine(cell, weights, ctx.constants, n)
        steps, batch = inputs.shape[:2]
        received = [None if r is None else r.contiguous() for r in received]
        adjoint = [bias.new_zeros(batch, engine.width) for _ in tracks]
        gradients = _Gradients(cell, inputs, weight_in, bias, weights, ctx.needs_input_grad[3])
        chunks = _chunks(steps, batch)
        buffer = bias.new_empty(2, chunks[0].stop, batch, len(bias))
        for c in reversed(chunks):
            gates, out = buffer[:, : c.stop - c.start]
            if kept:
                gates = kept[0][c]
            elif engine.projects_again:
                _project(inputs[c], weight_in, bias, gates)
            part = [track[c.start : c.stop + 1] for track in tracks]
            engine.backward(gates, part, [None if r is None else r[c] for r in received], adjoint, out)
            gradients.add(c, out, part)
        return None, None, None, *gradients.result(n), *(a[:, :n] for a in adjoint)


class _Gradients:
    """Collects the gradients of the input, of its weight, of the bias and of the recurrent weights."""

    def __init__(self, cell: Cell, inputs: Tensor, weight_in: Tensor, bias: Tensor, weights: Tensors, of_input: bool):
        self.cell, self.inputs, self.weight_in = cell, inputs, weight_in
        self.width = len(bias) // cell.gates
        self.of_inputs = torch.empty_like(inputs) if of_input else None
        self.of_weight_in = weight_in.new_zeros(weight_in.shape[::-1])
        self.of_bias = torch.zeros_like(bias)
        self.of_weights = [
            w.new_zeros(p.into * self.width, w.shape[1]) for p, w in zip(cell.products, weights, strict=True)
        ]

    def add(self, c: slice, gates: Tensor, tracks: list[Tensor]) -> None:
        """Add what the gradients (steps, B, ...) of a chunk's pre-activations give."""
        rows, x, width = gates.flatten(0, 1), self.inputs[c].flatten(0, 1), self.width
        driven = rows[:, : len(self.weight_in)]
        self.of_bias += rows.sum(0)
        self.of_weight_in.addmm_(x.T, driven)
        if self.of_inputs is not None:
            self.of_inputs[c] = (driven @ self.weight_in).unflatten(0, gates.shape[:2])
        for product, total in zip(self.cell.products, self.of_weights, strict=True):
            left = rows[:, product.first * width : (product.first + product.into) * width]
            n = total.shape[1] // len(product.of)
            for k, s in enumerate(product.of):
                operand = (tracks[s][1:] if product.new else tracks[s][:-1]).flatten(0, 1)[:, :n]
                total[:, k * n : (k + 1) * n].addmm_(left.T, operand)

    def result(self, n: int) -> tuple:
        weights = (_resize(w, self.width, n) for w in (self.of_weight_in.T, self.of_bias, *self.of_weights))
        return self.of_inputs, *weights


class _Loop:
    """The torch backend: the step itself forward, its vector-Jacobian product backward."""

    keep, projects_again = False, True  # only states are stored

    def __init__(self, cell: Cell, weights: Tensors, constants: tuple[float, ...], n: int):
        self.cell, self.weights, self.constants = cell, weights, constants
        self.width = n  # of a slab in storage

    def forward(self, gates: Tensor, tracks: list[Tensor]) -> None:
        """gates (steps, B, gates * width): projected input. tracks (steps + 1, B, width): filled from [1] on."""
        for t, g in enumerate(gates):
            new = self.cell.step(g, tuple(track[t] for track in tracks), self.weights, self.constants)
            for track, x in zip(tracks, new, strict=True):
                track[t + 1] = x

    def backward(self, gates, tracks, received, adjoint: list[Tensor], out: Tensor) -> None:
        """Move the adjoint (B, width) from the last state to the first, and leave the gates' gradients in out."""
        for t in reversed(range(len(gates))):
            total = [a if r is None else a + r[t] for a, r in zip(adjoint, received, strict=True)]
            given = [x.detach().requires_grad_() for x in (gates[t], *(track[t] for track in tracks))]
            with torch.enable_grad():
                new = self.cell.step(given[0], tuple(given[1:]), self.weights, self.constants)
            out[t], *adjoint[:] = torch.autograd.grad(new, given, total)


def _chunks(steps: int, batch: int) -> list[slice]:
    size = max(1, CHUNK // batch)
    return [slice(a, min(a + size, steps)) for a in range(0, steps, size)]


def _project(inputs: Tensor, weight_in: Tensor, bias: Tensor, gates: Tensor) -> None:
    """`project`, in place."""
    split = len(weight_in)
    torch.addmm(bias[:split], inputs.flatten(0, 1), weight_in.T, out=gates.flatten(0, 1)[:, :split])
    gates[..., split:] = bias[split:]


def _resize(x: Tensor, old: int, new: int) -> Tensor:
    """x (slabs * old, ...) -> (slabs * new, ...): slabs are cut, or filled with zeros."""
    if old == new:
        return x
    slabs, keep = x.unflatten(0, (-1, old)), min(old, new)
    out = slabs.new_zeros(len(slabs), new, *x.shape[1:])
    out[:, :keep] = slabs[:, :keep]
    return out.flatten(0, 1)
