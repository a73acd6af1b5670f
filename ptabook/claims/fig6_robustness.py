"""Figure 6E: what changes of parameters do."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import UNDECIDED, Claim, Found, says
from ptabook.claims.evidence import by_share


def _more_robust(d):
    """Both drift in proportion to 1/time scale, so the order is one of periods, of which the paper gives none.

    It is decided where no period turns it round: none at which neurons can spike and that is over within the 10 s.
    """
    behind = max(
        d[f"{w}_o_10s_mille"] / min(d[f"{w}_s_10s_mille"], d[f"{w}_l_10s_mille"]) for w in ("weights", "thresholds")
    )
    turns = 1e-3 * d["period"] * behind
    text = "after 10 s {weights_o_10s_mille:.2g} rad, rings {weights_s_10s_mille:.2g} and {weights_l_10s_mille:.2g} "
    text += "(weights; period {period:.0f} ms, rings' τ {tau:.2g} s)"
    text = text.format_map(d)
    if 1e-3 < turns < 10:
        reason = f"definition: periods and time constants; ahead of both rings at periods above {turns:.1f} s"
        return Found(text, UNDECIDED, reason)
    return text, turns <= 1e-3


CLAIMS = [
    Claim(
        "heading-robust-to-d-noise",
        "Fig. 6E, Sec. 2.11",
        "Unlike a bump attractor, the mechanism is robust to D-type noise: it keeps the "
        "heading where bump attractors lose it.",
        "robust",
        "its error is smaller than that of both rings 10 s after weights and thresholds changed by 0.1%, at every "
        "period from 1 ms to 10 s",
        _more_robust,
        note="the-heading-of-figure-6",
    ),
    Claim(
        "oscillators-survive-changes",
        "Secs. 2.7, 2.11",
        "Changes of parameters do not destroy what the oscillators keep.",
        "robust",
        "as long as the pairs do not touch: but for one common rotation the error is below 1e-6 rad at every size "
        "(by construction), and the rings' is not",
        says(
            "{turned_oscillators:.0e} rad, rings at 1% after 100 s {weights_s_100s_turned:.2g} and "
            "{weights_l_100s_turned:.2g}",
            lambda d: d["turned_oscillators"] < 1e-6 < min(d["weights_s_100s_turned"], d["weights_l_100s_turned"]),
        ),
        by_construction=True,
    ),
    Claim(
        "rings-destroyed",
        "Sec. 2.6",
        "Continuous attractors are destroyed by changes of their parameters.",
        "any change",
        "fewer than half of the rings keep a zero exponent when weights change by 1% (95% interval)",
        lambda d: by_share(
            f"{d['changed_zeros']:.0f} of {d['changed_draws']:.0f} rings keep it",
            d["changed_zeros"],
            d["changed_draws"],
            (0, 0.5),
        ),
    ),
    Claim(
        "unequal-periods-drift",
        "Sec. 2.10",
        "Unequal periods make the phase difference drift.",
        "not constant over time",
        "spread of the rates as derived, within 5 standard errors",
        says(
            "{rate_found:.2f} rad/s, derived {rate_predicted:.2f}",
            lambda d: abs(d["rate_found"] / d["rate_predicted"] - 1) < 5 / np.sqrt(2 * d["rate_draws"]),
        ),
    ),
    Claim(
        "alike-delays-robust",
        "Sec. 2.10",
        "Delays that are alike by construction make the memory robust.",
        "could",
        "a correlation ρ slows the drift to √(1 − ρ), within a tenth at ρ = 0.99; no error where all is shared",
        says(
            "after 1 s at 1%: {alike_0_9:.2g} rad at ρ = 0.9, {alike_0_99:.2g} at 0.99, {alike_1_0:.0g} at 1",
            lambda d: d["alike_1_0"] < 1e-9 and abs(d["alike_0_99"] / d["alike_0_9"] / np.sqrt(0.1) - 1) < 0.1,
        ),
    ),
]
