"""Gated recurrent units as dynamical systems: torch's discrete unit, and the flow of Jordan, Sokół and Park."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ptacore.kernels.tangents import INSIDE, MAP, Form, network_kernel
from ptacore.models.rate import matrix, matvec, slope_of_tanh, vector
from ptacore.models.system import System


class _GRU(System):
    """Candidate weights W, gate weights W_r and W_z, biases; zero gate weights are stored as None."""

    bound, smooth_jvp, compiled_from = 1.0, True, 0

    def __init__(self, W, b=None, W_r=None, W_z=None, b_r=None, b_z=None, dtype: torch.dtype = torch.float64):
        self.W = matrix(W, "W", dtype)
        self.dim, self.dtype, self.device = self.W.shape[-1], dtype, self.W.device
        self.W_r, self.W_z = self._gate(W_r, "W_r"), self._gate(W_z, "W_z")
        self.b, self.b_r, self.b_z = (vector(v, s, self.W) for v, s in ((b, "b"), (b_r, "b_r"), (b_z, "b_z")))

    def _gate(self, value, name: str) -> Tensor | None:
        if value is None:
            return None
        weights = matrix(value, name, self.dtype)
        if weights.shape[-1] != self.dim:
            raise ValueError(f"{name}: expected shape (..., {self.dim}, {self.dim}), got {tuple(weights.shape)}")
        return weights if (weights != 0).any() else None

    def _gates(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Reset gate r and update gate z at h: (..., n) each."""
        r, z = (
            torch.sigmoid(b if weights is None else matvec(weights, h) + b)
            for weights, b in ((self.W_r, self.b_r), (self.W_z, self.b_z))
        )
        return r, z

    @property
    def gates_are_constant(self) -> bool:
        """Whether both gate weights are zero: the unit is then a leaky tanh network."""
        return self.W_r is None and self.W_z is None

    def ungated(self):
        new = copy.copy(self)
        new.W_z, new.b_z = None, torch.full_like(self.b_z, -torch.inf)
        return new

    def kernel(self, dt):
        renewed = 1 - torch.sigmoid(self.b_z)
        own = type(self).__module__ == __name__ and self.gates_are_constant
        if not own or (renewed != renewed.flatten()[0]).any():
            return None
        r = torch.sigmoid(self.b_r)
        W = r[..., None] * self.W if self.kind == "map" else self.W * r[..., None, :]
        return network_kernel(Form(self.form, True, W, self.b, dt * renewed.flatten()[0].item()))

    def _gate_slope(self, weights: Tensor | None, gate: Tensor) -> Tensor:
        """d gate / d h: (..., n, n)."""
        if weights is None:
            return gate.new_zeros(*gate.shape, self.dim)
        return (gate * (1 - gate))[..., None] * weights

    def __repr__(self):
        return f"{type(self).__name__}(n={self.dim})"


class GRUMap(_GRU):
    """Gated recurrent unit in discrete time, as torch computes it, without input.

    ``h(t + 1) = z h + (1 - z) tanh(r (W h) + b)``, with ``r = sigmoid(W_r h + b_r)`` and
    ``z = sigmoid(W_z h + b_z)``, products by element. (torch has a second candidate bias, inside r; it is zero
    here. `ModuleMap` takes a module with all its biases.)

    Parameters
    ----------
    W : array (..., n, n)
        Candidate weights.
    b : array (..., n) or float, optional
        Candidate bias; zero by default.
    W_r, W_z : array (..., n, n), optional
        Weights of the reset and update gates; zero by default. Both gates are then constant, 1/2 with zero
        biases, and the unit is the tanh network ``h <- h/2 + tanh(W h / 2) / 2``.
    b_r, b_z : array (..., n) or float, optional
        Gate biases; zero by default.

    Raises
    ------
    ValueError
        If a matrix is not square, shapes do not match or an entry is not finite; the message names the argument.

    References
    ----------
    K. Cho et al., EMNLP 2014; the documentation of torch.nn.GRU for the place of r.

    Examples
    --------
    >>> GRUMap([[4.0]]).jacobian(torch.zeros(1, dtype=torch.float64))  # 1/2 + 4/4
    tensor([[1.5000]], dtype=torch.float64)
    """

    kind, form = "map", MAP

    def __call__(self, x):
        r, z = self._gates(x)
        return z * x + (1 - z) * torch.tanh(r * matvec(self.W, x) + self.b)

    def jacobian(self, x):
        r, z = self._gates(x)
        u = matvec(self.W, x)
        candidate, slope = torch.tanh(r * u + self.b), slope_of_tanh(r * u + self.b)
        inner = r[..., None] * self.W + u[..., None] * self._gate_slope(self.W_r, r)
        return (
            torch.diag_embed(z.expand_as(x))
            + (x - candidate)[..., None] * self._gate_slope(self.W_z, z)
            + ((1 - z) * slope)[..., None] * inner
        )


class GRUFlow(_GRU):
    """Gated recurrent unit in continuous time [1]_, without input.

    ``dh/dt = (z - 1) (h - tanh(W (r h) + b))``, with ``r = sigmoid(W_r h + b_r)`` and
    ``z = sigmoid(W_z h + b_z)``, products by element.

    Parameters
    ----------
    W : array (..., n, n)
        Candidate weights.
    b : array (..., n) or float, optional
        Candidate bias; zero by default.
    W_r, W_z : array (..., n, n), optional
        Weights of the reset and update gates; zero by default: both gates are then constant, 1/2 with zero
        biases, and the unit is the tanh flow at half the gain and half the speed.
    b_r, b_z : array (..., n) or float, optional
        Gate biases; zero by default.

    Raises
    ------
    ValueError
        If a matrix is not square, shapes do not match or an entry is not finite; the message names the argument.

    References
    ----------
    .. [1] I. D. Jordan, P. A. Sokół, I. M. Park, Frontiers in Computational Neuroscience 15:678158, 2021.

    Examples
    --------
    >>> GRUFlow([[4.0]]).jacobian(torch.zeros(1, dtype=torch.float64))  # (4/2 - 1) / 2
    tensor([[0.5000]], dtype=torch.float64)
    """

    kind, form = "flow", INSIDE

    def __call__(self, x):
        r, z = self._gates(x)
        return (z - 1) * (x - torch.tanh(matvec(self.W, r * x) + self.b))

    def jacobian(self, x):
        r, z = self._gates(x)
        u = matvec(self.W, r * x) + self.b
        candidate, slope = torch.tanh(u), slope_of_tanh(u)
        eye = torch.eye(self.dim, dtype=x.dtype, device=x.device)
        inner = r[..., None] * eye + x[..., None] * self._gate_slope(self.W_r, r)  # d (r h) / d h
        return (z - 1)[..., None] * (eye - slope[..., None] * (self.W @ inner)) + (x - candidate)[
            ..., None
        ] * self._gate_slope(self.W_z, z)
