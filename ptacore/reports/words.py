"""What the numbers of a report mean, in sentences."""

from __future__ import annotations

import math

import numpy as np

from ptacore.reports.drawing import SUPERSCRIPTS
from ptacore.reports.findings import Findings


def number(value: float, digits: int = 3) -> str:
    """A number for readers: a few digits, a true minus, powers of ten, ∞.

    Examples
    --------
    >>> [number(v) for v in (-0.012345, 1234.5, float("inf"), 0.0, 2.39e9, 1e-10)]
    ['−0.0123', '1,234', '∞', '0', '2.39×10⁹', '10⁻¹⁰']
    """
    if math.isnan(value):
        return "not known"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.{digits}g}"
    factor, _, power = text.partition("e")
    if power:
        text = f"{factor}×10{str(int(power)).translate(SUPERSCRIPTS)}".replace("1×", "", factor in ("1", "-1"))
    return text.replace("-", "−")


def count(how_many: int, one: str, many: str | None = None) -> str:
    """A number of things.

    Examples
    --------
    >>> count(1, "unit"), count(1200, "unit"), count(2, "exponent is", "exponents are")
    ('1 unit', '1,200 units', '2 exponents are')
    """
    return f"{how_many:,} {one if how_many == 1 else many or one + 's'}"


def measured(value: float, error: float) -> str:
    """A number to the digits that its error leaves it.

    Examples
    --------
    >>> measured(0.00866, 0.00721), measured(-1234.5, 60.0), measured(2.0, 0.0)
    ('0.0087 ± 0.0072', '−1,234 ± 60', '2')
    """
    if not (math.isfinite(value) and 0 < error < math.inf):
        return number(value) + " ± ∞" * (error == math.inf)
    digits = max(1 - math.floor(math.log10(error)), 0)
    return " ± ".join(f"{v:,.{digits}f}" for v in (value, error)).replace("-", "−")


def lasting(steps: tuple[float, float]) -> str:
    """An interval of numbers of steps, in words.

    Examples
    --------
    >>> lasting((277.3, 415.9)), lasting((1277.3, float("inf"))), lasting((0.0, 0.0)), lasting((301.1, 302.2))
    ('280 to 420', 'at least 1,300', 'no', '301 to 302')
    """
    least, most = steps
    if most == 0:
        return "no"
    if math.isinf(most):
        return f"at least {_rounded(least, 2)}"
    if round(least) == round(most):
        return f"about {least:,.0f}"
    ends = ((_rounded(least, digits), _rounded(most, digits)) for digits in range(2, 18))
    return " to ".join(next(pair for pair in ends if pair[0] != pair[1]))


def _rounded(steps: float, digits: int) -> str:
    """To so many digits, and no fractions of a step."""
    return f"{round(float(f'{steps:.{digits}g}')):,}"


def headline(f: Findings) -> str:
    """How long a gradient survives."""
    single, half = (lasting(s.rounded) for s in f.survival if s.format in ("float32", "bfloat16"))
    if f.spectrum.n_positive > 0:
        return (
            f"Gradients explode: the near is lost beside the far after {single} steps in float32, {half} in bfloat16."
        )
    return f"Your gradient survives {single} steps in float32, {half} in bfloat16."


def verdict(f: Findings) -> str:
    """What the signs of the exponents say."""
    s, rate = f.spectrum, f.leading[0]
    if s.n_positive > 0:
        words = (
            f"{count(int(s.n_positive), 'exponent is', 'exponents are')} positive: errors and gradients grow, "
            f"by a factor e in {number(1 / rate)} steps."
        )
        forgets = " Two states that start apart stay apart: the layer does not forget where it started."
        return words + forgets * f.driven
    if s.n_zero > 0:
        along = "it" if s.n_zero == 1 else "them"
        return (
            f"{count(int(s.n_zero), 'exponent is', 'exponents are')} not told from zero: along {along} gradients "
            "neither grow nor shrink, as far as this run can tell."
        )
    if math.isinf(rate):
        return "All exponents are −∞: nothing of a gradient is left after a few steps."
    words = f"All exponents are negative: gradients vanish, to 1/e in {number(-1 / rate)} steps at the leading rate."
    return words + " Under this input the layer forgets where it started (the echo state property)." * f.driven


def overall(f: Findings) -> str:
    """What follows from all exponents together, and how the leading one varies on the way."""
    s, (window, local) = f.spectrum, f.local
    told = []
    for name, of in (("Kaplan–Yorke dimension", s.kaplan_yorke_dimension), ("entropy rate", s.entropy_rate)):
        value, error, complete = (part.item() for part in of)
        told.append(f"{name} {measured(value, error)}" if complete else f"{name} at least {number(value)}")
    words = f"{told[0]}; {told[1]} per step, the sum of the positive exponents."
    if np.isfinite(local).all() and len(local) > 1:
        low, high = local.min(), local.max()
        words += (
            f" In {len(local)} windows of {window:,.0f} steps the leading exponent is between {number(low, 2)} and "
            f"{number(high, 2)}."
        )
        if low < 0 < high and s.n_zero == 0:
            words += " So gradients grow for a while and shrink for a while; what is said here holds in the long run."
    return words


def fate(f: Findings) -> list[str]:
    """Where states lead to by themselves."""
    a = f.attractors
    names = {"rests": "come to rest", "repeats": "end on a cycle of whole steps", "goes on": "go on without repeating"}
    ends = ", ".join(f"{number} {names[kind]}" for kind, number in a.ends.items())
    places = f" in {count(a.places, 'place')}" if a.ends.get("rests") else ""
    words = [
        f"Of {sum(a.ends.values())} random starts {ends}{places}.",
        f"Newton's method finds {count(len(a.points), 'fixed point')}, {int(a.points.stable.sum())} of them stable."
        if len(a.points)
        else "Newton's method finds no fixed point from them, nor from states around the origin.",
    ]
    words += [f"A {family.kind} of fixed points is among what it finds." for family in a.points.families[:1]]
    if a.cycle is not None:
        kind = {True: "stable", False: "unstable", None: "not told from marginal"}[a.cycle.stable]
        size = number(abs(a.cycle.multipliers[0]).item())
        words.append(f"The cycle has {a.cycle.period:.0f} steps and is {kind}; its largest multiplier has size {size}.")
    if "goes on" in a.ends:
        words.append("What goes on is chaotic, turns with a period that is not whole, or has not settled.")
    return words
