import numpy as np
import pytest

from ptacore.reinforcement.proximity import permutation_p, regression, within_correlation

RNG = np.random.default_rng(2)
TIME = np.tile(np.arange(30.0), 5)
SEEDS = np.repeat(np.arange(5), 30)


def test_a_line_is_found_with_the_p_of_scipy():
    from scipy.stats import linregress

    x = RNG.normal(size=40)
    y = 0.3 * x + RNG.normal(size=40)  # a p that is not tiny
    ours, theirs = regression(x, y), linregress(x, y)
    assert ours == pytest.approx((theirs.slope, theirs.intercept, theirs.rvalue, theirs.pvalue))


def test_differences_between_groups_do_not_count_within_them():
    """Means that rise with each other over noise that does not."""
    x, y = 10 * SEEDS + RNG.normal(size=150), 10 * SEEDS + RNG.normal(size=150)
    assert regression(x, y).r > 0.98
    assert abs(within_correlation(x, y, SEEDS)) < 0.2
    assert 0.02 < permutation_p(x, y, SEEDS) < 0.98


def test_what_only_trends_with_time_is_gone_once_time_is_given():
    x, y = TIME + RNG.normal(size=150), 3 * TIME + RNG.normal(size=150)
    assert within_correlation(x, y, SEEDS) > 0.98
    assert abs(within_correlation(x, y, SEEDS, TIME)) < 0.2
    common = 5 * RNG.normal(size=150)
    assert within_correlation(x + common, y + common, SEEDS, TIME) > 0.9


def test_ties_count_as_at_least_as_much():
    """One of three places has the one: a third of all permutations does as well as the data."""
    p = permutation_p([0.1, 0.1, 0.7], [0.1, 0.1, 0.7], [0, 0, 0], draws=2000)
    assert p == pytest.approx(1 / 3, abs=0.04)


def test_units_do_not_matter_and_rounding_is_no_difference():
    x, y = RNG.normal(size=(2, 30))
    assert regression(1e-20 * x, 1e20 * y).r == pytest.approx(np.corrcoef(x, y)[0, 1])
    with pytest.raises(ValueError, match="^x: expected values that differ"):
        regression([1e9, 1e9, 1e9 + 2e-7], [1.0, 2.0, 3.0])


def test_the_partial_correlation_is_the_textbook_one():
    x, y, z = RNG.normal(size=(3, 50)) + RNG.normal(size=50)
    r = np.corrcoef([x, y, z])
    expected = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert within_correlation(x, y, np.zeros(50), z) == pytest.approx(expected)


def test_p_is_uniform_where_nothing_is_and_small_where_something_is():
    p = [permutation_p(RNG.normal(size=20), RNG.normal(size=20), [0] * 10 + [1] * 10, draws=99) for _ in range(400)]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.05)
    x = RNG.normal(size=20)
    assert permutation_p(x, x + 0.1 * RNG.normal(size=20), [0] * 10 + [1] * 10) == pytest.approx(1 / 2001)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"x": [1.0, 2.0]}, "x"), ({"y": [1.0]}, "y"), ({"groups": [0]}, "groups"), ({"given": [0.0]}, "given"),
     ({"y": [1.0, 1.0, 1.0]}, "y"), ({"x": [1.0, 1.0, 1.0]}, "x")],
)  # fmt: skip
def test_wrong_arguments_are_named(change, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        within_correlation(**{"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0], "groups": [0, 0, 0], **change})
