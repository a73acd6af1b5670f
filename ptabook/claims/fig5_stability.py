"""Sections 2.6 to 2.9: what survives a change of the weights."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import Claim


def _left(numbers, name: str, size: float) -> list[float]:
    """Shares of zero exponents left at a size of change, of own weights and of all weights."""
    at = int(np.argmin(np.abs(np.log(np.array(numbers["sizes"]) / size))))
    return [numbers["left"][f"{name}, {kind}"]["share"][at] for kind in ("own", "all")]


def _continuous_attractors_lose(numbers):
    names = ("line attractor", "ring attractor", "square", "identity")
    left = {name: max(_left(numbers, name, 1e-2)) for name in names}
    text = ", ".join(f"{name} {share:.1%}" for name, share in left.items())
    return f"zeros left at changes of 1%: {text}", max(left.values()) < 0.1


def _tori_survive(numbers):
    left = {name: _left(numbers, f"PTA, {name}", 1e-2) for name in ("tanh", "GRU", "flow")}
    text = ", ".join(f"{name} {own:.1%} and {every:.1%}" for name, (own, every) in left.items())
    return f"zeros left at changes of 1% (own, all weights): {text}", min(map(min, left.values())) > 0.95


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


CLAIMS = [
    Claim(
        "continua-lose-zeros",
        "Sec. 2.6",
        "Continuous attractors lose their zero exponents under changes of the weights (D-type noise).",
        "lost",
        "under 10% left at changes of 1%, line, ring, square and identity (slow cycles)",
        _continuous_attractors_lose,
    ),
    Claim(
        "cycle-keeps-zero",
        "Sec. 2.6-2.7",
        "A limit cycle keeps its zero exponent under the same changes.",
        "kept",
        "in at least 95% of draws at changes of 1%",
        lambda d: (
            "in {:.0%} (own) and {:.0%} (all weights) of draws".format(*_left(d, "limit cycle", 1e-2)),
            min(_left(d, "limit cycle", 1e-2)) >= 0.95,
        ),
    ),
    Claim(
        "tori-outlast-continua",
        "Sec. 2.7",
        "Toroidal attractors keep their zero exponents where continuous attractors have lost theirs.",
        "kept",
        "more than 95% left at changes of 1%, in all three networks",
        _tori_survive,
    ),
    Claim(
        "tori-structurally-stable",
        "Sec. 2.7",
        "Toroidal attractors are structurally stable: no small change costs a zero exponent.",
        "structurally stable",
        "none of the networks loses one at changes of 1% of all weights",
        _torus_is_stable,
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
        "locking-by-coupling",
        "Sec. 2.9, L5",
        "Two oscillators lock, losing a zero, when coupling overcomes their frequency difference.",
        "synchrony",
        "critical coupling as by Adler's equation, to the grid's spacing",
        _adler,
    ),
]
