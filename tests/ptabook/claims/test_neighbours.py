"""Verdicts on the neighbours follow the numbers, and are undecided where runs are missing."""

import pytest

from ptabook.claims import ledger
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED
from ptabook.claims.neighbours import CLAIMS

BY_ID = {claim.id.removeprefix("neighbours-"): claim for claim in CLAIMS}


def verdict(name, **numbers):
    return BY_ID[name].check(numbers).verdict


@pytest.mark.parametrize(
    ("name", "key", "values", "expected"),
    [
        ("integration-outlier", "rich_share", [0.99, 0.995, 0.992], SUPPORTS),
        ("integration-outlier", "rich_share", [0.5, 0.51, 0.52], CONTRADICTS),
        ("integration-outlier", "rich_share", [0.8, 0.99, 0.99], UNDECIDED),
        ("integration-pair", "pair_off", [1e-5, 1e-4], SUPPORTS),
        ("integration-pair", "pair_off", [1e-5, 1e-2], UNDECIDED),
        ("al-leading", "leading_ratio", [0.91, 0.92, 0.9], CONTRADICTS),
        ("parity-lengths", "parity_long", [300, 300], SUPPORTS),
        ("parity-lengths", "parity_long", [150, 300], CONTRADICTS),
        ("parity-states", "states_peak", [9.0, 7.0, 10.0], SUPPORTS),
        ("parity-states", "states_peak", [1.0, 1.1, 1.2], CONTRADICTS),
        ("gtf-training", "forcing_gain", [2000.0, 3000.0, 4000.0], SUPPORTS),
        ("curse-edge", "edge", [1.3, 4.0], SUPPORTS),
        ("stable-best", "best_ratio", [0.5, 0.6, 0.7], SUPPORTS),
        ("stable-best", "best_ratio", [1.5, 1.6, 1.7], CONTRADICTS),
        ("liquid-exponents", "liquid_after", [-0.5, -0.6, -0.7], CONTRADICTS),
        ("liquid-long", "liquid_long", [0, 5], SUPPORTS),
        ("liquid-long", "liquid_long", [3, 5], UNDECIDED),
    ],
)
def test_verdicts_follow_the_numbers(name, key, values, expected):
    assert verdict(name, **{key: values}) == expected


def test_ratios_are_judged_by_their_logarithms():
    """A range of ratios is that of the ratios, not of their logarithms."""
    assert verdict("curse-spectrum", spectrum_ratio=[1.0, 1.01, 0.99]) == SUPPORTS
    assert verdict("curse-spectrum", spectrum_ratio=[2.0, 2.01, 1.99]) == CONTRADICTS


def test_an_exponent_does_not_tell_topology():
    rows = [[-0.1, 0.01], [1.0, 0.02], [0.9, 0.01]]
    found = BY_ID["al-lorenz-two"].check(dict(lorenz_P2=rows, lorenz_leading=0.9))
    assert (found.verdict, found.reason.split(":")[0]) == (UNDECIDED, "definition")
    assert found.ours.startswith("highest of 3: 1.000")


def test_the_exact_interval_of_a_share():
    """Clopper and Pearson: none of n leaves up to 1 - 0.025^(1/n)."""
    found = BY_ID["liquid-long"].check({"liquid_long": [0, 5]})
    assert f"{1 - 0.025 ** (1 / 5):.0%}" in found.ours


def test_sequences_of_one_network_are_a_cluster():
    """Three networks that are right of a hundred sequences each are three draws of a network, not three hundred."""
    assert verdict("parity-lengths", parity_long=[300, 300]) == SUPPORTS
    assert verdict("parity-lengths", parity_long=[[100] * 3, [100] * 3]) == UNDECIDED
    assert verdict("parity-data", parity_few=[[43, 50, 57], [100] * 3]) == SUPPORTS
    assert verdict("parity-data", parity_few=[[0, 50, 100], [100] * 3]) == UNDECIDED


def test_what_is_sampled_is_judged_with_the_page():
    """A row over seeds or draws has a p, by which all of the page are judged together."""
    sampled = dict(rich_share=[0.99, 0.995], liquid_long=[0, 5])
    for name in ("integration-outlier", "liquid-long"):
        assert BY_ID[name].check(sampled).p is not None


def test_nothing_is_decided_without_records():
    exact = {"delay": 1450, "delay_expected": 1453, "delay_spacing": 10, "forced_norm": 0.9, "identity_off": 1e-13}
    for claim in CLAIMS:
        if claim.check is not None:
            found = claim.check(exact)
            assert found.verdict == UNDECIDED or any(word in claim.id for word in ("pair-from-real", "gtf-"))


def test_each_statement_says_whose_it_is():
    works = {claim.work for claim in CLAIMS}
    assert all(works)
    own = [claim for claim in CLAIMS if claim.work.startswith("beside ")]
    assert all("ours" in claim.where for claim in own)
    assert len(CLAIMS) - len(own) >= 12
    entered = [claim for claim in ledger() if claim.figure == "neighbours"]
    assert [claim.work for claim in entered] == [claim.work for claim in CLAIMS]
    assert all(claim.where.startswith(claim.work) for claim in entered)


def test_the_delay_is_known_to_the_spacing_of_records():
    given = dict(delay_expected=1000.0, delay_spacing=10)
    assert verdict("pair-from-real", delay=1000, **given) == SUPPORTS
    assert verdict("pair-from-real", delay=1095, **given) == UNDECIDED
    assert verdict("pair-from-real", delay=1500, **given) == CONTRADICTS
