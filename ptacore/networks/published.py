"""Trainable recurrent networks of other papers, to compare with: AntisymmetricRNN, coRNN, LipschitzRNN, LEM, LRU."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from ptacore.checks import flag, within
from ptacore.networks.base import CellNetwork, uniform_
from ptacore.networks.blocks import BlockNetwork
from ptacore.networks.bptt import Cell, Product
from ptacore.networks.lru import LRUBlock


def _antisymmetric(gates, state, weights, constants):
    (h,), (eps,) = state, constants
    return (h + eps * torch.tanh(gates + h @ weights[0].T),)


def _gated_antisymmetric(gates, state, weights, constants):
    (h,), (eps,) = state, constants
    a, z = (gates + h @ weights[0].T).chunk(2, -1)
    return (h + eps * torch.sigmoid(z) * torch.tanh(a),)


class Antisymmetric(CellNetwork):
    """AntisymmetricRNN (Chang et al. 2019): h' = h + eps tanh((W - W^T - gamma I) h + V x + b).

    Parameters
    ----------
    eps : float
        Step size.
    gamma : float
        Diffusion, which makes up for the Euler step's instability.
    scale : float
        W is drawn with standard deviation scale / sqrt(H), V with 1 / sqrt(m).
    gated : bool
        Multiply the increment by z = sigmoid((W - W^T - gamma I) h + V_z x + b_z).
    """

    cells = (
        Cell(_antisymmetric, kernel=3, states=1, gates=1, inputs=1, products=(Product(0, 1, (0,)),)),
        Cell(_gated_antisymmetric, kernel=4, states=1, gates=2, inputs=2, products=(Product(0, 2, (0,)),)),
    )

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None, eps=0.01, gamma=0.01, scale=1.0, gated=False):
        within("eps", eps, 0, math.inf)
        within("gamma", gamma, 0, math.inf, "[)")
        within("scale", scale, 0, math.inf, "[)")
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.cell, self.constants, self.gamma = self.cells[flag("gated", gated)], (float(eps),), gamma
        self.weight_ih = _normal((self.cell.gates * n_hidden, n_inputs), n_inputs**-0.5, generator)
        self.weight_hh = _normal((n_hidden, n_hidden), scale * n_hidden**-0.5, generator)
        self.bias = nn.Parameter(torch.zeros(self.cell.gates * n_hidden))
        uniform_(self.readout.parameters(), n_hidden, generator)

    def operands(self):
        W = _minus_identity(self.weight_hh - self.weight_hh.T, self.gamma)
        return self.weight_ih, self.bias, (W.repeat(self.cell.gates, 1),)


def _cornn(gates, state, weights, constants):
    (y, z), (dt, gamma, eps) = state, constants
    z = z + dt * (torch.tanh(gates + torch.cat(state, -1) @ weights[0].T) - gamma * y - eps * z)
    return y + dt * z, z


class CoRNN(CellNetwork):
    """coRNN (Rusch & Mishra 2021): z' = z + dt (tanh(W y + W_z z + V x + b) - gamma y - eps z), y' = y + dt z'.

    State: y, z. The defaults are those for permuted sequential MNIST.

    Parameters
    ----------
    dt, gamma, eps : float
        Step size, stiffness and damping.
    """

    cell = Cell(_cornn, kernel=5, states=2, gates=1, inputs=1, products=(Product(0, 1, (0, 1)),))

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None, dt=0.076, gamma=0.4, eps=8.0):
        for name, value in (("dt", dt), ("gamma", gamma), ("eps", eps)):
            within(name, value, 0, math.inf)
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.constants = (float(dt), float(gamma), float(eps))
        self.weight_ih = nn.Parameter(torch.empty(n_hidden, n_inputs))
        self.weight_hh = nn.Parameter(torch.empty(n_hidden, 2 * n_hidden))  # [W, W_z]
        self.bias = nn.Parameter(torch.empty(n_hidden))
        uniform_((self.weight_ih, self.weight_hh, self.bias), n_inputs + 2 * n_hidden, generator)
        uniform_(self.readout.parameters(), n_hidden, generator)

    def operands(self):
        return self.weight_ih, self.bias, (self.weight_hh,)


def _lipschitz(gates, state, weights, constants):
    (h,), (eps,) = state, constants
    w, a = (gates + h @ weights[0].T).chunk(2, -1)
    return (h + eps * (a + torch.tanh(w)),)


class Lipschitz(CellNetwork):
    """LipschitzRNN (Erichson et al. 2021): h' = h + eps (A h + tanh(W h + U x + b)).

    A = beta (M - M^T) + (1 - beta) (M + M^T) - gamma I, and W likewise from a matrix of its own. The defaults are
    those for sequential MNIST.

    Parameters
    ----------
    eps : float
        Step size.
    beta : float
        From symmetric (0) to skew-symmetric (1).
    gamma : float
        Diffusion.
    scale : float
        The matrices are drawn with standard deviation scale / H.
    """

    cell = Cell(_lipschitz, kernel=6, states=1, gates=2, inputs=1, products=(Product(0, 2, (0,)),))

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, eps=0.03, beta=0.75, gamma=0.001, scale=1.0
    ):  # fmt: skip
        within("eps", eps, 0, math.inf)
        within("beta", beta, 0, 1, "[]")
        within("gamma", gamma, 0, math.inf, "[)")
        within("scale", scale, 0, math.inf, "[)")
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.constants, self.beta, self.gamma = (float(eps),), beta, gamma
        self.weight_ih = _normal((n_hidden, n_inputs), (2 / (n_inputs + n_hidden)) ** 0.5, generator)
        self.weight_hh = _normal((n_hidden, n_hidden), scale / n_hidden, generator)
        self.weight_linear = _normal((n_hidden, n_hidden), scale / n_hidden, generator)
        self.bias = nn.Parameter(torch.zeros(n_hidden))
        uniform_(self.readout.parameters(), n_hidden, generator)

    def operands(self):
        b = self.beta
        W, A = (
            _minus_identity(b * (M - M.T) + (1 - b) * (M + M.T), self.gamma)
            for M in (self.weight_hh, self.weight_linear)
        )
        return self.weight_ih, pad(self.bias, (0, self.n_hidden)), (torch.cat([W, A]),)


def _lem(gates, state, weights, constants):
    (y, z), (dt,) = state, constants
    H = y.shape[-1]
    d1, d2, az = (gates[..., : 3 * H] + y @ weights[0].T).chunk(3, -1)
    z = z + dt * torch.sigmoid(d1) * (torch.tanh(az) - z)
    y = y + dt * torch.sigmoid(d2) * (torch.tanh(gates[..., 3 * H :] + z @ weights[1].T) - y)
    return y, z


class LEM(CellNetwork):
    """Long expressive memory (Rusch et al. 2022).

    d1, d2 = dt sigmoid(W1 y + V1 x + b1), dt sigmoid(W2 y + V2 x + b2); z' = (1 - d1) z + d1 tanh(Wz y + Vz x + bz);
    y' = (1 - d2) y + d2 tanh(Wy z' + Vy x + by). State: y, z. The default is that for permuted sequential MNIST.

    Parameters
    ----------
    dt : float
        Step size.
    """

    cell = Cell(
        _lem, kernel=7, states=2, gates=4, inputs=4, products=(Product(0, 3, (0,)), Product(3, 1, (1,), new=True))
    )

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None, dt=0.31):
        within("dt", dt, 0, math.inf)
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.constants = (float(dt),)
        self.weight_ih = nn.Parameter(torch.empty(4 * n_hidden, n_inputs))  # [V1, V2, Vz, Vy]
        self.weight_hh = nn.Parameter(torch.empty(3 * n_hidden, n_hidden))  # [W1, W2, Wz]
        self.weight_zy = nn.Parameter(torch.empty(n_hidden, n_hidden))  # Wy
        self.bias = nn.Parameter(torch.empty(4 * n_hidden))
        uniform_(self.parameters(), n_hidden, generator)

    def operands(self):
        return self.weight_ih, self.bias, (self.weight_hh, self.weight_zy)


class LRU(BlockNetwork):
    """Linear recurrent units (Orvieto et al. 2023): blocks of a complex diagonal recurrence and a gated readout of it.

    The input is encoded to u (H); every block takes it to u + GLU(GELU(y)), with x = LayerNorm(u) and
    h' = lambda h + exp(g) B x, y = Re(C h') + D x, lambda = exp(-exp(nu) + i exp(theta)).
    State: real and imaginary parts of the H numbers h in turn, block after block.

    Parameters
    ----------
    layers : int
        Number of blocks.
    r_min, r_max : float
        |lambda| is drawn uniformly (by area) between them.
    max_phase : float
        Phases are drawn uniformly between 0 and this.
    """

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, layers=1, r_min=0.9, r_max=0.999, max_phase=2 * math.pi
    ):  # fmt: skip
        within("r_max", r_max, 0, 1)
        within("r_min", r_min, 0, r_max, "[)")
        within("max_phase", max_phase, 0, 2 * math.pi, "(]")
        ring = r_min, r_max, max_phase
        super().__init__(n_inputs, n_outputs, n_hidden, generator, lambda: LRUBlock(n_hidden, generator, *ring), layers)


def _normal(shape: tuple[int, ...], deviation: float, generator: Generator | None) -> nn.Parameter:
    return nn.Parameter(deviation * torch.randn(shape, generator=generator))


def _minus_identity(W: Tensor, gamma: float) -> Tensor:
    return W - gamma * torch.eye(len(W), dtype=W.dtype, device=W.device)
