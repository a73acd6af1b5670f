"""Who swings the pendulum up: a vanilla recurrent network with a policy and a value head."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, choice, flag, integer
from ptacore.oscillators.initialize import pta_
from ptacore.reinforcement.pendulum import OBSERVED, TORQUE, observation

STARTS = ("orthogonal", "default", "rotations", "pta")


class Controller(nn.Module):
    """h_t = tanh(W_h h_(t-1) + W_x x_t + b), and two heads of one hidden layer on h_t.

    The policy is a Gaussian of the torque in units of its limit: the mean comes from its head, the standard deviation
    is a parameter of its own. All layers are `units` wide and tanh.

    Parameters
    ----------
    observed : {"partial", "full"}
        Whether it sees the angle alone, or the velocity too; see `observation`.
    units : int
        Even for "rotations" and "pta".
    start : {"orthogonal", "default", "rotations", "pta"}
        Of W_h: orthogonal; Gaussian of variance 1/units; 2 x 2 blocks on the diagonal that are rotations by uniform
        angles in [0, pi); such blocks with gains above the critical one, which oscillate (`ptacore.oscillators.pta_`).
    raw_angle : bool
        Whether the angle comes raw instead of as cosine and sine.
    seed : int
        Of the weights. Those besides W_h are the same for all starts.

    Attributes
    ----------
    W_h : Parameter (units, units)
    W_x : Parameter (units, d)
        N(0, 1/d) at the start.
    b : Parameter (units,)
        Zero at the start.
    policy, value : nn.Sequential
        Linear, tanh, Linear: (..., units) -> (..., 1). Orthogonal at the start, of gains sqrt 2, and 0.01 for the
        last layer of the policy, 1 for that of the value.
    log_std : Parameter (1,)
        Logarithm of the policy's standard deviation, in units of 2 N m; zero at the start.
    observed, raw_angle, units, start
        As given.

    Examples
    --------
    >>> agent, x = Controller(), torch.tensor([0.1, 0.0])
    >>> h = agent.step(torch.zeros(agent.units), agent.observe(x))
    >>> h.shape, agent.torque(h).shape
    (torch.Size([64]), torch.Size([]))
    """

    name = "controller"

    def __init__(
        self,
        observed: str = "partial",
        units: int = 64,
        start: str = "orthogonal",
        raw_angle: bool = False,
        seed: int = 0,
    ):
        super().__init__()
        self.observed, self.start = choice("observed", observed, OBSERVED), choice("start", start, STARTS)
        self.units = self.n_hidden = n = integer("units", units, 1)
        if n % 2 and start in ("rotations", "pta"):
            raise ValueError(f"units: expected an even number for blocks of two, got {n}")
        self.raw_angle = flag("raw_angle", raw_angle)
        self.options = {"observed": self.observed, "start": self.start, "raw_angle": self.raw_angle}
        inputs = 2 - self.raw_angle + (self.observed == "full")
        seed = check_seed(seed)
        generator, of_start = (torch.Generator().manual_seed(s) for s in (seed, seed ^ 1 << 32))
        self.W_h = nn.Parameter(_recurrent(start, n, of_start))
        self.W_x = nn.Parameter(torch.randn(n, inputs, generator=generator) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(n))
        self.policy, self.value = _head(n, 0.01, generator), _head(n, 1.0, generator)
        self.log_std = nn.Parameter(torch.zeros(1))

    def observe(self, x: Tensor) -> Tensor:
        """What it sees of the pendulum's state: (..., 2) -> (..., d)."""
        return observation(x, self.observed, self.raw_angle)

    def step(self, h: Tensor, obs: Tensor) -> Tensor:
        """The hidden state after an observation: (..., units), (..., d) -> (..., units)."""
        return torch.tanh(h @ self.W_h.mT + obs @ self.W_x.mT + self.b)

    def torque(self, h: Tensor) -> Tensor:
        """Mean torque in N m, unclipped, for the pendulum clips it: (..., units) -> (...)."""
        return TORQUE * self.policy(h)[..., 0]

    def log_density(self, h: Tensor, action: Tensor) -> Tensor:
        """Of an action in units of 2 N m, but for the constant: (..., units), (...) -> (...)."""
        apart = (action - self.policy(h)[..., 0]) * (-self.log_std).exp()
        return -0.5 * apart.square() - self.log_std

    def extra_repr(self):
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"units={self.units}, {options}"


def _recurrent(start: str, n: int, generator: torch.Generator) -> Tensor:
    W = torch.randn(n, n, generator=generator) / math.sqrt(n)
    if start == "orthogonal":
        nn.init.orthogonal_(W, generator=generator)
    elif start == "rotations":
        angle = math.pi * torch.rand(n // 2, generator=generator)
        blocks = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).unflatten(-1, (2, 2))
        W = torch.block_diag(*blocks)
    elif start == "pta":
        pta_(W, generator=generator)
    return W


def _head(n: int, gain: float, generator: torch.Generator) -> nn.Sequential:
    layers = nn.utils.skip_init(nn.Linear, n, n), nn.utils.skip_init(nn.Linear, n, 1)  # draws nothing of torch's own
    for layer, size in zip(layers, (math.sqrt(2), gain), strict=True):
        nn.init.orthogonal_(layer.weight, size, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])
