"""Checks of arguments. Their errors begin with the argument's name, say what would be right, and end with what came."""

from __future__ import annotations

import os
from numbers import Integral


def integer(name: str, value, least: int, most: int | None = None) -> int:
    """The value as an int, if it is a whole number of the range.

    Examples
    --------
    >>> integer("seed", -1, least=0)
    Traceback (most recent call last):
    ValueError: seed: expected a whole number at least 0, got -1
    """
    inside = isinstance(value, Integral) and not isinstance(value, bool) and least <= value
    if not inside or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: expected a whole number {bounds}, got {value!r}")
    return int(value)


def workers(name: str, value) -> int:
    """The value as an int, if so many threads or processes help here: from 1 to four for each core.

    Far more bring torch, which starts them all, to the end of the process.

    Examples
    --------
    >>> workers("threads", 10**9)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: threads: expected a whole number from 1 to ..., got 1000000000
    """
    return integer(name, value, 1, 4 * (os.cpu_count() or 1))


def interval(name: str, value, least: int) -> tuple[int, int]:
    """The value as a pair of ints (lowest, highest), both at least `least`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name}: expected a pair (lowest, highest), got {value!r}")
    low, high = (integer(name, v, least) for v in value)
    if low > high:
        raise ValueError(f"{name}: expected lowest <= highest, got {value!r}")
    return low, high


def within(name: str, value, low: float, high: float, ends: str = "()") -> None:
    """Refuse what is no number of the interval; `ends` says which of its ends belong to it.

    Examples
    --------
    >>> within("dropout", 1.5, 0, 1, ends="[)")
    Traceback (most recent call last):
    ValueError: dropout: expected a number in [0, 1), got 1.5
    """
    try:
        inside = low < value < high or (value == low and ends[0] == "[") or (value == high and ends[1] == "]")
    except TypeError:
        inside = False
    if not inside:
        raise ValueError(f"{name}: expected a number in {ends[0]}{low:g}, {high:g}{ends[1]}, got {value!r}")
