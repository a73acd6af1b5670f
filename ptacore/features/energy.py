"""The energy that a hidden unit climbs by itself, E(w) = |Y~^T sigma(X w)|^2 / 2, and its maxima on the sphere."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ptacore.checks import choice, integer
from ptacore.features.network import ACTIVATIONS, check_pairs, preactivation
from ptacore.features.signal import centred, one_hot


class Energy:
    """E(w) of units with weights w (B, 2 M) on given pairs; its gradient is the unit's own part of the learning signal.

    Parameters
    ----------
    pairs : Tensor (n, 2) of int64
    targets : Tensor (n,) of int64
    M : int
        Elements, which are the classes.
    activation : {"square", "relu", "silu"}

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Examples
    --------
    The largest value for addition is M/4, at any single frequency:

    >>> from ptacore.features import all_pairs, cyclic
    >>> energy = Energy(*all_pairs(cyclic(5)), 5)
    >>> wave = torch.cos(2 * torch.pi * torch.arange(5, dtype=torch.float64) / 5).repeat(2)
    >>> energy(wave[None] / wave.norm()).round(decimals=6)
    tensor([1.2500], dtype=torch.float64)
    """

    def __init__(self, pairs: Tensor, targets: Tensor, M: int, activation: str = "square"):
        self.pairs, self.M = pairs, integer("M", M, 2)
        check_pairs(pairs, targets, self.M)
        self.sigma = ACTIVATIONS[choice("activation", activation, ACTIVATIONS)]
        self.targets = centred(one_hot(targets, self.M))

    def __call__(self, w: Tensor) -> Tensor:
        """E, (B, 2 M) -> (B,)."""
        return (self.targets.mT @ self.sigma(preactivation(w.mT, self.pairs))[0]).square().sum(0) / 2

    def without(self, learned: Tensor, eta: float) -> Energy:
        """The energy that is left once other units are learned (Theorem 7), |Y~^T P_eta sigma(X w)|^2 / 2.

        Parameters
        ----------
        learned : Tensor (n, K)
            Activities of those units.
        eta : float
            Weight decay of the ridge solution, whose residual P_eta is.
        """
        F, new = centred(learned), copy.copy(self)
        inner = torch.linalg.solve(F.mT @ F + eta * torch.eye(F.shape[1], dtype=F.dtype), F.mT @ self.targets)
        new.targets = self.targets - F @ inner
        return new

    def gradient(self, w: Tensor) -> Tensor:
        """X^T (sigma'(X w) * (Y~ Y~^T sigma(X w))), (B, 2 M) -> (B, 2 M)."""
        F, slope = self.sigma(preactivation(w.mT, self.pairs))
        back = slope * (self.targets @ (self.targets.mT @ F))
        total = F.new_zeros(2 * self.M, F.shape[1])
        return total.index_add_(0, self.pairs[:, 0], back).index_add_(0, self.pairs[:, 1] + self.M, back).mT

    def hessian(self, w: Tensor) -> Tensor:
        """Hessian on the unit sphere at one w (2 M,), in an orthonormal basis of its tangent space, (2 M - 1, 2 M - 1).

        The second derivative less the slope along w, which the sphere's curvature takes off.
        """
        with torch.enable_grad():
            full = torch.autograd.functional.hessian(lambda v: self(v[None])[0], w)
        along = self.gradient(w[None])[0] @ w
        basis = torch.linalg.svd(w[None], full_matrices=True)[2][1:]
        return basis @ full @ basis.mT - along * torch.eye(len(basis), dtype=w.dtype)

    def ascend(self, w: Tensor, steps: int = 2000, tolerance: float = 1e-10) -> Tensor:
        """Climb E on the unit sphere from w (B, 2 M): w <- w + gradient / (w . gradient), normalized.

        Ends when no unit turns by more than the tolerance in a step.
        """
        w = w / w.norm(dim=1, keepdim=True)
        for _ in range(integer("steps", steps, 1)):
            g = self.gradient(w)
            new = w + g / (g * w).sum(1, keepdim=True).clamp_min(torch.finfo(w.dtype).tiny)
            new /= new.norm(dim=1, keepdim=True)
            turned = float((new - w).norm(dim=1).max())
            w = new
            if turned < tolerance:
                break
        return w


def maximum(M: int, degree: int = 1, paired: bool = True) -> float:
    """Energy of a pure feature of unit length with sigma = x^2 on all pairs.

    M/(4 d) for a pair of conjugate representations of dimension d, M/(2 d) for a real one.

    Four times the values that the source gives (M/16 and M/8), whose proof has the product of both inputs once
    instead of twice.

    Examples
    --------
    >>> maximum(23), maximum(24, paired=False)
    (5.75, 12.0)
    """
    return M / (4 if paired else 2) / degree
