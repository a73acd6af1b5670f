"""Fixed points and their stability: all of them for threshold-linear networks, Newton's method for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ptacore.checks import check_seed
from ptacore.models.networks import ReLUFlow
from ptacore.models.system import System

LARGEST_ENUMERATION = 14  # units; 2^n linear systems


@dataclass(frozen=True)
class FixedPoints:
    """What `fixed_points` returns.

    Attributes
    ----------
    points : Tensor (m, n)
        Isolated fixed points, in the order of their first coordinates.
    eigenvalues : Tensor (m, n)
        Complex eigenvalues of the Jacobian there, largest real part (flows) or modulus (maps) first.
    stable : Tensor (m,)
        Whether all real parts are negative (flows), all moduli below one (maps).
    lines : list of Tensor (2, n)
        Ends of line segments of fixed points (threshold-linear networks only).
    """

    points: Tensor
    eigenvalues: Tensor
    stable: Tensor
    lines: list[Tensor] = field(default_factory=list)

    def __len__(self):
        return len(self.points)


def fixed_points(system: System, starts=None, *, tolerance: float = 1e-10, seed: int = 0) -> FixedPoints:
    """Fixed points of a flow (F(x) = 0) or map (F(x) = x), with their stability.

    A `ReLUFlow` of up to 14 units is solved exactly: in each of the 2^n sets of active units the equation is
    linear, and a solution counts where it is consistent with its set. Segments of fixed points (line
    attractors) are found in the same way. Other systems are searched by Newton's method from many starts,
    which finds what it finds: more starts can find more.

    Parameters
    ----------
    system : System
        One system, without batch axes.
    starts : array (m, n), optional
        Where Newton's method starts; by default 512 points from N(0, 4 I) and the origin.
    tolerance : float
        Largest |F(x)| (or |F(x) - x|) that is accepted.
    seed : int
        Of the default starts.

    Returns
    -------
    FixedPoints

    Raises
    ------
    ValueError
        If the system is a batch, or starts have the wrong shape.

    Examples
    --------
    >>> from ptacore import models
    >>> found = fixed_points(models.two_fixed_points())
    >>> found.points[:, :2].round(decimals=3).tolist(), found.stable.tolist()
    ([[0.0, 1.538], [0.606, 0.606], [1.538, 0.0]], [True, False, True])
    """
    if system(torch.zeros(system.dim, dtype=system.dtype, device=system.device)).ndim > 1:
        raise ValueError("system: expected one system, got a batch of weights")
    if starts is None and isinstance(system, ReLUFlow) and system.dim <= LARGEST_ENUMERATION:
        points, lines = _enumerate_supports(system.W.detach().cpu().numpy(), system.b.detach().cpu().numpy())
        points = torch.as_tensor(points, dtype=system.dtype, device=system.device)
    else:
        points, lines = _newton(system, _starts(system, starts, seed), tolerance), []
    J = system.jacobian(points)
    eigenvalues = torch.linalg.eigvals(J) if len(points) else torch.zeros_like(points, dtype=torch.complex128)
    size = eigenvalues.real if system.kind == "flow" else eigenvalues.abs()
    eigenvalues = eigenvalues.gather(-1, size.argsort(-1, descending=True))
    stable = (size < (0 if system.kind == "flow" else 1)).all(-1)
    lines = [torch.as_tensor(line, dtype=system.dtype, device=system.device) for line in lines]
    return FixedPoints(points, eigenvalues, stable, lines)


def _enumerate_supports(W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Fixed points x = ReLU(W x + b): isolated ones (m, n), and ends (2, n) of segments."""
    n, points, lines = len(b), [], []
    slack = 1e-9 * max(1.0, np.abs(b).max())
    for support in product((False, True), repeat=n):
        s = np.array(support)
        A = np.eye(s.sum()) - W[np.ix_(s, s)]  # (I - W_ss) x_s = b_s
        _, size, Vt = np.linalg.svd(A) if s.any() else (None, np.ones(0), None)
        null = int((size < 1e-12 * max(1.0, size.max(initial=0))).sum())
        x = np.zeros(n)
        if s.any():
            x[s] = np.linalg.lstsq(A, b[s], rcond=1e-12)[0]
        if np.abs(np.maximum(A @ x[s] - b[s], 0)).max(initial=0) > slack or null > 1:
            continue
        if np.abs(A @ x[s] - b[s]).max(initial=0) > slack:
            continue
        direction = np.zeros(n)
        if null == 1:
            direction[s] = Vt[-1]
        # on x + a * direction: active units positive, silent units' drive not; (value, rate) >= 0 along a
        value = np.where(s, x, -(W @ x + b))
        rate = np.where(s, direction, -(W @ direction))
        low, high = _interval(value, rate, slack)
        if null == 0 and low <= high:
            points.append(x)
        elif null == 1 and np.isfinite([low, high]).all() and high - low > slack:
            lines.append(np.stack([x + low * direction, x + high * direction]))
    return _distinct(np.array(points).reshape(-1, n), lines), lines


def _interval(value: np.ndarray, rate: np.ndarray, slack: float) -> tuple[float, float]:
    """Range of a where value + a rate >= 0 in every entry."""
    low, high = -np.inf, np.inf
    for v, r in zip(value, rate, strict=True):
        if abs(r) < 1e-12:
            if v < -slack:
                return 1.0, 0.0
        elif r > 0:
            low = max(low, -v / r)
        else:
            high = min(high, -v / r)
    return low, high


def _distinct(points: np.ndarray, lines: list[np.ndarray], apart: float = 1e-6) -> np.ndarray:
    """Points in lexical order without repetitions, and without those that lie on a segment."""
    kept: list[np.ndarray] = []
    for p in points[np.lexsort(points.T[::-1])] if len(points) else points:
        on_line = False
        for a, c in lines:
            position = np.clip((p - a) @ (c - a) / ((c - a) @ (c - a)), 0, 1)
            on_line |= np.linalg.norm(a + position * (c - a) - p) < apart
        if not on_line and all(np.linalg.norm(p - q) > apart for q in kept):
            kept.append(p)
    return np.array(kept).reshape(-1, points.shape[-1])


def _starts(system: System, starts, seed: int) -> Tensor:
    if starts is not None:
        return system.as_state(starts, "starts").reshape(-1, system.dim)
    generator = torch.Generator().manual_seed(check_seed(seed))
    x = 2 * torch.randn(512, system.dim, generator=generator, dtype=torch.float64)
    return system.as_state(torch.cat([torch.zeros(1, system.dim), x]))


def _newton(system: System, x: Tensor, tolerance: float, iterations: int = 100) -> Tensor:
    """Newton's method with step halving from each row of x; the distinct points that it reaches (m, n)."""
    shift = 0 if system.kind == "flow" else torch.eye(system.dim, dtype=x.dtype, device=x.device)

    def residual(x):
        return system(x) if system.kind == "flow" else system(x) - x

    for _ in range(iterations):
        F = residual(x)
        J = system.jacobian(x) - shift
        move = torch.linalg.lstsq(J.cpu(), F[..., None].cpu(), driver="gelsd").solution[..., 0].to(x)
        size = F.norm(dim=-1)
        for scale in (1.0, 0.5, 0.25, 0.1, 0.02):
            trial = x - scale * move
            better = (residual(trial).norm(dim=-1) < size)[:, None]
            x = torch.where(better, trial, x)
            move = torch.where(better, torch.zeros_like(move), move)
    good = x[residual(x).norm(dim=-1) < tolerance]
    return torch.as_tensor(_distinct(good.cpu().numpy(), [])).to(x)
