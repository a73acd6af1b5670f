"""Trainable recurrent networks: what all have in common, and those that torch has, with their initializations.

Slabs: a state or a row of pre-activations consists of slabs of H = n_hidden numbers, one for each variable of the
equations.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils import skip_init

from ptacore.checks import within
from ptacore.initialize import pta_
from ptacore.models import fused
from ptacore.models.fused import Cell, Product, Readout


class Recurrent(nn.Module):
    """A recurrent network with a linear readout. Subclasses define ``hidden``, ``states``, ``step`` and ``state_size``.

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
        Numbers of inputs m, of outputs and of hidden units H.

    Attributes
    ----------
    state_size : int
        Length S of the state, in which everything is that one step hands to the next.
    readout : torch.nn.Linear
        From hidden states to outputs.
    name, options : str, dict
        What `ptacore.models.build` made the network from.
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
            If a shape, the dtype or the device does not fit, dropout is outside [0, 1) or `since` is no step.
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

    `backend` (see `fused.run`) may be set: "auto", "compiled", "torch" or "autograd".
    """

    cell: Cell
    constants: tuple[float, ...] = ()
    backend = "auto"

    def operands(self) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """weight_in, bias and recurrent weights for `fused.run`, functions of the parameters."""
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
        gates = fused.project(self.cell, x, weight_in, bias)
        return torch.cat(self.cell.step(gates, state.split(self.n_hidden, -1), weights, self.constants), -1)

    def _outputs(self, inputs, state, readout, since):
        return self._run(inputs, state, readout, since)[0]

    def _run(self, inputs: Tensor, state: Tensor | None, readout: Readout | None = None, since: int = 0):
        start = self._start(inputs, state).split(self.n_hidden, -1)
        return fused.run(self.cell, inputs, *self.operands(), start, self.constants, self.backend, readout, since)


class TorchNetwork(CellNetwork):
    """A network whose recurrent parameters are a torch.nn module's own, `recurrent`, initialized as torch does.

    On CUDA that module runs sequences itself, with torch's fused kernels.
    """

    layer: type[nn.RNNBase]

    def __init__(self, n_inputs: int, n_outputs: int, n_hidden: int, generator: Generator | None = None):
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.recurrent = self.layer(n_inputs, n_hidden, device="meta").to_empty(device="cpu")
        uniform_(self.recurrent.parameters(), n_hidden, generator)
        uniform_(self.readout.parameters(), n_hidden, generator)

    def hidden(self, inputs, state=None):
        own = inputs.is_cuda and self.backend == "auto"
        return self.by_torch(inputs, state) if own else super().hidden(inputs, state)

    def _outputs(self, inputs, state, readout, since):
        if inputs.is_cuda:
            return Recurrent._outputs(self, inputs, state, readout, since)
        return super()._outputs(inputs, state, readout, since)

    def by_torch(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """`hidden` by torch's module."""
        start = tuple(s[None].contiguous() for s in self._start(inputs, state).split(self.n_hidden, -1))
        return self.recurrent(inputs, start if len(start) > 1 else start[0])[0]

    def operands(self):
        r = self.recurrent
        return r.weight_ih_l0, r.bias_ih_l0 + r.bias_hh_l0, (r.weight_hh_l0,)


def _tanh(gates, state, weights, constants):
    return (torch.tanh(gates + state[0] @ weights[0].T),)


class Tanh(TorchNetwork):
    """h' = tanh(W h + U x + b), torch's nn.RNN."""

    layer = nn.RNN
    cell = Cell(_tanh, kernel=0, states=1, gates=1, inputs=1, products=(Product(0, 1, (0,)),), keep=False)

    @torch.no_grad()
    def _set(self, W: Tensor) -> None:
        """Recurrent weights W without a bias."""
        self.recurrent.weight_hh_l0.copy_(W)
        self.recurrent.bias_ih_l0.zero_()
        self.recurrent.bias_hh_l0.zero_()


class OrthogonalTanh(Tanh):
    """A tanh network whose W is drawn from the uniform (Haar) measure on the orthogonal group; no bias at the start."""

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None):
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        Q, R = torch.linalg.qr(torch.randn(n_hidden, n_hidden, generator=generator, dtype=torch.float64))
        self._set(Q * R.diagonal().sign())


class RotationTanh(Tanh):
    """A tanh network whose W consists of 2 x 2 rotations by angles uniform in (0, pi); no bias at the start."""

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None):
        _even(n_hidden)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        theta = math.pi * torch.rand(n_hidden // 2, generator=generator, dtype=torch.float64)
        c, s = theta.cos(), theta.sin()
        self._set(torch.block_diag(*torch.stack([c, -s, s, c], -1).unflatten(-1, (2, 2))))


class PTATanh(Tanh):
    """A tanh network with the paper's initialization, `ptacore.pta_`, which also has the defaults of its options.

    Parameters
    ----------
    alpha, theta : optional
        Ranges of gains and angles.
    certified, zeroed : bool
        Whether only points that oscillate are drawn, and whether biases start at zero.
    """

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, alpha=None, theta=None, certified=True, zeroed=True
    ):
        _even(n_hidden)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        _pta_(self.recurrent, generator, alpha, theta, certified, zeroed)


def _gru(gates, state, weights, constants):
    (h,) = state
    n, r, z, c = (gates + pad(h @ weights[0].T, (h.shape[-1], 0))).chunk(4, -1)
    n = torch.tanh(n + torch.sigmoid(r) * c)
    return (n + torch.sigmoid(z) * (h - n),)


class GRU(TorchNetwork):
    """Torch's nn.GRU: r, z = sigmoid(W h + U x + b), n = tanh(U_n x + b_n + r (W_n h + c_n)), h' = (1 - z) n + z h.

    Slabs of the pre-activations: n (without its recurrent part), r, z, and the recurrent part W_n h + c_n.
    """

    layer = nn.GRU
    cell = Cell(_gru, kernel=1, states=1, gates=4, inputs=3, products=(Product(1, 3, (0,)),))

    def operands(self):
        r, H = self.recurrent, self.n_hidden  # torch has the gates in the order r, z, n
        bias = pad(r.bias_ih_l0.roll(H), (0, H)) + pad(r.bias_hh_l0, (H, 0))
        return r.weight_ih_l0.roll(H, 0), bias, (r.weight_hh_l0,)


class PTAGRU(GRU):
    """A GRU with the paper's initialization, `ptacore.pta_`, which also has the defaults of its options.

    Parameters
    ----------
    alpha, theta : optional
        Ranges of gains and angles.
    certified, zeroed : bool
        Whether only points that oscillate are drawn, and whether biases and gate weights start at zero.
    """

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, alpha=None, theta=None, certified=True, zeroed=True
    ):
        _even(n_hidden)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        _pta_(self.recurrent, generator, alpha, theta, certified, zeroed)


def _lstm(gates, state, weights, constants):
    h, c = state
    i, f, g, o = (gates + h @ weights[0].T).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class LSTM(TorchNetwork):
    """Torch's nn.LSTM: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'). State: h, c."""

    layer = nn.LSTM
    cell = Cell(_lstm, kernel=2, states=2, gates=4, inputs=4, products=(Product(0, 4, (0,)),))


class ChronoLSTM(LSTM):
    """An LSTM with gate biases drawn for memories of up to t_max steps (Tallec & Ollivier 2018).

    The forget gate's bias is log u, u uniform in (1, t_max - 1), and the input gate's its negative.

    Parameters
    ----------
    t_max : float
        Longest dependency; 120 is the length of copy memory with delay 100.
    """

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None, t_max: float = 120.0):
        within("t_max", t_max, 2, math.inf)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        H = n_hidden
        with torch.no_grad():
            forget = self.recurrent.bias_ih_l0[H : 2 * H].uniform_(1, t_max - 1, generator=generator).log_()
            self.recurrent.bias_ih_l0[:H] = -forget
            self.recurrent.bias_hh_l0[: 2 * H] = 0


def uniform_(parameters, fan_in: int, generator: Generator | None) -> None:
    """Torch's default for linear and recurrent layers."""
    for p in parameters:
        nn.init.uniform_(p, -(fan_in**-0.5), fan_in**-0.5, generator=generator)


def _pta_(module: nn.Module, generator: Generator | None, alpha, theta, certified: bool, zeroed: bool) -> None:
    for name, value in (("certified", certified), ("zeroed", zeroed)):
        if not isinstance(value, bool):
            raise ValueError(f"{name}: expected True or False, got {value!r}")
    pta_(module, alpha, theta, certified=certified, zeroed=zeroed, generator=generator)


def _even(n_hidden: int) -> None:
    if n_hidden % 2:
        raise ValueError(f"n_hidden: expected an even number, for units in pairs, got {n_hidden}")
