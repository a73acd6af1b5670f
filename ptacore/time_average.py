"""The error of a time average: its long-run variance from slow cosines, and the drift of one that has not settled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

COSINES = 12  # slow enough to see what a long run sees, enough of them for Student's factor to be near the normal one
SIGNIFICANT = 4.0  # of a drift, in its own standard errors: by chance in a few averages of a thousand
FARTHEST = 5.0  # times the drift that is seen: what is left after longer transients is below an exponent's resolution


def degrees_of_freedom(stretches: int) -> int:
    """Of the standard errors that `error_and_drift` finds from so many stretches."""
    return min(COSINES, stretches - 1)


def error_and_drift(growth: Tensor, lengths: Tensor, settled: float) -> tuple[Tensor, Tensor]:
    """Standard error and drift of a rate, from its growth over consecutive stretches.

    The growth, less its mean, is projected on the cosines of 1/2, 1, ..., 6 periods over the window [1]_. Each
    projection has the variance of the whole growth where the memory is short, so that their mean square estimates it
    with 12 degrees of freedom. Where the growth only swings, as that of a zero exponent does, its end points are all
    that the mean and the projections see: the estimate is twice the variance, however long the window, where that of
    batch means is off by the number of batches.

    A mean that has not settled is told by its two halves, which then differ by more than the faster half of the
    projections makes likely. What the growth is to come to is unknown; the drift is the error of growth as m ln t, as
    of Jordan blocks and shear, with the same difference, or the difference if that is more.

    Parameters
    ----------
    growth : Tensor (M, ..., k)
        Over M stretches.
    lengths : Tensor (M,)
        Of the stretches.
    settled : float
        Time since ln t began, before the first stretch.

    Returns
    -------
    error, drift : Tensor (..., k)
        Per unit time; infinite and 0 for a single stretch. The error includes the drift.

    References
    ----------
    .. [1] U. K. Müller, Journal of Econometrics 141:1331-1352, 2007.
    """
    q, total = degrees_of_freedom(len(growth)), lengths.sum()
    if q < 1:
        return torch.full_like(growth[0], math.inf), torch.zeros_like(growth[0])
    rate, ends = growth.sum(0) / total, lengths.cumsum(0)
    excess = growth - lengths.reshape(-1, *[1] * (growth.ndim - 1)) * rate
    waves = torch.arange(1, q + 1).to(growth)[:, None]
    cosines = math.sqrt(2) * torch.cos(math.pi * waves * (ends - lengths / 2) / total)  # (q, M)
    projected = torch.tensordot(cosines, excess, 1)  # (q, ..., k)
    half = len(growth) // 2
    first, second = ends[half - 1], total - ends[half - 1]
    difference = growth[half:].sum(0) / second - growth[:half].sum(0) / first
    fast = projected[q // 2 :].square().mean(0) * (1 / first + 1 / second) / total  # variance of the difference
    clear = (difference.square() > SIGNIFICANT**2 * fast) & (q > 3)
    began = max(settled, total.item() / 20)  # what grows as a power of time starts late
    logarithm = [math.log1p(t / began) for t in (first.item(), total.item())]
    shown = logarithm[0] / first - (logarithm[1] - logarithm[0]) / second
    farther = (logarithm[1] / total / shown).clamp(1.0, FARTHEST)
    drift = torch.where(clear, -farther * difference, 0.0)
    return torch.hypot(projected.square().mean(0).sqrt() / total, drift), drift
