import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Found
from ptabook.claims.evidence import (
    all_of,
    by_difference,
    by_estimate,
    by_seeds,
    by_share,
    holm,
    however_counted,
    over_seeds,
    share_interval,
    share_of,
    shortfall,
)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draw = np.random.default_rng(0)
    inside = 0
    for values in draw.normal(3.0, 2.0, size=(4000, 5)):
        _, low, high = over_seeds(values.tolist(), confidence=0.9)
        inside += low <= 3.0 <= high
    assert inside / 4000 == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 4000))


def test_equal_values_leave_no_doubt_and_one_value_is_refused():
    assert over_seeds([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)
    for values in ([1.0], [], [1.0, math.nan]):
        with pytest.raises(ValueError, match="values: expected two or more finite numbers"):
            over_seeds(values)


def test_the_words_show_the_interval_that_decides():
    values = np.log([1.5, 2.0, 3.0])
    found = by_seeds("{mean:.4f} {low:.4f} {high:.4f} {n}", values, (0, math.inf), shown=math.exp)
    mean, low, high = map(math.exp, over_seeds(values))
    assert found.ours == f"{mean:.4f} {low:.4f} {high:.4f} 3"
    for limit, verdict in ((low - 1e-9, SUPPORTS), (low + 1e-9, UNDECIDED)):
        assert by_seeds("", values, (math.log(limit), math.inf)).verdict == verdict


def test_an_estimate_with_students_interval_is_judged_as_its_values_are():
    from scipy.stats import t

    values = [1.9, 2.3, 2.2, 1.6]
    for confidence in (0.95, 0.99):
        value, *interval = over_seeds(values, confidence)
        for holds in ((1.5, math.inf), (-math.inf, 1.9), (0, 1)):
            seeds = by_seeds("", values, holds)
            found = by_estimate("", value, tuple(interval), holds, confidence=confidence, degrees=3)
            assert found.p == pytest.approx(seeds.p)
            assert found.verdict in (seeds.verdict, UNDECIDED if confidence == 0.99 else seeds.verdict)
    low = value - t.ppf(0.995, 3) * np.std(values, ddof=1) / 2
    assert interval[0] == pytest.approx(low)


def test_ways_of_counting_that_differ_leave_a_statement_undecided():
    yes, no, open_ = Found("a", SUPPORTS, p=0.01), Found("b", CONTRADICTS, p=0.02), Found("c", UNDECIDED, "seeds", 0.4)
    assert however_counted(yes, replace(yes, p=0.03), reason="r") == replace(yes, p=0.03)
    assert however_counted(yes, open_, reason="r") == Found("c", UNDECIDED, "r", 0.4)
    assert however_counted(yes, no, reason="r", words="both") == Found("both", UNDECIDED, "r", 1.0)


def wrong(verdicts, holds):
    return np.mean([v == (CONTRADICTS if holds else SUPPORTS) for v in verdicts])


@pytest.mark.parametrize("mean", [0.9, 1.1, 1.0])
def test_a_verdict_over_seeds_is_wrong_at_most_as_often_as_it_says(mean):
    """Five seeds; the statement is that the mean is above one."""
    draws = np.random.default_rng(0).normal(mean, 0.2, size=(1500, 5))
    found = [by_seeds("", values, (1.0, math.inf)) for values in draws]
    assert wrong([f.verdict for f in found], mean > 1) < 0.025 + 3 * math.sqrt(0.025 / 1500)
    assert all((f.p <= 0.05) == (f.verdict != UNDECIDED) for f in found)


def test_a_difference_is_that_of_scipy_and_a_resolution_widens_it():
    from scipy.stats import ttest_ind

    a, b = [6.0, 7.0, 7.5], [1.0, 1.2, 0.7, 1.1]
    found = by_difference("", a, b, (0, math.inf))
    assert found.p == pytest.approx(ttest_ind(a, b, equal_var=False).pvalue)
    assert by_difference("", a, b, (0, math.inf), resolution=1).p > found.p
    assert by_difference("", [2, 2, 2], [1, 1, 1], (0, math.inf), resolution=1).verdict != CONTRADICTS
    assert by_difference("", [3, 3, 3], [1, 1, 1], (0, math.inf), resolution=1).verdict == SUPPORTS
    with pytest.raises(ValueError, match="^second: expected two or more finite numbers"):
        by_difference("", a, [1.0, math.nan], (0, 1))
    with pytest.raises(ValueError, match="^first: expected two or more"):
        by_difference("", [1.0], b, (0, 1))
    with pytest.raises(ValueError, match="^values: expected two or more"):
        by_seeds("", [1.0], (0, 1))


def test_counts_that_are_all_alike_are_known_to_a_step():
    """Rounding hides a spread: what truly lies anywhere in a step is seen as one number."""
    from scipy.stats import t

    found = by_difference("", [40, 40, 40], [1, 1, 1], (0, math.inf), resolution=1)
    error = math.sqrt(2 / 12 / 3)  # of two means of three, each uniform over a step
    assert found.p == pytest.approx(2 * t.sf((39 - 1) / error, 4))
    assert found.verdict == SUPPORTS
    assert by_difference("", [4, 4, 4], [2, 2, 2], (0, math.inf), resolution=1).p > found.p
    draw = np.random.default_rng(0)
    seen = [np.round(draw.uniform(2.6, 3.4, size=(2, 3))) for _ in range(50)]  # the same, and always seen as 3
    assert all(by_difference("", a, b, (0, math.inf), resolution=1).verdict == UNDECIDED for a, b in seen)


def test_a_share_of_independent_draws_is_that_of_scipy():
    from scipy.stats import binomtest

    for hits, of in ((0, 10), (10, 10), (55, 60), (1, 7)):
        interval = binomtest(hits, of).proportion_ci()
        assert share_interval(hits, of) == pytest.approx((interval.low, interval.high))
    assert by_share("", 55, 60, (0, 0.95)).p == pytest.approx(2 * binomtest(55, 60, 0.95, alternative="less").pvalue)
    assert by_share("", 30, 60, (0.95, 1)).verdict == CONTRADICTS
    assert by_share("", 60, 60, (0.9, 1)).verdict == SUPPORTS


def test_draws_that_come_in_clusters_are_worth_less():
    """Five pairs with the same initial weights, of one fate each, are five draws and not ten."""
    assert share_of([2, 2, 0, 2, 0], [2] * 5)[1] < 5
    assert share_of([2] * 5, [2] * 5) == (5.0, 5.0)
    assert share_of([3], [8]) == (0.375, 1.0)
    mixed = share_of([1, 1, 1, 1, 1], [2] * 5)  # no variance between clusters at all
    assert mixed == (5.0, 10.0)
    for wrong_hits in ([3, 1], [-1, 1]):
        with pytest.raises(ValueError, match="^hits: "):
            share_of(wrong_hits, [2, 2])
    found = by_share("all", [2, 2, 2], [2, 2, 2], (0.95, 1))
    assert "3 clusters" in found.ours
    assert "clusters" not in by_share("all", [1, 1, 1], [1, 1, 1], (0.95, 1)).ours


def test_the_interval_of_a_clustered_share_covers_it():
    """Twenty systems, each with a probability of its own, three changes of each: they are not sixty draws."""
    rng, inside, naive = np.random.default_rng(1), 0, 0
    for _ in range(600):
        probability = rng.beta(0.6, 0.4, size=20)
        hits = rng.binomial(3, probability)
        low, high = share_interval(*share_of(hits, [3] * 20))
        inside += low <= 0.6 <= high
        low, high = share_interval(hits.sum(), 60)
        naive += low <= 0.6 <= high
    assert inside / 600 > 0.93
    assert naive < inside


PARTS = st.lists(st.sampled_from([SUPPORTS, CONTRADICTS, UNDECIDED]), min_size=1, max_size=5)


@given(PARTS)
def test_a_whole_is_as_its_parts_let_it(verdicts):
    whole = all_of(*(Found(f"{i}", v, "seeds; budget" * (v == UNDECIDED), 0.01) for i, v in enumerate(verdicts)))
    assert (whole.verdict == SUPPORTS) == (set(verdicts) == {SUPPORTS})
    assert (whole.verdict == CONTRADICTS) == (CONTRADICTS in verdicts)
    assert whole.reason == ("seeds; budget" if whole.verdict == UNDECIDED else "")
    assert whole.p == pytest.approx(0.01 * (len(verdicts) if whole.verdict == CONTRADICTS else 1))


def test_holm_keeps_what_the_step_down_rule_keeps():
    rows = [Found("", SUPPORTS, p=p) for p in (0.01, 0.04, 0.03, 0.005)]
    assert [row.verdict for row in holm(rows)] == [SUPPORTS, UNDECIDED, UNDECIDED, SUPPORTS]  # Holm 1979's own example
    exact = [Found("", CONTRADICTS), *rows]
    assert holm(exact)[0] == exact[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_bonferroni_and_no_correction(p):
    after = holm([Found("", SUPPORTS if v <= 0.05 else UNDECIDED, "" if v <= 0.05 else "r", v) for v in p])
    for value, row in zip(p, after, strict=True):
        assert row.verdict == SUPPORTS or value * len(p) > 0.05
        assert row.verdict == UNDECIDED or value <= 0.05


def test_one_guard_for_all_rows_of_training():
    done = dict(seeds=[0, 1, 2], epochs=[120] * 3, status=["early stopping"] * 3)
    assert shortfall(done, searched=True) == ""
    assert "rate" in shortfall(done, searched=False)
    assert shortfall(done | dict(status=["diverged"] * 3), searched=True) == ""  # it will not get better
    cut = done | dict(status=["early stopping", "epoch limit", "early stopping"])
    assert "120 epochs" in shortfall(cut, searched=True)
    assert shortfall(cut, searched=True, ended=False) == ""
    assert "1 of 3" in shortfall(dict(seeds=[0], epochs=[400], status=["epoch limit"]), searched=True)
    assert shortfall(None, searched=True)
