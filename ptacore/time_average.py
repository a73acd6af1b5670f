"""The error of a time average: its long-run variance from slow waves, and the drift of one that has not settled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

WAVES = 3  # periods in the window, at most: slow, to see what a long run sees, but enough to tell their mean square
SIGNIFICANT = 4.0  # of a drift, in its own standard errors: by chance in a few averages of a thousand
FARTHEST = 5.0  # times the drift that is seen: what is left after longer transients is below an exponent's resolution


def degrees_of_freedom(stretches: int) -> int:
    """Of the standard errors that `error_and_drift` finds from so many stretches."""
    return min(2 * WAVES, stretches - 1)


def error_and_drift(growth: Tensor, lengths: Tensor, settled: float) -> tuple[Tensor, Tensor]:
    """Standard error and drift of a rate, from its growth over consecutive stretches.

    The growth, less its mean, is projected on the cosines and sines of 1 to 3 periods over the window: the periodogram
    at its lowest frequencies [1]_. Each projection has the variance of the whole growth where the memory is short, so
    that their mean square estimates it with 6 degrees of freedom. Where the growth only swings, as that of a zero
    exponent does, the mean depends on how far the window's ends differ, and so do the cosines, twice as much, and the
    sines not at all: the mean square is right there, too, where that of batch means is off by the number of batches.

    A mean that has not settled is told by its two halves, which then differ by more than faster cosines, that have no
    part in slow changes, make likely. What the growth is to come to is unknown; the drift is the error of growth as
    m ln t, as of Jordan blocks and shear, with the same difference, or the difference if that is more.

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
    .. [1] P. Heidelberger, P. D. Welch, Communications of the ACM 24:233-245, 1981.
    """
    q, total = degrees_of_freedom(len(growth)), lengths.sum()
    if q < 1:
        return torch.full_like(growth[0], math.inf), torch.zeros_like(growth[0])
    rate, ends = growth.sum(0) / total, lengths.cumsum(0)
    excess = growth - lengths.reshape(-1, *[1] * (growth.ndim - 1)) * rate

    def power(wave, numbers):  # of the growth's projections
        phase = math.pi * torch.arange(*numbers).to(growth)[:, None] * (ends - lengths / 2) / total
        return torch.tensordot(math.sqrt(2) * wave(phase), excess, 1).square()

    waves = power(torch.cos, (2, q + 1, 2)), power(torch.sin, (2, q + 2, 2))  # of 1, 2, ... periods
    variance = torch.cat(waves).mean(0)  # of the growth
    half = len(growth) // 2
    first, second = ends[half - 1], total - ends[half - 1]
    difference = growth[half:].sum(0) / second - growth[:half].sum(0) / first
    noise = (
        power(torch.cos, (5, min(17, len(growth)))) if len(growth) > 8 else variance[None]
    )  # smooth drifts have none
    clear = difference.square() > SIGNIFICANT**2 * noise.mean(0) * (1 / first + 1 / second) / total
    began = max(settled, total.item() / 20)  # what grows as a power of time starts late
    logarithm = [math.log1p(t / began) for t in (first.item(), total.item())]
    shown = logarithm[0] / first - (logarithm[1] - logarithm[0]) / second
    farther = (logarithm[1] / total / shown).clamp(1.0, FARTHEST)
    drift = torch.where(clear, -farther * difference, 0.0)
    return torch.hypot(variance.sqrt() / total, drift), drift
