import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptacore.checks import integer, interval, within, workers

WHOLE = st.integers(-(10**6), 10**6)
NO_NUMBERS = st.sampled_from([None, "3", [3], True, False, 2.0, 2.5, math.nan, 3 + 0j])


@given(WHOLE, WHOLE, st.none() | WHOLE)
def test_an_integer_is_taken_if_it_lies_in_the_range_whatever_its_type(value, least, most):
    inside = least <= value and (most is None or value <= most)
    for given_as in (value, np.int64(value), np.int32(value)):
        if inside:
            taken = integer("size", given_as, least, most)
            assert (taken, type(taken)) == (value, int)  # JSON takes no other
        else:
            with pytest.raises(ValueError, match="^size: expected a whole number ") as refused:
                integer("size", given_as, least, most)
            assert str(refused.value).endswith(f"got {given_as!r}")


@given(NO_NUMBERS)
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match="^size: expected a whole number at least 0, got "):
        integer("size", value, 0)
    with pytest.raises(ValueError, match="^delay: expected a (pair|whole number) "):
        interval("delay", value if isinstance(value, list) else (0, value), 0)


@given(WHOLE, WHOLE, WHOLE)
def test_an_interval_is_a_pair_in_order(a, b, least):
    if least <= a <= b:
        assert interval("delay", [a, b], least) == (a, b)
    else:
        with pytest.raises(ValueError, match="^delay: expected "):
            interval("delay", [a, b], least)


@given(st.integers(-3, 3), st.integers(-2, 2), st.sampled_from(["()", "[]", "[)", "(]"]))
def test_the_ends_of_an_interval_belong_to_it_as_the_brackets_say(value, low, ends):
    high = low + 1
    belongs = {low: ends[0] == "[", high: ends[1] == "]"}.get(value, False)  # no whole number lies between
    if belongs:
        within("rate", value, low, high, ends)
    else:
        with pytest.raises(ValueError, match="^rate: expected a number in "):
            within("rate", value, low, high, ends)
    within("rate", low + 0.5, low, high, ends)


@pytest.mark.parametrize("value", [math.nan, None, "0.5"])
def test_what_is_no_number_is_in_no_interval(value):
    with pytest.raises(ValueError, match=r"^rate: expected a number in \[0, inf\], got "):
        within("rate", value, 0, math.inf, "[]")


def test_threads_and_processes_are_bounded_by_the_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert [workers("--threads", n) for n in (1, 12)] == [1, 12]
    for bad in (0, -1, 13, 10**9, 2.0, True, "2", None):
        with pytest.raises(ValueError, match="^--threads: expected a whole number from 1 to 12, got "):
            workers("--threads", bad)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert workers("--threads", 4) == 4
