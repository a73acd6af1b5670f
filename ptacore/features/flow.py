"""Learning as a dynamical system: the gradient flow of both layers, whose Jacobian is minus the Hessian of the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from ptacore.checks import choice, floating, integer, within
from ptacore.features.network import ACTIVATIONS, check_pairs
from ptacore.features.signal import one_hot
from ptacore.models.system import System

CURVED = {
    "square": lambda z: torch.full_like(z, 2.0),
    "relu": torch.zeros_like,
    "silu": lambda z: z.sigmoid() * (1 - z.sigmoid()) * (2 + z * (1 - 2 * z.sigmoid())),
}


class LearningFlow(System):
    """dx/dt = -grad J(x), J = |P (Y - sigma(X W) V)|^2 / 2 + eta |x|^2 / 2, of x = all entries of W, then of V.

    The Jacobian is minus the Hessian: symmetric, so that its eigenvalues are rates of learning (negative), of
    forgetting a detail of the start (also negative) and of leaving a saddle (positive). With sigma = x^2 the size
    |w_j|^2 - 2 |v_j|^2 of each unit decays at exactly 2 eta, whatever the data.

    Parameters
    ----------
    pairs : Tensor (n, 2) of int64
    targets : Tensor (n,) of int64
    M, K : int
        Elements and hidden units; the state has 3 M K entries.
    eta : float
        Weight decay. For `TwoLayer.loss` with decay lambda it is n lambda / 2, with time n / 2 times slower.
    activation : {"square", "relu", "silu"}
    dtype : torch.dtype

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Examples
    --------
    >>> from ptacore.features import all_pairs, cyclic
    >>> flow = LearningFlow(*all_pairs(cyclic(3)), M=3, K=2, eta=0.1)
    >>> x = torch.zeros(18, dtype=torch.float64)
    >>> torch.linalg.eigvalsh(flow.jacobian(x)).unique().round(decimals=6)
    tensor([-0.1000], dtype=torch.float64)
    """

    kind = "flow"

    def __init__(
        self,
        pairs: Tensor,
        targets: Tensor,
        M: int,
        K: int,
        eta: float = 0.0,
        activation: str = "square",
        dtype: torch.dtype = torch.float64,
    ):
        self.M, self.K = integer("M", M, 2), integer("K", K, 1)
        check_pairs(pairs, targets, self.M)
        self.eta = within("eta", eta, 0, float("inf"), "[)")
        self.sigma = ACTIVATIONS[choice("activation", activation, ACTIVATIONS)]
        self.curved = CURVED[activation]
        self.dim, self.dtype = 3 * self.M * self.K, floating("dtype", dtype)
        self.X = torch.cat([one_hot(pairs[:, i], self.M, self.dtype) for i in (0, 1)], 1)
        Y = one_hot(targets, self.M, dtype)
        self.Y = Y - Y.mean(0)

    def pack(self, W: Tensor, V: Tensor) -> Tensor:
        """The state: (..., 2 M, K), (..., K, M) -> (..., 3 M K)."""
        return torch.cat([W.flatten(-2), V.flatten(-2)], -1)

    def unpack(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both layers of a state, the inverse of `pack`."""
        W, V = x.split([2 * self.M * self.K, self.M * self.K], -1)
        return W.unflatten(-1, (2 * self.M, self.K)), V.unflatten(-1, (self.K, self.M))

    def loss(self, x: Tensor) -> Tensor:
        """J, (..., 3 M K) -> (...)."""
        W, V = self.unpack(x)
        return self._residual(self.sigma(self.X @ W)[0], V).square().sum((-2, -1)) / 2 + self.eta / 2 * x.square().sum(
            -1
        )

    def _residual(self, F: Tensor, V: Tensor) -> Tensor:
        out = F @ V
        return self.Y - out + out.mean(-2, keepdim=True)

    def __call__(self, x: Tensor) -> Tensor:
        W, V = self.unpack(x)
        F, slope = self.sigma(self.X @ W)
        R = self._residual(F, V)
        return self.pack(self.X.mT @ (slope * (R @ V.mT)), F.mT @ R) - self.eta * x

    def jvp(self, x: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        W, top = self.unpack(x)
        z = self.X @ W
        F, slope = self.sigma(z)
        R = self._residual(F, top)
        G = R @ top.mT
        field = self.pack(self.X.mT @ (slope * G), F.mT @ R) - self.eta * x
        z, F, slope, R, G, top = (a.unsqueeze(-3) for a in (z, F, slope, R, G, top))  # an axis for the tangents
        tangents = V.mT
        dW, dV = self.unpack(tangents)
        dz = self.X @ dW
        dout = (slope * dz) @ top + F @ dV
        dR = dout.mean(-2, keepdim=True) - dout
        down = self.X.mT @ (self.curved(z) * dz * G + slope * (dR @ top.mT + R @ dV.mT))
        up = (slope * dz).mT @ R + F.mT @ dR
        return field, (self.pack(down, up) - self.eta * tangents).mT

    def vjp(self, x: Tensor, P: Tensor) -> Tensor:
        return self.jvp(x, P)[1]

    def jacobian(self, x: Tensor) -> Tensor:
        identity = torch.eye(self.dim, dtype=x.dtype, device=x.device)
        return self.jvp(x, identity.expand(*x.shape, self.dim))[1]
