"""The 2 x 2 block of Eq. 19, a scaled rotation, in four networks, and its bifurcation curves in closed form.

With x' = R x short for a rotation, all four are one family. The flow ``dx/dt = -x + tanh(b R x)`` is the tanh flow
(gain b = alpha) and, at half the gain and half the speed, the GRU flow. Its Euler step
``x <- (1 - h) x + h tanh(b R x)`` is the tanh map at h = 1 (b = alpha) and the GRU map at h = 1/2 (b = alpha / 2).
So all have the same fixed points at the same b. And all commute with quarter turns, which leave tanh by element
unchanged: an orbit that turns by k quarters in each step of a map solves the fixed-point equation of another block,
and the edges of the 0:1, 1:4 and 1:2 tongues follow from the one curve `saddle_node_angle`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ptacore.checks import choice, finite, integer
from ptacore.models.gru import GRUFlow, GRUMap
from ptacore.models.rate import TanhMap, TanhRateFlow
from ptacore.models.system import System

SYSTEMS = {"tanh map": TanhMap, "tanh flow": TanhRateFlow, "GRU map": GRUMap, "GRU flow": GRUFlow}


def _check(system: str) -> None:
    choice("system", system, SYSTEMS)


def gate(system: str) -> float:
    """Gain b of the family over alpha: 1, or 1/2 where a gate at 1/2 stands before tanh."""
    _check(system)
    return 0.5 if system.startswith("GRU") else 1.0


def scaled_rotation(alpha, theta) -> Tensor:
    """Scaled rotation alpha (cos -sin; sin cos) (Eq. 19).

    Parameters
    ----------
    alpha : array (...)
        Gain.
    theta : array (...)
        Angle in radians; alpha and theta broadcast.

    Returns
    -------
    Tensor (..., 2, 2), float64

    Examples
    --------
    >>> scaled_rotation(2.0, 0.0)
    tensor([[2., -0.],
            [0., 2.]], dtype=torch.float64)
    """
    alpha, theta = torch.broadcast_tensors(finite(alpha, "alpha"), finite(theta, "theta"))
    c, s = alpha * theta.cos(), alpha * theta.sin()
    return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)


def oscillator(system: str, alpha, theta) -> System:
    """The network of two units whose recurrent weights are a scaled rotation, without bias.

    Parameters
    ----------
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}
        Eq. 21, Eq. 20, and the GRU with zero gate weights and biases (gates at 1/2) in discrete time, as torch
        has it, and in continuous time.
    alpha : array (...)
        Gain.
    theta : array (...)
        Angle in radians; alpha and theta broadcast, and their axes are batch axes of the system.

    Returns
    -------
    System

    Raises
    ------
    ValueError
        If there is no such system.

    Examples
    --------
    >>> oscillator("GRU map", 4.0, 0.0).jacobian(torch.zeros(2, dtype=torch.float64))  # 1/2 + 4/4
    tensor([[1.5000, 0.0000],
            [0.0000, 1.5000]], dtype=torch.float64)
    """
    _check(system)
    return SYSTEMS[system](scaled_rotation(alpha, theta))


def origin_exponent(system: str, alpha, theta) -> Tensor:
    """Growth rate at the origin: both Lyapunov exponents where it attracts (negative), per unit time or step.

    ln(alpha) and ln|1/2 + alpha e^(i theta) / 4| for the maps, alpha cos(theta) - 1 and (alpha cos(theta) / 2 - 1) / 2
    for the flows.

    Parameters
    ----------
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}
        As for `oscillator`.
    alpha, theta : array (...)
        Gain and angle; they broadcast.

    Returns
    -------
    Tensor (...), float64

    Examples
    --------
    >>> origin_exponent("tanh flow", 1.2, 0.0)
    tensor(0.2000, dtype=torch.float64)
    """
    b = gate(system) * finite(alpha, "alpha")
    theta = finite(theta, "theta")
    h = gate(system)  # the gate that renews and the gate before tanh are both at 1/2 in the GRU
    if system.endswith("flow"):
        return h * (b * theta.cos() - 1)
    return torch.log(torch.hypot(1 - h + h * b * theta.cos(), h * b * theta.sin()))


def critical_gain(system: str, theta) -> Tensor:
    """Gain at which the origin loses stability: Hopf (flows) or Neimark-Sacker (maps) bifurcation.

    alpha = 1 (tanh map), alpha cos(theta) = 1 (tanh flow), alpha^2 + 4 alpha cos(theta) = 12 (GRU map),
    alpha cos(theta) = 2 (GRU flow).

    Parameters
    ----------
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}
        As for `oscillator`.
    theta : array (...)
        Angle in radians.

    Returns
    -------
    Tensor (...), float64; inf where no gain makes the origin unstable.

    Examples
    --------
    >>> critical_gain("GRU map", [0.0, torch.pi])
    tensor([2., 6.], dtype=torch.float64)
    """
    theta = finite(theta, "theta")
    g = gate(system)
    if system.endswith("flow"):
        return torch.where(theta.cos() > 0, 1 / (g * theta.cos()), math.inf)
    if system == "tanh map":
        return torch.ones_like(theta)
    return -2 * theta.cos() + torch.sqrt(12 + 4 * theta.cos() ** 2)


def onset_frequency(system: str, theta) -> Tensor:
    """Frequency of the oscillation that is born at the critical gain, in turns per unit time (maps: per step).

    tan(theta) (tanh flow), tan(theta) / 2 (GRU flow), theta (tanh map) and the argument of 1/2 + alpha e^(i theta) / 4
    (GRU map), each divided by 2 pi.

    Parameters
    ----------
    system, theta
        As for `critical_gain`.

    Returns
    -------
    Tensor (...), float64; nan where no gain makes the origin unstable.

    Examples
    --------
    >>> onset_frequency("tanh map", [torch.pi / 2, torch.pi])
    tensor([0.2500, 0.5000], dtype=torch.float64)
    """
    theta, h = finite(theta, "theta"), gate(system)
    b = h * critical_gain(system, theta)
    if system.endswith("flow"):
        return torch.where(torch.isfinite(b), h * torch.tan(theta) / math.tau, math.nan)
    return torch.atan2(h * b * theta.sin(), 1 - h + h * b * theta.cos()) / math.tau


def saddle_node_angle(gain, directions: int = 1024) -> Tensor:
    """Angle LL(gain) below which x = tanh(gain R(theta) x) has solutions other than 0 (saddle-node bifurcation).

    A solution needs u = gain R(theta) x with x = tanh(u): the length of u is `gain` times that of x, which fixes |u| in
    each direction, and theta is the angle between the two. LL is the largest such angle over all directions. There two
    solutions meet: the Jacobian of x - tanh(gain R x) is singular, which is a second equation for u. Newton's method
    solves both, to rounding at every gain. Near gain = 1 it is (gain - 1) / (2 sqrt(2)).

    Parameters
    ----------
    gain : array (...)
        Gain b of the family: alpha for tanh, alpha / 2 for the GRU.
    directions : int
        Without effect: no directions are searched. It stays for programs that give it.

    Returns
    -------
    Tensor (...), float64, in radians; 0 for gain <= 1, where there are none.

    Examples
    --------
    >>> [round(v, 4) for v in saddle_node_angle([1.01, 1.5, 3.0]).tolist()]
    [0.0035, 0.1478, 0.3851]
    """
    gain = finite(gain, "gain")
    integer("directions", directions, 3)
    above = (gain - 1).clamp_min(0.0)
    near = above * (1 - 31 / 80 * above) / 8**0.5  # to second order
    return torch.where(above < 5e-6, near, _angle_at_fold(gain.clamp(1 + 5e-6, 1e17)))


def _angle_at_fold(b: Tensor) -> Tensor:
    """Angle between u and x = tanh(u) where |u| = b |x| and the Jacobian is singular: det(1 - b diag(1 - x^2) R) = 0.

    The start has the right limits for b to 1 and to infinity; from there four steps lead to rounding at every gain,
    and a fifth makes sure.
    """
    share = 3**-0.5  # cos(2 phi) of the direction phi of u, for b to 1
    q = 1 / (1 + 2**-0.5 * (b - 1) + (2.25 * (1 - share) - 2**-0.5) * (b - 1) / b)  # 1 - x_2^2
    u = torch.sqrt(2.25 * (1 + share) * (b - 1) + 1.8 * (b - 1) ** 2), torch.acosh(q**-0.5)
    u = torch.stack(u)
    for _ in range(5):
        x = u.tanh()
        p = 1 / u.cosh() ** 2  # slopes of tanh: 1 - x^2 without its cancellation
        length, inner, total, product = (u * u).sum(0), (x * u).sum(0), b * b * p.sum(0), b * b * p.prod(0)
        excess = length - b * b * (x * x).sum(0)
        of_excess = 2 * (u - b * b * x * p)
        det = length * (1 + product) - total * inner  # |u|^2 times the determinant
        of_det = 2 * u * (1 + product) - total * (p * u + x) - 2 * x * (length * product - b * b * p * inner)
        wronskian = of_excess[0] * of_det[1] - of_excess[1] * of_det[0]
        step = torch.stack([excess * of_det[1] - det * of_excess[1], det * of_excess[0] - excess * of_det[0]])
        u = u - step / wronskian
    return torch.atan2(u[1].tanh(), u[0].tanh()) - torch.atan2(u[1], u[0])


@dataclass(frozen=True)
class Tongue:
    """A strong Arnold tongue |theta - centre| < LL(alpha / tip), inside which orbits lock to `turns` a step.

    Attributes
    ----------
    name : str
        Rotation number as p:q, p turns in q steps.
    turns : float
        The same as a number, p/q.
    centre : float
        Angle theta of the tongue's axis, in radians.
    tip : float
        Gain alpha at which it begins, on the Neimark-Sacker curve.
    """

    name: str
    turns: float
    centre: float
    tip: float

    def half_width(self, alpha) -> Tensor:
        """Half-width in theta (radians) at gains alpha (...); 0 below the tip."""
        return saddle_node_angle(finite(alpha, "alpha") / self.tip)

    def contains(self, alpha, theta) -> Tensor:
        """Whether (alpha, theta) lies inside: (...), bool."""
        alpha, theta = torch.broadcast_tensors(finite(alpha, "alpha"), finite(theta, "theta"))
        distance = (theta.abs() - self.centre).abs()  # all is even in theta
        # LL(b) <= arccos(1/b): u = k x with k >= 1 in each component and |u| = b |x|, so u.x / |u||x| >= 1/b
        inside = distance < torch.acos((1 / (alpha / self.tip)).clamp_max(1.0))
        inside[inside.clone()] = distance[inside] < self.half_width(alpha[inside])
        return inside


def strong_tongues(system: str) -> list[Tongue]:
    """The tongues whose orbits turn by whole quarters in each step; for flows, where orbits rest, only 0:1.

    Turning by k quarters in each step, (1 - h) x + h y = i^k x with y = tanh(b R(theta) x) (points of the plane as
    complex numbers): y = c x with c = (i^k - 1 + h) / h, so y = tanh((b / |c|) R(theta - arg c) y), the fixed-point
    equation at gain b / |c| and angle theta - arg c.

    Parameters
    ----------
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}
        As for `oscillator`.

    Returns
    -------
    list of Tongue, with 0 <= centre <= pi

    Examples
    --------
    >>> [(t.name, round(t.centre / torch.pi, 3), round(t.tip, 3)) for t in strong_tongues("GRU map")]
    [('0:1', 0.0, 2.0), ('1:4', 0.648, 4.472), ('1:2', 1.0, 6.0)]
    """
    g = gate(system)
    if system.endswith("flow"):
        return [Tongue("0:1", 0.0, 0.0, 1 / g)]
    tongues = []
    for name, turns, quarter in (("0:1", 0.0, 1), ("1:4", 0.25, 1j), ("1:2", 0.5, -1)):
        c = complex(quarter - 1 + g) / g
        tongues.append(Tongue(name, turns, abs(math.atan2(c.imag, c.real)), abs(c) / g))
    return tongues
