"""Whether two courses of training go together: correlations over runs that all trend with time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ptacore.checks import check_seed, finite_array, integer


class Line(NamedTuple):
    """A straight line through points.

    Attributes
    ----------
    slope, intercept : float
    r : float
        Correlation.
    p : float
        Two-sided, of Student's test, which takes the points for independent.
    """

    slope: float
    intercept: float
    r: float
    p: float


def regression(x, y) -> Line:
    """Least squares, all points alike.

    Parameters
    ----------
    x, y : array (m,)
        At least three points, and no constant.

    Raises
    ------
    ValueError
        If there are fewer, lengths differ, or x or y is constant.

    Examples
    --------
    >>> line = regression([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    >>> round(line.slope, 6), round(line.intercept, 6), round(line.r, 6)
    (2.0, 1.0, 1.0)
    """
    from scipy.special import stdtr  # here: importing SciPy takes a while

    x, y = _pairs(x, y)
    r = _correlation(np.stack([x - x.mean(), y - y.mean()], 1), x, y)
    slope = r * y.std() / x.std()
    t = abs(r) * np.sqrt((len(x) - 2) / max(1 - r**2, 1e-300))
    return Line(float(slope), float(y.mean() - slope * x.mean()), r, float(2 * stdtr(len(x) - 2, -t)))


def within_correlation(x, y, groups, given=None) -> float:
    """Correlation of x and y within groups: of what is left of both when each group's mean is taken off.

    Parameters
    ----------
    x, y : array (m,)
    groups : array (m,)
        Numbers that say to which group (a seed) each point belongs.
    given : array (m,), optional
        The partial correlation given this: what is linear in it, in each group, is taken off, too.

    Raises
    ------
    ValueError
        If lengths differ, or nothing is left of x or y.

    Examples
    --------
    >>> within_correlation([0, 1, 10, 11], [5, 6, 0, 1], [0, 0, 1, 1])
    1.0
    """
    x, y, members = _grouped(x, y, groups)
    given = None if given is None else _alike(finite_array(given, "given"), "given", len(x))
    parts = [_residuals(np.stack([x[m], y[m]], 1), None if given is None else given[m]) for m in members]
    return round(_correlation(np.concatenate(parts), x, y), 15)


def permutation_p(x, y, groups, *, draws: int = 2000, seed: int = 0) -> float:
    """How often y, permuted within its groups, correlates with x at least as much: a one-sided p for a positive one.

    Parameters
    ----------
    x, y, groups
        As in `within_correlation`.
    draws : int
        Of permutations; the smallest p is 1 / (draws + 1).
    seed : int

    Raises
    ------
    ValueError
        As in `within_correlation`.

    Examples
    --------
    >>> permutation_p(range(8), range(8), [0] * 8, draws=99)
    0.01
    """
    x, y, members = _grouped(x, y, groups)
    draws, rng = integer("draws", draws, 1), np.random.default_rng(check_seed(seed))
    left = [_residuals(np.stack([x[m], y[m]], 1), None) for m in members]
    found = sum(float(part[:, 0] @ part[:, 1]) for part in left)
    sums = sum(rng.permuted(np.tile(part[:, 1], (draws, 1)), axis=1) @ part[:, 0] for part in left)
    return float((1 + (sums >= found - 1e-12 * abs(found)).sum()) / (draws + 1))


def _residuals(values: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    """Columns of values (m, 2) less what a constant, and a line in `given`, tell of them."""
    waves = np.ones((len(values), 1)) if given is None else np.stack([np.ones_like(given), given], 1)
    return values - waves @ np.linalg.lstsq(waves, values, rcond=None)[0]


def _correlation(left: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Of the columns of what is left (m, 2) of x and y."""
    sizes = np.linalg.norm(left, axis=0)
    for name, size, whole in zip("xy", sizes, (x, y), strict=True):
        if not size > 1e-12 * np.abs(whole).max():
            raise ValueError(f"{name}: expected values that differ, got a constant")
    return float(left[:, 0] @ left[:, 1] / sizes.prod())


def _alike(values: np.ndarray, name: str, length: int) -> np.ndarray:
    if values.shape != (length,):
        raise ValueError(f"{name}: expected shape ({length},), got {values.shape}")
    return values


def _pairs(x, y) -> tuple[np.ndarray, np.ndarray]:
    x = finite_array(x, "x")
    if x.ndim != 1 or len(x) < 3:
        raise ValueError(f"x: expected shape (m,) with m at least 3, got {x.shape}")
    return x, _alike(finite_array(y, "y"), "y", len(x))


def _grouped(x, y, groups) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    x, y = _pairs(x, y)
    names = _alike(finite_array(groups, "groups"), "groups", len(x))
    return x, y, [np.flatnonzero(names == name) for name in np.unique(names)]
