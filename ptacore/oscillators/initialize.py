"""The PTA initialization: recurrent weights of independent oscillators (Eq. 19, Section 2.8)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ptacore.checks import choice, instance
from ptacore.models.oscillator import SYSTEMS, critical_gain, scaled_rotation, strong_tongues
from ptacore.models.replica import check_present, is_network, torch_cell, weights
from ptacore.oscillators.certificates import certify

# Gains above the critical one at which the origin unwinds by up to 30 % a step (or in a time constant).
EXCESS = {"tanh map": (0.0, 0.3), "tanh flow": (0.0, 0.3), "GRU map": (0.0, 1.2), "GRU flow": (0.0, 0.6)}
_FILLED = (nn.RNN, nn.RNNCell, nn.GRU, nn.GRUCell)
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
        _range(EXCESS[system] if excess is None else excess, "excess", 0, math.inf)
        if alpha is None
        else _range(alpha, "alpha", 0, math.inf)
    )
    angles = _range((0.0, math.pi) if theta is None else theta, "theta", 0, math.pi)
    device = "cpu" if generator is None else instance("generator", generator, torch.Generator).device

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
                possible[possible.clone()] = ~tongue.contains(a[possible], t[possible])
        tried += size
        if possible.any():
            point = certify(system, a[possible], t[possible])
            taken = point.oscillates if certified else slice(None)
            found.append(
                Oscillators([], *(v[taken] for v in (point.alpha, point.theta, point.frequency, point.exponents)))
            )
    columns = ([getattr(part, name) for part in found] for name in ("alpha", "theta", "frequency", "exponents"))
    return Oscillators([], *(torch.cat(column)[:count] for column in columns))


def _bare(weight: Tensor, system: str | None) -> str:
    """The system of a bare weight, both checked."""
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError(f"weight: expected a square matrix, got shape {tuple(weight.shape)}")
    if not weight.is_floating_point():
        raise TypeError(f"weight: expected floating-point numbers, got {weight.dtype}")
    if weight.layout != torch.strided or weight.is_meta:
        raise TypeError(f"weight: expected a dense tensor with values, got {weight.layout} on {weight.device}")
    if (weight if weight._base is None else weight._base).grad_fn is not None:
        raise ValueError("weight: is computed from other tensors, which would not change; pass those, or its module")
    return choice("system", system or "tanh map", SYSTEMS)


def _recurrent(target) -> tuple[nn.Module, str]:
    """The torch module to fill, and where it is in the target: "" or "recurrent."."""
    if isinstance(target, (nn.LSTM, nn.LSTMCell)):
        raise TypeError(
            "module: an LSTM's cell state is not a network of Eqs. 20-21, and the oscillating region of its gates is "
            "not known; take a torch.nn.RNN or GRU (or their cells)"
        )
    if isinstance(target, nn.Module) and hasattr(target, "_orig_mod"):  # torch.compile
        return _recurrent(target._orig_mod)
    if (
        isinstance(target, nn.Module)
        and is_network(target)
        and isinstance(getattr(target, "recurrent", None), nn.RNNBase)
    ):
        return _recurrent(target.recurrent)[0], "recurrent."
    if not isinstance(target, _FILLED):
        raise TypeError(
            "target: expected a torch.nn RNN, GRU, RNNCell or GRUCell, or a square weight, "
            f"got {type(target).__name__}; pass the recurrent weight of your own module"
        )
    if torch_cell(target) is None:
        raise TypeError(
            f"module: {type(target).__name__} has a forward or a hook of its own, under which the oscillators would "
            "not be those that are certified; pass the recurrent weight of your own module"
        )
    return target, ""


def _module_system(module: nn.Module, system: str | None) -> str:
    if getattr(module, "nonlinearity", "tanh") != "tanh":
        raise ValueError(f'module: expected nonlinearity="tanh", got {module.nonlinearity!r}')
    own = "GRU map" if isinstance(module, (nn.GRU, nn.GRUCell)) else "tanh map"
    if system not in (None, own):
        raise ValueError(f"system: this module is a {own!r}, got {system!r}")
    return own


def _filled(weight: Tensor, rotations: Tensor, zeroed: bool) -> Tensor:
    """The weight with the rotations in its last n rows (torch has the candidate's behind the gates')."""
    new = torch.zeros_like(weight) if zeroed else weight.clone()
    n = weight.shape[1]
    new[-n:] = 0
    new[-n:, :n][: 2 * len(rotations), : 2 * len(rotations)] = torch.block_diag(*rotations).to(weight)
    return new


def _write_bare(weight: Tensor, value: Tensor) -> None:
    before = weight.clone()
    with torch.inference_mode(weight.is_inference()), torch.no_grad():  # see `_write`
        try:
            weight.copy_(value)
        except RuntimeError as error:  # an expanded tensor
            raise ValueError(f"weight: cannot be filled in place: {error}") from error
        if not torch.equal(weight, value):
            weight.copy_(before)
            raise ValueError("weight: its entries share memory (a view that overlaps itself); pass a copy")


def _check_own(module: nn.Module, names: list[str]) -> None:
    for name in names:
        if name not in module._parameters and not is_parametrized(module, name):
            raise ValueError(
                f"module: {name} is made from other tensors ahead of each forward (pruning, or an old weight or "
                "spectral norm); remove that first (torch.nn.utils.prune.remove, remove_weight_norm, "
                "remove_spectral_norm)"
            )


def _write(module: nn.Module, wanted: dict[str, Tensor]) -> None:
    """Give a module new effective weights; all of them, or it is as it was and an error says why.

    Those that are not named have to keep their values, which they do not where weights are tied.
    """
    before = {name: value.clone() for name, value in weights(module).items()}
    inference = any(p.is_inference() for p in module.parameters())  # then written as such; that mode switches gradients
    with torch.inference_mode(inference), torch.no_grad(), _restored_on_error(module):
        for name, value in wanted.items():
            try:
                if is_parametrized(module, name):
                    setattr(module, name, value)
                else:
                    module._parameters[name].copy_(value)
            except Exception as error:  # anything that the right_inverse of a parametrization raises
                raise ValueError(f"module: {name} cannot be set: {error}") from error
        for name, value in weights(module).items():
            expected = wanted.get(name, before[name])
            tolerance = 10 * torch.finfo(value.dtype).eps
            if not torch.allclose(value, expected, rtol=tolerance, atol=tolerance, equal_nan=name not in wanted):
                why = (
                    "its parametrization does not allow it"
                    if is_parametrized(module, name)
                    else "it is tied to another"
                )
                raise ValueError(f"module: {name} does not have the weights that were set: {why}")


@contextmanager
def _restored_on_error(module: nn.Module) -> Iterator[None]:
    """Parameters and buffers, and where they are kept, as they were, should anything go wrong."""
    places = [
        (kept, name, tensor, tensor.data, tensor.detach().clone())
        for part in module.modules()
        for kept in (part._parameters, part._buffers)
        for name, tensor in kept.items()
        if tensor is not None
    ]
    try:
        yield
    except BaseException:
        for kept, name, tensor, storage, values in places:
            tensor.data = storage.copy_(values)
            kept[name] = tensor
        raise


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

    To that end the biases of the layer are set to zero, and the gate weights of a GRU: its gates stand at 1/2 until it
    learns. Input weights are left as they are. Each layer and direction gets its own draw; the upper layers of a
    stack oscillate freely only as long as the lower ones do not drive them. Where n is odd, the last unit gets no
    recurrent weight.

    It is all or nothing: weights are written through parametrizations that can hold them (``right_inverse``), and what
    the module then computes with is compared with what was drawn. Where that differs (pruning, spectral norm, an
    orthogonal weight, tied weights), the module is left as it was, and the error says why.

    Parameters
    ----------
    target : torch.nn.RNN (tanh), GRU, RNNCell or GRUCell, network of `networks.build`, or Tensor (n, n)
        Module, network that is made around one, or recurrent weight x <- tanh(W x).
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
        If the target is none of these (an LSTM, for one), or has a forward or a hook of its own.
    ValueError
        If a weight is not square, has less than two units or cannot hold the blocks, or a range is not valid or holds
        no oscillator.

    Examples
    --------
    >>> rnn = torch.nn.RNN(3, 6)
    >>> drawn = pta_(rnn, alpha=(1.0, 1.3), generator=torch.Generator().manual_seed(0))
    >>> drawn.weight
    ['weight_hh_l0', 'weight_hh_l0', 'weight_hh_l0']
    >>> bool((drawn.exponents[:, 0].abs() < 1e-3).all())
    True
    """
    if isinstance(target, Tensor):
        system, module, where = _bare(target, system), None, ""
        recurrent, zeros = {"weight": target}, {}
    else:
        module, where = _recurrent(target)
        system = _module_system(module, system)
        check_present(module)
        effective = weights(module)
        recurrent = {name: weight for name, weight in effective.items() if name.startswith("weight_hh")}
        zeros = {name: torch.zeros_like(b) for name, b in effective.items() if zeroed and name.startswith("bias")}
        _check_own(module, [*recurrent, *zeros])
    counts = [weight.shape[1] // 2 for weight in recurrent.values()]
    if 0 in counts:
        raise ValueError(f"weight: an oscillator needs two units, got {next(iter(recurrent.values())).shape[1]}")
    drawn = _draw(sum(counts), system, alpha, theta, excess, certified, generator)
    rotations = scaled_rotation(drawn.alpha, drawn.theta).split(counts)
    new = {name: _filled(w, own, zeroed) for (name, w), own in zip(recurrent.items(), rotations, strict=True)}
    if module is None:
        _write_bare(target, new["weight"])
    else:
        _write(module, new | zeros)
    names = [where + name for name, count in zip(recurrent, counts, strict=True) for _ in range(count)]
    return Oscillators(names, drawn.alpha, drawn.theta, drawn.frequency, drawn.exponents)
