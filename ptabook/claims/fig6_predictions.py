"""Section 2.10: predictions M1 to M5 and L3."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import Claim, says

CLAIMS = [
    Claim(
        "m1-decoded-from-phases",
        "Sec. 2.10, M1",
        "The memory can be decoded from a single trial's phases.",
        "decodable",
        "the error is what noise allows, within 5 standard errors, and below that from spike counts",
        says(
            "{phase_error:.2f} rad ({phase_error_predicted:.2f} allowed), from counts {count_error:.2f}",
            lambda d: (
                d["phase_error"] < d["phase_error_predicted"] * (1 + 5 / np.sqrt(2 * d["trials"]))
                and d["phase_error"] < d["count_error"]
            ),
        ),
    ),
    Claim(
        "m2-reset-erases",
        "Sec. 2.10, M2",
        "Resetting the phases erases the memory at once.",
        "erased",
        "after pulses chosen to reset both loops the heading shown does not depend on the one stored, within 0.1 rad",
        says(
            "spread {reset_spread:.2g} rad over {reset_stored:.0f} stored headings; but one pulse resets both "
            "loops in {both_reset:.0%} at most",
            lambda d: d["reset_spread"] < 0.1,
        ),
        by_construction=True,
        note="the-heading-of-figure-6",
    ),
    Claim(
        "m3-stimulus-shifts-phase",
        "Sec. 2.10, M3",
        "A useful stimulus shifts the phase of the oscillator concerned.",
        "shifts",
        "by its size, to 1e-9 rad; the other not at all",
        says("{shift_plus:.0e} and {shift_minus:.0e} rad", lambda d: max(d["shift_plus"], d["shift_minus"]) < 1e-9),
        by_construction=True,
    ),
    Claim(
        "m4-input-desynchronizes",
        "Sec. 2.10, M4",
        "Input desynchronizes the oscillators.",
        "may be observed",
        "synchrony of the pairs falls as derived from their inputs, within 0.1; without input it stays",
        says(
            "from 1 to {sync_end:.2f} in 10 s, derived {sync_end_expected:.2f}; without input {sync_quiet:.2f}",
            lambda d: abs(d["sync_end"] - d["sync_end_expected"]) < 0.1 and d["sync_quiet"] > 0.99,
        ),
    ),
    Claim(
        "m5-lesion-of-read-out",
        "Sec. 2.10, M5",
        "A lesion of the read-out leaves the memory; one of a continuous attractor destroys it.",
        "as stated",
        "half silent: the rest of the read-out tells what the whole tells within 0.2 rad, at the noise of M1 (nearly "
        "by construction, since oscillators do not hear it); rings, which can fail, err by over 0.5",
        says(
            "{during_half:.1g} rad; rings {ring8_half:.2g} and {ring100_half:.2g}",
            lambda d: d["during_half"] < 0.2 and min(d["ring8_half"], d["ring100_half"]) > 0.5,
        ),
    ),
    Claim(
        "l3-learning-can-worsen",
        "Sec. 2.9, L3",
        "At certain delays learning increases the error.",
        "could be",
        "where the derived sine is negative, at every duration but within 0.02 of its zeros",
        says(
            "{l3_worse:.0%} of the durations, sign as derived in {l3_signs:.0%}",
            lambda d: d["l3_signs"] == 1 and d["l3_worse"] > 0,
        ),
    ),
]
