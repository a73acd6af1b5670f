"""Section 2.8: what trained networks do."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import SEEDS, by_difference, by_share

PTA = ("tanh-pta", "gru-pta")


def _ends_without_oscillation(numbers):
    found = [row["without_oscillation"] for row in numbers["attractors"] if row["network"] in PTA]
    told = [without for without in found if without is not None]
    if not told:
        return Found("", UNDECIDED, "data: no attractor of a trained PTA network is known")
    text = (
        f"{sum(told)} of {len(told)} trained PTA networks come to rest, and to no cycle or torus, under the blank input"
    )
    if len(found) > len(told):
        text += f"; {len(found) - len(told)} more do neither: chaotic, slow or not told"
    return by_share(text, sum(told), len(told), (0.5, 1), "seeds: few networks have been followed to their attractors")


def _oscillations_weaken(numbers):
    """Open: a small exponent may be that of a cycle or of a slow decay; what attracts is known after training only."""
    text, found = "", numbers["oscillations"]
    if found:
        start, end = ([network[when] for network in found] for when in ("start", "end"))
        text = f"exponents that count as zero: {min(start)} to {max(start)} before, {min(end)} to {max(end)} after "
        text += f"training ({len(found)} networks)"
    return Found(text, UNDECIDED, "data: attractors before and after; a zero is not yet an oscillation")


def _lower(arm: str, base: str) -> Callable[[dict], Found]:
    """Whether one way to begin ends with a lower test loss than another, each at the best of its rates."""

    def check(numbers: dict) -> Found:
        losses = [numbers["ablation"].get(name, {}).get("test_loss", []) for name in (arm, base)]
        if (fewest := min(map(len, losses))) < SEEDS:
            return Found("", UNDECIDED, f"seeds: {fewest} of {SEEDS}")
        ours, theirs = (np.log(values) for values in losses)
        text = f"geometric means {math.exp(ours.mean()):.2g} and {math.exp(theirs.mean()):.2g}, {len(ours)} seeds each"
        if edge := [name for name in (arm, base) if numbers["ablation"][name]["at_edge"]]:
            text += f"; best rate at an edge of those tried: {', '.join(f'*{name}*' for name in edge)}"
        return by_difference(text, ours, theirs, (-math.inf, 0))

    return check


CLAIMS = [
    Claim(
        "solutions-without-oscillation",
        "Sec. 2.8",
        "PTA networks often learn solutions without oscillation.",
        "often",
        "of the trained networks that come to rest, or to a cycle or torus, under the blank input, half or more "
        "come to rest (chaos is neither)",
        _ends_without_oscillation,
    ),
    Claim(
        "oscillations-weaken",
        "Sec. 2.9, L4",
        "Learning long temporal dependencies may weaken the oscillations.",
        "fewer",
        "fewer oscillations, by what attracts before and after training; exponents that count as zero are beside it",
        _oscillations_weaken,
        section="on-the-way",
    ),
    Claim(
        "flossing-helps",
        "Abstract",
        "Gradient flossing before training makes a network better at a task with a long delay.",
        "improves",
        "test loss of flossed tanh networks below that of default ones on copy memory, k = 100, within 20 epochs, each "
        "at the best of the rates tried: 95% interval of the ratio, over seeds",
        _lower("default, flossed", "default"),
        work="Engelken 2023",
        section="the-recipe-taken-apart",
    ),
    Claim(
        "oscillators-beat-flossing",
        "Sec. on training (ours)",
        "A start with limit cycles learns more than one whose exponents descent has brought nearer to zero.",
        "ours",
        "the same, of networks with limit cycles (gains up to 1.3) below flossed ones",
        _lower("α in [1, 1.3]", "default, flossed"),
        work="beside Engelken 2023",
        section="the-recipe-taken-apart",
    ),
]
