"""Ger & Barak (2025): the motor task, decided by the recorded runs."""

from __future__ import annotations

import itertools
import math

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import by_seeds, by_share

WORK = "Ger & Barak 2025"
MISSING = Found("no recorded runs", UNDECIDED, "finished runs of three seeds")


def _rising(row: list[float]) -> bool:
    """Whether each time is later than the one before; what has not come comes after all that has."""
    return all(a < b or b == math.inf for a, b in itertools.pairwise(row))


def _order(numbers: dict) -> Found:
    """Counted by networks: whether most of them do."""
    rows = [[math.inf if t is None else t for t in row] for row in numbers["times"]]
    if len(rows) < 3:
        return MISSING
    right, whole = sum(map(_rising, rows)), sum(math.inf not in row for row in rows)
    ours = f"{right} of {len(rows)} networks; {whole} acquire all four within the run"
    return by_share(ours, right, len(rows), (0.5, 1), "more networks")


def _between(key: str, text: str, holds: tuple[float, float], absolute: bool = False):
    """A check of means over what one network does, which is one draw."""

    def check(numbers: dict) -> Found:
        own = [[abs(v) if absolute else v for v in values] for values in numbers[key] if values]
        if len(own) < 3:
            return MISSING
        return by_seeds(text, [sum(values) / len(values) for values in own], holds)

    return check


def _like_people(numbers: dict) -> Found:
    """Times in units of the first, on a logarithmic scale: how far the network's are from people's."""
    if len(numbers["times"]) < 3:
        return MISSING
    off = []
    for first, *later in numbers["times"]:
        known = [(t / first, human) for t, human in zip(later, numbers["human"][1:], strict=True) if t is not None]
        off.append(sum(abs(math.log(ours / human)) for ours, human in known) / len(known))
    ours = "off by a factor of {mean:.1f} ({low:.1f} to {high:.1f})"
    return by_seeds(ours, off, (-math.inf, math.log(1.5)), shown=math.exp)


def _open(key: str, text: str, holds: tuple[float, float]):
    def check(numbers: dict) -> Found:
        values = [math.log(row[key]) for row in numbers["open"] if row[key] is not None]
        if len(values) < 3:
            return MISSING
        limits = tuple(math.log(v) if v else -math.inf for v in holds)
        return by_seeds(text, values, limits, "three seeds", math.exp)

    return check


CLAIMS = [
    Claim(
        "tracking-low-first",
        "Fig. 6",
        "Frequencies are acquired one by one, the low ones first.",
        "epochs 230, 1200, 2600, 4500",
        "in more than half of the networks (95% interval)",
        _order,
    ),
    Claim(
        "tracking-pair-height",
        "Fig. 6, eigenvalues",
        "With each acquisition a pair of the network's eigenvalues arrives at the frequency of the target.",
        "±iω",
        "its imaginary part is within 10% of ω; 95% interval over networks, of means over frequencies",
        _between(
            "height_off",
            "off by {mean:.0%} ({low:.0%} to {high:.0%}), {n} networks",
            (-math.inf, 0.1),
            absolute=True,
        ),
    ),
    Claim(
        "tracking-pair-depth",
        "Fig. 6, real parts",
        "It arrives at the imaginary axis.",
        "real part near 0",
        "within 0.3 per second of it, of -0.9 before training; 95% interval over networks, of means over frequencies",
        _between("depth", "{mean:.2f} ({low:.2f} to {high:.2f}) per second, {n} networks", (-0.3, 0.3)),
    ),
    Claim(
        "tracking-interference",
        "Fig. 6e",
        "While a frequency is acquired, the loss of earlier ones rises for a time.",
        "0.55 to 0.585",
        "highest value around the acquisition above that before; 95% interval over networks, of means over pairs",
        _between("rises", "{mean:+.1%} ({low:+.1%} to {high:+.1%}), {n} networks", (0.0, math.inf)),
    ),
    Claim(
        "tracking-like-people",
        "Fig. 6f",
        "The times of acquisition go up as those of people do.",
        "2.5, 4, 6, 9.5 blocks",
        "in units of the first time, within a factor of 1.5 on average; 95% interval over seeds",
        _like_people,
    ),
    Claim(
        "tracking-open-peak",
        "Fig. 6, open loop",
        "The loss in the loop of an imitating network rises above its first value.",
        "5.6 to 16.5",
        "the peak is above the first value; 95% interval over seeds",
        _open("peak", "{mean:.2f} ({low:.2f} to {high:.2f}) times", (1.0, math.inf)),
    ),
    Claim(
        "tracking-open-end",
        "Fig. 6, open loop, end",
        "It ends no worse than the network that learned in the loop.",
        "0.08 and 0.097",
        "at most 1.05 times; 95% interval over seeds",
        _open("end", "{mean:.2f} ({low:.2f} to {high:.2f}) times", (0.0, 1.05)),
    ),
]
