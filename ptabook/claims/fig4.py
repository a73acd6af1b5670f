"""Figure 4: cycles and tori; Section 3.5."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says
from ptabook.claims.evidence import all_of, by_share


def _clocks(d):
    parts = []
    for name, words, holds in (
        ("torus", "torus", (0.5, 1)), ("line", "line attractor", (0, 0.5)), ("rest", "at rest", (0, 0.5)),
    ):  # fmt: skip
        hits = d[f"clock_{name}_hits"]  # of each draw, whose guesses share frequencies or weights
        of = [d["clock_of"]] * len(hits)
        ours = f"{words} {sum(hits) / sum(of):.0%}, median error {d[f'clock_{name}']:.2g} τ"
        parts.append(by_share(ours, hits, of, holds))
    return all_of(*parts)


CLAIMS = [
    Claim(
        "difference-on-cycle-repeats",
        "Fig. 4A",
        "On a limit cycle the difference of two trajectories repeats with the period and is kept.",
        "δ(mT) the same",
        "changes by less than 1e-6 from turn to turn, and is longer than 0.1",
        says(
            "changes by {late_change:.0e}, length {late_delta:.2f}",
            lambda d: d["late_change"] < 1e-6 and d["late_delta"] > 0.1,
        ),
    ),
    Claim(
        "velocity-is-tangent",
        "Fig. 4B, Eqs. 17-18",
        "The time derivative of the cycle solves the tangent equation.",
        "identity",
        "relative difference below 1e-8 over five periods",
        says("{tangent_error:.0e}", lambda d: d["tangent_error"] < 1e-8),
    ),
    Claim(
        "two-cycles-make-a-torus",
        "Fig. 4C",
        "Two independent cycles make a periodic or a quasi-periodic torus, by the ratio of their periods.",
        "either",
        "3 : 2 closes to 1e-4 after three turns; the golden mean misses itself after each of 34, by what the gap of "
        "its periods gives (5%); two zero exponents in both",
        says(
            "{closes:.0e}; golden mean {open_8:.2f} after 8 turns, {open:.3f} after {open_at:.0f}, the closest, × "
            "{open_ratio:.3f} of the gap; {zeros:.0f} zeros",
            lambda d: (
                d["closes"] < 1e-4
                and d["open"] > 1e-2
                and abs(d["open_ratio"] - 1) < 0.05
                and d["zeros"] == d["zeros_most"] == 2
            ),
        ),
    ),
    Claim(
        "pairwise-irrational-dense",
        "Sec. 2.7",
        "Oscillators with periods that are not mutually rational have an orbit that is dense in their torus.",
        "dense",
        "three oscillators, no two of which have a rational ratio, visit every one of 1,000 boxes of their torus",
        says(
            "1, √2, √3: {boxes_apart:.0%} of the boxes; 1, √2, 1 + √2: {boxes_pairwise:.0%}, though every ratio of two "
            "is irrational",
            lambda d: d["boxes_apart"] == d["boxes_pairwise"] == 1,
        ),
        note="remarks-on-the-theory",
    ),
    Claim(
        "timing",
        "Sec. 3.5",
        "Oscillations carry timing information, which continuous attractors do not.",
        "basis for time",
        "elapsed time, 50 to 100 τ, read from a noisy state within 1 τ in most guesses; from a line attractor, and "
        "from a network at rest, in less than half (95%; the guesses of one draw are a cluster)",
        _clocks,
    ),
]
