"""Sections 2.6 to 2.9: what survives a change of the weights."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import Claim
from ptabook.claims.evidence import all_of, by_estimate


def _left(names, holds: tuple[float, float]):
    """Shares of zero exponents left at changes of 1%, of own weights and of all: intervals over networks."""

    def check(numbers):
        at = int(np.argmin(np.abs(np.log(np.array(numbers["sizes"]) / 1e-2))))
        parts = []
        for name in names:
            for kind in ("own", "all"):
                row = numbers["left"][f"{name}, {kind}"]
                share, (low, high) = row["share"][at], row["interval"][at]
                text = f"{name.removeprefix('PTA, ')}, {kind} weights {share:.1%} ({low:.1%} to {high:.1%})"
                parts.append(by_estimate(text, share, (low, high), holds, "more networks"))
        return all_of(*parts)

    return check


def _torus_is_stable(numbers):
    lost = {name: numbers["loss"][f"PTA, {name}"] for name in ("tanh", "GRU", "flow")}
    slopes = ", ".join(f"{row['slope']:.2f}" for row in lost.values())
    draws = sum(row["draws_at_one_percent"] for row in lost.values())
    total = sum(row["draws"] for row in lost.values())
    text = f"at 1%, {draws} of {total} networks lose a zero: pairs lock; the share lost grows as size to the {slopes}"
    return text, draws == 0


def _synchrony_leaves_one(numbers):
    s = numbers["synchrony"]
    text = "synchronous: one zero in {one_zero} of {cells} networks; ".format(**s["synchronous"])
    text += "uncoupled: all eight in {all_zero} of {cells}; ".format(**s["independent"])
    text += "silent: none in {without_zero} of {cells}".format(**s["silent"])
    rows = ((s["synchronous"], "one_zero"), (s["independent"], "all_zero"), (s["silent"], "without_zero"))
    return text, all(row[key] == row["cells"] > 0 for row, key in rows)


def _adler(numbers):
    pair = numbers["two_oscillators"]
    text = f"critical coupling off by {pair['edge_error']:.4f} at most, the grid's spacing being {pair['grid']:.3f}"
    return text, pair["edge_error"] <= pair["grid"]


def _no_jump(numbers):
    at = int(np.argmin(np.abs(np.log(np.array(numbers["sizes"]) / 1e-2))))
    cycle = max(max(numbers["left"][f"limit cycle, {kind}"]["leading_median"][: at + 1]) for kind in ("own", "all"))
    pair = numbers["two_oscillators"]
    text = (
        f"cycle: {cycle:.0e} at most; across the locking of a pair within {pair['second_error']:.3f} of a continuous "
    )
    text += f"formula that reaches {pair['second_largest']:.2f}"
    return text, cycle < numbers["resolution_flow"] and pair["second_error"] < 0.1 * pair["second_largest"]


CLAIMS = [
    Claim(
        "continua-lose-zeros",
        "Sec. 2.6",
        "Continuous attractors lose their zero exponents under changes of the weights (D-type noise).",
        "lost",
        "under 10% left at changes of 1%, line, ring, square and identity (slow cycles); 95% intervals over networks",
        _left(("line attractor", "ring attractor", "square", "identity"), (-np.inf, 0.1)),
        section="the-measurement",
    ),
    Claim(
        "cycle-keeps-zero",
        "Sec. 2.6-2.7",
        "A limit cycle keeps its zero exponent under the same changes.",
        "kept",
        "in at least 95% of draws at changes of 1% (95% intervals)",
        _left(("limit cycle",), (0.95, np.inf)),
        section="the-measurement",
    ),
    Claim(
        "tori-outlast-continua",
        "Sec. 2.7",
        "Toroidal attractors keep their zero exponents where continuous attractors have lost theirs.",
        "kept",
        "more than 95% left at changes of 1%, in all three networks; 95% intervals over networks",
        _left(("PTA, tanh", "PTA, GRU", "PTA, flow"), (0.95, np.inf)),
        section="the-measurement",
    ),
    Claim(
        "tori-structurally-stable",
        "Sec. 2.7",
        "Toroidal attractors are structurally stable: no small change costs a zero exponent.",
        "structurally stable",
        "none of the networks loses one at changes of 1% of all weights; one that does is enough",
        _torus_is_stable,
        note="remarks-on-the-theory",
    ),
    Claim(
        "silence-none-synchrony-one",
        "Sec. 2.9, L5",
        "Without oscillation there is no zero exponent; in perfect synchrony one is left.",
        "none, one",
        "in every network of each kind",
        _synchrony_leaves_one,
    ),
    Claim(
        "exponents-do-not-jump",
        "Sec. 2.6",
        "Where dynamics are structurally stable, exponents do not change suddenly.",
        "not suddenly",
        "the cycle's zero moves by less than the resolution at changes up to 1%; but no mark of stability: where two "
        "oscillators lock, and stability is lost, the second exponent leaves zero as Adler's equation says, no jump",
        _no_jump,
    ),
    Claim(
        "locking-by-coupling",
        "Sec. 2.9, L5",
        "Two oscillators lock, losing a zero, when coupling overcomes their frequency difference.",
        "synchrony",
        "critical coupling as by Adler's equation, to the grid's spacing",
        _adler,
    ),
]
