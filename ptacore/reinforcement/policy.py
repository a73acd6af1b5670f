"""What an agent does in each state of the pendulum, and how sharply its action changes sign."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ptacore.checks import finite_array, instance, integer, within
from ptacore.reinforcement.pendulum import SPEED, TORQUE


class PolicyMap(NamedTuple):
    """What `policy_map` returns.

    Attributes
    ----------
    theta : array (n + 1,)
        Edges of the bins of the angle, from -pi to pi.
    speed : array (k + 1,)
        Edges of the bins of the angular velocity.
    torque : array (k, n)
        Mean torque of each bin, NaN where the agent never was.
    visits : array (k, n)
        How often it was there.
    """

    theta: np.ndarray
    speed: np.ndarray
    torque: np.ndarray
    visits: np.ndarray


def policy_map(x, torque, *, bins: tuple[int, int] = (36, 24)) -> PolicyMap:
    """The mean torque over the plane of angle and angular velocity, from states that were visited.

    A memory that carries the velocity is part of the policy; therefore the torque of a partially observing agent is
    a mean over what led to a state.

    Parameters
    ----------
    x : array (..., 2)
        Angles (radians, of any turn) and angular velocities (radians per second).
    torque : array (...)
        What the agent did there.
    bins : (int, int)
        Of the angle and of the angular velocity, at least 2 each.

    Returns
    -------
    PolicyMap

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> found = policy_map([[0.1, 1.0], [0.2, 1.0], [-3.0, -1.0]], [1.0, 2.0, -1.0], bins=(2, 2))
    >>> found.torque.tolist()
    [[-1.0, nan], [nan, 1.5]]
    """
    x, u = finite_array(x, "x"), finite_array(torque, "torque")
    if x.ndim < 2 or x.shape[-1] != 2 or not x.size:
        raise ValueError(f"x: expected shape (..., 2), got {x.shape}")
    if u.shape != x.shape[:-1]:
        raise ValueError(f"torque: expected shape {x.shape[:-1]}, got {u.shape}")
    if not isinstance(bins, (tuple, list)) or len(bins) != 2:
        raise ValueError(f"bins: expected a pair, got {bins!r}")
    n, k = (integer("bins", count, 2) for count in bins)
    theta, speed = np.linspace(-np.pi, np.pi, n + 1), np.linspace(-SPEED, SPEED, k + 1)
    column = np.floor((x[..., 0].ravel() / (2 * np.pi) + 0.5) * n).astype(int) % n
    row = np.clip(np.searchsorted(speed, x[..., 1].ravel(), "right") - 1, 0, k - 1)
    place = row * n + column
    visits = np.bincount(place, minlength=n * k).reshape(k, n)
    sums = np.bincount(place, u.ravel(), n * k).reshape(k, n)
    return PolicyMap(theta, speed, np.where(visits > 0, sums / np.maximum(visits, 1), np.nan), visits)


class Sharpness(NamedTuple):
    """How sharp a policy map is.

    Attributes
    ----------
    slope : float
        Mean of |d torque / d angle| where the torque changes its sign, in units of torque per radian; 0 where it never
        does.
    saturated : float
        Share of the visited bins in which the torque is over nine tenths of its bound.
    """

    slope: float
    saturated: float


def sharpness(policy: PolicyMap, *, bound: float = TORQUE) -> Sharpness:
    """Two measures of how clearly a policy tells torques to one side from torques to the other.

    Parameters
    ----------
    policy : PolicyMap
    bound : float
        Largest torque.

    Returns
    -------
    Sharpness

    Examples
    --------
    >>> theta = np.linspace(-np.pi, np.pi, 3600)
    >>> states = np.stack([theta, 0 * theta], 1)
    >>> found = sharpness(policy_map(states, np.sin(theta)))  # slope 1 at both zeros; bins are coarse
    >>> round(found.slope, 2), found.saturated
    (0.99, 0.0)
    """
    instance("policy", policy, PolicyMap)
    bound = within("bound", bound, 0, np.inf)
    u = policy.torque
    beside = np.roll(u, -1, 1)  # the angle is a circle
    changes = u * beside < 0  # NaN where either is not known: no change
    width = policy.theta[1] - policy.theta[0]
    slope = np.abs(beside - u)[changes].mean() / width if changes.any() else 0.0
    seen = ~np.isnan(u)
    return Sharpness(float(slope), float((np.abs(u[seen]) > 0.9 * bound).mean()))


def torque_at_speed(policy: PolicyMap, low: float, high: float) -> float:
    """Mean |torque| of the visited bins whose speed, to either side, is within a range; NaN if there are none.

    Examples
    --------
    >>> torque_at_speed(policy_map([[0.0, 7.0], [1.0, -7.0], [0.0, 0.0]], [1.0, -2.0, 0.1]), 6, 8)
    1.5
    """
    instance("policy", policy, PolicyMap)
    middle = np.abs(policy.speed[:-1] + policy.speed[1:]) / 2
    rows = (within("low", low, 0, np.inf, "[)") <= middle) & (middle <= within("high", high, 0, np.inf, "[)"))
    chosen = np.abs(policy.torque[rows])
    chosen = chosen[~np.isnan(chosen)]
    return float(chosen.mean()) if chosen.size else float("nan")
