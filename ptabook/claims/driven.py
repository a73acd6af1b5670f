"""Section 3.2: input."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says

CLAIMS = [
    Claim(
        "weak-input",
        "Sec. 3.2",
        "The theory is limited to weak input.",
        "weakly driven",
        "the zero exponent falls below zero as "
        "derived for noise (second order; 10% or 3 standard errors) and for a periodic input (first order; 10%)",
        says(
            "noise {fast_ratio:.2f} and {slow_ratio:.2f} of it, periodic off by {tone_off:.0%}",
            lambda d: d["noise_worst"] < 1 and d["tone_off"] < 0.1,
        ),
        note="remarks-on-the-theory",
    ),
]
