"""Section 2.8: what trained networks do."""

from __future__ import annotations

from ptabook.claims.claim import Claim


def _ends_without_oscillation(numbers):
    ends = [numbers["dynamics"]["large"].get(name, {}).get("end", {}) for name in ("tanh-pta", "gru-pta")]
    counts = [pair for end in ends for pair in zip(end.get("zero", []), end.get("positive", []), strict=True)]
    if not counts:
        return "no recorded run holds the exponents of a trained PTA network", None
    rest, positive = sum(pair == (0, 0) for pair in counts), sum(p > 0 for _, p in counts)
    text = f"{rest} of {len(counts)} recorded PTA networks; {positive} have a positive exponent"
    return text, 2 * rest >= len(counts)


def _oscillations_weaken(numbers):
    found = numbers["oscillations"]
    if not found["networks"]:
        return "no recorded run holds exponents from the way", None
    text = "{fewer} of {networks} recorded PTA networks end with fewer zero exponents, {gone} with none".format(**found)
    return text, found["fewer"] == found["networks"]


CLAIMS = [
    Claim(
        "solutions-without-oscillation",
        "Sec. 2.8",
        "PTA networks often learn solutions without oscillation.",
        "often",
        "under the blank input at least half of the recorded networks have neither zero nor positive exponents",
        _ends_without_oscillation,
    ),
    Claim(
        "oscillations-weaken",
        "Sec. 2.9, L4",
        "Learning long temporal dependencies may weaken the oscillations.",
        "fewer",
        "all recorded PTA networks end with fewer zero exponents than they began with",
        _oscillations_weaken,
    ),
]
