"""Rings of neurons that hold an angle as a continuous attractor: what Figure 6's circuit is compared with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.checks import choice, finite, integer, to_tensor, within
from ptacore.kernels.tangents import OUTSIDE, Form, network_kernel
from ptacore.models.rate import matrix, matvec, vector
from ptacore.models.system import System

SOFTNESS, EXPONENT, SCALE = 10.0, 0.8, 6.34  # Zhang's gain function


class RingAttractor(System):
    """Neurons on a ring, tau_i du_i/dt = -u_i + sum_j W_ij phi(u_j) + b_i, where phi makes rates of potentials.

    Parameters
    ----------
    W : array (..., n, n)
        Weights; W_ij goes from neuron j to neuron i.
    b : array (..., n)
        Drive above threshold.
    tau : float or array (..., n)
        Time constants, in seconds.
    gain : {"relu", "softplus"}
        phi(u) = [u]^+, or 6.34 ln(1 + exp(10 u))^0.8, after Zhang (1996).

    Raises
    ------
    ValueError
        If shapes do not fit, a time constant is not positive, or a name is unknown.

    Examples
    --------
    >>> ring = small_ring()
    >>> held = ring.held(torch.tensor([0.3, 1.1]))
    >>> ring.decode(held).round(decimals=6)
    tensor([0.3000, 1.1000], dtype=torch.float64)
    """

    kind = "flow"

    def __init__(self, W, b, tau=0.1, gain: str = "relu", dtype: torch.dtype = torch.float64):
        self.W = matrix(W, "W", dtype)
        self.b = vector(b, "b", self.W)
        self.tau = to_tensor(tau, "tau", dtype, self.W.device).clone()  # not a view of the user's array
        if not (torch.isfinite(self.tau).all() and (self.tau > 0).all()):
            raise ValueError("tau: expected positive times")
        if self.tau.ndim and self.tau.shape[-1] != self.W.shape[-1]:
            raise ValueError(f"tau: expected shape (..., {self.W.shape[-1]}), got {tuple(self.tau.shape)}")
        choice("gain", gain, ("relu", "softplus"))
        self.gain, self.dim, self.dtype, self.device = gain, self.W.shape[-1], dtype, self.W.device

    def rates(self, u: Tensor) -> Tensor:
        """phi(u), of (..., n)."""
        if self.gain == "relu":
            return torch.relu(u)
        soft = torch.nn.functional.softplus(SOFTNESS * u, threshold=50.0)
        return SCALE * (EXPONENT * soft.log()).exp()  # a fifth of the time of a power

    def __call__(self, u):
        r = self.rates(u)
        if self.W.ndim > 2 and self.W.shape[-3] == 1:  # one network for many states: one product
            return (r @ self.W[..., 0, :, :].mT + self.b - u) / self.tau
        return (matvec(self.W, r) + self.b - u) / self.tau

    def kernel(self, dt):
        if type(self) is not RingAttractor or self.gain != "relu" or self.tau.ndim:
            return None
        return network_kernel(Form(OUTSIDE, False, self.W, self.b, dt / float(self.tau)))

    def jacobian(self, u):
        if self.gain == "relu":
            slope = (u > 0).to(u.dtype)
        else:
            soft = torch.nn.functional.softplus(SOFTNESS * u, threshold=50.0).clamp_min(torch.finfo(u.dtype).tiny)
            slope = SCALE * EXPONENT * SOFTNESS * soft ** (EXPONENT - 1) * torch.sigmoid(SOFTNESS * u)
        eye = torch.eye(self.dim, dtype=u.dtype, device=u.device)
        return (self.W * slope[..., None, :] - eye) / self.tau[..., None]

    @property
    def _angles(self) -> Tensor:
        """Where the neurons are: (n,)."""
        return math.tau * torch.arange(self.dim, dtype=self.dtype, device=self.device) / self.dim

    def decode(self, u: Tensor) -> Tensor:
        """Angle, (...) in [0, 2 pi), of the population vector of the rates."""
        angles = self._angles.to(u)
        r = self.rates(u)
        return torch.atan2(r @ angles.sin(), r @ angles.cos()) % math.tau

    def held(self, heading: Tensor, steps: int = 2000) -> Tensor:
        """States at rest (..., n) that hold headings (...), in a network that is alike at every neuron.

        Bumps at a neuron and halfway to the next settle, by symmetry, without turning; those between are mixtures
        of these two, which is exact for `small_ring`, and settle too.

        Raises
        ------
        ValueError
            If the network does not hold a heading to a thousandth of a radian, or does not come to rest.
        """
        heading = finite(heading, "heading").to(self.device, self.dtype) % math.tau
        angles, half = self._angles, math.pi / self.dim
        places = torch.cos(torch.stack([angles, angles - half]))
        neurons = torch.arange(self.dim, device=self.device)
        mirrored = torch.stack([-neurons % self.dim, (1 - neurons) % self.dim])
        at, between = self._settled(places, steps, mirrored)
        knots = torch.stack([u.roll(k) for k in range(self.dim) for u in (at, between)])  # (2n, n): every half
        k = (heading / half).long()
        low, high = knots[k % len(knots)], knots[(k + 1) % len(knots)]
        ahead = torch.sin(angles - heading[..., None])
        before, after = ((self.rates(u) * ahead).sum(-1, keepdim=True) for u in (low, high))
        u = self._settled(low + (high - low) * before / (before - after), steps)
        missed = ((self.decode(u) - heading + math.pi) % math.tau - math.pi).abs().max()
        if not missed < 1e-3:
            raise ValueError(f"heading: the network does not hold it; after {steps} steps it is {missed:.3g} rad away")
        moving = (self.tau * self(u)).abs().max() / u.abs().max()
        if not moving < 1e-3:
            raise ValueError(f"heading: the network does not hold it; after {steps} steps potentials are not at rest")
        return u

    def _settled(self, u: Tensor, steps: int, mirrored: Tensor | None = None) -> Tensor:
        """Euler's method, with steps that strong weights allow; rounding may not turn a bump that is its own mirror."""
        dt = self.tau / max(10.0, float(self.W.abs().sum(-1).max()))
        for _ in range(steps):
            u = u + dt * self(u)
            if mirrored is not None:
                u = (u + u.gather(-1, mirrored)) / 2
        return u


def small_ring(n: int = 8, active: int = 4, inhibition: float = -2.0, tau: float = 0.1) -> RingAttractor:
    """A few threshold-linear neurons that hold every angle, after Noorman et al. (2024).

    Weights (inhibition + excitation cos(theta_i - theta_j)) / n. While the same neurons are active the network is
    linear; the excitation is the one at which the sine of the active ones, about the bump's middle, neither grows nor
    decays (2 n / (m - sin(2 pi m / n) / sin(2 pi / n)) for m active neurons), and the pieces join to a ring.

    Parameters
    ----------
    n : int
        Neurons.
    active : int
        Neurons that are active at a time: 3 to n - 2.
    inhibition : float
        Uniform, below zero.
    tau : float
        Time constant, in seconds.

    Raises
    ------
    ValueError
        If a number is out of these bounds.

    Examples
    --------
    >>> small_ring().W[0, :3]
    tensor([ 0.2500,  0.1036, -0.2500], dtype=torch.float64)
    """
    n = integer("n", n, 5)
    active, inhibition = integer("active", active, 3, n - 2), within("inhibition", inhibition, -math.inf, 0)
    excitation = 2 * n / (active - math.sin(math.tau * active / n) / math.sin(math.tau / n))
    angles = math.tau * torch.arange(n, dtype=torch.float64) / n
    W = (inhibition + excitation * torch.cos(angles[:, None] - angles)) / n
    return RingAttractor(W, torch.ones(n, dtype=torch.float64), tau, "relu")


def large_ring(n: int = 100, sharpness: float = 8.0, regularization: float = 0.01, tau: float = 0.1) -> RingAttractor:
    """Many neurons with the tuning of head-direction cells, after Zhang (1996).

    Rates are to be f(theta) = 1 + 39 exp(sharpness (cos theta - 1)) Hz. The weights that keep them solve a
    deconvolution: harmonic by harmonic u_k f_k / (f_k^2 + regularization max f^2), where u are the potentials of these
    rates. The regularization keeps weights smooth; the bump that the network then holds is a little lower.

    Parameters
    ----------
    n : int
        Neurons; too few, and the bump is pinned to their places.
    sharpness : float
        Sharpness of the tuning.
    regularization : float
        Relative to the largest harmonic's square.
    tau : float
        Time constant, in seconds.

    Examples
    --------
    >>> ring = large_ring()
    >>> ring.rates(ring.held(torch.tensor(0.0))).max()
    tensor(31.5777, dtype=torch.float64)
    """
    n, sharpness = integer("n", n, 8), within("sharpness", sharpness, 0, math.inf)
    regularization = within("regularization", regularization, 0, math.inf, "[)")
    angles = math.tau * torch.arange(n, dtype=torch.float64) / n
    rates = 1 + 39 * torch.exp(sharpness * (angles.cos() - 1))
    threshold = 0.5
    u = torch.expm1((rates / SCALE) ** (1 / EXPONENT)).log() / SOFTNESS - threshold
    f, v = torch.fft.rfft(rates).real, torch.fft.rfft(u).real
    w = torch.fft.irfft(v * f / (f**2 + regularization * f.abs().max() ** 2), n)
    if not torch.isfinite(w).all():
        raise ValueError(f"regularization: {regularization!r} is too little, a harmonic of the tuning vanishes")
    turned = (torch.arange(n)[:, None] - torch.arange(n)) % n
    return RingAttractor(w[turned], torch.full((n,), threshold, dtype=torch.float64), tau, "softplus")
