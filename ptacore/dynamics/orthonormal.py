"""Orthonormal bases of tangent vectors and the lengths of what is new in each, down to what rounding leaves."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.kernels import orthonormal as compiled

PASSES = 50  # of a projection: each gains 16 digits, and doubles have 308
EVEN = 1e-3  # rows that differ by less than this factor: rounding in one is nothing to the others


def orthonormalize(V: Tensor, overwrite: bool = False) -> tuple[Tensor, Tensor]:
    """V = Q R: Q (..., n, k), in the place of V if that may be overwritten, and log |R_ii| (..., k)."""
    if compiled.fits(V):
        return compiled.orthonormalize(V, overwrite)
    if V.shape[-1] > 4:
        return householder(V, overwrite)
    columns, norms = [], []  # modified Gram-Schmidt: thousands of small matrices at once
    for v in V.unbind(-1):
        for q in columns:
            v = v - (q * v).sum(-1, keepdim=True) * q
        norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
        columns.append(v / norm.clamp_min(torch.finfo(v.dtype).tiny))
        norms.append(norm)
    return torch.stack(columns, -1), torch.cat(norms, -1).log()


def orthonormalize_graded(V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As `orthonormalize`, for images of an orthonormal basis that are small or nearly dependent.

    The rounding of V = J Q is relative to each row of J: a saturated unit's row of 1e-200 has all its digits. What a
    column adds to those before it is known where it stands out from that rounding in some row. Projections that are
    repeated until they take nothing more away leave it there: what rounding adds lies in the span that is projected
    out, or stays small relative to its row.

    Returns
    -------
    Q (..., n, k), log |R_ii| (..., k) with 0 where it is lost in rounding, and whether it is lost (..., k).
    """
    rounding = math.log(16 * math.sqrt(V.shape[-2]) * torch.finfo(V.dtype).eps)
    rows = V.abs().amax(-1, keepdim=True)  # (..., n, 1), near the norms of the Jacobian's rows
    if (rows.amin(-2) > EVEN * rows.amax(-2)).all():
        Q, length = householder(V)
        lost = length < rounding + rows.amax(-2).log()
        return Q, length.masked_fill(lost, 0.0), lost
    Q, lengths = V[..., :0], []
    for v in V.split(1, -1):
        v, length = _unit(v)
        for _ in range(PASSES):
            v, shrunk = _unit(_without(Q, v))
            length = length + shrunk
            shrinks = (shrunk < math.log(0.5)) & shrunk.isfinite()
            if not shrinks.any():
                break
        told = (v.abs().log() + length - rows.log()).masked_fill((v == 0) | (rows == 0), -math.inf)
        lengths.append(length.masked_fill(told.amax(-2, keepdim=True) < rounding, -math.inf)[..., 0])
        Q = torch.cat([Q, torch.where((v == 0).all(-2, keepdim=True) | shrinks, _another(Q), v)], -1)
    length = torch.cat(lengths, -1)
    lost = length.isneginf()
    return Q, length.masked_fill(lost, 0.0), lost


def householder(V: Tensor, overwrite: bool = False) -> tuple[Tensor, Tensor]:
    """As `orthonormalize`, by LAPACK, to the bit as ``torch.linalg.qr``, with one copy of V or none."""
    if V.device.type != "cpu":
        Q, R = torch.linalg.qr(V)
        return Q, R.diagonal(dim1=-2, dim2=-1).abs().log()
    if not (overwrite and V.mT.is_contiguous()):  # LAPACK works on columns, in place
        V = V.mT.clone(memory_format=torch.contiguous_format).mT
    scale = V.new_empty(*V.shape[:-2], V.shape[-1])
    torch.geqrf(V, out=(V, scale))
    growth = V.diagonal(dim1=-2, dim2=-1).abs().log()
    return torch.linalg.householder_product(V, scale, out=V), growth


def _unit(v: Tensor) -> tuple[Tensor, Tensor]:
    """v (..., n, 1) of length one, and the logarithm of its length (..., 1, 1); a zero stays."""
    largest = v.abs().amax(-2, keepdim=True)  # so that no square underflows
    v = v / torch.where(largest > 0, largest, 1.0)
    norm = torch.linalg.vector_norm(v, dim=-2, keepdim=True)
    return v / torch.where(largest > 0, norm, 1.0), largest.log() + torch.where(largest > 0, norm, 1.0).log()


def _without(Q: Tensor, v: Tensor) -> Tensor:
    return v - Q @ (Q.mT @ v)


def _another(Q: Tensor) -> Tensor:
    """A unit vector (..., n, 1) orthogonal to the columns of Q (..., n, k), k < n."""
    free = Q.square().sum(-1).argmin(-1)  # the axis that they take up least of
    axis = torch.nn.functional.one_hot(free, Q.shape[-2]).to(Q)[..., None]
    return _unit(_without(Q, _unit(_without(Q, axis))[0]))[0]
