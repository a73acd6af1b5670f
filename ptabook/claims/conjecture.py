"""Section 2.7: the conjecture, searched."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says


def _periodic_torus(numbers):
    kept, total, left_open = (numbers[f"equal_periods_{what}_percent"] for what in ("kept", "of", "open"))
    text = f"{kept:.0f} of {total:.0f}, {left_open:.0f} undecided; quasi-periodic tori "
    text += "{tori_kept_percent:.0f} of {tori_of_percent:.0f}, {tori_open_percent:.0f} undecided".format(**numbers)
    possible = (kept + left_open) / total
    return text, None if kept / total < 0.95 <= possible else kept / total >= 0.95


CLAIMS = [
    Claim(
        "conjecture-search",
        "Sec. 2.7",
        "PTAs are the only structurally stable dynamics with a persistent learning signal (conjecture), "
        "searched: no other zero without a positive exponent in small random systems.",
        "conjecture",
        "among the draws that the fixed rule decides, every one with a zero is a cycle, circle or torus (number of "
        "zeros = dimension of the orbit); not a proof",
        says(
            "{other:.0f} others in {draws:.0f} draws, {hits:.0f} with a zero: share below {bound:.2%} (95%); "
            "{undecided:.0f} undecided, below {bound_worst:.2%} with these counted",
            lambda d: d["other"] == 0,
        ),
    ),
    Claim(
        "cycles-stable-flows",
        "Sec. 2.7",
        "Stable limit cycles are structurally stable: random ones, found by search, keep their zero.",
        "structurally stable",
        "in at least 95% of random changes of all parameters by 1%, flows",
        says(
            "{cycles_flows_kept_percent:.0f} of {cycles_flows_of_percent:.0f} changes at 1%, "
            "{cycles_flows_kept_permille:.0f} at 0.1%",
            lambda d: d["cycles_flows_share_percent"] >= 0.95,
        ),
    ),
    Claim(
        "circles-stable-maps",
        "Sec. 2.7",
        "Limit cycles are structurally stable in discrete time, too.",
        "structurally stable",
        "the same, circles of random maps (by theorem never in the strict sense)",
        says(
            "{circles_maps_kept_percent:.0f} of {circles_maps_of_percent:.0f} changes at 1%, "
            "{circles_maps_kept_permille:.0f} at 0.1%",
            lambda d: d["circles_maps_share_percent"] >= 0.95,
        ),
    ),
    Claim(
        "equal-torus-stable",
        "Sec. 2.7",
        "A periodic toroidal attractor is structurally stable, as a quasi-periodic one is.",
        "structurally stable",
        "both zeros of two equal oscillators in at least 95% of changes of 1% (smaller shifts "
        "are below the resolution)",
        _periodic_torus,
    ),
    Claim(
        "at-most-half-zeros",
        "Sec. 2.7",
        "There are at most n/2 zero exponents.",
        "n / 2",
        "no attractor with more, the constructed torus in three dimensions included",
        says(
            "{langford_zeros:.0f} of 3, the torus having dimension {langford_dimension:.2f}",
            lambda d: d["langford_zeros"] <= 1.5,
        ),
    ),
    Claim(
        "continua-zeros-lost",
        "Sec. 2.6-2.7",
        "Zeros of continua, of rest or of cycles, do not survive a generic change.",
        "lost",
        "no zero beyond the dimension of the orbit is left at changes of 1% and 10%; planted systems all seen right",
        says(
            "{continua_excess:.0f} of {continua_decided:.0f} decided changes; {planted_right:.0f} of "
            "{planted_all:.0f} planted systems seen right",
            lambda d: d["continua_excess"] == 0 and d["planted_right"] == d["planted_all"],
        ),
    ),
]
