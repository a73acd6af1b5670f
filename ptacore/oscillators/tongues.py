"""Arnold tongues of the maps: where the orbit of a 2 x 2 block locks to a rational rotation (Fig. 5A-B)."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor

from ptacore.checks import choice, finite, instance, integer
from ptacore.models.oscillator import gate

GROWTH = 1.03  # of the gain in a step along a tongue
Miss = Callable[[Tensor, Tensor], Tensor]


def _tanh(u: Tensor) -> Tensor:
    return torch.complex(u.real.tanh(), u.imag.tanh())  # by element; points are complex numbers


def _newton(miss: Miss, log_r: Tensor, theta: Tensor, d: float = 1e-6) -> tuple[Tensor, Tensor]:
    """Radii and angles (directions,) at which a complex miss vanishes; nan for the angles where one is not found."""
    for _ in range(20):
        f = miss(log_r, theta)
        if f.abs().max() < 1e-12:
            break
        by_r = (miss(log_r + d, theta) - miss(log_r - d, theta)) / (2 * d)
        by_t = (miss(log_r, theta + d) - miss(log_r, theta - d)) / (2 * d)
        det = (by_r.conj() * by_t).imag
        log_r = log_r - ((f.conj() * by_t).imag / det).clamp(-0.2, 0.2)
        theta = theta - ((by_r.conj() * f).imag / det).clamp(-0.05, 0.05)
    return log_r, torch.where(f.abs().max() < 1e-9, theta, math.nan)


def tongue_edges(system: str, turns: Fraction, gains, directions: int = 96) -> Tensor:
    """Least and largest angle at which the block of Eq. 19 has an orbit that turns by a given fraction in each step.

    An orbit of p turns in q steps turns by whole quarters after q / gcd(q, 4) steps, and quarter turns map the network
    onto itself: one point, in a given direction, has to come to its own image. That is two equations for the point's
    radius and the angle theta. They are solved by Newton's method, in all directions, along rising gains; the tongue is
    the range of theta over the directions. Its width grows as (alpha - tip)^((q' - 2) / 2), q' = lcm(4, q).

    Parameters
    ----------
    system : {"tanh map", "GRU map"}
        As for `models.oscillator`; the orbits of flows do not lock.
    turns : Fraction
        Turns a step, from 0 to 1/2.
    gains : array (m,)
        Gains alpha, which rise.
    directions : int
        Directions of the point in a quarter turn.

    Returns
    -------
    Tensor (2, m), float64
        Edges in radians; both alike below the tongue's tip, and nan from the gain on at which Newton's method fails, as
        the orbits of one direction are no longer one.

    Raises
    ------
    TypeError, ValueError
        If there is no such map, or turns, gains or directions is out of range.

    Examples
    --------
    >>> low, high = tongue_edges("tanh map", Fraction(1, 8), [0.5, 2.0, 4.0])
    >>> [round(width, 4) for width in (high - low).tolist()]
    [0.0, 0.0137, 0.0691]
    """
    h = gate(choice("system", system, ("tanh map", "GRU map")))  # of new state in a step, and b over alpha
    if not 0 <= instance("turns", turns, Fraction) <= Fraction(1, 2):
        raise ValueError(f"turns: expected a fraction from 0 to 1/2, got {turns}")
    gains = finite(gains, "gains")
    if gains.ndim != 1 or not len(gains) or not (gains.diff() > 0).all():
        raise ValueError(f"gains: expected one or more gains that rise, shape (m,), got shape {tuple(gains.shape)}")
    phi = math.pi / 2 * torch.arange(integer("directions", directions, 1)) / directions
    direction = torch.polar(torch.ones(directions), phi).to(torch.complex128)
    steps = turns.denominator // math.gcd(turns.denominator, 4)  # to whole quarters
    whole = 1j ** int(4 * steps * turns)

    def miss(b, log_r, theta):
        x = log_r.exp() * direction
        y, R = x, torch.polar(torch.full_like(theta, b), theta)
        for _ in range(steps):
            y = (1 - h) * y + h * _tanh(R * y)
        return y / x - whole  # divided by x, so that the origin is not a solution

    tip = (cmath.exp(2j * math.pi * turns) - 1 + h) / h  # gain b and angle at which the origin turns so
    b = 1.002 * abs(tip)
    theta = torch.full((directions,), cmath.phase(tip), dtype=torch.float64)
    log_r = torch.full_like(theta, math.log(4 * (1 - abs(tip) / b) / b**2) / 2)  # averaged over directions
    edges = []
    for target in (h * gains).tolist():
        while b < target:
            b = min(GROWTH * b, target)
            log_r, theta = _newton(partial(miss, b), log_r, theta)
        edges.append(torch.stack([theta.min(), theta.max()]))
    return torch.stack(edges, -1)
