"""All fixed points of a threshold-linear network: one linear problem in each set of active units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy  # whose parts are loaded when they are used

LARGEST_ENUMERATION = 14  # units; 2^n linear systems
SLACK = 1e-9  # of equations and inequalities, in units of the largest bias


@dataclass(frozen=True)
class Face:
    """A polyhedron of fixed points; of dimension 0, one of them.

    Attributes
    ----------
    inside : array (n,)
        A point in its relative interior.
    basis : array (n, dimension)
        Orthonormal directions along it.
    ends : array (2 dimension, n)
        Where lines from `inside` along each direction, backward and forward, leave it; 1 from `inside` if they do not.
    bounded : bool
        Whether it ends in all directions.
    kink : bool
        Whether a unit is on its threshold all over it.
    support : array (n,)
        Active units.
    """

    inside: np.ndarray
    basis: np.ndarray
    ends: np.ndarray
    bounded: bool
    kink: bool
    support: np.ndarray

    @property
    def dimension(self) -> int:
        return self.basis.shape[1]

    def holds(self, x: np.ndarray, drive: np.ndarray) -> bool:
        """Whether a fixed point with its drive W x + b belongs to the face."""
        near = 1e-6 * max(1.0, np.abs(x).max())
        away = x - self.inside
        in_plane = np.linalg.norm(away - self.basis @ (self.basis.T @ away)) < near
        return in_plane and (np.abs(x[~self.support]) < near).all() and (drive[self.support] > -near).all()


def enumerate_faces(W: np.ndarray, b: np.ndarray) -> list[Face]:
    """Fixed points x = ReLU(W x + b) as faces of which none is part of another, those of most dimensions first."""
    size = np.abs(b).max(initial=0) or 1.0  # fixed points scale with the bias
    b = b / size
    found = [_face(W, b, np.array(s)) for s in product((False, True), repeat=len(b))]
    kept: list[Face] = []
    for face in sorted((f for f in found if f is not None), key=lambda f: -f.dimension):
        if not any(other.holds(face.inside, W @ face.inside + b) for other in kept):
            kept.append(face)
    return [Face(f.inside * size, f.basis, f.ends * size, f.bounded, f.kink, f.support) for f in kept]


def _face(W: np.ndarray, b: np.ndarray, s: np.ndarray) -> Face | None:
    """Fixed points with the units s active, others silent."""
    x, basis = np.zeros(len(b)), np.zeros((len(b), 0))
    if s.any():
        A = np.eye(s.sum()) - W[np.ix_(s, s)]  # (I - W_ss) x_s = b_s
        U, size, Vt = np.linalg.svd(A)
        rank = int((size >= 1e-12 * max(1.0, size.max())).sum())
        x[s] = Vt[:rank].T @ ((U.T @ b[s])[:rank] / size[:rank])
        if np.abs(A @ x[s] - b[s]).max() > SLACK * max(1.0, np.abs(x).max()):
            return None
        basis = np.zeros((len(b), s.sum() - rank))
        basis[s] = Vt[rank:].T
    # on x + basis a: activity of active units, minus the drive of silent ones; both at least 0
    value, rate = np.where(s, x, -(W @ x + b)), np.where(s[:, None], basis, -(W @ basis))
    if basis.shape[1]:
        interior = _relative_interior(value, rate)
        if interior is None:
            return None
        a, within = interior
        x, value, basis, rate = x + basis @ a, value + rate @ a, basis @ within, rate @ within
    if value.min() < -SLACK:
        return None
    ends = [x + t * u for u, r in zip(basis.T, rate.T, strict=True) for t in _interval(value, r)]
    return Face(x, basis, np.reshape(ends, (-1, len(b))), _ends_everywhere(rate), bool(value.min() < SLACK), s)


def _relative_interior(value: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A point a inside the polyhedron value + rate a >= 0, and a basis of the directions that it extends in."""
    size = np.linalg.norm(rate, axis=1)
    if (value[size < 1e-12] < -SLACK).any():
        return None
    value, rate = value[size >= 1e-12], rate[size >= 1e-12]
    k = rate.shape[1]
    deepest = _maximize(np.eye(k + 1)[k], np.c_[rate, -size[size >= 1e-12]], value)  # by t: value + rate a >= t size
    if deepest is None or deepest[k] < -SLACK:
        return None
    if deepest[k] > SLACK:
        return deepest[:k], np.eye(k)
    # inequalities that hold with equality all over: the largest that their left sides become is 0
    highest = [_maximize(r, rate, np.maximum(value, 0) + SLACK) for r in rate]
    highest = np.array([deepest[:k] if a is None else a for a in highest])
    tight = (value + rate @ highest.T).diagonal() < 10 * SLACK
    return highest.mean(0), scipy.linalg.null_space(rate[tight], rcond=1e-9)


def _maximize(objective: np.ndarray, rate: np.ndarray, value: np.ndarray) -> np.ndarray | None:
    """An a of moderate size with value + rate a >= 0 where objective . a is largest, but not above 1."""
    rows, limits = np.r_[-rate, objective[None]], np.r_[value, 1.0]
    for reach in (10.0, 1e4):
        solved = scipy.optimize.linprog(-objective, rows, limits, bounds=(-reach, reach), method="highs")
        if solved.status == 0:
            return solved.x
    return None


def _interval(value: np.ndarray, rate: np.ndarray) -> tuple[float, float]:
    """Range of t where value + t rate >= 0 in every entry, from -1 to 1 where it is unbounded."""
    up, down = rate > 1e-12, rate < -1e-12
    low, high = (-value[up] / rate[up]).max(initial=-np.inf), (-value[down] / rate[down]).min(initial=np.inf)
    return low if np.isfinite(low) else -1.0, high if np.isfinite(high) else 1.0


def _ends_everywhere(rate: np.ndarray) -> bool:
    """Whether every direction a other than 0 has an entry rate a < 0."""
    if not rate.shape[1]:
        return True
    if np.linalg.matrix_rank(rate, 1e-12) < rate.shape[1]:
        return False
    rows = rate[np.linalg.norm(rate, axis=1) > 1e-12]
    solved = scipy.optimize.linprog(-rows.sum(0), -rows, np.zeros(len(rows)), bounds=(-1, 1), method="highs")
    return -solved.fun < SLACK
