"""The double integrator under a linear agent of rank one: four overlaps, a cubic, gains, and what each stage obeys.

An order parameter is one of the overlaps (z.m, z.u, v.m, v.u) of the vectors of a `RankOneAgent`; functions take them
as a last axis of four, batched over the others. Equations are those of Ger & Barak (2025), in our notation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ptacore.checks import finite, integer


def _overlaps(order) -> tuple[Tensor, ...]:
    order = order if isinstance(order, Tensor) and order.requires_grad else finite(order, "order")
    if order.ndim == 0 or order.shape[-1] != 4 or order.numel() == 0:
        raise ValueError(f"order: expected shape (..., 4), got {tuple(order.shape)}")
    return order.unbind(-1)


def effective_matrix(order) -> Tensor:
    """The loop's map of (position, velocity, k1, k2), exact from h = 0, where h = m k1 + u k2: (..., 4) -> (..., 4, 4).

    Examples
    --------
    >>> effective_matrix([-0.02, 0.1, 0.2, 0.3])
    tensor([[ 1.0000,  1.0000,  0.0000,  0.0000],
            [ 0.0000,  1.0000, -0.0200,  0.1000],
            [ 1.0000,  1.0000,  0.0000,  0.0000],
            [ 0.0000,  0.0000,  0.2000,  0.3000]], dtype=torch.float64)
    """
    zm, zu, vm, vu = _overlaps(order)
    one, zero = torch.ones_like(zm), torch.zeros_like(zm)
    rows = (one, one, zero, zero), (zero, one, zm, zu), (one, one, zero, zero), (zero, zero, vm, vu)
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def characteristic(order) -> Tensor:
    """Coefficients of the cubic whose roots are the loop's eigenvalues other than 0, from that of the cube: (..., 4).

    Examples
    --------
    >>> characteristic([0.0, 0.0, 0.0, 0.5])  # (x - 1)^2 (x - 0.5)
    tensor([ 1.0000, -2.5000,  2.0000, -0.5000], dtype=torch.float64)
    """
    zm, zu, vm, vu = _overlaps(order)
    return torch.stack([torch.ones_like(zm), -(vu + 2), 2 * vu - zm + 1, vu * zm - vu - vm * zu], -1)


def roots(order) -> Tensor:
    """The cubic's roots, largest modulus first: (..., 4) -> (..., 3), complex.

    Examples
    --------
    >>> roots([-0.01, 0.0, 0.0, 0.0])[:2].imag.abs()  # 1 +- sqrt(z.m)
    tensor([0.1000, 0.1000], dtype=torch.float64)
    """
    _, b, c, d = characteristic(order).unbind(-1)
    one, zero = torch.ones_like(b), torch.zeros_like(b)
    companion = torch.stack([torch.stack(row, -1) for row in ((-b, -c, -d), (one, zero, zero), (zero, one, zero))], -2)
    values = torch.linalg.eigvals(companion)
    return values.gather(-1, values.detach().abs().argsort(dim=-1, descending=True))


def third_root(order) -> Tensor:
    """The agent's own eigenvalue in the loop, to first order in v.m z.u: (..., 4) -> (...)."""
    zm, zu, vm, vu = _overlaps(order)
    return vu + vm * zu / (vu**2 - 2 * vu - zm + 1)


def pair_modulus(order, third: Tensor | None = None) -> Tensor:
    """Product of the two other roots, |lambda_1|^2 of a complex pair; exact with the exact third root: (...).

    Examples
    --------
    >>> order = torch.tensor([-0.02, 0.1, 0.2, 0.3], dtype=torch.float64)
    >>> found = roots(order)
    >>> bool((pair_modulus(order, found[2].real) - found[:2].prod()).abs() < 1e-12)
    True
    """
    zm, _, _, vu = _overlaps(order)
    third = third_root(order) if third is None else third
    return (2 * vu - zm + 1) - (vu + 2) * third + third**2


def leading_root(order) -> Tensor:
    """The leading eigenvalue near 1 + sqrt(z.m), by a quadratic correction of the cubic: (..., 4) -> (...), complex."""
    zm, _, _, vu = _overlaps(order)
    root = 1 + torch.complex(zm, torch.zeros_like(zm)).sqrt()
    _, b, c, d = characteristic(order).unbind(-1)
    value = root**3 + b * root**2 + c * root + d
    slope, bend = 3 * root**2 + 2 * b * root + c, 3 * root - (vu + 2)
    turn = (slope**2 - 4 * bend * value).sqrt()
    near = torch.where((slope.conj() * turn).real >= 0, turn, -turn)  # of the two solutions, the smaller
    return root - 2 * value / (slope + near)


def position_loss(zm, steps: int) -> Tensor:
    """Stage 1 in one formula: the mean cost of T steps with feedback z.m from position alone, relative: (...).

    |lambda|^2 = |1 + sqrt(z.m)|^2 multiplies the cost of each step, so that the mean is a geometric series over T.

    Examples
    --------
    >>> low, high = position_loss([-0.02, 0.02], steps=50)
    >>> bool(high > 10 * low)
    True
    """
    zm, steps = finite(zm, "zm"), integer("steps", steps, 1)
    rate = (1 + torch.complex(zm, torch.zeros_like(zm)).sqrt()).abs() ** 2
    powers = rate[..., None] ** torch.arange(steps, dtype=rate.dtype)
    return powers.mean(-1)


def short_horizon(order) -> Tensor:
    """What three steps leave of the plant's state: the squared entries of the upper left block of P_eff^3: (...)."""
    zm, zu, vm, _ = _overlaps(order)
    back = vm * zu
    return (zm + 1) ** 2 + (zm + 3) ** 2 + (back + 2 * zm) ** 2 + (back + 3 * zm + 1) ** 2


def gains(x: Tensor, u: Tensor) -> Tensor:
    """Feedback gains of a plant's states, by regression without intercept: u ~ k x.

    Parameters
    ----------
    x : Tensor (..., d)
        States, of all steps and trials; the last ones may be left over.
    u : Tensor (..., p)
        Controls in these states.

    Returns
    -------
    Tensor (p, d)

    Examples
    --------
    >>> x = torch.randn(20, 5, 2)
    >>> gains(x, x @ torch.tensor([[-0.3], [-1.0]]))
    tensor([[-0.3000, -1.0000]], dtype=torch.float64)
    """
    if x.shape[:-1] != u.shape[:-1] or x.numel() == 0:
        raise ValueError(f"x: expected states (..., d) for controls {tuple(u.shape)}, got {tuple(x.shape)}")
    x, u = x.detach().double().flatten(0, -2), u.detach().double().flatten(0, -2)
    if not (torch.isfinite(x).all() and torch.isfinite(u).all()):
        return torch.full((u.shape[-1], x.shape[-1]), torch.nan, dtype=torch.float64)
    return (torch.linalg.pinv(x.mT @ x, hermitian=True) @ (x.mT @ u)).mT


def eigenvalues_of_gains(k1, k2) -> Tensor:
    """Eigenvalues of the double integrator under u = k1 position + k2 velocity: (...), (...) -> (..., 2).

    Both are inside the unit circle where k2 < k1 < 0 and 2 k2 > k1 - 4.

    Examples
    --------
    >>> eigenvalues_of_gains(-0.25, -1.0).abs()  # (x - 1/2)^2: to 1e-8, as of a double root
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    k1, k2 = torch.broadcast_tensors(finite(k1, "k1"), finite(k2, "k2"))
    half, product = 1 + k2 / 2, 1 + k2 - k1
    turn = torch.complex(half**2 - product, torch.zeros_like(half)).sqrt()
    return torch.stack([half + turn, half - turn], -1)
