"""What the numbers of a report mean, in sentences."""

from __future__ import annotations

import math

from ptacore.reports.findings import Findings


def number(value: float, digits: int = 3) -> str:
    """A number for readers: a few digits, a true minus, ∞.

    Examples
    --------
    >>> [number(v) for v in (-0.012345, 1234.5, float("inf"), 0.0)]
    ['−0.0123', '1,234', '∞', '0']
    """
    if math.isnan(value):
        return "not known"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def count(how_many: int, one: str, many: str | None = None) -> str:
    """A number of things.

    Examples
    --------
    >>> count(1, "unit"), count(1200, "unit"), count(2, "exponent is", "exponents are")
    ('1 unit', '1,200 units', '2 exponents are')
    """
    return f"{how_many:,} {one if how_many == 1 else many or one + 's'}"


def lasting(steps: tuple[float, float]) -> str:
    """An interval of numbers of steps, in words.

    Examples
    --------
    >>> lasting((277.3, 415.9)), lasting((277.3, float("inf"))), lasting((0.0, 0.0)), lasting((30.1, 30.2))
    ('277 to 416', 'at least 277', 'no', 'about 30')
    """
    least, most = steps
    if most == 0:
        return "no"
    if math.isinf(most):
        return f"at least {least:,.0f}"
    return f"about {least:,.0f}" if round(least) == round(most) else f"{least:,.0f} to {most:,.0f}"


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
