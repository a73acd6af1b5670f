"""Section 2.8: what trained networks do."""

from __future__ import annotations

import math

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import SEEDS, by_difference

PTA = ("tanh-pta", "gru-pta")


def _counts(numbers, when: str, what: str) -> list[int]:
    """Exponents of the recorded PTA networks at the first probe ("start") or the last up to the best epoch ("end")."""
    probes = [numbers["dynamics"]["large"].get(name, {}).get(when, {}) for name in PTA]
    return [count for probe in probes for count in probe.get(what, [])]


def _ends_without_oscillation(numbers):
    zero, positive = _counts(numbers, "end", "zero"), _counts(numbers, "end", "positive")
    if not zero:
        return Found("", UNDECIDED, "no recorded run holds the exponents of a trained PTA network")
    text = f"of {len(zero)} recorded PTA networks {sum(p > 0 for p in positive)} have a positive exponent; "
    text += f"{min(zero)} to {max(zero)} exponents are not told from zero"
    missing = "data: an exponent not told from zero is not an oscillation, and the attractors of trained networks are "
    return Found(text, UNDECIDED, missing + "not recorded")


def _oscillations_weaken(numbers):
    start, end = (_counts(numbers, when, "zero") for when in ("start", "end"))
    if min(len(start), len(end)) < SEEDS:
        return Found("", UNDECIDED, f"seeds: {min(len(start), len(end))} of {SEEDS} hold exponents from the way")
    text = f"not told from zero: {min(start)} to {max(start)} before, {min(end)} to {max(end)} after training "
    return by_difference(text + f"({len(end)} networks)", end, start, (-math.inf, 0))


CLAIMS = [
    Claim(
        "solutions-without-oscillation",
        "Sec. 2.8",
        "PTA networks often learn solutions without oscillation.",
        "often",
        "half of the trained networks or more have, under the blank input, an attractor that is no cycle or torus",
        _ends_without_oscillation,
    ),
    Claim(
        "oscillations-weaken",
        "Sec. 2.9, L4",
        "Learning long temporal dependencies may weaken the oscillations.",
        "fewer",
        "95% interval of the change in how many exponents are not told from zero, over recorded networks, below none",
        _oscillations_weaken,
    ),
]
