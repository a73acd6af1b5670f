"""The PTA initialization: recurrent weights of independent oscillators (Eq. 19, Section 2.8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor, nn

from ptacore.certificates import certify
from ptacore.models.oscillator import SYSTEMS, critical_gain, scaled_rotation, strong_tongues

# Gains above the critical one at which the origin unwinds by up to 30 % a step (or in a time constant).
EXCESS = {"tanh map": (0.0, 0.3), "tanh flow": (0.0, 0.3), "GRU map": (0.0, 1.2), "GRU flow": (0.0, 0.6)}
PROPOSALS = 1024  # that are certified before a range is said to hold no oscillator


@dataclass(frozen=True)
class Oscillators:
    """What `pta_` drew, a row for each 2 x 2 block, in the order of the weights and of the blocks on their diagonals.

    Attributes
    ----------
    weight : list of str
        Name of the parameter that holds the block; "weight" where a bare weight was given.
    alpha, theta : Tensor (m,)
        Gain, and angle in radians.
    frequency : Tensor (m,)
        Turns per step (per unit time for flows); times 2 pi: radians.
    exponents : Tensor (m, 2)
        Lyapunov exponents of the block alone: zero, and negative.
    """

    weight: list[str]
    alpha: Tensor
    theta: Tensor
    frequency: Tensor
    exponents: Tensor

    def __len__(self) -> int:
        return len(self.alpha)


def _range(value, name: str, least: float, most: float) -> tuple[float, float]:
    """A number or a pair (low, high) as a pair, checked."""
    pair = (value, value) if isinstance(value, Real) else value
    try:
        low, high = (float(v) for v in pair)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number or a pair (low, high), got {value!r}") from None
    if not (least <= low <= high <= most and math.isfinite(high)):
        raise ValueError(f"{name}: expected {least:.4g} <= low <= high <= {most:.4g}, got {value!r}")
    return low, high


def _draw(count: int, system: str, alpha, theta, excess, certified: bool, generator) -> Oscillators:
    """Draw `count` blocks, uniformly over the ranges or the part of them that `certify` finds to oscillate."""
    if alpha is not None and excess is not None:
        raise ValueError("alpha, excess: give one of them, the gain or how far it is above the critical gain")
    gains = (
        _range(excess or EXCESS[system], "excess", 0, math.inf)
        if alpha is None
        else _range(alpha, "alpha", 0, math.inf)
    )
    angles = _range((0.0, math.pi) if theta is None else theta, "theta", 0, math.pi)
    device = "cpu" if generator is None else generator.device

    def uniform(low: float, high: float, size: int) -> Tensor:
        return low + (high - low) * torch.rand(size, dtype=torch.float64, generator=generator, device=device).cpu()

    found, tried = [], 0
    while (have := sum(len(part.alpha) for part in found)) < count:
        if tried >= PROPOSALS and not have:
            what = "excess" if alpha is None else "gain"
            raise ValueError(
                f"alpha, theta: none of {tried} points in the ranges oscillates ({what} {gains[0]:g} to {gains[1]:g}, "
                f"angle {angles[0]:g} to {angles[1]:g}); a {system} needs a gain above models.critical_gain and an "
                "angle outside its tongues (models.strong_tongues)"
            )
        size = max(128, 2 * (count - have))
        t, a = uniform(*angles, size), uniform(*gains, size)
        critical = critical_gain(system, t)
        a = a if alpha is not None else a + critical
        possible = torch.isfinite(a)
        if certified:
            possible &= a > critical
            for tongue in strong_tongues(system) if possible.any() else []:
                possible &= ~tongue.contains(a, t)
        tried += size
        if possible.any():
            point = certify(system, a[possible], t[possible])
            taken = point.oscillates if certified else slice(None)
            found.append(
                Oscillators([], *(v[taken] for v in (point.alpha, point.theta, point.frequency, point.exponents)))
            )
    columns = ([getattr(part, name) for part in found] for name in ("alpha", "theta", "frequency", "exponents"))
    return Oscillators([], *(torch.cat(column)[:count] for column in columns))


def _targets(target, system: str | None) -> tuple[str, list[tuple[str, Tensor, list[Tensor]]]]:
    """System, and for each recurrent weight its name, the candidate's block, and all that has to be zero."""
    if isinstance(target, (nn.LSTM, nn.LSTMCell)):
        raise TypeError(
            "module: an LSTM's cell state is not a network of Eqs. 20-21, and the oscillating region of its gates is "
            "not known; take a torch.nn.RNN or GRU (or their cells)"
        )
    if isinstance(target, Tensor):
        if target.ndim != 2 or target.shape[0] != target.shape[1]:
            raise ValueError(f"weight: expected a square matrix, got shape {tuple(target.shape)}")
        if not target.is_floating_point():
            raise TypeError(f"weight: expected floating-point numbers, got {target.dtype}")
        system = system or "tanh map"
        if system not in SYSTEMS:
            raise ValueError(f"system: expected one of {', '.join(map(repr, SYSTEMS))}, got {system!r}")
        return system, [("weight", target, [])]
    if not isinstance(target, (nn.RNN, nn.RNNCell, nn.GRU, nn.GRUCell)):
        raise TypeError(
            "expected a torch.nn RNN, GRU, RNNCell or GRUCell, or a square weight, "
            f"got {type(target).__name__}; of your own module, pass its recurrent weight"
        )
    if getattr(target, "nonlinearity", "tanh") != "tanh":
        raise ValueError(f'module: expected nonlinearity="tanh", got {target.nonlinearity!r}')
    gated = isinstance(target, (nn.GRU, nn.GRUCell))
    own = "GRU map" if gated else "tanh map"
    if system not in (None, own):
        raise ValueError(f"system: this module is a {own!r}, got {system!r}")
    parameters = dict(target.named_parameters())
    weights = []
    for name in [name for name in parameters if name.startswith("weight_hh")]:
        biases = [
            parameters[key] for kind in ("ih", "hh") if (key := name.replace("weight_hh", f"bias_{kind}")) in parameters
        ]
        weight, n = parameters[name], target.hidden_size
        weights.append((name, weight[-n:], [weight, *biases]))  # torch's order: reset, update, candidate
    return own, weights


@torch.no_grad()
def pta_(
    target,
    alpha=None,
    theta=None,
    *,
    excess=None,
    certified: bool = True,
    zeroed: bool = True,
    system: str | None = None,
    generator=None,
) -> Oscillators:
    """Fill recurrent weights, in place, with independent oscillators: the PTA initialization (Eq. 19, Section 2.8).

    The weight becomes block-diagonal, of scaled rotations alpha (cos theta, -sin theta; sin theta, cos theta), each
    drawn uniformly, by area, from the part of the ranges in which `certify` finds a zero leading Lyapunov exponent:
    locked, resting and bistable blocks are left out. Without input, n units then have n/2 zero exponents and none
    that is positive.

    For that the biases of the layer are set to zero, and the gate weights of a GRU: its gates stand at 1/2 until it
    learns. Input weights are left as they are. Each layer and direction gets its own draw; the upper layers of a
    stack oscillate freely only as long as the lower ones do not drive them. Where n is odd, the last unit gets no
    recurrent weight.

    Parameters
    ----------
    target : torch.nn.RNN (tanh), GRU, RNNCell or GRUCell, or Tensor (n, n)
        Module, or recurrent weight x <- tanh(W x).
    alpha : float or (low, high), optional
        Gains to draw from.
    theta : float or (low, high), optional
        Angles to draw from, in radians, within [0, pi], which is the default.
    excess : (low, high), optional
        Instead of `alpha`: how far above `models.critical_gain`, which for a GRU depends on theta. By default (0, 0.3)
        for tanh, that is, gains from 1 to 1.3, and (0, 1.2) for a GRU, which unwinds from the origin equally fast.
    certified : bool
        Whether only points that oscillate by themselves are drawn. False: every point of the ranges, among them those
        that lock, rest or have two attractors, so that an oscillator may have no zero exponent.
    zeroed : bool
        Whether biases, and the gate weights of a GRU, are set to zero. False: they are left as they are, as in the
        authors' initializer, and what the blocks do in the layer is no longer what they do alone.
    system : {"tanh map", "tanh flow", "GRU map", "GRU flow"}, optional
        For a bare weight: what network it is the recurrent (for GRUs, candidate) weight of.
    generator : torch.Generator, optional
        Source of the draws; torch's global one by default, as in torch.nn.init.

    Returns
    -------
    Oscillators
        Gain, angle, frequency and exponents of each block.

    Raises
    ------
    TypeError
        If the target is none of these (an LSTM, for one).
    ValueError
        If a weight is not square or has less than two units, or a range is not valid or holds no oscillator.

    Examples
    --------
    >>> rnn = torch.nn.RNN(3, 6)
    >>> drawn = pta_(rnn, alpha=(1.0, 1.3), generator=torch.Generator().manual_seed(0))
    >>> drawn.weight
    ['weight_hh_l0', 'weight_hh_l0', 'weight_hh_l0']
    >>> bool((drawn.exponents[:, 0].abs() < 1e-3).all())
    True
    """
    system, weights = _targets(target, system)
    if weights[0][1].shape[0] < 2:
        raise ValueError("weight: an oscillator needs two units, got 1")
    blocks = [len(weight) // 2 for _, weight, _ in weights]
    drawn = _draw(sum(blocks), system, alpha, theta, excess, certified, generator)
    rotations = scaled_rotation(drawn.alpha, drawn.theta).split(blocks)
    for (_, weight, zeros), own in zip(weights, rotations, strict=True):
        for parameter in zeros if zeroed else []:
            parameter.zero_()
        weight.zero_()
        weight[: 2 * len(own), : 2 * len(own)] = torch.block_diag(*own).to(weight)
    names = [name for (name, _, _), count in zip(weights, blocks, strict=True) for _ in range(count)]
    return Oscillators(names, drawn.alpha, drawn.theta, drawn.frequency, drawn.exponents)
