import json

import numpy as np
import pytest

from ptacore.experiments.recipes import CHAOTIC, KINDS, Survey, follow, kind, lifetime, plan, read, survival
from ptacore.models import random_weights
from ptacore.provenance import ROOT


def test_what_decays_has_the_eigenvalues_of_its_matrix():
    """Below a gain that any state needs, tanh is its slope at the origin."""
    (draw,) = follow(Survey(recipe="sparse", n=6, g=0.3, draws=1, least=1, dt=2e-3))
    expected = np.sort(100 * (np.linalg.eigvals(random_weights(6, g=0.3, recipe="sparse", seed=0)).real - 1))[::-1]
    assert np.allclose(draw["exponents"], expected, atol=0.2)
    assert (len(draw["growth"]), kind(draw), lifetime(draw["growth"])) == (6, "rests", (0.0, True))


def test_a_draw_is_followed_until_a_whole_stretch_is_quiet(monkeypatch):
    from ptacore.experiments import recipes

    monkeypatch.setattr(recipes, "STRETCH", 6.0)
    monkeypatch.setattr(recipes, "WINDOW", 1.0)
    survey = Survey(recipe="product", n=100, g=1.8, draws=0, least=1, most=3)
    chaotic, quiet = follow(survey, [33]), follow(Survey(recipe="sparse", n=6, g=0.3, draws=0, least=2), [0])
    assert len(chaotic[0]["growth"]) == 3 * 6
    assert min(chaotic[0]["growth"]) > CHAOTIC
    assert len(quiet[0]["growth"]) == 2 * 6


@pytest.mark.parametrize(
    ("growth", "expected"),
    [([9, 9, 9], (30.0, False)), ([0, 9, 0, 0], (20.0, True)), ([9, 0, 9, 0], (30.0, False)), ([0, 0], (0.0, True))],
)
def test_the_end_of_chaos_is_seen_only_with_two_quiet_windows_after_it(growth, expected):
    assert lifetime(growth) == expected


def test_kinds_count_by_intervals():
    def of(exponents, tolerance):
        return kind(dict(growth=[0.0] * 6, exponents=exponents, tolerance=tolerance))

    assert of([-0.5, -1.0], [0.1, 0.1]) == "rests"
    assert of([0.05, -1.0], [0.1, 0.1]) == "0"
    assert of([9.0, 2.0, 1.0, 0.9, 0.3, -5.0], [0.5] * 6) == "4+"
    assert of([9.0, 2.0, 0.1, -5.0], [3.0, 0.5, 0.5, 0.5]) == "2"


def test_survival_is_the_share_where_nothing_is_censored_and_covers_it_where_something_is():
    """Exponential lifetimes, and observation that stops at random."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(100):
        lives, stop = rng.exponential(60.0, 40), rng.uniform(20, 240, 40)
        draws = [
            dict(growth=[9.0] * int(min(life, end) // 10 + (life < end)) + [0.0] * (2 * (life < end)))
            for life, end in zip(lives, stop, strict=True)
        ]
        times, share, interval = survival(draws)
        i = np.searchsorted(times, 60.0, side="right") - 1
        inside += interval[i, 0] <= np.exp(-60.0 / 60.0) <= interval[i, 1]
        assert (np.diff(share) <= 0).all()
    assert inside > 85
    none = survival([dict(growth=[9.0] * 6)] * 3)
    assert [part.tolist() for part in none] == [[0.0], [1.0], [[1.0, 1.0]]]
    with pytest.raises(ValueError, match="^draws: expected one at least that is chaotic"):
        survival([dict(growth=[0.0] * 6)])


def test_the_records_are_those_of_the_plan_and_hold_all_draws():
    found = read(ROOT / "results" / "recipes")
    planned = {survey.name: survey for survey in plan()}
    assert found.keys() <= planned.keys()
    assert planned.keys() - found.keys() <= {"product-n100-g5.692"}  # the costliest, and no claim needs it
    for name, (survey, draws) in found.items():
        assert survey == planned[name]
        assert [draw["seed"] for draw in draws] == list(range(survey.draws))
        assert all(kind(draw) in (*KINDS, "ending") for draw in draws)
        assert all(survey.least * 6 <= len(draw["growth"]) <= survey.most * 6 for draw in draws)


def test_what_is_no_record_is_named(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"draws": []}))
    with pytest.raises(ValueError, match=r"^root: .*a\.json is not a record of a survey"):
        read(tmp_path)
