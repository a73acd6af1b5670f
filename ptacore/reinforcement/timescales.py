"""For how long a network integrates: times from the eigenvalues of its recurrence Jacobian along a path."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ptacore.checks import finite_array, integer, within


class Times(NamedTuple):
    """What `integration_times` returns.

    Attributes
    ----------
    times : array (m, count)
        Of each state, in steps, the longest first; NaN where fewer are left.
    discarded : array (m,)
        How many eigenvalues of each state had a modulus above 1.
    """

    times: np.ndarray
    discarded: np.ndarray


def integration_times(W, states, *, count: int = 5) -> Times:
    """The longest integration times 1/|ln|lambda|| of h' = tanh(W h + ...) at states that it visits.

    The eigenvalues are those of diag(1 - h^2) W, where h is the state that a step leads to. A mode with a modulus
    above 1 grows and integrates nothing: it is discarded, and counted. (Both ends of a pair have one time.)

    Parameters
    ----------
    W : array (N, N)
    states : array (m, N)
        Entries from -1 to 1.
    count : int
        How many times to keep, at most N.

    Returns
    -------
    Times

    Raises
    ------
    ValueError
        If shapes do not fit or a state has entries beyond 1.

    References
    ----------
    N. Maheswaranathan et al., Advances in Neural Information Processing Systems 32, 2019.

    Examples
    --------
    >>> found = integration_times([[0.5, 0.0], [0.0, 2.0]], [[0.0, 0.0]], count=1)
    >>> found.times.round(4).tolist(), found.discarded.tolist()  # 1/ln 2, and one mode that grows
    ([[1.4427]], [1])
    """
    W, h = finite_array(W, "W"), finite_array(states, "states")
    if W.ndim != 2 or W.shape[0] != W.shape[1] or not W.size:
        raise ValueError(f"W: expected a square matrix, got shape {W.shape}")
    if h.ndim != 2 or h.shape[1] != len(W) or not len(h) or np.abs(h).max() > 1:
        raise ValueError(f"states: expected shape (m, {len(W)}) with entries from -1 to 1, got {h.shape}")
    count = integer("count", count, 1, len(W))
    moduli = np.abs(np.linalg.eigvals((1 - h**2)[:, :, None] * W))
    grows = moduli > 1
    with np.errstate(divide="ignore"):  # a modulus of 0 has no time, one of 1 has no end
        times = 1 / np.abs(np.log(np.where(grows, 0.0, moduli)))
    longest = -np.sort(-times, 1)[:, :count]
    kept = np.arange(count) < (len(W) - grows.sum(1))[:, None]
    return Times(np.where(kept, longest, np.nan), grows.sum(1))


def median_interval(values, confidence: float = 0.99) -> tuple[float, float, float]:
    """Median of values, and the ends of its interval: two of the values, by their ranks, for any distribution.

    Parameters
    ----------
    values : array (m,)
    confidence : float
        Between 0 and 1. With too few values for it, the ends are the smallest and the largest.

    Raises
    ------
    ValueError
        If there is no value or the confidence is out of range.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 102.0), 0.95)  # ranks 41 and 61 of 101
    (51.0, 41.0, 61.0)
    """
    from scipy.special import bdtrik  # here: importing SciPy takes a while

    x = np.sort(finite_array(values, "values"))
    if x.ndim != 1 or not len(x):
        raise ValueError(f"values: expected shape (m,) with m at least 1, got {x.shape}")
    tail = (1 - within("confidence", confidence, 0, 1)) / 2
    below = bdtrik(tail, len(x), 0.5)
    low = max(0, math.floor(below)) if below == below else 0
    return float(np.median(x)), float(x[low]), float(x[len(x) - 1 - low])
