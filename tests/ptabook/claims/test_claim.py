import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptabook.claims import ledger
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, by_interval
from ptacore.provenance import ROOT

ENDS = st.floats(-10, 10)
RANGE = st.tuples(ENDS, ENDS).map(sorted).map(tuple)


@given(interval=RANGE, holds=RANGE, value=ENDS)
def test_a_verdict_is_right_for_every_value_of_the_interval_or_is_not_given(interval, holds, value):
    value = min(max(value, interval[0]), interval[1])
    verdict = by_interval("", interval, holds).verdict
    inside = holds[0] <= value <= holds[1]
    assert verdict == UNDECIDED or inside == (verdict == SUPPORTS)
    assert verdict != CONTRADICTS or not inside


def test_an_undecided_verdict_says_why():
    found = by_interval("0.5", (0.1, 0.9), (-math.inf, 0.5), "two seeds")
    assert (found.verdict, found.reason, found.ours) == (UNDECIDED, "two seeds", "0.5")
    assert by_interval("0.5", (0.1, 0.9), (-math.inf, 0.5)).reason


@pytest.mark.parametrize("bad", [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_what_is_not_a_range_is_named(bad):
    with pytest.raises(ValueError, match="^interval: "):
        by_interval("", bad, (0, 1))
    with pytest.raises(ValueError, match="^holds: "):
        by_interval("", (0, 1), bad)


def test_ids_are_unique_and_fit_an_address_and_none_of_the_last_release_is_lost():
    ids = [claim.id for claim in ledger()]
    assert len(set(ids)) == len(ids)
    assert json.loads((ROOT / "results" / "verdicts.json").read_text())["verdicts"].keys() <= set(ids)
    assert all(part.isalnum() and part == part.lower() for name in ids for part in name.split("-"))


def test_a_verdict_does_not_depend_on_words(tmp_path, monkeypatch):
    from dataclasses import replace

    from ptabook.claims import verdicts

    claim = ledger()[0]
    verdicts.release([verdicts.Entry(claim, "", verdicts.SUPPORTS)], tmp_path / "verdicts.json", "1.0.0")
    reworded = replace(claim, statement="In other words.", where="Sec. 9")
    assert verdicts.changes([verdicts.Entry(reworded, "", verdicts.SUPPORTS)], tmp_path / "verdicts.json") == []
