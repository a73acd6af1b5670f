"""The signal G_F that reaches the lower layer: what it is, and its closed forms where only the top layer learns."""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot(targets: Tensor, M: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Y, (n,) -> (n, M)."""
    return torch.nn.functional.one_hot(targets, M).to(dtype)


def centred(A: Tensor) -> Tensor:
    """P A with P = I - 11^T/n: zero mean over samples, (..., n, m) -> (..., n, m)."""
    return A - A.mean(-2, keepdim=True)


def signal(F: Tensor, Y: Tensor, V: Tensor) -> Tensor:
    """G_F = P (Y - F V) V^T, minus the gradient of |P (Y - F V)|^2 / 2 by the hidden activities F.

    Parameters
    ----------
    F : Tensor (n, K)
        Hidden activities.
    Y : Tensor (n, M)
        Targets.
    V : Tensor (K, M)
        Weights of the top layer.

    Returns
    -------
    Tensor (n, K)
    """
    return centred(Y - F @ V) @ V.mT


def ridge(F: Tensor, Y: Tensor, eta: float) -> Tensor:
    """The top layer that minimizes |P (Y - F V)|^2 / 2 + eta |V|^2 / 2, (K, M)."""
    F, Y = centred(F), centred(Y)
    if len(F) < F.shape[1]:  # the smaller of the two systems
        return F.mT @ torch.linalg.solve(F @ F.mT + eta * _eye(len(F), F), Y)
    return torch.linalg.solve(F.mT @ F + eta * _eye(F.shape[1], F), F.mT @ Y)


def first_signal(F: Tensor, Y: Tensor) -> Tensor:
    """Y~ Y~^T F~: the signal's rate of growth from V = 0 (Proposition 1), (n, K)."""
    F, Y = centred(F), centred(Y)
    return Y @ (Y.mT @ F)


def lasting_signal(F: Tensor, Y: Tensor, eta: float) -> Tensor:
    """The signal once V is the ridge solution (Proposition 1), in three factors of the source, (n, K).

    eta (F~ F~^T + eta)^-1 Y~ Y~^T F~ (F~^T F~ + eta)^-1; zero without decay where the targets can be fitted.
    """
    F, Y = centred(F), centred(Y)
    left = torch.linalg.solve(F @ F.mT + eta * _eye(len(F), F), Y)
    right = torch.linalg.solve(F.mT @ F + eta * _eye(F.shape[1], F), F.mT @ Y)
    return eta * left @ right.mT


def strength(F: Tensor, Y: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
    """Norm of the signal, and its cosine with `first_signal`, in which each unit is told of the targets by itself.

    Both from products of M x M matrices, without any of the size of the hidden activities.
    """
    R, Y = centred(Y - F @ V), centred(Y)
    C = Y.mT @ F
    size = ((R.mT @ R) * (V.mT @ V)).sum().sqrt()
    along = ((R.mT @ Y) * (C @ V).mT).sum()
    first = ((Y.mT @ Y) * (C @ C.mT)).sum().sqrt()
    return size, along / (size * first).clamp_min(torch.finfo(F.dtype).tiny)


def gram_ratio(F: Tensor) -> Tensor:
    """How far F^T F is from a diagonal: mean size of its entries off the diagonal over the mean on it."""
    gram = F.mT @ F
    on, K = gram.diagonal().sum(), len(gram)
    return (gram.abs().sum() - on) / (K - 1) / on


def gram_distance(F: Tensor) -> Tensor:
    """How far F F^T is from a I + b 11^T, relative to its size: the samples' side of `gram_ratio`."""
    gram = F @ F.mT
    n = len(gram)
    trace, total = gram.diagonal().sum(), gram.sum()
    b = (total - trace) / (n * (n - 1))
    rest = gram - b
    rest.diagonal().sub_(trace / n - b)
    return rest.norm() / gram.norm()


def interaction(F: Tensor, eta: float) -> Tensor:
    """B = (F~^T F~ + eta I)^-1, the mixing of units in the exact signal, (K, K).

    By Woodbury's identity B = (I - F~^T (F~ F~^T + eta I)^-1 F~) / eta where there are fewer samples than units.
    """
    F = centred(F)
    n, K = F.shape
    if n < K:
        return (_eye(K, F) - F.mT @ torch.linalg.solve(F @ F.mT + eta * _eye(n, F), F)) / eta
    return torch.linalg.inv(F.mT @ F + eta * _eye(K, F))


def repulsion(F: Tensor, eta: float, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides of Theorem 6 for pairs of units: B_jl, and f~_j^T P f~_l with P the ridge residual without j and l.

    Their signs are opposite. The second side is computed from the other units alone, so that it tests the first.

    Parameters
    ----------
    F : Tensor (n, K)
    eta : float
    pairs : Tensor (m, 2) of int64
        Units j and l.

    Returns
    -------
    B_jl, f~_j^T P_{eta,-jl} f~_l : Tensor (m,)
    """
    B, F = interaction(F, eta), centred(F)
    j, others = pairs[:, 0], pairs[:, 1]
    return B[j, others], torch.stack([_without(F, eta, int(a), int(b)) for a, b in pairs])


def _without(F: Tensor, eta: float, j: int, other: int) -> Tensor:
    rest = F[:, [k for k in range(F.shape[1]) if k not in (j, other)]]
    fj, fl = F[:, j], F[:, other]
    inner = torch.linalg.solve(rest.mT @ rest + eta * _eye(rest.shape[1], F), rest.mT @ fl)
    return fj @ fl - (rest.mT @ fj) @ inner


def _eye(n: int, like: Tensor) -> Tensor:
    return torch.eye(n, dtype=like.dtype, device=like.device)
