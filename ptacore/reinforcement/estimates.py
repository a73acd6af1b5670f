"""What proximal policy optimization estimates from a rollout: advantages, and the clipped loss of a policy."""

from __future__ import annotations

import torch
from torch import Tensor

from ptacore.checks import floats, shown, within


def gae(rewards: Tensor, values: Tensor, coming: Tensor, ends: Tensor, discount: float, trace: float) -> Tensor:
    """Generalized advantage estimates (Schulman et al. 2016): A_t = delta_t + gamma lambda A_(t+1) within an episode.

    Parameters
    ----------
    rewards, values, coming : Tensor (T, ...)
        r_t, V of the state that was acted in, and V of the true state that came next, also where an episode was cut;
        delta_t = r_t + gamma coming_t - values_t.
    ends : Tensor (T, ...)
        Whether the episode was cut after this step.
    discount, trace : float
        gamma and lambda.

    Returns
    -------
    Tensor (T, ...)

    Raises
    ------
    TypeError, ValueError
        If shapes differ, `ends` is not boolean, or a factor is outside [0, 1].

    Examples
    --------
    >>> one = torch.ones(3)
    >>> gae(one, 0 * one, 0 * one, torch.tensor([False, True, False]), 0.5, 0.5)
    tensor([1.2500, 1.0000, 1.0000])
    """
    _sequence("rewards", rewards)
    _sequence("values", values, rewards.shape)
    _sequence("coming", coming, rewards.shape)
    if not isinstance(ends, Tensor) or ends.dtype != torch.bool or ends.shape != rewards.shape:
        raise ValueError(f"ends: expected booleans of shape {tuple(rewards.shape)}, got {shown(ends)}")
    discount, trace = within("discount", discount, 0, 1, "[]"), within("trace", trace, 0, 1, "[]")
    advantages = rewards + discount * coming - values
    for t in reversed(range(len(rewards) - 1)):
        advantages[t] += discount * trace * advantages[t + 1].masked_fill(ends[t], 0.0)
    return advantages


def surrogate(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The clipped loss -mean(min(ratio A, clamp(ratio, 1 - clip, 1 + clip) A)).

    Examples
    --------
    >>> surrogate(torch.tensor([1.5, 0.5]), torch.tensor([1.0, 1.0]), 0.2)
    tensor(-0.8500)
    """
    _sequence("ratio", ratio)
    _sequence("advantage", advantage, ratio.shape)
    clip = within("clip", clip, 0, 1)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def _sequence(name: str, value, shape: torch.Size | None = None) -> None:
    if floats(name, value).ndim == 0 or value.numel() == 0:
        raise ValueError(f"{name}: expected one number or more in a sequence, got shape {tuple(value.shape)}")
    if value.shape != (shape or value.shape):
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {tuple(value.shape)}")
