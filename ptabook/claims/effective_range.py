"""Section 2.1: the range in which gradients are of use."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import Claim, says

CLAIMS = [
    Claim(
        "effective-range-left",
        "Sec. 2.1",
        "Gradients have an effective range: vanishing and exploding ones leave it, when the leading exponent says so.",
        "leave the range of floating-point numbers (the time is ours)",
        "where a number format is left, in each of four formats, the gradient is within a factor of 100 of exp(λ₁t); "
        "in chaos within that beyond three standard deviations of growth in as long a time",
        says(
            "all {timed:.0f} that were timed leave; near rest within a factor of exp({rest_prefactor:.1f}), in chaos "
            "of exp({chaos_prefactor:.1f}), where growth varies by {chaos_varies:.1f}",
            lambda d: d["worst_beyond"] < np.log(100),
        ),
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
