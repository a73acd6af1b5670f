"""What all trainable networks have in common: a recurrent part, a linear readout, one step as a cell.

Slabs: a state or a row of pre-activations consists of slabs of H = n_hidden numbers, one for each variable of the
equations.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import skip_init

from ptacore.checks import within
from ptacore.networks import bptt
from ptacore.networks.bptt import Cell, Readout


class Recurrent(nn.Module):
    """A recurrent network with a linear readout. Subclasses define ``hidden``, ``states``, ``step`` and ``state_size``.

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
        Numbers of inputs m, of outputs and of hidden units H.

    Attributes
    ----------
    state_size : int
        Length S of the state, which holds everything that one step hands to the next.
    readout : torch.nn.Linear
        From hidden states to outputs.
    name, options : str, dict
        What `ptacore.networks.build` made the network from.
    """

    state_size: int

    def __init__(self, n_inputs: int, n_outputs: int, n_hidden: int):
        super().__init__()
        self.n_inputs, self.n_outputs, self.n_hidden = n_inputs, n_outputs, n_hidden
        self.readout = skip_init(nn.Linear, n_hidden, n_outputs)

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters, with those of the readout."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def forward(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        dropout: float = 0.0,
        generator: Generator | None = None,
        since: int = 0,
    ) -> Tensor:
        """Outputs for a sequence.

        Parameters
        ----------
        inputs : Tensor (T, B, m)
            In the network's dtype, on its device.
        state : Tensor (B, S), optional
            Before the first step; zero unless given.
        dropout : float
            Share of the hidden units that the readout does not see, drawn for every step and sequence.
        generator : torch.Generator, optional
            On the CPU, source of the dropout; torch's global one unless given.
        since : int
            First step, counted from 0, whose output is wanted; an LRU saves much of its work on those before.

        Returns
        -------
        Tensor (T - since, B, n_outputs)

        Raises
        ------
        ValueError, TypeError
            If a shape, the dtype or the device does not fit, dropout is outside [0, 1) or `since` is not a step.
        """
        within("dropout", dropout, 0, 1, "[)")
        if since and since not in range(len(inputs)):
            raise ValueError(f"since: expected one of the steps 0 to {len(inputs) - 1}, got {since!r}")
        seed = int(torch.randint(2**62, (), generator=generator)) if dropout else 0
        return self._outputs(inputs, state, Readout(self.readout.weight, self.readout.bias, dropout, seed), since)

    def _outputs(self, inputs: Tensor, state: Tensor | None, readout: Readout, since: int) -> Tensor:
        return readout(self.hidden(inputs, state))[since:]

    def hidden(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """What the readout reads: (T, B, m) -> (T, B, H)."""
        raise NotImplementedError

    def states(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """The whole state after every step: (T, B, m) -> (T, B, S)."""
        raise NotImplementedError

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """One step: input (..., m), state (..., S) -> state (..., S), differentiable in any way."""
        raise NotImplementedError

    def _start(self, inputs: Tensor, state: Tensor | None) -> Tensor:
        """The state to start from, once shapes are checked."""
        if inputs.ndim != 3 or inputs.shape[-1] != self.n_inputs or inputs.numel() == 0:
            raise ValueError(f"inputs: expected shape (T, B, {self.n_inputs}), got {tuple(inputs.shape)}")
        weight = self.readout.weight
        if (inputs.dtype, inputs.device) != (weight.dtype, weight.device):
            raise TypeError(
                f"inputs: {inputs.dtype} on {inputs.device}, but the network {weight.dtype} on {weight.device}"
            )
        shape = (inputs.shape[1], self.state_size)
        if state is not None and state.shape != shape:
            raise ValueError(f"state: expected shape {shape}, got {tuple(state.shape)}")
        return inputs.new_zeros(shape) if state is None else state


class CellNetwork(Recurrent):
    """A network whose step is a `Cell`. Subclasses define `cell` and `operands`, and set `constants`.

    `backend` (see `bptt.run`) may be set: "auto", "compiled", "torch" or "autograd".
    """

    cell: Cell
    constants: tuple[float, ...] = ()
    backend = "auto"

    def operands(self) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """weight_in, bias and recurrent weights for `bptt.run`, functions of the parameters."""
        raise NotImplementedError

    @property
    def state_size(self) -> int:
        return self.cell.states * self.n_hidden

    def hidden(self, inputs, state=None):
        return self._run(inputs, state)[1][0]

    def states(self, inputs, state=None):
        return torch.cat(self._run(inputs, state)[1], -1)

    def step(self, x, state):
        weight_in, bias, weights = self.operands()
        gates = bptt.project(self.cell, x, weight_in, bias)
        return torch.cat(self.cell.step(gates, state.split(self.n_hidden, -1), weights, self.constants), -1)

    def _outputs(self, inputs, state, readout, since):
        return self._run(inputs, state, readout, since)[0]

    def _run(self, inputs: Tensor, state: Tensor | None, readout: Readout | None = None, since: int = 0):
        start = self._start(inputs, state).split(self.n_hidden, -1)
        return bptt.run(self.cell, inputs, *self.operands(), start, self.constants, self.backend, readout, since)


def uniform_(parameters, fan_in: int, generator: Generator | None) -> None:
    """Torch's default for linear and recurrent layers."""
    for p in parameters:
        nn.init.uniform_(p, -(fan_in**-0.5), fan_in**-0.5, generator=generator)
