"""Steps of torch's recurrent layers and their derivatives in closed form.

A slab is one of the variables that a layer hands to its next step: h, and c of an LSTM. A layer has two
pre-activations, a = U u + b of its input u and c = W h + b' of its state, with a row of n numbers for each gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ptacore.kernels.advance import Advance
from ptacore.kernels.recurrent import CELLS, Weights, recurrent_kernel
from ptacore.models.rate import slope_of_tanh
from ptacore.models.state_form import StateForm

Rows = tuple[Tensor, ...]  # one for each gate


class Slopes(NamedTuple):
    """Derivatives of the new slabs, all of them entry by entry.

    Attributes
    ----------
    by_a, by_c : tuple of Rows
        By the two pre-activations: for each new slab, for each gate. A slab that last gates do not act on is shorter.
    by_slab : dict
        (new slab, old slab) -> derivative, where one goes into the other directly.
    """

    by_a: tuple[Rows, ...]
    by_c: tuple[Rows, ...]
    by_slab: dict[tuple[int, int], Tensor]


def _tanh(a, c, slabs, slopes):
    new = torch.tanh(a + c)
    if not slopes:
        return (new,), None
    slope = ((slope_of_tanh(a + c),),)
    return (new,), Slopes(slope, slope, {})


def _relu(a, c, slabs, slopes):
    new = torch.relu(a + c)
    if not slopes:
        return (new,), None
    slope = (((new > 0).to(new.dtype),),)
    return (new,), Slopes(slope, slope, {})


def _gru(a, c, slabs, slopes):
    (h,), (ar, az, an), (cr, cz, cn) = slabs, a.chunk(3, -1), c.chunk(3, -1)
    r, z = torch.sigmoid(ar + cr), torch.sigmoid(az + cz)
    n = torch.tanh(an + r * cn)
    new = (1 - z) * n + z * h
    if not slopes:
        return (new,), None
    by_z = (h - n) * z * (1 - z)
    by_n = (1 - z) * slope_of_tanh(an + r * cn)
    by_r = by_n * (cn * r * (1 - r))
    return (new,), Slopes(((by_r, by_z, by_n),), ((by_r, by_z, by_n * r),), {(0, 0): z})


def _lstm(a, c, slabs, slopes):
    i, f, g, o = (a + c).chunk(4, -1)
    up, keep, value, out = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    cell = keep * slabs[1] + up * value
    new = torch.tanh(cell)
    if not slopes:
        return (out * new, cell), None
    of_cell = (value * up * (1 - up), slabs[1] * keep * (1 - keep), up * slope_of_tanh(g))
    through = out * slope_of_tanh(cell)
    by = (*(through * s for s in of_cell), new * out * (1 - out)), of_cell
    return (out * new, cell), Slopes(by, by, {(0, 1): through * keep, (1, 1): keep})


def _resting_lstm(a, c, slabs, slopes):
    """An LSTM whose cell is at once where it would come to rest, at i g / (1 - f), if the gates stayed."""
    i, f, g, o = (a + c).chunk(4, -1)
    up, value, out, odds = torch.sigmoid(i), torch.tanh(g), torch.sigmoid(o), torch.exp(f)
    cell = up * value * (1 + odds)  # 1 / (1 - sigmoid(f)) = 1 + exp(f)
    new = torch.tanh(cell)
    if not slopes:
        return (out * new, cell), None
    of_cell = (cell * (1 - up), up * value * odds, up * slope_of_tanh(g) * (1 + odds))
    through = out * slope_of_tanh(cell)
    by = (*(through * s for s in of_cell), new * out * (1 - out)), of_cell
    return (out * new, cell), Slopes(by, by, {})


class Layer(NamedTuple):
    """Weights of a layer; P is an LSTM's projection of h."""

    U: Tensor
    W: Tensor
    b: Tensor
    c: Tensor
    P: Tensor | None


class Stack:
    """Layers of one kind as a map x <- F(u, x). x joins the slabs h of all layers, then c; first layer first.

    Parameters
    ----------
    cell : type
        torch.nn.RNN, GRU, LSTM or the cell of one of them.
    weights : dict
        Tensors by torch's names.
    relu : bool
        Whether an RNN has ReLU instead of tanh.
    batch_first : bool
        Whether the module's input has the batch first.
    dtype : torch.dtype
    """

    def __init__(
        self, cell: type[nn.Module], weights: dict[str, Tensor], relu: bool, batch_first: bool, dtype: torch.dtype
    ):
        self.kind = cell.__name__.removesuffix("Cell")
        self.cell = {"RNN": _relu if relu else _tanh, "GRU": _gru, "LSTM": _lstm}[self.kind]
        ends = [name.removeprefix("weight_hh") for name in weights if name.startswith("weight_hh")]
        self.layers = [self._layer(weights, end, dtype) for end in ends]
        first = self.layers[0]
        self.gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[self.kind]
        self.n_inputs, L = first.U.shape[1], len(ends)
        self.sizes = [first.W.shape[1]] * L + [len(first.W) // 4] * (L if self.kind == "LSTM" else 0)
        self.dim, self.device = sum(self.sizes), first.W.device
        layers = () if cell.__name__.endswith("Cell") else (L,)
        leaves = tuple((layers, (size,)) for size in self.sizes[::L])
        self.form, self.batch_first = StateForm(leaves, bare=len(leaves) == 1), batch_first
        edges = list(pairwise(accumulate(self.sizes, initial=0)))
        self.columns = [[slice(*edge) for edge in edges[layer::L]] for layer in range(L)]  # of each layer's slabs

    @staticmethod
    def _layer(weights: dict[str, Tensor], end: str, dtype: torch.dtype) -> Layer:
        own = {name: weights.get(name + end) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")}
        U, W, b, c, P = (None if w is None else w.to(dtype, copy=True) for w in own.values())
        zero = W.new_zeros(len(W))
        return Layer(U, W, zero if b is None else b, zero if c is None else c, P)

    def to(self, target) -> Stack:
        new = object.__new__(Stack)
        new.__dict__.update(vars(self))
        new.layers = [Layer(*(w if w is None else w.to(target) for w in layer)) for layer in self.layers]
        new.device = new.layers[0].W.device
        return new

    @property
    def bound(self) -> float | None:
        """See `System.bound`: h is a tanh, or a mean of such."""
        return 1.0 if self.cell in (_tanh, _gru) else None

    def ungated(self) -> Stack:
        """See `System.ungated`."""
        new = object.__new__(Stack)
        new.__dict__.update(vars(self))
        if self.cell is _lstm:
            new.cell = _resting_lstm
        if self.cell is _gru:
            closed = [torch.zeros_like(layer.c).unflatten(0, (3, -1)) for layer in self.layers]
            for rows in closed:
                rows[1] = -torch.inf
            new.layers = [w._replace(c=w.c + rows.flatten()) for w, rows in zip(self.layers, closed, strict=True)]
        return new

    def _slabs(self, x: Tensor, dim: int = -1) -> list[tuple[Tensor, ...]]:
        """Those of each layer."""
        parts, L = x.split(self.sizes, dim), len(self.layers)
        return [parts[layer::L] for layer in range(L)]

    def _joined(self, layers: list[Sequence[Tensor]], dim: int = -1) -> Tensor:
        return torch.cat([slab for slabs in zip(*layers, strict=True) for slab in slabs], dim)

    def _walk(self, u: Tensor, x: Tensor, slopes: bool):
        """Each layer in turn: itself, its new slabs and their slopes."""
        for layer, slabs in zip(self.layers, self._slabs(x), strict=True):
            new, by = self.cell(u @ layer.U.T + layer.b, slabs[0] @ layer.W.T + layer.c, slabs, slopes)
            if layer.P is not None:
                new = (new[0] @ layer.P.T, *new[1:])
            u = new[0]
            yield layer, new, by

    def __call__(self, u, x):
        return self._joined([new for _, new, _ in self._walk(u, x, slopes=False)])

    def jacobian(self, u, x):
        rows = []  # of the Jacobian, those of each layer's slabs
        for (layer, new, by), own in zip(self._walk(u, x, slopes=True), self.columns, strict=True):
            U, W, batch = layer.U.chunk(self.gates), layer.W.chunk(self.gates), new[0].shape[:-1]
            slabs = []
            for s in range(len(new)):
                row = _weighted(by.by_a[s], U) @ rows[-1][0] if rows else x.new_zeros(*batch, len(U[0]), self.dim)
                row[..., own[0]] += _weighted(by.by_c[s], W)
                for (to, of), slope in by.by_slab.items():
                    if to == s:
                        row[..., own[of]].diagonal(dim1=-2, dim2=-1).add_(slope)
                slabs.append(row if s or layer.P is None else layer.P @ row)
            rows.append(slabs)
        return self._joined(rows, -2)

    def jvp(self, u, x, V):
        if self.gates > 1 and 2 * V.shape[-1] > self.dim:  # one product by the Jacobian instead of one for each gate
            return self(u, x), self.jacobian(u, x) @ V
        states, tangents = [], []
        for (layer, new, by), old in zip(self._walk(u, x, slopes=True), self._slabs(V, -2), strict=True):
            by_state = (layer.W @ old[0]).chunk(self.gates, -2)
            by_input = (layer.U @ tangents[-1][0]).chunk(self.gates, -2) if tangents else ()
            out = []
            for s in range(len(new)):
                tangent = _weighted(by.by_c[s], by_state)
                if by_input:
                    tangent = tangent + _weighted(by.by_a[s], by_input)
                for (to, of), slope in by.by_slab.items():
                    if to == s:
                        tangent = tangent + slope[..., None] * old[of]
                out.append(tangent if s or layer.P is None else layer.P @ tangent)
            states.append(new)
            tangents.append(out)
        return self._joined(states), self._joined(tangents, -2)

    def vjp(self, u, x, P):
        walked, pulled, from_above = list(self._walk(u, x, slopes=True)), [], 0.0
        for (layer, new, by), given in zip(reversed(walked), reversed(self._slabs(P, -2)), strict=True):
            given = [given[0] + from_above, *given[1:]]
            if layer.P is not None:
                given[0] = layer.P.T @ given[0]
            old = [layer.W.T @ self._gathered(by.by_c, given)] + [
                torch.zeros_like(given[s]) for s in range(1, len(new))
            ]
            for (to, of), slope in by.by_slab.items():
                old[of] = old[of] + slope[..., None] * given[to]
            if len(pulled) < len(walked) - 1:
                from_above = layer.U.T @ self._gathered(by.by_a, given)
            pulled.append(old)
        return self._joined(pulled[::-1], -2)

    def _gathered(self, by: tuple[Rows, ...], given: list[Tensor]) -> Tensor:
        """Cotangents of a pre-activation, all gates, from those of the new slabs."""
        rows = []
        for gate in range(self.gates):
            acting = [(rows_of[gate], g) for rows_of, g in zip(by, given, strict=True) if gate < len(rows_of)]
            rows.append(_weighted(*zip(*acting, strict=True)))
        return torch.cat(rows, -2)

    def kernel(self, input: Tensor, driven: bool) -> Advance | None:
        """Compiled steps, with an input as `recurrent_kernel` takes it; there are none with projections."""
        name = self.cell.__name__.removeprefix("_")
        if name not in CELLS or any(layer.P is not None for layer in self.layers):
            return None
        return recurrent_kernel(name, [Weights(*layer[:4]) for layer in self.layers], input, driven)

    def __repr__(self):
        return f"{self.kind}, layers={len(self.layers)}, width={self.sizes[-1]}"


def _weighted(rows: Sequence[Tensor], blocks: Sequence[Tensor]) -> Tensor:
    """Sum of the blocks (..., n, k), each scaled row by row by (..., n); blocks beyond the rows do not count."""
    total = rows[0][..., None] * blocks[0]
    for row, block in zip(rows[1:], blocks[1:], strict=False):
        total = torch.addcmul(total, row[..., None], block)
    return total
