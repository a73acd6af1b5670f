"""Figure 4: cycles and tori; Section 3.5."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says

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
        "3 : 2 closes to 1e-4, the golden mean does not close; two zero exponents in both",
        says(
            "{closes:.0e} and {open:.2f}; {zeros:.0f} zeros",
            lambda d: d["closes"] < 1e-4 < 0.1 < d["open"] and d["zeros"] == d["zeros_most"] == 2,
        ),
    ),
    Claim(
        "timing",
        "Sec. 3.5",
        "Oscillations carry timing information, which continuous attractors do not.",
        "basis for time",
        "elapsed time read from a noisy state within 1 τ after 50 to 100 τ (median); from a resting network not",
        says("{clock_torus:.2f} τ, at rest {clock_rest:.0f} τ", lambda d: d["clock_torus"] < 1 < d["clock_rest"]),
    ),
]
