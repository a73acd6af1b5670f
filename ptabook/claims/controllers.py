"""Huang, Singh & Rajan (2024): recurrent controllers that learn by reinforcement, decided by recorded runs.

Ranges are those of the paper, or of the plan that was written before the runs; 0.9 for a ring, where a mere line has
0.81, was fixed before, too. Four choices came with results known, and their rows say so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import RULE, by_seeds, mean_of

WORK = "Huang et al. 2024"
INF = math.inf
MISSING = Found("no recorded runs", UNDECIDED, "recorded runs of two seeds or more")
_mean = partial(mean_of, missing=MISSING)


def _difference(more: str, less: str, text: str, log: bool = False) -> Callable[[dict], Found]:
    """A check that one value is larger than another, seeds in pairs; of logarithms it is that of their ratio."""

    def check(numbers: dict) -> Found:
        pairs = zip(numbers[more], numbers[less], strict=False)
        pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
        values = [math.log(a / b) if log else a - b for a, b in pairs]
        return _decide(values, text, (0.0, INF), math.exp if log else float)

    return check


def _decide(values: list[float], text: str, holds, shown: Callable[[float], float] = float) -> Found:
    if len(values) < 2:
        return MISSING
    return by_seeds(text, values, holds, f"{len(values)} seeds", shown)


def _beside(check: Callable[[dict], Found], planned: Callable[[dict], Found]) -> Callable[[dict], Found]:
    """The first decides; what the planned measure says stands beside it."""

    def both(numbers: dict) -> Found:
        found, other = check(numbers), planned(numbers)
        return replace(found, ours=f"{found.ours}; as planned: {other.ours}, alone {other.verdict}")

    return both


def _correlation(key: str) -> Callable[[dict], Found]:
    """A check that correlations, one for each seed, are positive; the interval is that of Fisher's z."""

    def check(numbers: dict) -> Found:
        values = [math.atanh(max(-0.999999, min(0.999999, r))) for r in numbers[key]]
        return _decide(values, "r = {mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (0.0, INF), math.tanh)

    return check


CLAIMS = [
    Claim(
        "controllers-learns-partial",
        "Methods, Fig. 1",
        "In 100 updates of 1,024 steps an agent that sees the angle alone learns to swing the pendulum up.",
        "trained, no value",
        "mean return of the last ten episodes above -450 (none at all: -1,200 to -1,500); planned for five seeds, of "
        f"which all are above, and judged, with these known, by all ten that were recorded; {RULE}",
        _mean("partial_return", "{mean:.0f} ({low:.0f} to {high:.0f}), {n} seeds", (-450, INF)),
    ),
    Claim(
        "controllers-learns-full",
        "Methods, Fig. 1",
        "So does an agent that sees angle and velocity.",
        "trained, no value",
        f"above -300; {RULE}",
        _mean("full_return", "{mean:.0f} ({low:.0f} to {high:.0f}), {n} seeds", (-300, INF)),
    ),
    Claim(
        "controllers-sharpens",
        "Fig. 1b",
        "Training sharpens the boundary between torques to either side, in both kinds of agents.",
        "sharper maps",
        f"the slope at the boundary rises from the first checkpoint to the last, the lesser rise of the two; {RULE}",
        _mean("slope_rise", "rises by {mean:.1f} ({low:.1f} to {high:.1f}) per radian, {n} seeds", (0.0, INF)),
    ),
    Claim(
        "controllers-full-sharper",
        "Fig. 1b",
        "The boundary is sharper where the agent sees the velocity.",
        "sharper map",
        f"larger slope at the last checkpoint; {RULE}",
        _difference("full_slope", "partial_slope", "steeper by {mean:.1f} ({low:.1f} to {high:.1f}), {n} seeds"),
    ),
    Claim(
        "controllers-full-precise",
        "Fig. 1b, caption",
        "An agent that sees the velocity uses it for a more precise policy: less torque at high velocities.",
        "a more precise policy",
        f"mean torque at 6 to 8 radians per second is smaller than of agents that do not see it; {RULE}",
        _difference("partial_fast", "full_fast", "smaller by {mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds"),
    ),
    Claim(
        "controllers-full-near-zero",
        "Fig. 1b, caption",
        "Its torques at high velocities are near zero.",
        "near zero",
        "mean torque at 6 to 8 radians per second is below 0.5 N m, a quarter of the largest (a limit of ours, set "
        f"with the result known); {RULE}",
        _mean("full_fast", "{mean:.2f} ({low:.2f} to {high:.2f}) N m, {n} seeds", (0.0, 0.5)),
    ),
    Claim(
        "controllers-ring",
        "Fig. 1c",
        "After training the hidden states form a ring along which the angle runs.",
        "a ring",
        f"R² of the direction in the plane, given the angle, is above 0.9 (a line has 0.81); {RULE}",
        _mean("ring_fit_last", "{mean:.3f} ({low:.3f} to {high:.3f}), {n} seeds", (0.9, INF)),
    ),
    Claim(
        "controllers-pruned",
        "Fig. 1c",
        "Training prunes the dynamics into the ring.",
        "pruned",
        f"the share of the variance that the angle does not tell falls from the first checkpoint to the last; {RULE}",
        _difference("off_first", "off_last", "falls by {mean:.3f} ({low:.3f} to {high:.3f}), {n} seeds"),
    ),
    Claim(
        "controllers-plane",
        "Fig. 1c",
        "Two principal components show most of what trained agents do.",
        "two components are shown",
        f"more than 0.7 of the variance; {RULE}",
        _mean("plane_share", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (0.7, 1.0)),
    ),
    Claim(
        "controllers-moves-to-goal",
        "Fig. 1c",
        "During training the stable fixed point approaches the goal.",
        "moves to θ = 0",
        "input held upright: its angle, that of its neighbour among states from all over the plane of angle and "
        "velocity, is nearer to 0 at the last checkpoint than at the first. Planned were the states of the agent's own "
        f"episodes, of which an untrained agent has none near 0; changed when that was seen; {RULE}",
        _beside(
            _difference(
                "upright_first", "upright_last", "nearer by {mean:.2f} ({low:.2f} to {high:.2f}) rad, {n} seeds"
            ),
            _difference("visited_first", "visited_last", "{mean:.2f} ({low:.2f} to {high:.2f}) rad"),
        ),
    ),
    Claim(
        "controllers-upright-near",
        "Fig. 1c, d",
        "It is there early: within 0.2 radians from update 10 on.",
        "close to θ = 0",
        f"its largest distance from update 10 on, measured in these two ways, is below 0.2; {RULE}",
        _beside(
            _mean("upright_off", "{mean:.2f} ({low:.2f} to {high:.2f}) rad, {n} seeds", (0.0, 0.2)),
            _mean("visited_off", "{mean:.2f} ({low:.2f} to {high:.2f}) rad", (0.0, 0.2)),
        ),
    ),
    Claim(
        "controllers-physics-coupled",
        "Fig. 1c, caption",
        "The agent's stable fixed point is the unstable one of the pendulum, and vice versa: agent and pendulum as one "
        "system.",
        "as stated",
        "upright |λ₁| is below 1 and hanging |λ₁| above, at the last checkpoint; the lesser margin is positive; "
        f"{RULE}",
        _mean("coupled_margin", "lesser margin {mean:.3f} ({low:.3f} to {high:.3f}), {n} seeds", (0.0, INF)),
    ),
    Claim(
        "controllers-physics-held",
        "Fig. 1c, caption",
        "The same, of the agent alone with its input held: its fixed point for the hanging pendulum is unstable.",
        "unstable",
        f"|λ₁| is above 1 at the last checkpoint; {RULE}",
        _mean("hanging_radius", "|λ₁| = {mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (1.0, INF)),
    ),
    Claim(
        "controllers-order",
        "Results, Fig. 1c",
        "The stable fixed point of the upright pendulum emerges earlier than the unstable one of the hanging pendulum.",
        "earlier",
        "agent and pendulum as one system: the update from which on it is stable comes before that from which on the "
        "other is unstable, where both do (by more than 1e-9: a motor at its limit leaves the modulus at 1 but for "
        f"rounding, which was seen first); {RULE}",
        _difference("hanging_unstable", "upright_stable", "{mean:.0f} ({low:.0f} to {high:.0f}) updates, {n} seeds"),
    ),
    Claim(
        "controllers-proximity",
        "Fig. 1d",
        "The closer the stable fixed point is to where it ends, the less reward is left to gain.",
        "significant, linear",
        f"correlation along training, of each seed; {RULE}",
        _correlation("proximity"),
    ),
    Claim(
        "controllers-proximity-given-time",
        "Fig. 1d",
        "That links geometry to performance directly, and not by time alone, with which both change.",
        "directly linking",
        f"partial correlation given the update, of each seed; {RULE}",
        _correlation("proximity_given_time"),
    ),
    Claim(
        "controllers-explore",
        "Fig. 1e",
        "Integration times rise at first.",
        "increase",
        f"the longest is longer in updates 20 to 50 than in updates up to 4; {RULE}",
        _difference("tau_middle", "tau_first", "{mean:.2f} ({low:.2f} to {high:.2f}) times, {n} seeds", log=True),
    ),
    Claim(
        "controllers-compress",
        "Fig. 1e",
        "They fall later: explore, then compress.",
        "decrease",
        f"the longest is shorter in updates 80 to 100 than in updates 20 to 50; {RULE}",
        _difference(
            "tau_middle", "tau_last", "shorter {mean:.2f} ({low:.2f} to {high:.2f}) times, {n} seeds", log=True
        ),
    ),
    Claim(
        "controllers-oscillating-start",
        "Fig. 1 (initial weights of Park et al.)",
        "An agent whose recurrent weights begin as oscillators learns faster.",
        "not in the paper",
        "mean return over all updates is higher than from orthogonal weights; the 95% interval over seeds in pairs",
        _difference(
            "oscillating_course", "orthogonal_course", "higher by {mean:.0f} ({low:.0f} to {high:.0f}), {n} seeds"
        ),
    ),
]
