"""Recurrent cells of other libraries as modules: torch's own where they compute the same, else a general one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

GATES = {"RNN": "h", "GRU": "rzn", "LSTM": "ifgo"}  # as torch orders their rows
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "linear": lambda x: x,
    "softsign": nn.functional.softsign,
    "softplus": nn.functional.softplus,
}
DEFAULTS = {"RNN": ("tanh",), "GRU": ("sigmoid", "tanh"), "LSTM": ("sigmoid", "tanh", "tanh")}


class Weights(NamedTuple):
    """Weights of one layer, gates in torch's order: a = U u + b of the input, c = W h + d of the state.

    Attributes
    ----------
    U : ndarray (g n, m)
    W : ndarray (g n, n)
    b, d : ndarray (g n,), optional
        Zero where they are None.
    projection : ndarray (p, n), optional
        Of an LSTM; W is then (4 n, p).
    peepholes : ndarray (3, n), optional
        From an LSTM's cell to its gates i, f and o.
    """

    U: np.ndarray
    W: np.ndarray
    b: np.ndarray | None = None
    d: np.ndarray | None = None
    projection: np.ndarray | None = None
    peepholes: np.ndarray | None = None


def reordered(rows: np.ndarray, order: str, kind: str) -> np.ndarray:
    """Rows of gates in torch's order.

    Parameters
    ----------
    rows : ndarray (g n, ...)
        A block of n rows for each gate.
    order : str
        Letters of the gates as they are: "zrh" of Keras and ONNX, h being torch's n.
    kind : {"GRU", "LSTM"}

    Examples
    --------
    >>> reordered(np.array([1, 1, 2, 2, 3, 3]), "zrn", "GRU")
    array([2, 2, 1, 1, 3, 3])
    """
    blocks = dict(zip(order, np.split(rows, len(order)), strict=True))
    return np.concatenate([blocks[gate] for gate in GATES[kind]])


def recurrent(
    kind: str, layers: Sequence[Weights], activations: Sequence[str] | None = None, reset_first: bool = False
) -> nn.Module:
    """A module in double precision with these weights.

    Parameters
    ----------
    kind : {"RNN", "GRU", "LSTM"}
    layers : sequence of Weights
        More than one only where torch has the cell.
    activations : sequence of str, optional
        Of gates, candidate and, for an LSTM, of its cell on the way out; torch's by default.
    reset_first : bool
        Whether a GRU's reset gate acts on the state ahead of the product with W, and not on the product.

    Returns
    -------
    nn.Module
        torch.nn.RNN, GRU or LSTM where these compute the cell, which is fast, else `Cell`.
    """
    activations = tuple(activations or DEFAULTS[kind])
    usual = activations == DEFAULTS[kind] or (kind == "RNN" and activations == ("relu",))
    if not usual or reset_first or any(w.peepholes is not None for w in layers):
        (own,) = layers
        return Cell(kind, own, activations, reset_first)
    first = layers[0]
    options = {"nonlinearity": activations[0]} if kind == "RNN" else {}
    if first.projection is not None:
        options["proj_size"] = len(first.projection)
    size = len(first.W) // len(GATES[kind])
    module = blank(kind, first.U.shape[1], size, len(layers), **options)
    for number, own in enumerate(layers):
        zero = np.zeros(len(own.W))
        values = {"weight_ih": own.U, "weight_hh": own.W, "weight_hr": own.projection}
        values |= {"bias_ih": zero if own.b is None else own.b, "bias_hh": zero if own.d is None else own.d}
        for name, value in values.items():
            if value is not None:
                getattr(module, f"{name}_l{number}").data = torch.tensor(value, dtype=torch.float64)
    return module.requires_grad_(False)


def blank(kind: str, inputs: int, units: int, depth: int, **options) -> nn.Module:
    """One of torch's layers in double precision, without values: torch's generator is not asked for any."""
    return getattr(nn, kind)(inputs, units, depth, dtype=torch.float64, device="meta", **options).to_empty(device="cpu")


class Cell(nn.Module):
    """One step of a cell that torch does not have: forward(input, state) returns the new state, or (h, c).

    Parameters
    ----------
    kind, activations, reset_first
        As for `recurrent`.
    weights : Weights
    """

    def __init__(self, kind: str, weights: Weights, activations: Sequence[str], reset_first: bool):
        super().__init__()
        self.kind, self.activations, self.reset_first = kind, tuple(activations), reset_first
        n = weights.W.shape[1]
        self.input_size, self.hidden_size = weights.U.shape[1], n
        for name in ("U", "W", "b", "d", "peepholes"):
            value = getattr(weights, name)
            shape = (3, n) if name == "peepholes" else (len(weights.W),)
            value = np.zeros(shape) if value is None else value
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def forward(self, input, state):
        act = [ACTIVATIONS[name] for name in self.activations]
        if self.kind == "RNN":
            return act[0](input @ self.U.T + self.b + state @ self.W.T + self.d)
        return self._gru(input, state, *act) if self.kind == "GRU" else self._lstm(input, state, *act)

    def _gru(self, u, h, gate, candidate):
        n = self.hidden_size
        a, inner = u @ self.U.T + self.b, h @ self.W[: 2 * n].T + self.d[: 2 * n]
        r, z = gate(a[..., : 2 * n] + inner).chunk(2, -1)
        W, d = self.W[2 * n :].T, self.d[2 * n :]
        through = (r * h) @ W + d if self.reset_first else r * (h @ W + d)
        return (1 - z) * candidate(a[..., 2 * n :] + through) + z * h

    def _lstm(self, u, state, gate, candidate, out):
        h, c = state
        i, f, g, o = (u @ self.U.T + self.b + h @ self.W.T + self.d).chunk(4, -1)
        to_i, to_f, to_o = self.peepholes
        new = gate(f + to_f * c) * c + gate(i + to_i * c) * candidate(g)
        return gate(o + to_o * new) * out(new), new
