"""The error of a time average: its long-run variance from slow waves, and the drift of one that has not settled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

WAVES = 3  # periods in the window, at most: slow, to see what a long run sees, but enough to tell their mean square
SIGNIFICANT = 4.0  # of a drift, in its own standard errors: by chance in a few averages of a thousand
FARTHEST = 5.0  # times the drift that is seen: what is left after longer transients is below an exponent's resolution


def degrees_of_freedom(stretches: int) -> int:
    """Degrees of freedom of the standard errors that `error_and_drift` finds from so many stretches."""
    return min(2 * WAVES, stretches - 1)


def _power(wave, halves: range, growth: Tensor, lengths: Tensor) -> Tensor:
    """Squares (len(halves), ..., k) of the growth's projections on waves of so many half periods."""
    total = lengths.sum()
    excess = growth - lengths.reshape(-1, *[1] * (growth.ndim - 1)) * (growth.sum(0) / total)
    phase = math.pi * torch.tensor(halves).to(growth)[:, None] * (lengths.cumsum(0) - lengths / 2) / total
    return torch.tensordot(math.sqrt(2) * wave(phase), excess, 1).square()


def error_and_drift(growth: Tensor, lengths: Tensor, settled: float) -> tuple[Tensor, Tensor]:
    """Standard error and drift of a rate, from its growth over consecutive stretches.

    The growth, less its mean, is projected on the cosines and sines of 1 to 3 periods over the window: the periodogram
    at its lowest frequencies [1]_. Each projection has the variance of the whole growth where the memory is short, so
    that their mean square estimates it with 6 degrees of freedom. Where the growth only swings, as that of a zero
    exponent does, the mean depends on how far the window's ends differ, and so do the cosines, twice as much, and the
    sines not at all: the mean square is right there, too, where that of batch means is off by the number of batches.

    What decides is the variance at frequencies below those of the window, and it is taken from those just above. So a
    window has to be longer than the slowest changes: the second exponent of the chaotic network of Figure 3D grows in
    bursts of half a second (its relaxation time is 10 ms). The mean lies in 92 to 94% of its 99% intervals over 2 s,
    in 92 to 97% over 8 s, in 97% over 16 s, in 98% and more over 32 s; the interval of its zero exponent is 2 to
    2.5 times as wide as needed up to 8 s, less than twice from 16 s on (200 runs at a time, from starts that had no
    part in the choice of the waves).

    A mean that has not settled shows in its two halves, which then differ by more than the faster cosines of the
    second make likely: these have no part in slow changes, and what is steep at the start is over. Where the growth
    will end is unknown; the drift is the error of growth as m ln t, as of Jordan blocks and shear, with the same
    difference, or the difference if that is more.

    Parameters
    ----------
    growth : Tensor (M, ..., k)
        Over M stretches.
    lengths : Tensor (M,)
        Lengths of the stretches.
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
    ends = lengths.cumsum(0)
    waves = (
        _power(torch.cos, range(2, q + 1, 2), growth, lengths),
        _power(torch.sin, range(2, q + 2, 2), growth, lengths),
    )
    variance = torch.cat(waves).mean(0)  # of the growth, from waves of 1, 2, ... periods
    half = len(growth) // 2
    first, second = ends[half - 1], total - ends[half - 1]
    difference = growth[half:].sum(0) / second - growth[:half].sum(0) / first
    noise = variance / total
    if half > 4:
        noise = _power(torch.cos, range(5, min(17, half)), growth[half:], lengths[half:]).mean(0) / second
    clear = difference.square() > SIGNIFICANT**2 * noise * (1 / first + 1 / second)
    began = max(settled, total.item() / 20)  # what grows as a power of time starts late
    logarithm = [math.log1p(t / began) for t in (first.item(), total.item())]
    shown = logarithm[0] / first - (logarithm[1] - logarithm[0]) / second
    farther = (logarithm[1] / total / shown).clamp(1.0, FARTHEST)
    drift = torch.where(clear, -farther * difference, 0.0)
    return torch.hypot(variance.sqrt() / total, drift), drift
