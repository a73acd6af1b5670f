"""Ger & Barak (2025): learning in a closed loop, regulation of a double integrator."""

from __future__ import annotations

import math
from collections.abc import Callable

from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Claim, Found
from ptabook.claims.evidence import RULE, by_seeds, by_share, mean_of

WORK = "Ger & Barak 2025"
INF = math.inf


def _three_falls(numbers: dict) -> Found:
    """Both falls against the plateau between them, in each network: the slower fall is over three times as large."""
    rows = list(zip(numbers["first_fall"], numbers["plateau_fall"], numbers["last_fall"], strict=True))
    margins = [math.log(min(first, last) / plateau) for first, plateau, last in rows]
    ours = "the smaller of two falls is {mean:.1f} ({low:.1f} to {high:.1f}) times that of the plateau, {n} networks"
    return by_seeds(ours, margins, (math.log(2), INF), shown=math.exp)


def _shorter_pushes_harder(numbers: dict) -> Found:
    differences = [a - b for a, b in zip(numbers["feedback_20"], numbers["feedback_50"], strict=True)]
    return by_seeds("{mean:.3f} ({low:.3f} to {high:.3f}) lower at 20 steps than at 50", differences, (-INF, 0.0))


def _length_moves_the_pair(numbers: dict) -> Found:
    differences = [a - b for a, b in zip(numbers["imaginary_10"], numbers["imaginary_100"], strict=True)]
    return by_seeds("{mean:.2f} ({low:.2f} to {high:.2f}) higher at 10 steps than at 100", differences, (0.0, INF))


def _both_terms(numbers: dict) -> Found:
    """Each alone leaves the circle, the balance enters it; the interval is that of the margin in the worst network."""
    margins = [
        min(short - 1, long - 1, 1 - both)
        for short, long, both in zip(numbers["short_only"], numbers["long_only"], numbers["balanced"], strict=True)
    ]
    return by_seeds("smallest margin of |λ₁| from 1: {mean:.3f} ({low:.3f} to {high:.3f})", margins, (0.0, INF))


def _overlay(numbers: dict) -> Found:
    ours = "costs differ by {mean:.0%} ({low:.0%} to {high:.0%}), {n} prices"
    return by_seeds(ours, numbers["overlay"], (-INF, 0.1), "one network at each price")


def _runs(numbers: dict, name: str, key: str) -> list[float]:
    return [row[key] for row in numbers["optimizers"].get(name, []) if row.get(key) is not None]


def _no_peak(numbers: dict) -> Found:
    """With the clip that descent has, too; without one the words tell it."""
    clipped, free = (_runs(numbers, name, "peak") for name in ("adam-clipped", "adam"))
    if min(len(clipped), len(free)) < 2:
        return Found("no recorded runs", UNDECIDED, "recorded runs of Adam")
    words = f"{{mean:.2f}} ({{low:.2f}} to {{high:.2f}}) times; without a clip {min(free):.1f} to {max(free):.1f}"
    return by_seeds(words, clipped, (-INF, 1.5), f"{len(clipped)} seeds")


def _fewer_turns(numbers: dict) -> Found:
    ours, theirs = (_runs(numbers, name, "turns") for name in ("sgd-clipped", "adam-clipped"))
    if min(len(ours), len(theirs)) < 2:
        return Found("no recorded runs", UNDECIDED, "recorded runs of both optimizers")
    less = [a - b for a, b in zip(ours, theirs, strict=True)]
    words = "fewer by {mean:.0%} ({low:.0%} to {high:.0%}) of the epochs"
    return by_seeds(words, less, (0.0, INF), f"{len(less)} seeds")


def _identity(key: str) -> Callable[[dict], Found]:
    def check(numbers: dict) -> Found:
        found = numbers[key]
        return Found(f"off by {found['value']:.0e}", SUPPORTS if found["reproduced"] else CONTRADICTS)

    return check


def _settled(numbers: dict) -> Found:
    values = numbers["settled"]
    there = sum(-0.05 < value < -0.015 for value in values)
    words = f"{min(values):.3f} to {max(values):.3f}, {there} of {len(values)} starts there"
    return by_share(words, there, len(values), (0.95, 1.0), "more starts")


def _steep(numbers: dict) -> Found:
    holds = numbers["steepness"] > 1 and -0.1 < numbers["best"] < 0
    ours = f"minimum at {numbers['best']:.3f}, the right arm {numbers['steepness']:.1f} times as steep"
    return Found(ours, SUPPORTS if holds else CONTRADICTS)


def _series(numbers: dict) -> Found:
    ours = f"minimum at {numbers['best_series']:.3f}; off by up to {numbers['series_off']:.1f} decades"
    return Found(ours, SUPPORTS if numbers["series_off"] < 0.5 else CONTRADICTS)


def _gains(numbers: dict) -> Found:
    return by_seeds("k₂ − k₁ = {mean:.4f} ({low:.4f} to {high:.4f})", numbers["gap_at_stable"], (-INF, 0.0))


CLAIMS = [
    Claim(
        "loop-different-ways",
        "Abstract",
        "Two networks that are identical at the start follow different ways when one is trained in the closed loop and "
        "the other in the open one.",
        "costs apart by orders of magnitude",
        f"at the end of stage 2 the costs in the loop are more than tenfold apart; {RULE}",
        mean_of("apart", "{mean:.0f} ({low:.0f} to {high:.0f}) times, {n} seeds", (10, INF), log=True),
    ),
    Claim(
        "loop-open-peak",
        "Fig. 1",
        "The cost in the loop of a network that imitates rises far above its first value before it falls.",
        "5.2 times (97,000 to 510,000)",
        f"the peak is over five times the first value; {RULE}",
        mean_of("peak", "{mean:.0f} ({low:.0f} to {high:.0f}) times, {n} seeds", (5, INF), log=True),
    ),
    Claim(
        "loop-open-peak-epoch",
        "Fig. 1d",
        "The peak comes well after the closed loop has become stable.",
        "epoch 221, and 110",
        f"epoch 180 to 300; {RULE}",
        mean_of("peak_epoch", "epoch {mean:.0f} ({low:.0f} to {high:.0f}), {n} seeds", (180, 300)),
    ),
    Claim(
        "loop-same-end",
        "Fig. 1d, end",
        "In the end both networks cost the same.",
        "6.34 and 6.25",
        f"within 5%; {RULE}",
        mean_of("end_ratio", "ratio {mean:.3f} ({low:.3f} to {high:.3f}), {n} seeds", (0.95, 1.05)),
    ),
    Claim(
        "loop-three-stages",
        "Abstract, stages",
        "Learning in the closed loop has three stages that show in the loss: a fall, a plateau, a fall.",
        "three",
        f"with ends set by eigenvalues, both falls are over twice that of the plateau; {RULE}",
        _three_falls,
    ),
    Claim(
        "loop-stage-1-short",
        "Fig. 3",
        "The first stage, until the leading eigenvalues leave the real axis, lasts some ten epochs.",
        "8 to 12 epochs",
        f"at most 12; {RULE}",
        mean_of("linear_oscillates", "epoch {mean:.1f} ({low:.1f} to {high:.1f}), {n} seeds", (-INF, 12)),
    ),
    Claim(
        "loop-negative-policy",
        "Fig. 3e",
        "From all starts the feedback from position goes to a small negative value.",
        "-0.02 to -0.05",
        "-0.05 to -0.015 from over 95% of the starts, 95% interval of their share",
        _settled,
    ),
    Claim(
        "loop-v-shape",
        "Fig. 3d",
        "Without recurrence the cost is a V with unequal arms, steep for positive feedback, with a slightly negative "
        "minimum.",
        "steep, shallow",
        "at ±0.2 from the minimum, which lies in (-0.1, 0)",
        _steep,
    ),
    Claim(
        "loop-v-theory",
        "Fig. 3d, theory",
        "The geometric series of the leading eigenvalue's modulus gives that cost.",
        "one curve over the other",
        "within half a decade everywhere, of some thirty",
        _series,
    ),
    Claim(
        "loop-shorter-harder",
        "Fig. 4e, feedback",
        "The shorter the episode, the stronger the feedback on the plateau.",
        "-0.05 at 20 steps, -0.025 at 50",
        f"seeds in pairs; {RULE}",
        _shorter_pushes_harder,
    ),
    Claim(
        "loop-length-pair",
        "Fig. 4e, pair",
        "Short episodes push the pair up the imaginary axis, long ones down.",
        "above 0.2, below 0.15",
        f"imaginary parts on the plateau, seeds in pairs; {RULE}",
        _length_moves_the_pair,
    ),
    Claim(
        "loop-stage-2-end",
        "Fig. 4",
        "The plateau ends when the pair enters the unit circle, after some hundred epochs.",
        "epochs 111 and 129 (two networks)",
        f"60 to 260; {RULE}",
        mean_of("linear_stable", "epoch {mean:.0f} ({low:.0f} to {high:.0f}), {n} seeds", (60, 260)),
    ),
    Claim(
        "loop-zigzag",
        "Fig. 4c",
        "On the plateau the eigenvalues zig-zag.",
        "zig-zag",
        f"|λ₁| turns round in over half of the epochs; {RULE}",
        mean_of("zigzag", "{mean:.0%} ({low:.0%} to {high:.0%}) of the epochs, {n} seeds", (0.5, INF)),
    ),
    Claim(
        "loop-competition",
        "Abstract, objectives",
        "The short-term policy and the long-term stability of the loop compete.",
        "competing objectives",
        f"on the plateau the cosine of their gradients by the overlaps is below -0.5; {RULE}",
        mean_of("conflict", "cosine {mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (-INF, -0.5)),
    ),
    Claim(
        "loop-both-terms",
        "Fig. 4d",
        "Neither term alone makes the loop stable; together they do.",
        "α between 0.48 and 0.55",
        f"|λ₁| above 1 at α = 0 and at α = 1, below at 0.55; {RULE}",
        _both_terms,
    ),
    Claim(
        "loop-formula",
        "Fig. 4, theory",
        "First-order formulas follow the moduli over stage 2.",
        "curves coincide",
        f"off by less than a fifth of the excess of |λ₁| over 1 (0.01); {RULE}",
        mean_of("formula_off", "off by at most {mean:.4f} ({low:.4f} to {high:.4f}), {n} seeds", (-INF, 0.002)),
    ),
    Claim(
        "loop-stable-gains",
        "Fig. 2",
        "When the loop becomes stable, its gains are in the region that is stable for a plant under full feedback.",
        "k = (-0.041, -0.065)",
        f"k₂ < k₁; {RULE}",
        _gains,
    ),
    Claim(
        "loop-final-gain-velocity",
        "Fig. 2, end",
        "The gain of the velocity ends near -1.",
        "-1.00",
        f"-1.15 to -0.85; {RULE}",
        mean_of("k2_end", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (-1.15, -0.85)),
    ),
    Claim(
        "loop-third-mode",
        "Fig. 5, eigenvalues",
        "In stage 3 a third, real eigenvalue grows.",
        "0.7 to 0.9",
        f"there at the end; {RULE}",
        mean_of("third", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (0.7, 0.9)),
    ),
    Claim(
        "loop-overlay",
        "Fig. 5d",
        "Descent in the four overlaps has the losses of the full network in stage 3, for all prices on control.",
        "curves overlap",
        "medians over epochs differ by less than 10%; the 95% interval over prices decides",
        _overlay,
    ),
    Claim(
        "loop-adam-peak",
        "Fig. 1, optimizer",
        "Adam removes the peak of the open loop.",
        "removed",
        f"the peak is at most 1.5 times the first value, with the clip that descent has, recorded seeds; {RULE}",
        _no_peak,
    ),
    Claim(
        "loop-adam-zigzag",
        "Fig. 4, optimizer",
        "Adam removes the zig-zag.",
        "removed",
        f"fewer epochs turn the cost round than with descent, both clipped, recorded seeds in pairs; {RULE}",
        _fewer_turns,
    ),
    Claim(
        "loop-cubic",
        "Eq. of the eigenvalues",
        "The loop of a rank-one network has three eigenvalues other than zero, the roots of a cubic of four overlaps.",
        "exact",
        "to 1e-5",
        _identity("cubic"),
        by_construction=True,
    ),
    Claim(
        "loop-effective",
        "Eq. of the effective system",
        "From h = 0 a map of four numbers moves the plant as the whole network does.",
        "exact",
        "to rounding",
        _identity("effective"),
        by_construction=True,
    ),
]
