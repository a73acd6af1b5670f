"""Verdicts on how features emerge follow the numbers."""

import pytest

from ptabook.claims import grokking, grokking_scaling
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Found

CHECKS = {claim.id: claim.check for page in (grokking, grokking_scaling) for claim in page.CLAIMS}


def verdict(name, numbers):
    return CHECKS[name](numbers).verdict


@pytest.mark.parametrize(("of_all", "counterexample"), [(False, "undecided"), (True, "contradicts")])
def test_one_start_decides_by_counterexamples_alone(of_all, counterexample):
    for before, after in ((SUPPORTS, UNDECIDED), (CONTRADICTS, counterexample), (UNDECIDED, UNDECIDED)):
        found = grokking.one_start(lambda _, verdict=before: Found("1", verdict), of_all)({})
        assert (found.verdict, found.reason) == (after, "seeds: 1 of 3" * (after == UNDECIDED))


def test_statements_about_training_are_not_supported_by_one_start():
    runs = dict(decay_fitted=20, decay_half=100, decay_done=140, none_test_last=0.02, repelled_least=1.0)
    runs |= dict(burst_V=80, burst_W=90, burst_V_range=[80, 81], burst_W_range=[89, 91], decay_samples_most=0.05)
    for run, last, aligned in (("decay", 15.0, 0.6), ("none", 3.0, 0.02)):
        runs |= {f"{run}_signal_first": 25.0, f"{run}_signal_peak": 70.0, f"{run}_signal_last": last}
        runs |= {f"{run}_aligned_last": aligned, f"{run}_aligned_most": 0.4, f"{run}_units_most": 0.03}
    of_training = (
        "decay-generalizes",
        "signal-rises-and-falls",
        "signal-of-targets-needs-decay",
        "signal-lasts-with-decay",
    )
    for name in (*of_training, "upper-layer-first", "units-orthogonal", "samples-ideal", "alike-repel"):
        assert verdict(f"li2-{name}", runs) == UNDECIDED


@pytest.mark.parametrize(
    ("last", "expected"), [((20.0, 3.0), "supports"), ((20.0, 60.0), "undecided"), ((69.0, 60.0), "undecided")]
)
def test_a_signal_that_does_not_fall_in_one_run_is_not_supported(last, expected):
    numbers = dict(decay_signal_peak=70.0, decay_signal_first=25.0, none_signal_peak=63.0, none_signal_first=25.0)
    numbers |= dict(zip(("decay_signal_last", "none_signal_last"), last, strict=True))
    assert grokking._signal_rises_and_falls(numbers).verdict == expected


@pytest.mark.parametrize(
    ("v", "w", "expected"),
    [([80, 85], [90, 95], "supports"), ([86, 89], [86, 87], "undecided"), ([90, 95], [80, 85], "contradicts")],
)
def test_bursts_have_to_be_apart(v, w, expected):
    numbers = dict(burst_V=v[0], burst_W=w[0], burst_V_range=v, burst_W_range=w)
    assert grokking._upper_layer_first(numbers).verdict == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, "supports"), (4.0, "contradicts")])
def test_the_stated_energies(ratio, expected):
    assert verdict("li2-maxima-values", dict(value_over_paper=ratio)) == expected


def test_one_maximum_without_a_flat_direction_is_enough():
    flat = dict(flat_sign=1, flat_pair=2, flat_plane=3)
    assert verdict("li2-maxima-flat", flat) == "supports"
    assert verdict("li2-maxima-flat", flat | dict(flat_sign=0)) == "contradicts"


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(-0.75, -0.7, "supports"), (-0.9, -0.5, "undecided"), (-0.5, -0.3, "contradicts")]
)
def test_the_exponent_of_the_boundary(low, high, expected):
    numbers = dict(slope=(low + high) / 2, slope_low=low, slope_high=high, slope_expected=-0.72)
    assert verdict("li2-boundary-exponent", numbers) == expected


def test_thresholds_that_differ_are_not_one():
    numbers = {f"landscape_ratio_{M}": 1.0 for M in (23, 41, 71)}
    assert verdict("li2-landscape-boundary", numbers) == "supports"
    assert verdict("li2-landscape-boundary", dict.fromkeys(numbers, 1.8)) == "contradicts"


def test_muon_has_to_win_at_both_sizes():
    def ratio(K, low, high):
        return {f"muon_ratio_{K}": (low + high) / 2, f"muon_ratio_{K}_low": low, f"muon_ratio_{K}_high": high}

    assert verdict("li2-muon-loss", ratio(32, 0.5, 0.8) | ratio(64, 0.6, 0.9)) == "supports"
    assert verdict("li2-muon-loss", ratio(32, 0.5, 0.8) | ratio(64, 0.9, 1.2)) == "undecided"
    assert verdict("li2-muon-loss", ratio(32, 1.1, 1.3) | ratio(64, 1.2, 1.4)) == "contradicts"


def test_a_boundary_without_runs_is_undecided():
    assert verdict("li2-boundary-41", {}) == "undecided"
    assert verdict("li2-boundary-41", dict(fails_41=0.224, works_41=0.249)) == "supports"
