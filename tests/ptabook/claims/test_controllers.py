import pytest

from ptabook.claims import controllers
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED

NUMBERS = {  # as five agents of the paper would have given them
    "partial_return": [-249, -226, -288, -211, -260],
    "full_return": [-145, -178, -150, -160, -155],
    "slope_rise": [3.0, 4.0, 3.5, 3.2, 3.1],
    "full_slope": [9.0, 8.0, 8.5, 9.5, 9.1],
    "partial_slope": [5.0, 5.5, 4.5, 5.2, 5.1],
    "partial_fast": [1.5, 1.4, 1.6, 1.5, 1.5],
    "full_fast": [0.3, 0.2, 0.3, 0.2, 0.2],
    "ring_fit_last": [0.97, 0.98, 0.96, 0.97, 0.98],
    "off_first": [0.4, 0.45, 0.35, 0.4, 0.5],
    "off_last": [0.1, 0.12, 0.1, 0.11, 0.1],
    "plane_share": [0.8, 0.85, 0.9, 0.82, 0.88],
    "upright_first": [0.9, 1.0, 0.85, 0.9, 0.95],
    "upright_last": [0.05, 0.02, 0.01, 0.04, 0.03],
    "upright_off": [0.1, 0.08, 0.12, 0.1, 0.11],
    "visited_first": [1.2, 1.3, 1.25, 1.2, 1.3],
    "visited_last": [0.05, 0.02, 0.01, 0.04, 0.03],
    "visited_off": [0.2, 0.3, 0.1, 0.2, 0.2],
    "coupled_margin": [0.05, 0.04, 0.06, 0.05, 0.04],
    "hanging_radius": [1.2, 1.1, 1.15, 1.2, 1.18],
    "hanging_unstable": [30, 40, 36, 30, 44],
    "upright_stable": [10, 8, 12, 14, 10],
    "proximity": [0.8, 0.7, 0.9, 0.85, 0.75],
    "proximity_given_time": [0.5, 0.4, 0.6, 0.55, 0.45],
    "tau_first": [2.0, 2.2, 1.9, 2.1, 2.0],
    "tau_middle": [9.0, 8.0, 8.5, 9.5, 9.1],
    "tau_last": [4.0, 5.0, 4.5, 4.2, 4.1],
    "oscillating_course": [-300, -310, -290, -305, -300],
    "orthogonal_course": [-400, -420, -390, -410, -405],
}


def verdict(name, numbers):
    (claim,) = [c for c in controllers.CLAIMS if c.id == f"controllers-{name}"]
    return claim.check(numbers).verdict


def test_agents_like_those_of_the_paper_support_all_its_statements():
    found = {claim.id: claim.check(NUMBERS).verdict for claim in controllers.CLAIMS}
    assert set(found.values()) == {SUPPORTS}, found
    assert len(found) >= 10


def test_what_was_planned_stands_beside_a_measure_that_was_changed():
    (claim,) = [c for c in controllers.CLAIMS if c.id == "controllers-upright-near"]
    found = claim.check(NUMBERS)
    assert found.verdict == SUPPORTS
    assert "as planned: 0.20 (0.11 to 0.29) rad, alone undecided" in found.ours


def test_all_rows_are_sampled_and_judged_together():
    assert all(claim.check(NUMBERS).p is not None for claim in controllers.CLAIMS)


def test_without_recorded_runs_nothing_is_decided():
    found = {claim.check({key: [] for key in NUMBERS}).verdict for claim in controllers.CLAIMS}
    assert found == {UNDECIDED}


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("learns-partial", {"partial_return": [-900, -950, -920]}, CONTRADICTS),
        ("learns-partial", {"partial_return": [-200, -900, -300]}, UNDECIDED),
        ("sharpens", {"slope_rise": [-3.0, -3.1, -2.9]}, CONTRADICTS),
        ("full-sharper", {"full_slope": [5.0, 4.0, 6.0, 5.5, 5.2]}, UNDECIDED),
        ("full-near-zero", {"full_fast": [1.5, 1.6, 1.5, 1.6, 1.5]}, CONTRADICTS),
        ("full-precise", {"full_fast": [1.9, 1.9, 2.0, 1.9, 1.9]}, CONTRADICTS),
        ("ring", {"ring_fit_last": [0.5, 0.55, 0.52]}, CONTRADICTS),
        ("pruned", {"off_last": [0.6, 0.65, 0.62, 0.6, 0.6]}, CONTRADICTS),
        ("upright-near", {"upright_off": [0.1, 3.0, 0.1]}, UNDECIDED),
        ("physics-coupled", {"coupled_margin": [-0.01, -0.012, -0.011]}, CONTRADICTS),
        ("physics-held", {"hanging_radius": [0.7, 0.72, 0.71]}, CONTRADICTS),
        ("order", {"hanging_unstable": [None, 40, 30, None, 44]}, SUPPORTS),
        ("order", {"hanging_unstable": [None] * 5}, UNDECIDED),
        ("proximity", {"proximity": [-0.8, -0.7, -0.75]}, CONTRADICTS),
        ("proximity", {"proximity": [1.0, 1.0, 1.0]}, SUPPORTS),
        ("explore", {"tau_first": [20.0] * 5}, CONTRADICTS),
        ("compress", {"tau_last": [12.0, 13.0, 12.5, 12.8, 13.1]}, CONTRADICTS),
        ("oscillating-start", {"oscillating_course": [-380, -450, -350, -420, -430]}, UNDECIDED),
    ],
)
def test_verdicts_follow_the_numbers(name, change, found):
    assert verdict(name, NUMBERS | change) == found
