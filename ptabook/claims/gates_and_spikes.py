"""Sections 2.6, 2.7 and 3.3: gates, noise of two types, spikes."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import CONTRADICTS, UNDECIDED, Claim, Found, says
from ptabook.claims.evidence import by_seeds


def _learns_longer(d):
    learned = np.array(d["learned_by_weights"], float)  # (biases, initial weights)
    more = learned[2:].mean(0) - learned[:2].mean(0)
    text = f"{d['learned_firing']:.0f} of {d['learned_of']:.0f} learn, at rest {d['learned_silent']:.0f}"
    found = by_seeds(f"{text}; {more.mean():+.0%} in {len(more)} initial weights", more, (0, np.inf), "seeds")
    if found.verdict == CONTRADICTS:
        return Found(found.ours, UNDECIDED, "definition: one task and one surrogate do not show what can be", found.p)
    return found


CLAIMS = [
    Claim(
        "s-and-d-noise",
        "Sec. 2.6",
        "Noise in the state leaves the law as it is; noise in the weights changes it.",
        "two types",
        "stored values err as √t and as t, at the derived rates, within sampling (4 standard errors)",
        says("rates off by {ratio_off:.0%}, of {ratio_allowed:.0%}", lambda d: d["ratio_off"] < d["ratio_allowed"]),
    ),
    Claim(
        "phase-differences-stay",
        "Sec. 2.7",
        "Changed weights leave phase differences on a limit cycle as they are.",
        "maintained",
        "their change is below 5% of that of a single phase; on the line attractor it is not",
        says("{cycle_lost:.1%}, on the line {line_lost:.0%}", lambda d: d["cycle_lost"] < 0.05 < d["line_lost"]),
    ),
    Claim(
        "lstm-line-without-forget-gate",
        "Sec. 2.6",
        "The line attractor of an LSTM without forget gate has no parameter that removes it.",
        "none",
        "all zero exponents left in every network with random weights",
        says(
            "in {all_zeros_0_01:.0%}, {all_zeros_0_1:.0%} and {all_zeros_1:.0%} of networks (weights of 0.01, 0.1 "
            "and 1 of the usual); cells run off to {far_1:.0f}",
            lambda d: d["all_zeros_0_01"] == d["all_zeros_0_1"] == d["all_zeros_1"] == 1,
        ),
        note="remarks-on-the-theory",
    ),
    Claim(
        "lstm-forget-gate-removes",
        "Sec. 2.6",
        "A forget gate removes it.",
        "line attractor only without",
        "leading exponent log σ(bias), to 1e-9, and below zero in every network",
        says(
            "off by {forget_error:.0e}; at most {forget_above:.4f}",
            lambda d: d["forget_error"] < 1e-9 and d["forget_above"] < 0,
        ),
    ),
    Claim(
        "firing-true-gradient",
        "Sec. 3.3",
        "A bias current that makes spiking neurons oscillate lets gradients through: the true gradient.",
        "improves",
        "(I − v(t)) / (I − v(0)), to 1e-9, over a hundred time constants",
        says("off by {true_error:.0e}; at rest {true_faded:.0e} after 25", lambda d: d["true_error"] < 1e-9),
    ),
    Claim(
        "firing-surrogate-gradient",
        "Sec. 3.3",
        "The same holds for surrogate gradients.",
        "improves",
        "growth per step nearer to zero than at rest without bias, for both firing levels (k = 25)",
        says(
            "{surrogate_none:.3f} without, {surrogate_firing:.3f} and {surrogate_strong:.3f} firing; but "
            "{surrogate_silent:.3f} with a bias that lets nothing fire",
            lambda d: max(abs(d["surrogate_firing"]), abs(d["surrogate_strong"])) < abs(d["surrogate_none"]),
        ),
    ),
    Claim(
        "firing-learns-longer",
        "Sec. 3.3",
        "Spiking networks that oscillate at rest learn longer dependencies.",
        "can improve",
        "more of them learn to hold a bit: 95% interval of the difference over initial weights (each has two biases of "
        "a kind); one task cannot refute that something can be",
        _learns_longer,
        note="remarks-on-the-theory",
    ),
]
