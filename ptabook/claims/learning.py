"""Section 2.9: predictions L1, L2 and L5."""

from __future__ import annotations

from dataclasses import replace

from ptabook.claims.claim import UNDECIDED, Claim, Found, says
from ptabook.claims.evidence import by_estimate

BUDGET = "budget: one rate for all settings, not searched, and few epochs; seed 0 was part of the pilot that fixed them"


def _u_shaped(d):
    text = "silent {loss_silent:.2f}, independent {loss_independent:.2f}, synchronous {loss_synchronous:.2f}; "
    text += "p = {p_silent:.3f} and {p_synchronous:.3f}"
    return Found(text.format_map(d), UNDECIDED, BUDGET, max(d["p_silent"], d["p_synchronous"]))


def _zeros_help(d):
    text = "{rho_zeros:.2f} ({rho_zeros_low:.2f} to {rho_zeros_high:.2f})".format_map(d)
    found = by_estimate(text, d["rho_zeros"], (d["rho_zeros_low"], d["rho_zeros_high"]), (-1, 0))
    return replace(found, verdict=UNDECIDED, reason=BUDGET)


CLAIMS = [
    Claim(
        "l1-amplitudes-relax",
        "Sec. 2.9, L1",
        "After a perturbation amplitudes relax to their baseline.",
        "relax",
        "at each oscillator's own Floquet exponent, within 1%, while the phase shift stays (1e-6 rad)",
        says(
            "rates within {rate_off:.2%} of the exponent, phase shifts kept to {shift_change:.0e} rad",
            lambda d: d["rate_off"] < 0.01 and d["shift_change"] < 1e-6 < d["shift_least"],
        ),
    ),
    Claim(
        "l1-broad-spectrum",
        "Sec. 2.9, L1",
        "The power spectrum of a band is a broad bump, from a range of periods.",
        "broad bump",
        "spread of the summed activity within 5% of the drawn frequencies', and over five times that in synchrony",
        says(
            "{width:.4f} turns per τ (drawn: {width_expected:.4f}), in synchrony {width_synchronous:.4f}",
            lambda d: abs(d["width"] / d["width_expected"] - 1) < 0.05 and d["width"] > 5 * d["width_synchronous"],
        ),
    ),
    Claim(
        "l2-momentary-periodic",
        "Sec. 2.9, L2",
        "Eligibility traces of changes at one moment are periodic and do not decay.",
        "periodic",
        "repeats with the period and equals the phase response's prediction, both to 1e-5",
        says(
            "repeats to {moment_period:.0e}, as derived to {moment_expected:.0e}",
            lambda d: max(d["moment_period"], d["moment_expected"]) < 1e-5,
        ),
    ),
    Claim(
        "l2-torus-quasi-periodic",
        "Sec. 2.9, L2",
        "Eligibility traces are quasi-periodic on a torus.",
        "quasi-periodic",
        "lasting change of a weight between two oscillators: the derived frequencies explain 99% of the variance, "
        "and the trace grows by less than 5% in the second half",
        says(
            "{torus_explained:.2%}; × {between_growth:.3f}",
            lambda d: d["torus_explained"] > 0.99 and d["between_growth"] < 1.05,
        ),
    ),
    Claim(
        "l2-lasting-periodic",
        "Sec. 2.9, L2",
        "Eligibility traces of lasting changes inside an oscillator are periodic as well.",
        "(quasi-)periodic",
        "grows by less than 5% from the first to the second half of twelve periods",
        says("grows × {own_growth:.2f}, by the derivative of the period", lambda d: d["own_growth"] < 1.05),
        note="remarks-on-the-theory",
    ),
    Claim(
        "l5-u-shaped",
        "Sec. 2.9, L5",
        "Learning is U-shaped in the strength of oscillation: worse in silence and in synchrony.",
        "U-shaped",
        "small networks: independent oscillators end lower than silent and than synchronous ones (exact Mann–Whitney "
        "test, two-sided)",
        _u_shaped,
        note="remarks-on-the-theory",
    ),
    Claim(
        "l5-zeros-help",
        "Sec. 2.9, L5",
        "Zero exponents before training go with better learning.",
        "implied",
        "rank correlation with the loss over the settings negative, its 95% interval without zero",
        _zeros_help,
    ),
]
