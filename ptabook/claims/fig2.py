"""Figure 2: one and two resting states."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says

CLAIMS = [
    Claim(
        "one-rest-forgets",
        "Fig. 2A",
        "One resting state: small and large perturbations are forgotten, and the sensitivity vanishes.",
        "asymptotically",
        "after 12 τ below 1e-3, falling at the slowest eigenvalue's rate within 1%",
        says(
            "{small_A:.0e}, {large_A:.0e}, {sensitivity_A:.0e}; rate {measured_A:.3f}, eigenvalue {rate_A:.3f}",
            lambda d: (
                max(d["small_A"], d["large_A"], d["sensitivity_A"]) < 1e-3
                and abs(d["measured_A"] / d["rate_A"] - 1) < 0.01
            ),
        ),
    ),
    Claim(
        "two-rests-keep-a-bit",
        "Fig. 2B, Sec. 2.3",
        "Two resting states keep one bit, and the sensitivity vanishes all the same.",
        "one bit, no gradient",
        "all of 400 noisy bits are read after 100 τ; sensitivity below 1e-6 after 30",
        says(
            "{bits_kept:.0%} of the bits, sensitivity {sensitivity_B:.0e}",
            lambda d: d["bits_kept"] == 1 and d["sensitivity_B"] < 1e-6,
        ),
    ),
]
