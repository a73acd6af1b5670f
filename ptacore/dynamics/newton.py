"""Roots of an equation by Newton's method: isolated ones, each certified, and continuous families of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from statistics import median_low

import numpy as np
import scipy  # whose parts are loaded when they are used
import torch
from torch import Tensor

from ptacore.models.system import System

FRACTIONS = (1.0, 0.5, 0.25, 0.1, 0.02)  # of a Newton step; the first that lowers |F| is taken
NEXT = 2.0**-8  # how far, relative to the state, "next to a root" is
ROUNDS = 12  # of searches from half way between what is found
ENTRIES = 2**23  # of the Jacobians held at once
LARGE = 128  # states of matrices that are factorized one after the other


@dataclass(frozen=True)
class Roots:
    """Isolated roots (m, n), which of them are degenerate (m,), and samples (k, n), dimension of each family."""

    points: Tensor
    degenerate: Tensor
    families: list[tuple[int, Tensor]]


class Equation:
    """F(x) = 0 for the fixed points of a flow, F(x) - x = 0 for those of a map; states are measured by `unit`."""

    def __init__(self, system: System, starts: Tensor):
        self.system, self.is_map = system, system.kind == "map"
        self.eps = torch.finfo(system.dtype).eps
        typical = starts.abs().median(0).values
        self.unit = torch.where(typical > 0, typical, typical.max() if typical.max() > 0 else 1.0)
        near = torch.cat([factor * starts[:6] for factor in (1.0, 0.1, 0.01)])
        self.elsewhere = near[~self.vanishes(near)][:6]  # states that are certainly not at rest

    def residual(self, x: Tensor) -> Tensor:
        return self.system(x) - x if self.is_map else self.system(x)

    def jacobian(self, x: Tensor) -> Tensor:
        J = self.system.jacobian(x)
        return J - torch.eye(x.shape[-1], dtype=x.dtype, device=x.device) if self.is_map else J

    def scale(self, x: Tensor) -> Tensor:
        return torch.maximum(x.abs(), self.unit)

    def noise(self, x: Tensor) -> Tensor:
        """What F changes by within a few units in the last place of x: less than that is zero."""
        F, nudge = self.residual(x), 16 * self.eps * self.scale(x)
        least = torch.full_like(x, torch.finfo(x.dtype).tiny)
        noise = torch.maximum(self.eps * x.abs(), least) if self.is_map else least
        for corner in _corners(6, x):
            noise = torch.maximum(noise, (self.residual(x + nudge * corner) - F).abs())
        return noise

    def rounding(self, x: Tensor) -> Tensor:
        """Rounding errors of F: those seen, and those of terms that cancel at x but not far from it."""
        F, scale, noise = self.residual(x), self.scale(x), self.noise(x)
        for corner in _corners(2, x):
            sides = [(self.residual(x + side * scale * corner) - F).abs() for side in (-1, 1)]
            noise = torch.maximum(noise, 4 * self.eps * torch.minimum(*sides))
        return noise

    def vanishes(self, x: Tensor) -> Tensor:
        """Whether F(x) cannot be told from zero: (m, n) -> (m,)."""
        return (self.residual(x).abs() <= 16 * self.noise(x)).all(-1)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        return ((x - y) / self.scale(x)).norm(dim=-1)


def find_roots(equation: Equation, starts: Tensor, tolerance: float, bound: float | None = None) -> Roots:
    """What Newton's method finds from each row of starts, none of it larger than the bound.

    Saddles lie between sinks: it goes on from half way between the points found, as long as that finds more.
    """
    points, radius, singular = _search(equation, starts, tolerance, bound)
    generator = torch.Generator().manual_seed(0)
    for _ in range(ROUNDS):
        pairs = torch.combinations(torch.arange(len(points)))
        pairs = pairs[torch.randperm(len(pairs), generator=generator)[:512]].to(points.device)
        if not len(pairs):
            break
        more = _search(equation, points[pairs].mean(1), tolerance, bound)
        before, both, radius = len(points), torch.cat([points, more[0]]), torch.cat([radius, more[1]])
        kept = _distinct(both, 4 * radius)
        points, radius, singular = both[kept], radius[kept], torch.cat([singular, more[2]])
        if len(points) == before:
            break
    degenerate, families = _sort_singular(equation, singular)
    if len(points) and len(degenerate):
        nearest = torch.stack([equation.distance(x, points).min() for x in degenerate])
        degenerate = degenerate[nearest > NEXT]
    marks = torch.arange(len(points) + len(degenerate), device=points.device) >= len(points)
    return Roots(torch.cat([points, degenerate]), marks, families)


def _search(equation: Equation, starts: Tensor, tolerance: float, bound: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """Certified roots and the radii of their boxes, and all other ends where F vanishes: (m, n), (m, n), (k, n)."""
    regular, singular = [], []
    for x in starts.split(max(1, ENTRIES // starts.shape[-1] ** 2)):
        x = newton(equation, x)
        x = x[equation.vanishes(x)]
        x = x[_distinct(x, 64 * equation.eps * equation.scale(x))]
        x = x[torch.isfinite(equation.jacobian(x)).all(-1).all(-1)]
        if bound is not None:
            x = x[(x.abs() <= bound * (1 + 1e-6)).all(-1)]
        certain, radius = certify_roots(equation, x, tolerance)
        regular.append((x[certain], radius[certain]))
        singular.append(x[~certain])
    points, radius = (torch.cat(parts) for parts in zip(*regular, strict=True))
    kept = _distinct(points, 4 * radius)
    return points[kept], radius[kept], torch.cat(singular)


def newton(equation: Equation, x: Tensor) -> Tensor:
    """Where Newton's method with step halving ends from each row of x (m, n), be it at a root or not."""
    x, F = x.clone(), equation.residual(x)
    size = F.norm(dim=-1)
    earlier = size.clone()
    active = torch.isfinite(size).nonzero()[:, 0]
    for iteration in range(1, 301):
        if not len(active):
            break
        now = x[active]
        step = _solve(equation.jacobian(now), F[active], equation.eps)
        left = torch.arange(len(active), device=x.device)
        for fraction in FRACTIONS:
            trial = now[left] - fraction * step[left]
            value = equation.residual(trial)
            better = value.norm(dim=-1) < size[active[left]]
            row = active[left[better]]
            x[row], F[row], size[row] = trial[better], value[better], value[better].norm(dim=-1)
            left = left[~better]
            if not len(left):
                break
        going = (step.abs() > 4 * equation.eps * equation.scale(now)).any(-1)
        going[left] = False
        if iteration % 20 == 0:
            going &= size[active] < 0.5 * earlier[active]
            earlier = size.clone()
        active = active[going]
    return x


def _solve(J: Tensor, F: Tensor, eps: float) -> Tensor:
    """Newton steps J^-1 F (m, n); least squares of least norm where J is not square, or singular to rounding."""
    size = _row_size(J)
    J, F = J / size, F / size[..., 0]
    usable = torch.isfinite(size.sum(-2)[..., 0]) & torch.isfinite(F).all(-1)  # a row with a NaN has none as its size
    step, singular = F.new_full((*J.shape[:-2], J.shape[-1]), torch.nan), usable
    if J.shape[-1] == J.shape[-2]:
        step, pivot = one_by_one(_eliminate, J, F)
        singular = usable & ~(pivot.amin(-1) > 1e4 * eps * pivot.amax(-1))
    if singular.any():
        A, b = J[singular].cpu(), F[singular][..., None].cpu()
        step[singular] = torch.linalg.lstsq(A, b, rcond=500 * eps, driver="gelsd").solution[..., 0].to(step)
    return step


def _eliminate(J: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
    """J^-1 F, and the moduli of the pivots: (..., n), (..., n)."""
    LU, pivots, _ = torch.linalg.lu_factor_ex(J)
    return torch.linalg.lu_solve(LU, pivots, F[..., None])[..., 0], LU.diagonal(dim1=-2, dim2=-1).abs()


def one_by_one(f: Callable[..., tuple[Tensor, ...]], *batches: Tensor) -> tuple[Tensor, ...]:
    """f of matrices (m, n, n) and what else it takes of each, in one batch if they are small.

    Large ones go one after the other: in torch 2.13 a batch of them is not factorized to its end once more than one
    thread has been asked for. They lose nothing by it.
    """
    A = batches[0]
    if A.shape[-1] < LARGE or not len(A) or A.device.type != "cpu":
        return tuple(f(*batches))
    return tuple(torch.stack(parts) for parts in zip(*(f(*rows) for rows in zip(*batches, strict=True)), strict=True))


def certify_roots(equation: Equation, x: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Whether a root is next to each row of x, and no other, (m,); the radii (m, n) of the boxes that hold it.

    As the theorem of Newton and Kantorovich asks: in a box twice as large as the Newton step and what rounding
    leaves open, the Jacobian changes by less than a quarter of itself.
    """
    J = equation.jacobian(x)
    size, scale = _row_size(J), equation.scale(x)
    A = J / size
    inverse, info = one_by_one(torch.linalg.inv_ex, A)
    step = (inverse @ (equation.residual(x)[..., None] / size))[..., 0].abs()
    rounding = (inverse.abs() @ (equation.rounding(x)[..., None] / size))[..., 0]
    radius = 2 * (step + rounding)

    def norm(M):  # of matrices, in the states' own units
        return (M.abs() @ scale[..., None] / scale[..., None])[..., 0].amax(-1)

    certain = (info == 0) & (norm(inverse.abs() @ A.abs()) < 2e-3 / equation.eps)
    certain &= (step <= torch.maximum(tolerance * scale, rounding)).all(-1)
    for corner in torch.cat([_corners(2, x), -_corners(2, x)]):
        certain &= norm(inverse @ ((equation.jacobian(x + radius * corner) - J) / size)) < 0.25
    return certain, radius


def _sort_singular(equation: Equation, x: Tensor) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Roots x where the Jacobian says nothing: degenerate isolated ones (m, n), and families (dimension, samples).

    Newton's method from around an isolated root leads back to it; next to a member of a family it leads to other
    members, in as many directions as the family has dimensions. Where neither holds, and on what may be the tail of an
    exponential, doubles do not tell and nothing is returned.
    """
    if not len(x):
        return x, []
    x = x[_distinct(x, NEXT / 2 * equation.scale(x))]
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:512].to(x.device)]
    x = x[~_on_tails(equation, x)]
    degenerate, families = [], []
    for members in _connected(equation, x):
        around = [_roots_around(equation, member) for member in members[:: max(1, len(members) // 3)][:4]]
        dimension = median_low(_dimension(equation, *pair) for pair in around)  # more at corners and crossings
        member, roots = next(pair for pair in around if _dimension(equation, *pair) == dimension)
        if 2 * len(roots) < x.shape[-1] + 3:
            continue
        if dimension == 0:
            degenerate.append(member)
        else:
            families.append((dimension, torch.cat([members, *(roots for _, roots in around)])))
    return torch.stack(degenerate) if degenerate else x[:0], families


def _connected(equation: Equation, x: Tensor) -> list[Tensor]:
    """Rows of x in groups that roots connect: half way between neighbours there is a root.

    The nearest row may be on another family, so the largest groups are compared again. A third family may lie half
    way between two, but not at a quarter and three quarters too.
    """
    if not len(x):
        return []
    apart = torch.cdist(x / equation.unit, x / equation.unit).cpu().numpy()
    tree = scipy.sparse.csgraph.minimum_spanning_tree(apart).tocoo()
    links = _linked(equation, x, np.stack([tree.row, tree.col], 1), (0.5,))
    group = _groups(links, len(x))
    members = [np.flatnonzero(group == g) for g in np.bincount(group).argsort()[::-1][:20]]
    gaps = np.zeros((0, 2), dtype=int)
    for a, b in combinations(members, 2):
        row, column = np.divmod(apart[np.ix_(a, b)].argmin(), len(b))
        gaps = np.append(gaps, [[a[row], b[column]]], 0)
    group = _groups(np.append(links, _linked(equation, x, gaps, (0.25, 0.5, 0.75)), 0), len(x))
    return [x[torch.as_tensor(group == g, device=x.device)] for g in range(group.max() + 1)]


def _linked(equation: Equation, x: Tensor, pairs: np.ndarray, parts: tuple[float, ...]) -> np.ndarray:
    """The pairs (k, 2) of rows of x that have a root near each of these parts of the way from one to the other."""
    a, b = x[torch.as_tensor(pairs, dtype=torch.long, device=x.device)].unbind(1)
    linked = torch.ones(len(pairs), dtype=torch.bool, device=x.device)
    for part in parts:
        between = a + part * (b - a)
        root = newton(equation, between)
        linked &= equation.vanishes(root) & (5 * (root - between).norm(dim=-1) < (a - b).norm(dim=-1))
    return pairs[linked.cpu().numpy()]


def _groups(pairs: np.ndarray, count: int) -> np.ndarray:
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), pairs.T), (count, count))
    return scipy.sparse.csgraph.connected_components(graph, directed=False)[1]


def _roots_around(equation: Equation, x: Tensor) -> tuple[Tensor, Tensor]:
    """x, and the roots next to it to which Newton's method leads from n + 3 directions around it."""
    n = len(x)
    generator = torch.Generator().manual_seed(0)
    away = torch.randn(n + 3, n, generator=generator, dtype=torch.float64).to(x)
    root = newton(equation, x + NEXT * equation.scale(x) * away / away.norm(dim=-1, keepdim=True))
    return x, root[equation.vanishes(root) & (equation.distance(x, root) < 4 * NEXT)]


def _dimension(equation: Equation, x: Tensor, roots: Tensor) -> int:
    """Number of directions in which the roots lie around x."""
    spread = torch.linalg.svdvals((roots - x) / equation.scale(x) / NEXT) if len(roots) else x[:0]
    return int((spread > 0.2).sum())


def _on_tails(equation: Equation, x: Tensor) -> Tensor:
    """Which rows of x (m, n) may lie on the tail of an exponential, where F is zero in doubles alone: (m,).

    Combinations u F, with u in the left null space of the Jacobian, are zero around x. On the way to a state that is
    not at rest, u F leaves zero like a power of the distance from the edge of the family, so each factor takes a
    longer stretch than the one before; a tail takes equal stretches for equal factors.
    """
    count, J, scale = len(equation.elsewhere), equation.jacobian(x), equation.scale(x)
    terms = [J.abs() @ scale[..., None], equation.jacobian(equation.elsewhere).abs() @ equation.unit[:, None]]
    size = torch.cat(terms)[..., 0].nan_to_num(0, 0, 0).amax(0) if len(x) else scale
    size = torch.where(size > 0, size, 1.0)  # of each row of F
    U, S, _ = torch.linalg.svd(J * scale[:, None] / size[:, None])
    row, column = (equation.eps**0.4 > S).nonzero().repeat_interleave(count, 0).unbind(1)
    u, start, targets = U[row, :, column], x[row], equation.elsewhere.repeat(len(row) // max(count, 1), 1)
    rounding = (u.abs() * (16 * equation.rounding(x) / size)[row]).sum(-1) + 100 * equation.eps

    def above(factor, t):  # whether |u F| on the way is larger than rounding times a factor
        F = equation.residual(start + t[:, None] * (targets - start)) / size
        return (u * F).sum(-1).abs() > factor * (rounding + 100 * equation.eps * F.norm(dim=-1))

    edges, leaves = [x.new_ones(len(row))], True
    for factor in (equation.eps**-0.2, equation.eps**-0.1, 1):
        near, far = torch.zeros_like(edges[-1]), edges[-1]
        leaves &= above(factor, far) & ~above(factor, near)
        for _ in range(60):
            middle = (near + far) / 2
            beyond = above(factor, middle)
            near, far = torch.where(beyond, near, middle), torch.where(beyond, middle, far)
        edges.append(far)
    third, second, first = edges[1:]
    tails = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    tails[row[leaves & (third - second <= 1.7 * (second - first))]] = True
    return tails


def _distinct(x: Tensor, radius: Tensor) -> Tensor:
    """Indices of rows of x, one for each group of boxes (row, radius) that overlap; the smallest boxes lead."""
    left, kept = radius.sum(-1).argsort(), []
    while len(left):
        first = left[0]
        kept.append(first)
        apart = ((x[left] - x[first]).abs() > radius[left] + radius[first]).any(-1)
        apart[0] = False
        left = left[apart]
    return torch.stack(kept) if kept else left


def _row_size(J: Tensor) -> Tensor:
    size = J.abs().amax(-1, keepdim=True)
    return torch.where(size == 0, 1.0, size)


def _corners(count: int, x: Tensor) -> Tensor:
    """Random directions (count, n), each entry between 1/2 and 1 or -1 and -1/2."""
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, (count, x.shape[-1]))
    return torch.as_tensor(draws + 0.5 * np.sign(draws)).to(x)
