"""Section 2.7: the conjecture, searched."""

from __future__ import annotations

from ptabook.claims.claim import CONTRADICTS, UNDECIDED, Claim, Found, says
from ptabook.claims.evidence import by_share, however_counted


def _kept(numbers, group: str, words: str = "changes") -> Found:
    """Share of systems that keep all zeros at a change of 1%; what the runs leave open is counted both ways."""
    kept, of, left = (round(numbers[f"{group}_{what}_percent"]) for what in ("kept", "of", "open"))
    text = f"{kept} of {of} {words}" + f", {left} undecided" * bool(left)
    least, most = (by_share(text, hits, of, (0.95, 1), "more systems") for hits in (kept, kept + left))
    return however_counted(least, most, reason="longer runs")


def _search(numbers):
    text = (
        "{other:.0f} others in {draws:.0f} draws, {hits:.0f} with a zero, a share of these below {bound_hits:.1%}; of "
        "{two_zeros:.0f} pairs of oscillators with "
    )
    text += "two zeros {pairs_other:.0f} are others, a share below {bound_two:.0%} at a power of {power:.0%}"
    if numbers["other"] + numbers["pairs_other"]:
        return Found(text.format_map(numbers), CONTRADICTS)
    return Found(text.format_map(numbers), UNDECIDED, "a statement about all systems, of which some were searched")


def _under_symmetry(numbers):
    kept, of = round(numbers["mirrored_kept_10_ring"]), round(numbers["mirrored_kept_10_of"])
    text = f"{kept} of {of} rings of rest keep a zero without motion under changes that respect the symmetry; "
    text += f"{round(numbers['mirrored_broken_10_ring'])} under others"
    return by_share(text, kept, of, (0, 0.05))


CLAIMS = [
    Claim(
        "conjecture-search",
        "Sec. 2.7",
        "PTAs are the only structurally stable dynamics with a persistent learning signal (conjecture), "
        "searched: no other zero without a positive exponent in small random systems.",
        "conjecture",
        "no draw that the fixed rule decides, and no pair of oscillators, has a zero and is neither cycle, circle nor "
        "torus (number of zeros = dimension of the orbit); one would refute it, none does not prove it",
        _search,
    ),
    Claim(
        "conjecture-under-symmetry",
        "Sec. 2.7",
        "The conjecture holds where changes of the law respect a symmetry.",
        "not excluded",
        "under 5% of rings of rest keep their zero without motion at symmetric changes of 1% (95% interval)",
        _under_symmetry,
        work="beside Park, Ságodi and Sokół",  # whose Sec. 2.6 grants that what is held fixed can save a zero
        note="remarks-on-the-theory",
    ),
    Claim(
        "cycles-stable-flows",
        "Sec. 2.7",
        "Stable limit cycles are structurally stable: random ones, found by search, keep their zero.",
        "structurally stable",
        "in at least 95% of random changes of all parameters by 1%, flows; each of another system (95% interval)",
        lambda d: _kept(d, "cycles_flows"),
    ),
    Claim(
        "circles-stable-maps",
        "Sec. 2.7",
        "Limit cycles are structurally stable in discrete time, too.",
        "structurally stable",
        "the same, circles of random maps (by theorem never in the strict sense)",
        lambda d: _kept(d, "circles_maps"),
        note="remarks-on-the-theory",
    ),
    Claim(
        "equal-torus-stable",
        "Sec. 2.7",
        "A periodic toroidal attractor is structurally stable, as a quasi-periodic one is.",
        "structurally stable",
        "both zeros of two equal oscillators in at least 95% of changes of 1% (smaller shifts are below the "
        "resolution), each of another pair (95% interval)",
        lambda d: _kept(d, "alike_apart", "pairs"),
        note="remarks-on-the-theory",
    ),
    Claim(
        "at-most-half-zeros",
        "Sec. 2.7",
        "There are at most n/2 zero exponents (of independent cycles).",
        "n / 2",
        "each cycle takes two of the n dimensions; attractors in general may have more",
        says(
            "one for two dimensions; outside the context of cycles {langford_zeros:.0f} of 3, on a torus of dimension "
            "{langford_dimension:.2f}",
            lambda d: True,
        ),
        by_construction=True,
        note="remarks-on-the-theory",
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
