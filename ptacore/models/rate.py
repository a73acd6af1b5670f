"""The paper's recurrent networks as dynamical systems: Eqs. 12, 20, 21, S1 and S2."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.checks import to_tensor, within
from ptacore.kernels.tangents import INSIDE, MAP, OUTSIDE, Form, network_kernel
from ptacore.models.system import System


def matrix(value, name: str, dtype: torch.dtype) -> Tensor:
    W = to_tensor(value, name, dtype).clone()  # not a view of the user's array
    if W.ndim < 2 or W.shape[-1] != W.shape[-2] or W.shape[-1] == 0:
        raise ValueError(f"{name}: expected a square matrix (..., n, n), got shape {tuple(W.shape)}")
    if not torch.isfinite(W).all():
        raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
    return W


def vector(value, name: str, W: Tensor) -> Tensor:
    if value is None:
        return W.new_zeros(W.shape[-1])
    b = to_tensor(value, name, W.dtype, W.device).clone()  # see `matrix`
    if b.ndim == 0:
        b = b.expand(W.shape[-1])
    if b.shape[-1] != W.shape[-1]:
        raise ValueError(f"{name}: expected shape (..., {W.shape[-1]}), got {tuple(b.shape)}")
    if not torch.isfinite(b).all():
        raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
    return b


def matvec(W: Tensor, x: Tensor) -> Tensor:
    return x @ W.mT if W.ndim == 2 else (W @ x[..., None])[..., 0]


def slope_of_tanh(u: Tensor) -> Tensor:
    """cosh^-2; 1 - tanh^2 has no digits left at |u| = 18. An infinite cosh would make a gradient NaN.

    Examples
    --------
    >>> u = torch.tensor([0.0, 1.0, 1000.0], dtype=torch.float64, requires_grad=True)
    >>> slope_of_tanh(u).sum().backward()
    >>> [round(v, 3) + 0.0 for v in u.grad.tolist()]
    [0.0, -0.64, 0.0]
    """
    largest = math.log(torch.finfo(u.dtype).max)
    return torch.cosh(u.clamp(-largest, largest)).pow(-2)


class LinearFlow(System):
    """Linear flow dx/dt = A x + b (Eq. 12 with a constant input).

    Parameters
    ----------
    A : array (..., n, n)
        Its eigenvalues' real parts are the Lyapunov exponents (Eqs. 13-14).
    b : array (..., n) or float, optional
        Constant input; zero by default.

    Raises
    ------
    ValueError
        If A is not square, shapes do not match, or an entry is not finite; the message names the argument.

    Examples
    --------
    >>> LinearFlow([[0.0, -1.0], [1.0, 0.0]])(torch.tensor([1.0, 0.0], dtype=torch.float64))
    tensor([0., 1.], dtype=torch.float64)
    """

    kind, smooth_jvp = "flow", True

    def __init__(self, A, b=None, dtype: torch.dtype = torch.float64):
        self.A = matrix(A, "A", dtype)
        self.b = vector(b, "b", self.A)
        self.dim, self.dtype, self.device = self.A.shape[-1], dtype, self.A.device

    def __call__(self, x):
        return matvec(self.A, x) + self.b

    def jacobian(self, x):
        return self.A.expand(*x.shape, self.dim)

    def __repr__(self):
        return f"LinearFlow(n={self.dim})"


class _Network(System):
    """Weights W (..., n, n), bias b (..., n), time constant tau, pointwise nonlinearity.

    W and b may carry batch axes that broadcast against those of the state: many networks in one call.
    """

    smooth_jvp = True
    compiled_from = 0
    nonlinearity = "tanh"  # or "relu"
    form: int  # of `kernels.tangents`

    def __init__(self, W, b=None, tau: float = 1.0, dtype: torch.dtype = torch.float64):
        self.W = matrix(W, "W", dtype)
        self.b = vector(b, "b", self.W)
        self.tau = within("tau", tau, 0, math.inf)
        self.dim, self.dtype, self.device = self.W.shape[-1], dtype, self.W.device

    def kernel(self, dt):
        own = type(self).__module__ == __name__  # a subclass of somebody else may compute something else
        if not own or (isinstance(self.tau, Tensor) and self.tau.numel() > 1):
            return None
        return network_kernel(Form(self.form, self.nonlinearity == "tanh", self.W, self.b, dt / self.tau))

    def _phi(self, u: Tensor) -> Tensor:
        return torch.relu(u) if self.nonlinearity == "relu" else torch.tanh(u)

    def _slope(self, u: Tensor) -> Tensor:
        if self.nonlinearity == "relu":
            return (u > 0).to(u.dtype)
        return slope_of_tanh(u)

    def __repr__(self):
        return f"{type(self).__name__}(n={self.dim}, tau={self.tau:g})"


class _RateNetwork(_Network):
    """tau dx/dt = -x + phi(W x + b)."""

    kind, form = "flow", INSIDE

    def __call__(self, x):
        return (self._phi(matvec(self.W, x) + self.b) - x) / self.tau

    def jacobian(self, x):
        eye = torch.eye(self.dim, dtype=x.dtype, device=x.device)
        return (self._slope(matvec(self.W, x) + self.b)[..., None] * self.W - eye) / self.tau

    def jvp(self, x, V):
        u = matvec(self.W, x) + self.b
        y, slope = self._phi(u), self._slope(u)
        return (y - x) / self.tau, (slope[..., None] * (self.W @ V) - V) / self.tau

    def vjp(self, x, P):
        slope = self._slope(matvec(self.W, x) + self.b)
        return (self.W.mT @ (slope[..., None] * P) - P) / self.tau


class ReLUFlow(_RateNetwork):
    """Threshold-linear network dx/dt = -x + ReLU(W x + b) (Eq. S1; time in units of tau).

    Parameters
    ----------
    W : array (..., n, n)
        Recurrent weights; W_ij goes from unit j to unit i.
    b : array (..., n) or float, optional
        Bias; zero by default.
    tau : float
        Time constant.

    Raises
    ------
    ValueError
        If W is not square, shapes do not match, an entry is not finite or tau is not positive.

    Examples
    --------
    >>> ReLUFlow([[0.0, -1.0], [-1.0, 0.0]], b=1.0)(torch.tensor([0.25, 0.75], dtype=torch.float64))
    tensor([0., 0.], dtype=torch.float64)
    """

    nonlinearity = "relu"


class TanhFlow(_Network):
    """Network of currents tau dx/dt = -x + W tanh(x) + b (Eq. S2).

    Parameters
    ----------
    W : array (..., n, n)
        Recurrent weights; W_ij goes from unit j to unit i.
    b : array (..., n) or float, optional
        Bias; zero by default, as in the paper.
    tau : float
        Time constant; rates and exponents are per unit of the same time.

    Raises
    ------
    ValueError
        If W is not square, shapes do not match, an entry is not finite or tau is not positive.

    Examples
    --------
    >>> TanhFlow([[2.0]], tau=0.01).jacobian(torch.zeros(1, dtype=torch.float64))
    tensor([[100.]], dtype=torch.float64)
    """

    kind, form = "flow", OUTSIDE

    def __call__(self, x):
        return (matvec(self.W, self._phi(x)) + self.b - x) / self.tau

    def jacobian(self, x):
        eye = torch.eye(self.dim, dtype=x.dtype, device=x.device)
        return (self.W * self._slope(x)[..., None, :] - eye) / self.tau

    def jvp(self, x, V):
        y, slope = self._phi(x), self._slope(x)
        return (matvec(self.W, y) + self.b - x) / self.tau, (self.W @ (slope[..., None] * V) - V) / self.tau

    def vjp(self, x, P):
        return (self._slope(x)[..., None] * (self.W.mT @ P) - P) / self.tau


class TanhRateFlow(_RateNetwork):
    """Continuous-time tanh network tau dx/dt = -x + tanh(W x + b) (Eq. 20; the paper has tau = 1, b = 0).

    Parameters
    ----------
    W : array (..., n, n)
        Recurrent weights.
    b : array (..., n) or float, optional
        Bias; zero by default.
    tau : float
        Time constant.

    Raises
    ------
    ValueError
        If W is not square, shapes do not match, an entry is not finite or tau is not positive.

    Examples
    --------
    >>> TanhRateFlow([[0.0, -1.0], [1.0, 0.0]])(torch.zeros(2, dtype=torch.float64))
    tensor([0., 0.], dtype=torch.float64)
    """

    bound = 1.0


class TanhMap(_Network):
    """Discrete-time tanh network x(t + 1) = tanh(W x(t) + b) (Eq. 21; the paper has b = 0).

    Parameters
    ----------
    W : array (..., n, n)
        Recurrent weights.
    b : array (..., n) or float, optional
        Bias; zero by default.

    Raises
    ------
    ValueError
        If W is not square, shapes do not match or an entry is not finite.

    Examples
    --------
    >>> TanhMap([[0.5]]).jacobian(torch.zeros(1, dtype=torch.float64))
    tensor([[0.5000]], dtype=torch.float64)
    """

    bound = 1.0

    kind, form = "map", MAP

    def __init__(self, W, b=None, dtype: torch.dtype = torch.float64):
        super().__init__(W, b, 1.0, dtype)

    def __call__(self, x):
        return self._phi(matvec(self.W, x) + self.b)

    def jacobian(self, x):
        return self._slope(matvec(self.W, x) + self.b)[..., None] * self.W

    def jvp(self, x, V):
        u = matvec(self.W, x) + self.b
        y, slope = self._phi(u), self._slope(u)
        return y, slope[..., None] * (self.W @ V)

    def vjp(self, x, P):
        return self.W.mT @ (self._slope(matvec(self.W, x) + self.b)[..., None] * P)
