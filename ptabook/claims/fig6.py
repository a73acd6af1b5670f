"""Figure 6: a memory of heading."""

from __future__ import annotations

from ptabook.claims.claim import CONTRADICTS, UNDECIDED, Claim, Found, says


def _follows_and_stays(d):
    stays = d["still"] < 5 and d["creep"] < 0.1
    text = (
        "at rest within {still:.1f}°, creeping by {creep:.0e}°; while turning off by {rms:.1f}° (rms), of which a lag "
    )
    text += "explains all but {rms_lagged:.1f}°"
    verdict = UNDECIDED if stays else CONTRADICTS
    return Found(text.format_map(d), verdict, "definition: how close is following" * stays)


CLAIMS = [
    Claim(
        "phase-integrates-velocity",
        "Eqs. 22-26",
        "The phase difference of the two oscillators is the integral of angular velocity.",
        "identity",
        "largest difference over ten minutes below 1e-9 rad, from the phases, which is arithmetic, and from the "
        "spikes, which tests the program",
        says("{eq26:.0e} and {eq22_from_spikes:.0e} rad", lambda d: d["eq26"] < 1e-9 and d["eq22_from_spikes"] < 1e-9),
        by_construction=True,
    ),
    Claim(
        "loop-period",
        "Fig. 6A",
        "A loop of two neurons oscillates with a period that its delays fix.",
        "period τ",
        "1e-9 s over ten minutes; the event-driven model is made of this formula",
        says("off by {period_error:.0e} s", lambda d: d["period_error"] < 1e-9),
        by_construction=True,
    ),
    Claim(
        "spiking-integrates",
        "Sec. 2.11",
        "Spiking neurons with a constant phase-resetting curve integrate velocity.",
        "shown in words",
        "a simulator of spiking neurons agrees with the phases within one of its steps",
        says("Brian2 within {kept_steps:.2f} steps", lambda d: d["kept_steps"] < 1),
    ),
    Claim(
        "cycle-average-one-shape",
        "Eq. 28",
        "The cycle average depends on Δφ − φ alone, so both bumps have one shape.",
        "identity",
        "1e-9 of the activity; a substitution under an integral",
        says("{only_difference:.0e} of it", lambda d: d["only_difference"] < 1e-9),
        by_construction=True,
    ),
    Claim(
        "coincidence-at-phase-difference",
        "Eq. 27",
        "Coincidences are where the delay matches the phase difference.",
        "place φ = Δφ",
        "at a heading of 90° the bump of the circuit of Eqs. 22-24, wired as printed, is at 90°, within 2°",
        says(
            "at {delay_in_minus:.0f}° with the − axon delayed, as printed; at {delay_in_plus:.0f}° with the + axon; "
            "Eq. 27 on its own has {template:.0f}°",
            lambda d: abs(d["delay_in_minus"] - 90) < 2,
        ),
        note="the-heading-of-figure-6",
    ),
    Claim(
        "bump-follows-heading",
        "Fig. 6E",
        "The bump follows the heading and stays in the dark.",
        "shown as a sketch",
        "stays: within 5° after ten minutes, and creeping by less than 0.1° in 30 s; follows: the paper gives no limit",
        _follows_and_stays,
    ),
]
