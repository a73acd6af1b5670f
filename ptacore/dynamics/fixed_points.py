"""Fixed points and their stability: all of them for threshold-linear networks, Newton's method for others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ptacore.checks import check_seed, refuse_tangents, within
from ptacore.dynamics.newton import Equation, find_roots, one_by_one
from ptacore.dynamics.supports import LARGEST_ENUMERATION, enumerate_faces
from ptacore.models.module_map import as_system
from ptacore.models.rate import ReLUFlow
from ptacore.models.system import System


@dataclass(frozen=True)
class Family:
    """Fixed points that are not isolated: they fill a line, a plane, a curve, a surface.

    Attributes
    ----------
    dimension : int
        Number of directions in which there are fixed points next to each.
    points : Tensor (m, n)
        Some of them.
    tangent : Tensor (m, n, dimension)
        Orthonormal directions along the family at each of these: the null space of the Jacobian.
    kind : str
        "line", "plane" or "flat" where all lie in an affine space of that dimension (a part of it: a segment, a ray, a
        face), "curve", "surface" or "manifold" where they do not.
    bounded : bool or None
        Whether the family ends, or closes, in all directions; None where it is not known (Newton's method).
    """

    dimension: int
    points: Tensor
    tangent: Tensor
    kind: str
    bounded: bool | None = None


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
        Whether all real parts are negative (flows), all moduli below one (maps), by more than the eigenvalues'
        rounding errors. False where the linearization does not decide.
    lines : list of Tensor (2, n)
        Ends of line segments of fixed points (threshold-linear networks of up to 14 units only).
    families : list of Family
        All that is continuous, these segments among it, the families of most dimensions first.
    degenerate : Tensor (m,)
        Points where the Jacobian is singular (roots of multiplicity above one, known to fewer digits) or, as on a
        threshold, not defined. None of them is called stable.
    """

    points: Tensor
    eigenvalues: Tensor
    stable: Tensor
    lines: list[Tensor] = field(default_factory=list)
    families: list[Family] = field(default_factory=list)
    degenerate: Tensor | None = None

    def __len__(self):
        return len(self.points)


def fixed_points(system: System, starts=None, *, tolerance: float = 1e-10, seed: int = 0) -> FixedPoints:
    """Fixed points of a flow (F(x) = 0) or map (F(x) = x), with their stability.

    A `ReLUFlow` of up to 14 units is solved exactly: in each of the 2^n sets of active units the equation is
    linear, and its solutions count where they are consistent with their set. They are points, or faces of fixed
    points: segments, rays, planes. Other systems are searched by Newton's method from many starts, which finds what it
    finds: more starts can find more. It goes on from half way between the points found while this finds more.

    Newton's method does not prove that there is a root where it stops. A point is returned where the next step is
    within the tolerance and the Jacobian hardly changes in a box around it that is larger than this step and all
    that rounding leaves open (the theorem of Newton and Kantorovich [1]_, in double precision); so a slow point, or
    the flat tail of a saturated unit, is not one. Where the Jacobian is singular, the search goes on next to
    the point: if it returns to it, the point is isolated, but degenerate; if it finds others, they are a family.
    Where F leaves zero exponentially, as behind a saturated gate, it is zero in doubles alone: nothing is returned.
    States of tanh networks and gated units are known to have entries of at most 1.

    Parameters
    ----------
    system : System or torch.nn.Module
        One autonomous system, without batch axes.
    starts : array (m, n), optional
        Where Newton's method starts; by default 512 points from N(0, 4 I) and the origin. Their median size is the
        scale below which an entry of a state counts as 0.
    tolerance : float
        Largest Newton step that is accepted, relative to the state, between 0 and 1; a step that rounding explains
        is accepted too.
    seed : int
        Seed of the default starts.

    Returns
    -------
    FixedPoints

    Raises
    ------
    TypeError
        If system or starts are of another kind.
    ValueError
        If the system is a batch or depends on time, starts have the wrong shape, or tolerance or seed are out of
        range.

    References
    ----------
    .. [1] P. Deuflhard, Newton Methods for Nonlinear Problems, Springer, 2011, chapter 2.

    Examples
    --------
    >>> from ptacore import models
    >>> found = fixed_points(models.two_fixed_points())
    >>> found.points[:, :2].round(decimals=3).tolist(), found.stable.tolist()
    ([[0.0, 1.538], [0.606, 0.606], [1.538, 0.0]], [True, False, True])
    >>> found = fixed_points(models.LinearFlow([[0.0, 0.0], [0.0, -1.0]]))
    >>> len(found), [(family.kind, family.dimension) for family in found.families]
    (0, [('line', 1)])
    """
    system = as_system(system)
    within("tolerance", tolerance, 0, 1)
    if system.driven:
        raise ValueError(
            "system: expected an autonomous system, got one that depends on time; "
            "freeze it, System.from_function(system.at(t), system.dim, system.kind), or take a constant input"
        )
    with torch.no_grad():
        at_zero = system(torch.zeros(system.dim, dtype=system.dtype, device=system.device))
        if at_zero.ndim > 1:
            raise ValueError("system: expected one system, got a batch of weights")
        given = _starts(system, starts, check_seed(seed))
        refuse_tangents("system", at_zero)
        refuse_tangents("starts", given)
        if starts is None and isinstance(system, ReLUFlow) and system.dim <= LARGEST_ENUMERATION:
            points, degenerate, families = _enumerated(system)
        else:
            points, degenerate, families = _searched(system, given, tolerance)
        order = np.lexsort(points.cpu().numpy().T[::-1])
        points, degenerate = points[order], degenerate[order]
        eigenvalues, stable = _stability(system, points)
    lines = [f.points[:2] for f in families if f.bounded and f.dimension == 1]
    families = sorted(families, key=lambda f: -f.dimension)
    return FixedPoints(points, eigenvalues, stable & ~degenerate, lines, families, degenerate)


def _starts(system: System, starts, seed: int) -> Tensor:
    if starts is not None:
        return system.as_state(starts, "starts").reshape(-1, system.dim)
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.randn(512, system.dim, generator=generator, dtype=torch.float64)
    return system.as_state(torch.cat([torch.zeros(1, system.dim), x]))


def _enumerated(system: ReLUFlow) -> tuple[Tensor, Tensor, list[Family]]:
    faces = enumerate_faces(system.W.double().cpu().numpy(), system.b.double().cpu().numpy())

    def tensor(values):
        return torch.as_tensor(np.array(values), dtype=system.dtype, device=system.device)

    isolated = [face for face in faces if face.dimension == 0]
    points = tensor([face.inside for face in isolated]).reshape(-1, system.dim)
    degenerate = torch.tensor([face.kink for face in isolated], dtype=torch.bool, device=system.device)
    families = []
    for face in faces:
        if face.dimension:
            samples = tensor(np.concatenate([face.ends, face.inside[None]]))
            tangent = tensor(face.basis).expand(len(samples), -1, -1)
            families.append(Family(face.dimension, samples, tangent, _kind(face.dimension, flat=True), face.bounded))
    return points, degenerate, families


def _searched(system: System, starts: Tensor, tolerance: float) -> tuple[Tensor, Tensor, list[Family]]:
    equation = Equation(system.ungated(), starts)
    roots = find_roots(equation, starts, tolerance, system.bound)
    families = []
    for dimension, x in roots.families:
        x = x[torch.isfinite(equation.jacobian(x)).all(-1).all(-1)]
        tangent = torch.linalg.svd(equation.jacobian(x)).Vh[:, -dimension:].mT
        spread = torch.linalg.svdvals(x - x.mean(0))
        flat = bool((spread[dimension:] < 1e-6 * spread[dimension - 1]).all())
        families.append(Family(dimension, x, tangent, _kind(dimension, flat)))
    return roots.points, roots.degenerate, families


def _kind(dimension: int, flat: bool) -> str:
    names = ("line", "plane", "flat") if flat else ("curve", "surface", "manifold")
    return names[min(dimension, 3) - 1]


def _stability(system: System, points: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (m, n) of the Jacobian, the least stable first, and whether all are certainly stable (m,)."""
    if not len(points):
        return torch.zeros_like(points, dtype=torch.complex128), torch.zeros(0, dtype=torch.bool, device=points.device)
    J = system.jacobian(points)
    eigenvalues, vectors = torch.linalg.eig(J)
    excess = eigenvalues.real if system.kind == "flow" else eigenvalues.abs() - 1
    rounding = system.dim * torch.finfo(J.dtype).eps
    size = torch.linalg.matrix_norm(J)[:, None]
    inverse, _ = one_by_one(torch.linalg.inv_ex, vectors)
    condition = (vectors.norm(dim=-2) * inverse.norm(dim=-1)).nan_to_num(torch.inf)
    error = size * torch.minimum(rounding * condition, torch.tensor(rounding ** (1 / system.dim)))  # Bauer-Fike, Elsner
    order = excess.argsort(-1, descending=True)
    return eigenvalues.gather(-1, order), (excess < -error).all(-1)
