"""A user's own torch recurrent module as a map of its hidden state."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ptacore.models.system import System

_CELLS = (nn.RNN, nn.GRU, nn.RNNCell, nn.GRUCell)


class ModuleMap(System):
    """The map h(t) -> h(t + 1) of a torch.nn RNN, GRU, RNNCell or GRUCell, undriven or driven.

    The state joins the layers' hidden states, first layer first. Weights are copied when the map is made.

    Parameters
    ----------
    module : torch.nn.RNN, GRU, RNNCell or GRUCell
        One direction, any number of layers. Dropout is left out, as in ``module.eval()``.
    input : array (d,) or (T, ..., d), optional
        Constant input, or an input for each step; zero by default. A driven map is not autonomous: it has no
        zero exponent along its flow, and can be followed for T steps only.
    dtype : torch.dtype
        Precision of the computation; float64 whatever the module's own.

    Raises
    ------
    TypeError
        If the module is of another kind.
    ValueError
        If it is bidirectional, or the input has the wrong shape.

    Examples
    --------
    >>> rnn = nn.GRU(3, 5, num_layers=2)
    >>> ModuleMap(rnn).dim
    10
    """

    kind = "map"

    def __init__(self, module: nn.Module, input=None, dtype: torch.dtype = torch.float64):
        if not isinstance(module, _CELLS):
            raise TypeError(
                f"module: expected torch.nn.RNN, GRU, RNNCell or GRUCell, got {type(module).__name__}; "
                "wrap its update with System.from_function"
            )
        if getattr(module, "bidirectional", False):
            raise ValueError("module: a bidirectional network is not a dynamical system in time; take one direction")
        self.layers = getattr(module, "num_layers", 1)
        self.gated = isinstance(module, (nn.GRU, nn.GRUCell))
        self.relu = getattr(module, "nonlinearity", "tanh") == "relu"
        self.width = module.hidden_size
        self.dim, self.dtype = self.layers * self.width, dtype
        for name, value in module.named_parameters():
            name = name if "_l" in name else name + "_l0"  # cells have one layer and no suffix
            setattr(self, name, value.detach().to(dtype, copy=True))
        self.device = self.weight_hh_l0.device
        input = torch.zeros(module.input_size) if input is None else input
        self.input = torch.as_tensor(input, dtype=dtype, device=self.device)
        if self.input.ndim == 0 or self.input.shape[-1] != module.input_size:
            raise ValueError(
                f"input: expected ({module.input_size},) or (T, ..., {module.input_size}), "
                f"got {tuple(self.input.shape)}"
            )

    @property
    def driven(self):
        return self.input.ndim > 1

    @property
    def steps(self):
        return len(self.input) if self.driven else None

    def at(self, t):
        if self.input.ndim == 1:
            return self
        if not 0 <= t < len(self.input):
            raise ValueError(f"input: has {len(self.input)} steps, but step {int(t)} is needed")
        frozen = copy.copy(self)
        frozen.input = self.input[int(t)]
        return frozen

    def _layer(self, layer: int, u: Tensor, h: Tensor, derivatives: bool):
        """One layer's new state and, if asked for, its Jacobians with respect to its input u and its state h."""
        p = vars(self)
        W, U = p[f"weight_hh_l{layer}"], p[f"weight_ih_l{layer}"]
        zero = W.new_zeros(W.shape[0])
        a = u @ U.T + p.get(f"bias_ih_l{layer}", zero)
        c = h @ W.T + p.get(f"bias_hh_l{layer}", zero)
        if not self.gated:
            new = torch.relu(a + c) if self.relu else torch.tanh(a + c)
            if not derivatives:
                return new, None, None
            slope = ((new > 0).to(new.dtype) if self.relu else torch.cosh(a + c).pow(-2))[..., None]
            return new, slope * U, slope * W
        (ar, az, an), (cr, cz, cn) = a.chunk(3, -1), c.chunk(3, -1)
        r, z = torch.sigmoid(ar + cr), torch.sigmoid(az + cz)
        new = torch.tanh(an + r * cn)
        out = (1 - z) * new + z * h
        if not derivatives:
            return out, None, None
        to_z = ((h - new) * z * (1 - z))[..., None]
        to_n = ((1 - z) * torch.cosh(an + r * cn).pow(-2))[..., None]
        to_r = to_n * (cn * r * (1 - r))[..., None]
        (Ur, Uz, Un), (Wr, Wz, Wn) = U.chunk(3), W.chunk(3)
        by_input = to_r * Ur + to_z * Uz + to_n * Un
        by_state = to_r * Wr + to_z * Wz + to_n * r[..., None] * Wn + torch.diag_embed(z)
        return out, by_input, by_state

    def __call__(self, x):
        u, new = self.input, []
        for layer, h in enumerate(x.split(self.width, -1)):
            u = self._layer(layer, u, h, derivatives=False)[0]
            new.append(u)
        return torch.cat(new, -1)

    def jacobian(self, x):
        u, rows = self.input, []
        for layer, h in enumerate(x.split(self.width, -1)):
            u, by_input, by_state = self._layer(layer, u, h, derivatives=True)
            row = by_input @ rows[-1] if rows else x.new_zeros(*x.shape[:-1], self.width, self.dim)
            own = slice(layer * self.width, (layer + 1) * self.width)
            row[..., own] += by_state
            rows.append(row)
        return torch.cat(rows, -2)

    def __repr__(self):
        return f"ModuleMap({'GRU' if self.gated else 'RNN'}, layers={self.layers}, width={self.width})"


def as_system(system) -> System:
    """What a caller handed over as a system: a `System` itself, a module as `ModuleMap` without input.

    Raises
    ------
    TypeError
        If it is neither; the message says how to make it one.
    """
    if isinstance(system, System):
        return system
    if isinstance(system, nn.Module):
        return ModuleMap(system)
    if isinstance(system, Mapping):
        raise TypeError(
            "system: expected a System or a module, got a mapping; load a state_dict into its module and pass that"
        )
    hint = "; wrap it: System.from_function(f, dim, kind)" if callable(system) else ""
    raise TypeError(f"system: expected a System or a torch.nn module, got {type(system).__name__}{hint}")
