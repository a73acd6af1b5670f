"""Section 2.8: what trained networks do."""

from __future__ import annotations

import math

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import SEEDS, by_difference, by_share

PTA = ("tanh-pta", "gru-pta")


def _counts(numbers, when: str, what: str) -> list[int]:
    """Exponents of the recorded PTA networks at the first probe ("start") or the last up to the best epoch ("end")."""
    probes = [numbers["dynamics"]["large"].get(name, {}).get(when, {}) for name in PTA]
    return [count for probe in probes for count in probe.get(what, [])]


def _ends_without_oscillation(numbers):
    found = [row["without_oscillation"] for row in numbers["attractors"] if row["network"] in PTA]
    told = [without for without in found if without is not None]
    if not told:
        return Found("", UNDECIDED, "data: no attractor of a trained PTA network is known")
    text = f"{sum(told)} of {len(told)} trained PTA networks come to no cycle or torus under the blank input"
    if len(found) > len(told):
        text += f"; {len(found) - len(told)} more cannot be told"
    return by_share(text, sum(told), len(told), (0.5, 1), "seeds: few networks have been followed to their attractors")


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
