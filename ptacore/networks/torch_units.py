"""Networks of torch's own units: tanh, GRU, LSTM, and their initializations."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from ptacore.checks import within
from ptacore.networks.base import CellNetwork, Recurrent, uniform_
from ptacore.networks.bptt import Cell, Product


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
        even(n_hidden)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        theta = math.pi * torch.rand(n_hidden // 2, generator=generator, dtype=torch.float64)
        c, s = theta.cos(), theta.sin()
        self._set(torch.block_diag(*torch.stack([c, -s, s, c], -1).unflatten(-1, (2, 2))))


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


def even(n_hidden: int) -> None:
    if n_hidden % 2:
        raise ValueError(f"n_hidden: expected an even number, for units in pairs, got {n_hidden}")
