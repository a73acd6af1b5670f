"""Back-propagation through time as one operation: the mechanism behind every nonlinear network.

Networks that are linear in their state (LRU, LinOSS, D-LinOSS) have operations of their own.

A `Cell` is one step of a network. `run` takes it through a whole sequence as a single node of the autograd graph:
storage is allocated once, and a chunk of steps at a time the input is projected and the states are read out by one
product each, and the gradients of the weights are collected. Three backends do the same arithmetic:

- "compiled": bptt.c advances the state and its adjoint; float32 and float64 on the CPU;
- "torch": any device and dtype. Only the states are stored: each step is taken again in the backward pass;
- "autograd": a plain loop that torch records. It needs the most memory, but has derivatives of any order.

A new cell is its step in torch; for the compiled backend, a step and an adjoint step of a few lines in bptt.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from ptacore.checks import choice
from ptacore.kernels.advance import fits
from ptacore.kernels.bptt import SLAB, Kernel, available

BACKENDS = ("auto", "compiled", "torch", "autograd")
CHUNK = 1 << 17  # numbers (steps x batch x n) in a chunk
DEPTH = 128  # rows that bptt.c sums up together: what is left out by the DEPTH changes no bit of the rest

Tensors = tuple[Tensor, ...]


class Product(NamedTuple):
    """A recurrent product: ``gates[first : first + into] += weight @ state[of]``, counted in slabs of n numbers."""

    first: int
    into: int
    of: tuple[int, ...]
    new: bool = False  # of the state after the step instead of the one before it


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent network of n units.

    Attributes
    ----------
    step : callable
        ``step(gates, state, weights, constants)`` -> new state, a tuple like `state`. gates (..., gates * n) are the
        pre-activations without their recurrent products, which `step` adds; state: tuple of (..., n).
    kernel : int
        Number of the cell in bptt.c.
    states, gates : int
        How many slabs of n numbers the state and the pre-activations have.
    inputs : int
        Input is projected into the first so many slabs of the pre-activations; the others get a bias only.
    products : tuple of Product
        What `step` does with the weights: one weight (into * n, len(of) * n) for each product.
    keep : bool
        Whether the adjoint in bptt.c needs what its step left in the pre-activations, or the states suffice.
    """

    step: Callable[[Tensor, Tensors, Tensors, tuple[float, ...]], Tensors]
    kernel: int
    states: int
    gates: int
    inputs: int
    products: tuple[Product, ...]
    keep: bool = True


class Readout(NamedTuple):
    """Linear readout (weight (k, n), bias (k,)) of the first slab of the state, with dropout before it."""

    weight: Tensor
    bias: Tensor
    dropout: float = 0.0
    seed: int = 0

    def __call__(self, h: Tensor) -> Tensor:
        """(T, B, n) -> (T, B, k)"""
        return linear(drop(h, self.dropout, self.seed), self.weight, self.bias)


def run(
    cell: Cell,
    inputs: Tensor,
    weight_in: Tensor,
    bias: Tensor,
    weights: Tensors,
    state: Tensors,
    constants: tuple[float, ...] = (),
    backend: str = "auto",
    readout: Readout | None = None,
    since: int = 0,
) -> tuple[Tensor | None, Tensors]:
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
        Biases of all pre-activations.
    weights : tuple of Tensor
        One for each of ``cell.products``.
    state : tuple of Tensor (B, n)
        Before the first step.
    constants : tuple of float
        Numbers that the step needs besides.
    backend : {"auto", "compiled", "torch", "autograd"}
        "auto" takes the compiled kernels where they can be used, and torch elsewhere.
    readout : Readout, optional
        To read out in the same operation, which saves the gradients of all states.
    since : int
        First step, counted from 0, that is read out.

    Returns
    -------
    outputs : Tensor (T - since, B, k) or None
        Outputs of the readout.
    states : tuple of Tensor (T, B, n)
        The state after every step.

    Raises
    ------
    ValueError
        If the backend is unknown or cannot be used here, or a shape, a dtype or a device does not fit.

    Examples
    --------
    >>> from ptacore.networks.registry import Tanh
    >>> x, U, b, W = torch.ones(5, 1, 2), torch.zeros(3, 2), torch.ones(3), torch.zeros(3, 3)
    >>> run(Tanh.cell, x, U, b, (W,), (torch.zeros(1, 3),))[1][0][-1]
    tensor([[0.7616, 0.7616, 0.7616]])
    """
    choice("backend", backend, BACKENDS)
    _check(cell, inputs, weight_in, bias, weights, state, readout)
    if backend == "autograd":
        tracks = _recorded(cell, inputs, weight_in, bias, weights, state, constants)
        return readout and readout(tracks[0])[since:], tracks
    compiled = backend != "torch" and fits(inputs) and available()
    if backend == "compiled" and not compiled:
        why = "no C compiler" if fits(inputs) else f"{inputs.dtype} on {inputs.device}"
        raise ValueError(f"backend: compiled needs float32 or float64 on the CPU and a C compiler, but: {why}")
    plan = _Plan(
        cell, constants, Kernel if compiled else Loop, torch.is_grad_enabled(), since, *(readout or (0, 0))[2:]
    )
    read = readout[:2] if readout else (None, None)
    outputs, *tracks = _Scan.apply(plan, inputs, weight_in, bias, *read, *weights, *state)
    return outputs, tuple(tracks)


def project(cell: Cell, inputs: Tensor, weight_in: Tensor, bias: Tensor) -> Tensor:
    """Pre-activations without recurrent products: (..., m) -> (..., gates * n)."""
    gates = linear(inputs, weight_in, bias[: len(weight_in)])
    rest = bias[len(weight_in) :]
    return torch.cat([gates, rest.expand(*gates.shape[:-1], -1)], -1) if len(rest) else gates


def drop(h: Tensor, rate: float, seed: int) -> Tensor:
    """Dropout of h (T, B, n) by the masks that `run` uses in every backend."""
    if rate == 0:
        return h
    return h * torch.cat([_mask(h[c], rate, seed + c.start) for c in _chunks(*h.shape)])


def first_derivatives_only(instead: str) -> None:
    """Called in a backward pass: refuse to be differentiated again."""
    if torch.is_grad_enabled():
        raise RuntimeError(f"a fused recurrence has first derivatives only (create_graph=True); {instead}")


def _check(cell, inputs, weight_in, bias, weights, state, readout) -> None:
    """Kernels read memory as they are told: what does not fit is refused here."""
    (_, batch, m), n = inputs.shape, state[0].shape[-1]
    expected = [("weight_in", weight_in, (cell.inputs * n, m)), ("bias", bias, (cell.gates * n,))]
    for p, weight in zip(cell.products, weights, strict=True):
        expected.append(("weights", weight, (p.into * n, len(p.of) * n)))
    expected += [("state", x, (batch, n)) for x in state]
    if readout:
        k = len(readout.bias)
        expected += [("readout", readout.weight, (k, n)), ("readout", readout.bias, (k,))]
    for name, x, shape in expected:
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


class _Plan(NamedTuple):
    """What `_Scan` is told besides tensors."""

    cell: Cell
    constants: tuple[float, ...]
    engine: type[Loop] | type[Kernel]
    recording: bool
    since: int = 0
    dropout: float = 0.0
    seed: int = 0

    def split(self, tensors: list[Tensor]) -> tuple[Tensors, list[Tensor]]:
        count = len(self.cell.products)
        return tuple(tensors[:count]), tensors[count:]


class _Scan(torch.autograd.Function):
    """A whole sequence as one node. Every call has its own storage: calls may nest, and graphs may be kept."""

    @staticmethod
    def forward(ctx, plan, inputs, weight_in, bias, read_weight, read_bias, *rest):
        weights, start = plan.split(rest)
        (steps, batch), n = inputs.shape[:2], start[0].shape[1]
        engine = plan.engine(plan.cell, weights, plan.constants, n)
        driver = _driver(plan.cell, weight_in, bias, engine.width)
        tracks = [engine.empty(inputs, steps + 1, batch, engine.width) for _ in start]
        for track, x in zip(tracks, start, strict=True):
            track[0, :, :n], track[0, :, n:] = x, 0
        chunks = _chunks(steps, batch, n)
        driving = _Driving(inputs, chunks[0].stop)
        keep = engine.keep and plan.recording and any(ctx.needs_input_grad)
        gates = engine.empty(inputs, steps if keep else chunks[0].stop, batch, driver.shape[1])
        outputs = None if read_bias is None else inputs.new_empty(steps - plan.since, batch, len(read_bias))
        if outputs is not None:
            reader = _filled_up(read_weight.T, -(-len(read_bias) // SLAB) * SLAB)
            reading = inputs.new_empty(chunks[0].stop * batch, reader.shape[1])
        for c in chunks:
            g = gates[c] if keep else gates[: c.stop - c.start]
            engine.accumulate(g.flatten(0, 1), driving(c).T, driver, fresh=True)
            engine.forward(g, [track[c.start : c.stop + 1] for track in tracks])
            if outputs is not None and plan.since < c.stop:
                first = max(c.start, plan.since)
                h = _dropped(tracks[0][1:][c], n, plan, c)[first - c.start :, :, :n]
                read, out = reading[: h[..., 0].numel()], outputs[first - plan.since : c.stop - plan.since]
                engine.accumulate(read, h.flatten(0, 1).T, reader, fresh=True)
                torch.add(read[:, : len(read_bias)], read_bias, out=out.flatten(0, 1))
        ctx.plan, ctx.n = plan, n
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs, driver, read_weight, *weights, *tracks, *([gates] if keep else []))
        return outputs, *(track[1:, :, :n] for track in tracks)

    @staticmethod
    def backward(ctx, of_outputs, *received):
        first_derivatives_only('backend="autograd" has higher ones')
        plan, n = ctx.plan, ctx.n
        of_outputs, *received = map(_in_memory, (of_outputs, *received))
        inputs, driver, read_weight, *rest = ctx.saved_tensors
        weights, rest = plan.split(rest)
        tracks, kept = rest[: plan.cell.states], rest[plan.cell.states :]
        engine = plan.engine(plan.cell, weights, plan.constants, n)
        steps, batch = inputs.shape[:2]
        adjoint = [driver.new_zeros(batch, engine.width) for _ in tracks]
        chunks = _chunks(steps, batch, n)
        driving = _Driving(inputs, chunks[0].stop)
        gradients = _Gradients(engine, inputs, driver, ctx.needs_input_grad[1])
        reading = None if of_outputs is None else _Reading(plan, engine, read_weight, of_outputs)
        buffer = driver.new_empty(2, chunks[0].stop, batch, driver.shape[1])
        for c in reversed(chunks):
            gates, out = buffer[:, : c.stop - c.start]
            driven = driving(c)
            if kept:
                gates = kept[0][c]
            elif engine.projects_again:
                engine.accumulate(gates.flatten(0, 1), driven.T, driver, fresh=True)
            arriving = [None if r is None else r[c] for r in received]
            if reading and plan.since < c.stop:
                arriving[0] = reading.back(c, tracks[0][1:][c], arriving[0])
            part = [track[c.start : c.stop + 1] for track in tracks]
            engine.backward(gates, part, arriving, adjoint, out)
            gradients.add(c, out, part, driven)
        of_readout = (reading.of_weight[:, :n], reading.of_bias) if reading else (None, None)
        of_driver, recurrent = gradients.result(n)
        return None, *of_driver, *of_readout, *recurrent, *(a[:, :n] for a in adjoint)


class _Driving:
    """What `_driver` projects: rows (steps * B, m + 1) of the inputs of a chunk, with a one behind each."""

    def __init__(self, inputs: Tensor, longest: int):
        self.inputs, self.rows = inputs, inputs.new_ones(longest, inputs.shape[1], inputs.shape[2] + 1)

    def __call__(self, c: slice) -> Tensor:
        rows = self.rows[: c.stop - c.start]
        rows[..., :-1] = self.inputs[c]
        return rows.flatten(0, 1)


class _Reading:
    """Gradients of the readout: what arrives at the states, and what its parameters collect."""

    def __init__(self, plan: _Plan, engine: Loop | Kernel, weight: Tensor, of_outputs: Tensor):
        self.plan, self.engine, self.n = plan, engine, weight.shape[1]
        self.of_outputs = pad(of_outputs, (0, 0, 0, 0, plan.since, 0)) if plan.since else of_outputs
        self.weight = _filled_up(weight, engine.width)
        self.of_weight, self.of_bias = torch.zeros_like(self.weight), self.of_outputs.sum((0, 1))

    def back(self, c: slice, h: Tensor, besides: Tensor | None) -> Tensor:
        """Gradient of a chunk's h (steps, B, width): (steps, B, n), `besides` included."""
        first = max(self.plan.since - c.start, 0) * h.shape[1] // DEPTH * DEPTH
        received, arriving = self.of_outputs[c].flatten(0, 1)[first:], torch.empty_like(h)
        rows = arriving.flatten(0, 1)
        rows[:first] = 0
        self.engine.accumulate(self.of_weight, received, _dropped(h, self.n, self.plan, c).flatten(0, 1)[first:])
        self.engine.accumulate(rows[first:], received.T, self.weight, fresh=True)
        arriving = _dropped(arriving, self.n, self.plan, c)[..., : self.n]
        return arriving if besides is None else arriving + besides


class _Gradients:
    """Collects the gradients of the input, of its weight and the bias, and of the recurrent weights."""

    def __init__(self, engine: Loop | Kernel, inputs: Tensor, driver: Tensor, of_input: bool):
        self.engine, self.driver = engine, driver
        self.of_inputs = torch.empty_like(inputs) if of_input else None
        self.of_driver = torch.zeros_like(driver)
        width = engine.width
        self.of_weights = [[driver.new_zeros(p.into * width, width) for _ in p.of] for p in engine.cell.products]

    def add(self, c: slice, gates: Tensor, tracks: list[Tensor], driven: Tensor) -> None:
        """Add what the gradients (steps, B, ...) of a chunk's pre-activations give."""
        rows, width = gates.flatten(0, 1), self.engine.width
        self.engine.accumulate(self.of_driver, driven, rows)
        if self.of_inputs is not None:
            self.of_inputs[c] = gates @ self.driver[:-1].T
        for product, totals in zip(self.engine.cell.products, self.of_weights, strict=True):
            left = rows[:, product.first * width : (product.first + product.into) * width]
            for s, total in zip(product.of, totals, strict=True):
                operand = tracks[s][1:] if product.new else tracks[s][:-1]
                self.engine.accumulate(total, left, operand.flatten(0, 1))

    def result(self, n: int) -> tuple[Tensors, Tensors]:
        """Gradients of inputs, weight_in and bias; and of the recurrent weights."""
        cell = self.engine.cell
        slabs = self.of_driver.unflatten(1, (cell.gates, -1))[..., :n]
        driven = self.of_inputs, slabs[:-1, : cell.inputs].flatten(1).T, slabs[-1].flatten()
        cut = [
            [total.unflatten(0, (-1, self.engine.width))[:, :n, :n] for total in totals] for totals in self.of_weights
        ]
        return driven, tuple(torch.cat(parts, -1).flatten(0, 1) for parts in cut)


class Loop:
    """The engine of the torch backend: the step itself forward, its vector-Jacobian product backward."""

    keep, projects_again = False, True  # only states are stored

    def __init__(self, cell: Cell, weights: Tensors, constants: tuple[float, ...], n: int):
        self.cell, self.weights, self.constants = cell, weights, constants
        self.width = n  # of a slab in storage

    @staticmethod
    def empty(like: Tensor, *shape: int) -> Tensor:
        """Storage for a sequence."""
        return like.new_empty(shape)

    def forward(self, gates: Tensor, tracks: list[Tensor]) -> None:
        """gates (steps, B, gates * width): projected input. tracks (steps + 1, B, width): filled from [1] on."""
        for t, g in enumerate(gates):
            new = self.cell.step(g, tuple(track[t] for track in tracks), self.weights, self.constants)
            for track, x in zip(tracks, new, strict=True):
                track[t + 1] = x

    def backward(self, gates, tracks, received, adjoint: list[Tensor], out: Tensor) -> None:
        """Move the adjoint (B, width) from the last state to the first, and leave the gates' gradients in `out`.

        received: for each slab of the state what arrives at every step (steps, B, n) from outside, or None.
        """
        for t in reversed(range(len(gates))):
            total = [a if r is None else a + r[t] for a, r in zip(adjoint, received, strict=True)]
            given = [x.detach().requires_grad_() for x in (gates[t], *(track[t] for track in tracks))]
            with torch.enable_grad():
                new = self.cell.step(given[0], tuple(given[1:]), self.weights, self.constants)
            out[t], *adjoint[:] = torch.autograd.grad(new, given, total)

    def accumulate(self, total: Tensor, left: Tensor, right: Tensor, fresh: bool = False) -> None:
        """total = left^T right, added to what is there unless `fresh`. right and total: contiguous whole slabs."""
        total.addmm_(left.T, right, beta=0 if fresh else 1)


def _chunks(steps: int, batch: int, n: int) -> list[slice]:
    size = max(1, CHUNK // (batch * n))
    return [slice(a, min(a + size, steps)) for a in range(0, steps, size)]


def _in_memory(gradient: Tensor | None) -> Tensor | None:
    """With its numbers where kernels read them: torch may leave zeros out, and put signs off."""
    if gradient is None or not (gradient._is_zerotensor() or gradient.is_neg()):
        return gradient
    return gradient.new_zeros(gradient.shape).copy_(gradient)


def _driver(cell: Cell, weight_in: Tensor, bias: Tensor, width: int) -> Tensor:
    """[weight_in, bias]^T (m + 1, gates * width), filled up with zeros: projects the inputs with a one behind them."""
    m, n = weight_in.shape[1], len(bias) // cell.gates
    out = bias.new_zeros(m + 1, cell.gates, width)
    out[:m, : cell.inputs, :n] = weight_in.T.unflatten(1, (-1, n))
    out[m, :, :n] = bias.unflatten(0, (-1, n))
    return out.flatten(1)


def _filled_up(weight: Tensor, columns: int) -> Tensor:
    """With columns of zeros behind."""
    out = weight.new_zeros(len(weight), columns)
    out[:, : weight.shape[1]] = weight
    return out


def _dropped(h: Tensor, n: int, plan: _Plan, c: slice) -> Tensor:
    """A chunk of `drop`, for the first n of the columns."""
    if not plan.dropout:
        return h
    kept = h[..., :n] * _mask(h[..., :n], plan.dropout, plan.seed + c.start)
    return pad(kept, (0, h.shape[-1] - n))


def _mask(h: Tensor, rate: float, seed: int) -> Tensor:
    generator = torch.Generator(h.device).manual_seed(seed)
    return h.new_empty(h.shape).bernoulli_(1 - rate, generator=generator).div_(1 - rate)
