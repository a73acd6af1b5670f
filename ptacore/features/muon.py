"""Muon as the source uses it: the lower layer moves along the polar factor of its momentum, the upper one by Adam."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ptacore.checks import within

QUINTIC = (
    (4.01, -9.22, 5.80),
    (3.49, -6.38, 3.23),
    (3.34, -6.21, 3.20),
    (3.64, -7.48, 4.43),
    (3.46, -5.35, 2.85),
)
"""Coefficients of x -> a x + b x^3 + c x^5, one row a step: singular values are driven towards 1."""


def orthogonalize(m: Tensor) -> Tensor:
    """Nearly U V^T of m = U S V^T, by five odd polynomials of degree 5.

    Singular values are not 1 but of that order; those far below the largest one stay short. In single precision the
    directions are those of m; in half precision, as optimizers of libraries have it, small ones are noise.

    Parameters
    ----------
    m : Tensor (a, b)

    Returns
    -------
    Tensor (a, b)

    Examples
    --------
    >>> m = torch.diag(torch.tensor([1.0, 0.5, 0.1]))
    >>> values = torch.linalg.svdvals(orthogonalize(m))
    >>> bool(values.min() > 0.6), bool(values.max() < 1.4)
    (True, True)
    """
    x = m.mT if m.shape[0] > m.shape[1] else m
    x = x / x.norm().clamp_min(torch.finfo(m.dtype).tiny)
    for a, b, c in QUINTIC:
        A = x @ x.mT
        x = a * x + (b * A + c * A @ A) @ x
    return x.mT if m.shape[0] > m.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Momentum m <- beta m + (1 - beta) g, step -lr times `orthogonalize` of m, decay lr lambda beside the step.

    Parameters
    ----------
    params : iterable of Tensor
        Matrices.
    lr : float
    beta : float
        Of the momentum.
    weight_decay : float
        lambda.

    Raises
    ------
    ValueError
        If a number is out of range or a parameter is not a matrix.

    Examples
    --------
    >>> W = nn.Parameter(torch.ones(2, 3))
    >>> optimizer = Muon([W], lr=0.1)
    >>> W.square().sum().backward()
    >>> optimizer.step()
    >>> bool((W < 1).all())
    True
    """

    def __init__(self, params, lr: float = 1e-3, beta: float = 0.99, weight_decay: float = 0.0):
        within("lr", lr, 0, 1000, "(]")
        within("beta", beta, 0, 1, "[)")
        within("weight_decay", weight_decay, 0, float("inf"), "[)")
        super().__init__(params, {"lr": lr, "beta": beta, "weight_decay": weight_decay})
        if wrong := [tuple(p.shape) for group in self.param_groups for p in group["params"] if p.ndim != 2]:
            raise ValueError(f"params: expected matrices, got shape {wrong[0]}")

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - group["beta"])
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(orthogonalize(m), alpha=-group["lr"])


class MuonAndAdam:
    """Both optimizers of a `TwoLayer`: `Muon` for W, Adam for V.

    Parameters
    ----------
    network : TwoLayer
    lr, weight_decay : float
        Of both.
    """

    def __init__(self, network: nn.Module, lr: float, weight_decay: float):
        self.parts = (
            Muon([network.W], lr=lr, weight_decay=weight_decay),
            torch.optim.Adam([network.V], lr=lr, weight_decay=weight_decay),
        )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        """Move both layers."""
        for part in self.parts:
            part.step()
