"""Where hidden states lie: the plane of their two leading principal components, and the ring that they form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ptacore.checks import finite_array, instance, integer


class Plane(NamedTuple):
    """The plane of the two leading principal components.

    Attributes
    ----------
    center : array (N,)
        Mean of the states.
    axes : array (2, N)
        Orthonormal, the direction of largest variance first; the largest entry of each is positive.
    share : float
        Of the states' variance that lies in the plane, from 0 to 1.
    """

    center: np.ndarray
    axes: np.ndarray
    share: float

    def project(self, states) -> np.ndarray:
        """Coordinates in the plane: (..., N) -> (..., 2)."""
        h, units = finite_array(states, "states"), len(self.center)
        if h.shape[-1:] != (units,):
            raise ValueError(f"states: expected shape (..., {units}), as the plane has, got {h.shape}")
        return (h - self.center) @ self.axes.T


def principal_plane(states) -> Plane:
    """The plane in which states vary most.

    Parameters
    ----------
    states : array (m, N)
        At least two, of at least two units, which are not all equal.

    Returns
    -------
    Plane

    Raises
    ------
    ValueError
        If there are fewer, or they are all equal.

    Examples
    --------
    >>> plane = principal_plane([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    >>> plane.share, plane.project([2.0, 0.0, 5.0]).tolist()
    (1.0, [2.0, 0.0])
    """
    h = _varied(states)
    center = h.mean(0)
    _, sizes, axes = np.linalg.svd(h - center, full_matrices=False)
    signs = np.sign(axes[range(2), np.abs(axes[:2]).argmax(1)])
    return Plane(center, axes[:2] * signs[:, None], float((sizes[:2] ** 2).sum() / (sizes**2).sum()))


class Ring(NamedTuple):
    """How far states form a ring that an angle runs along.

    Attributes
    ----------
    fit : float
        R^2 of the direction in the plane, given the angle: 1 where the one turns as the other does, 0 where they have
        nothing to do with each other.
    off : float
        Share of the variance, of all units, that the angle does not tell.
    covered : float
        Share of the circle's bins in which there are states.
    """

    fit: float
    off: float
    covered: float


def ring(states, theta, plane: Plane, *, bins: int = 24, harmonics: int = 3) -> Ring:
    """Compare hidden states with an angle.

    A pendulum that is held upright spends its time there, and the ring is seen while it swings up. Therefore each
    angle counts as much as every other: states are weighted by the inverse of the number of states in their bin.

    Parameters
    ----------
    states : array (m, N)
    theta : array (m,)
        Their angles, in radians.
    plane : Plane
        From whose weighted center directions are measured.
    bins : int
        Of the circle, at least 3.
    harmonics : int
        The ring is a closed curve with so many harmonics of the angle, at least 1.

    Returns
    -------
    Ring

    Raises
    ------
    ValueError
        If the lengths or the number of units differ, or all states are equal.

    Notes
    -----
    The fit is that of the unit vector (cos, sin) of the direction to 1, cos theta and sin theta, by least squares. A
    ring has 1, an ellipse somewhat less.

    Examples
    --------
    >>> theta = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> states = np.stack([np.cos(theta), np.sin(theta), 0 * theta], 1)
    >>> [round(value, 6) for value in ring(states, theta, principal_plane(states))]
    [1.0, 0.0, 1.0]
    """
    h, theta = _varied(states), _angles(theta, len(states))
    instance("plane", plane, Plane)
    bins, harmonics = integer("bins", bins, 3), integer("harmonics", harmonics, 1)
    place = np.floor(theta / (2 * np.pi) * bins).astype(int) % bins
    counts = np.bincount(place, minlength=bins)
    weights = 1 / counts[place] / (counts > 0).sum()
    flat = plane.project(h)
    direction = flat - weights @ flat
    direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-300)
    return Ring(
        1 - _unexplained(direction, _waves(theta, 1), weights),
        _unexplained(h, _waves(theta, harmonics), weights),
        float((counts > 0).mean()),
    )


def angle_on_ring(point, states, theta) -> float:
    """The angle, from -pi to pi, of the state that lies nearest to a point.

    Parameters
    ----------
    point : array (N,)
    states : array (m, N)
    theta : array (m,)
        Their angles, in radians.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> angle_on_ring([0.9, 0.1], [[1.0, 0.0], [-1.0, 0.0]], [0.2, 3.0])
    0.2
    """
    h, theta, point = _states(states), _angles(theta, len(states)), finite_array(point, "point")
    if point.shape != h.shape[1:]:
        raise ValueError(f"point: expected shape {h.shape[1:]}, got {point.shape}")
    nearest = theta[np.linalg.norm(h - point, axis=1).argmin()]
    return float(np.angle(np.exp(1j * nearest)))


def _states(value) -> np.ndarray:
    h = finite_array(value, "states")
    if h.ndim != 2 or min(h.shape) < 2:
        raise ValueError(f"states: expected shape (m, N) with m and N at least 2, got {h.shape}")
    return h


def _varied(value) -> np.ndarray:
    h = _states(value)
    if not np.ptp(h, 0).max() > 1e-12 * np.abs(h).max():
        raise ValueError("states: expected states that differ, got equal ones")
    return h


def _angles(value, length: int) -> np.ndarray:
    theta = finite_array(value, "theta")
    if theta.shape != (length,):
        raise ValueError(f"theta: expected shape ({length},), got {theta.shape}")
    return theta


def _waves(theta: np.ndarray, harmonics: int) -> np.ndarray:
    turns = np.outer(theta, np.arange(1, harmonics + 1))
    return np.column_stack([np.ones_like(theta), np.cos(turns), np.sin(turns)])


def _unexplained(y: np.ndarray, x: np.ndarray, weights: np.ndarray) -> float:
    """Share of the weighted variance of y (m, k) that a linear function of x (m, p), with a constant in it, leaves."""
    root = np.sqrt(weights)[:, None]
    slope = np.linalg.lstsq(root * x, root * y, rcond=None)[0]
    left = (root * (y - x @ slope)) ** 2
    return float(left.sum() / ((root * (y - weights @ y)) ** 2).sum())
