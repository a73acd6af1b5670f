"""A recurrent controller: a vanilla RNN that sees the pendulum, with one head that acts and one that judges."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, choice, flag, integer
from ptacore.oscillators.initialize import pta_
from ptacore.reinforcement.pendulum import OBSERVED, STRONGEST, observation

STARTS = ("orthogonal", "default", "rotations", "pta")


class Controller(nn.Module):
    """h' = tanh(W_h h + W_x x + b); policy and value are read from h by one hidden layer each (tanh, as wide).

    Parameters
    ----------
    observed : {"partial", "full"}
        See `observation`.
    units : int
        Of the network and of both heads; even for the starts "rotations" and "pta".
    start : {"orthogonal", "default", "rotations", "pta"}
        W_h at first: a random orthogonal matrix; Gaussian of variance 1/units; plane rotations by angles uniform in
        [0, pi]; oscillators of `ptacore.pta_`. W_x is Gaussian of variance 1/d, b is zero, the heads are orthogonal.
    raw_angle : bool
        See `observation`.
    seed : int
        Of the weights.
    dtype : torch.dtype

    Attributes
    ----------
    W_h, W_x, b : Parameter (n, n), (n, d), (n,)
    policy, value : Sequential
        From h to the mean action, in [-1, 1] of the strongest torque, and to the discounted reward that is expected.
    log_std : Parameter (1,)
        Of the noise that is added to the action while the controller learns.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names it.

    Examples
    --------
    >>> controller = Controller(seed=1)
    >>> h = controller.step(torch.zeros(5, 64), controller.observe(torch.zeros(5, 2)))
    >>> h.shape, controller.torque(h).shape
    (torch.Size([5, 64]), torch.Size([5]))
    """

    name = "controller"

    def __init__(
        self,
        observed: str = "partial",
        units: int = 64,
        start: str = "orthogonal",
        raw_angle: bool = False,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        self.observed, self.raw_angle = choice("observed", observed, OBSERVED), flag("raw_angle", raw_angle)
        self.units, self.start = integer("units", units, 1), choice("start", start, STARTS)
        if start in ("rotations", "pta") and units % 2:
            raise ValueError(f"units: expected an even number for start={start!r}, got {units}")
        self.options = {"observed": observed, "start": start, "raw_angle": raw_angle}
        generator = torch.Generator().manual_seed(check_seed(seed))
        d = observation(torch.zeros(2), observed, raw_angle).numel()
        self.W_h = nn.Parameter(_recurrent(start, units, generator).to(dtype))
        self.W_x = nn.Parameter(torch.randn(units, d, generator=generator).to(dtype) / math.sqrt(d))
        self.b = nn.Parameter(torch.zeros(units, dtype=dtype))
        self.policy, self.value = (_head(units, gain, generator, dtype) for gain in (0.01, 1.0))
        self.log_std = nn.Parameter(torch.zeros(1, dtype=dtype))

    @property
    def n_hidden(self) -> int:
        """Units of the network."""
        return self.units

    def observe(self, x: Tensor) -> Tensor:
        """What it sees of the pendulum: (..., 2) -> (..., d)."""
        return observation(x, self.observed, self.raw_angle)

    def step(self, h: Tensor, seen: Tensor) -> Tensor:
        """The state after an observation: (..., n), (..., d) -> (..., n)."""
        return torch.tanh(h @ self.W_h.mT + seen @ self.W_x.mT + self.b)

    def torque(self, h: Tensor) -> Tensor:
        """What it does without noise, in N m, before the pendulum cuts it: (..., n) -> (...,)."""
        return STRONGEST * self.policy(h)[..., 0]

    def __repr__(self):
        return f"Controller(observed={self.observed!r}, units={self.units}, start={self.start!r})"


def _recurrent(start: str, n: int, generator: torch.Generator) -> Tensor:
    if start == "default":
        return torch.randn(n, n, generator=generator) / math.sqrt(n)
    if start == "orthogonal":
        return nn.init.orthogonal_(torch.empty(n, n), generator=generator)
    if start == "pta":
        W = torch.zeros(n, n)
        pta_(W, generator=generator)
        return W
    theta = math.pi * torch.rand(n // 2, generator=generator)
    cos, sin = theta.cos(), theta.sin()
    return torch.block_diag(*torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2))


def _head(n: int, gain: float, generator: torch.Generator, dtype: torch.dtype) -> nn.Sequential:
    first, last = nn.Linear(n, n, dtype=dtype), nn.Linear(n, 1, dtype=dtype)
    for layer, scale in ((first, math.sqrt(2)), (last, gain)):
        nn.init.orthogonal_(layer.weight, scale, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.Tanh(), last)
