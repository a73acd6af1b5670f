"""One statement of the paper, and how a verdict on it is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

VERDICTS = SUPPORTS, CONTRADICTS, UNDECIDED = "supports", "contradicts", "undecided"


@dataclass(frozen=True)
class Found:
    """What a check says of its statement.

    Attributes
    ----------
    ours : str
        What was found; Markdown.
    verdict : str
        One of `VERDICTS`.
    reason : str
        Why it is undecided: what is missing (budget, seeds, data, a definition, ...).
    p : float or None
        Where the verdict rests on a sample: the smallest level at which it would be given. None for what is exact.
    """

    ours: str
    verdict: str
    reason: str = ""
    p: float | None = None


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, in our words.

    Attributes
    ----------
    id : str
        The key of its verdict, and its anchor in the ledger: it stays when the words change.
    where : str
        Section, equation or figure.
    statement : str
        What is claimed; Markdown.
    paper : str
        The paper's value.
    tolerance : str
        When ours agrees, and why that is the measure.
    check : callable or None
        Numbers -> `Found`, or, for an exact statement, the pair (our value, whether it holds); None where no
        computation here can decide. Exact is what has a closed form or an invariant: the tolerance of the row is then
        the numerical error, of rounding or of the scheme, and no sample is involved.
    by_construction : bool
        Whether the statement could not have come out false: it is shown, and not counted.
    figure : str
        Notebook whose numbers decide; set from the name of the module that the claim stands in.
    work : str
        The neighbouring work whose claim it is, empty for the paper; where it is empty, that module's ``WORK``.
    section : str
        Anchor of the section of its page that shows the evidence; where it is empty, the ledger takes the section that
        speaks of the numbers that the check reads.
    note : str
        Anchor of the section of ``book/notes.md`` that says more, empty where none does.
    """

    id: str
    where: str
    statement: str
    paper: str
    tolerance: str
    check: Callable[[dict], Found | tuple[str, bool]] | None
    by_construction: bool = False
    figure: str = ""
    work: str = ""
    section: str = ""
    note: str = ""


def by_interval(ours: str, interval: tuple[float, float], holds: tuple[float, float], reason: str = "") -> Found:
    """The verdict on a statement that a value lies in a range, from an interval that covers the value.

    Parameters
    ----------
    ours : str
        What was found, in words.
    interval : (float, float)
        Where the value is, with the confidence that the claim states.
    holds : (float, float)
        The statement's range; -inf or inf where it has no end.
    reason : str, optional
        What would narrow the interval (more seeds, longer runs, ...).

    Returns
    -------
    Found
        *supports* where the interval lies in the range, *contradicts* where it lies outside, else *undecided*.

    Raises
    ------
    ValueError
        If an end is NaN or the ends are in the wrong order.

    Examples
    --------
    >>> by_interval("0.31 (0.28 to 0.34)", (0.28, 0.34), (0.0, 0.4)).verdict
    'supports'
    >>> by_interval("0.31 (0.1 to 0.5)", (0.1, 0.5), (0.0, 0.4), "three seeds")
    Found(ours='0.31 (0.1 to 0.5)', verdict='undecided', reason='three seeds', p=None)
    """
    for name, ends in (("interval", interval), ("holds", holds)):
        if any(math.isnan(end) for end in ends) or ends[0] > ends[1]:
            raise ValueError(f"{name}: expected a range (low, high), got {ends}")
    if holds[0] <= interval[0] and interval[1] <= holds[1]:
        return Found(ours, SUPPORTS)
    if interval[1] < holds[0] or holds[1] < interval[0]:
        return Found(ours, CONTRADICTS)
    return Found(ours, UNDECIDED, reason or "the interval reaches over the statement's limit")


# ---- words for numbers


def number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero


def show(values, digits: int) -> str:
    return ", ".join(number(v, digits) for v in values)


def with_width(values, widths, digits: int) -> str:
    return ", ".join(f"{number(v, digits)} ± {w:.{digits}f}" for v, w in zip(values, widths, strict=True))


def as_found(result: Found | tuple[str, bool]) -> Found:
    """What a check returns, as a verdict: a pair is that of an exact statement."""
    return result if isinstance(result, Found) else Found(result[0], SUPPORTS if result[1] else CONTRADICTS)


def says(text: str, test: Callable[[dict], bool]):
    """A check: a text with a figure's numbers by name, and whether the statement holds."""
    return lambda numbers: (text.format_map(numbers), bool(test(numbers)))
