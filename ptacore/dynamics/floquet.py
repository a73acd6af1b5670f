"""Floquet multipliers of a product of many matrices, with those that are far below rounding."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PASSES = 12


def multipliers(P: Tensor, along: Tensor | None = None, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the product P[-1] ... P[0], as logarithms of their moduli and phases, largest first.

    The orthogonal basis that the factors carry round is iterated until it comes back to itself, or to subspaces
    whose rates are close; the eigenvalues of the triangular blocks are taken with each block's size set aside. So they
    are right far below the rounding error of the product, as long as each factor by itself is.

    Parameters
    ----------
    P : Tensor (S, n, n)
        Factors, the first acts first.
    along : Tensor (S + 1, n), optional
        Vectors that the factors carry into each other and that come back, the flow's velocity: its multiplier is split
        off, so that it does not mix with others that are 1.
    noise : Tensor (S, n, n), optional
        Errors of the factors. What a factor leaves of a direction is taken for zero if it is below them.

    Returns
    -------
    log_modulus, phase : Tensor (n,)
        In double precision. The logarithm is -inf where a factor is singular to rounding.

    Examples
    --------
    >>> P = torch.tensor([[1.0, 5.0], [0.0, 1e-6]], dtype=torch.float64).repeat(10, 1, 1)
    >>> [round(v, 9) for v in (multipliers(P)[0] / math.log(10)).tolist()]
    [0.0, -60.0]
    """
    eps = torch.finfo(P.dtype).eps
    P = P.double().cpu()
    if along is None:
        size, phase = _eigenvalues(P, torch.zeros_like(P) if noise is None else noise.double().cpu(), eps)
    else:
        f = along.double().cpu()
        f = f / f.norm(dim=-1, keepdim=True)
        stretch = torch.einsum("si,sij,sj->s", f[1:], P, f[:-1])
        frames = torch.linalg.qr(f[..., None], mode="complete").Q[..., 1:]  # (S + 1, n, n - 1)
        frames[-1] = frames[0]
        across = frames[1:].mT @ P @ frames[:-1]
        size, phase = _eigenvalues(across, torch.zeros_like(across), eps)
        size = torch.cat([_along(P, stretch.prod()).log()[None], size])
        phase = torch.cat([phase.new_zeros(1), phase])
    order = size.argsort(descending=True, stable=True)
    return size[order], phase[order]


def product(P: Tensor) -> Tensor:
    """P[-1] ... P[1] P[0]."""
    M = P[0]
    for factor in P[1:]:
        M = factor @ M
    return M


def _along(P: Tensor, stretch: Tensor) -> Tensor:
    """The multiplier along the flow: the eigenvalue next to 1, if it stands alone, else by what the velocity grew."""
    values = torch.linalg.eigvals(product(P))
    distance, order = (values - 1).abs().sort()
    alone = len(values) == 1 or distance[1] > 10 * max(distance[0], (stretch - 1).abs())
    return values[order[0]].abs() if alone else stretch.abs()


def _eigenvalues(P: Tensor, noise: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    n = P.shape[-1]
    size, phase = P.new_full((n,), -math.inf), P.new_zeros(n)
    if n == 0:
        return size, phase
    Q = torch.eye(n, dtype=P.dtype)
    for _ in range(PASSES):
        start = Q
        Q, scale, U = _once_round(P, noise, start, eps)
        O = start.T @ Q
        # invariant[i]: the first i vectors span what they spanned a round before
        invariant = [i in (0, n) or bool(O[i:, :i].norm() < 1e-10) for i in range(n + 1)]
        if all(invariant):
            break
    lost = scale.isneginf()
    first = 0
    for last in range(1, n + 1):
        if not (invariant[last] or lost[last - 1] or (last < n and lost[last])):
            continue
        block = slice(first, last)
        top = scale[block].max()
        if not lost[first]:
            C = (scale[block] - top).exp()[:, None] * (U[block, block] @ O[block, block])
            values = torch.linalg.eigvals(C)
            size[block], phase[block] = values.abs().log() + top, values.angle()
        first = last
    return size, phase


def _once_round(P: Tensor, noise: Tensor, Q: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Q carried round: P[-1] ... P[0] Q = Q' diag(exp(scale)) U, with U upper triangular and of moderate size."""
    n = P.shape[-1]
    scale, U = P.new_zeros(n), torch.eye(n, dtype=P.dtype)
    for factor, error in zip(P, noise, strict=True):
        carried = factor @ Q
        Q, R = torch.linalg.qr(carried)
        grown = R.diagonal().abs()
        unknown = 4 * (eps * n * carried.norm(dim=0) + (error @ Q).norm(dim=0))
        grown = torch.where(grown <= unknown, 0.0, grown)
        weights = (scale[None, :] - scale[:, None]).clamp(max=700.0).exp()  # of row k in row i
        weights = torch.where(scale.isneginf() | scale.isneginf()[:, None], 0.0, weights).triu()
        alive = grown > 0
        U = ((R.triu() * weights) @ U) / torch.where(alive, grown, 1.0)[:, None]
        U[~alive] = 0.0
        scale = scale + grown.log()
    return Q, scale, U
