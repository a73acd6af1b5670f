"""Section 2.1: the range in which gradients are of use."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import CONTRADICTS, SUPPORTS, Claim, Found, by_interval, says
from ptabook.claims.evidence import all_of


def _left(d):
    """At rest the time has a closed form, but for the share of the error on the leading mode."""
    rest = max(size for key, size in d.items() if key.endswith("_prefactor") and "fixed" in key)
    low, high = (d["chaos_rate"] + sign * 2.58 * d["chaos_error"] for sign in (-1, 1))
    text = f"{d['timed']:.0f} times measured; prefactor at rest up to e^{rest:.1f}"
    chaos = by_interval(f"chaos: λ₁ = {low:.2f} to {high:.2f} / τ", (low, high), (0, np.inf))
    return all_of(Found(text, SUPPORTS if rest < np.log(100) else CONTRADICTS), chaos)


CLAIMS = [
    Claim(
        "effective-range-left",
        "Sec. 2.1",
        "Gradients have an effective range: vanishing and exploding ones leave it.",
        "fixed range of floating point",
        "at rest after log(limit) / λ₁, but for a prefactor between 1/100 and 100, float16 to float64; in chaos, where "
        "growth is uneven, the 99% interval of λ₁ above zero",
        _left,
    ),
    Claim(
        "effective-range-kept",
        "Sec. 2.1, Fig. 3C, E",
        "Gradients on a line attractor and on a limit cycle stay in the effective range.",
        "neither vanish nor explode",
        "in every format, through thousands of time constants",
        says(
            "{neutral_stays:.0f} of {neutral_of:.0f} cases, {steps:.0f} τ",
            lambda d: d["neutral_stays"] == d["neutral_of"],
        ),
    ),
    Claim(
        "hopfield-recalls",
        "Sec. 2.3",
        "A Hopfield network recalls its memories from incomplete cues.",
        "recalls",
        "overlap above 0.99 for every pattern, a quarter of the signs being wrong",
        says("overlap {hopfield_overlap:.2f}, cues {hopfield_cue:.2f}", lambda d: d["hopfield_overlap"] > 0.99),
    ),
    Claim(
        "hopfield-signal-vanishes",
        "Sec. 2.3",
        "Learning signals in Hopfield networks vanish.",
        "necessarily",
        "leading exponents as derived, to 1e-9, and negative at every state that 300 random starts reach",
        says(
            "{hopfield_derived:.3f}, off by {hopfield_error:.0e}; at most {hopfield_anywhere:.2f}",
            lambda d: d["hopfield_error"] < 1e-9 and d["hopfield_anywhere"] < 0 and d["hopfield_rest"] == 1,
        ),
    ),
]
