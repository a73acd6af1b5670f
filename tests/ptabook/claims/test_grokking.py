"""Verdicts on how features emerge follow the numbers."""

import pytest

from ptabook.claims import grokking, grokking_scaling

CHECKS = {claim.id: claim.check for page in (grokking, grokking_scaling) for claim in page.CLAIMS}


def verdict(name, numbers):
    return CHECKS[name](numbers).verdict


@pytest.mark.parametrize(
    ("last", "expected"), [((20.0, 3.0), "supports"), ((20.0, 60.0), "undecided"), ((69.0, 60.0), "undecided")]
)
def test_a_signal_that_does_not_fall_in_one_run_is_not_supported(last, expected):
    numbers = dict(decay_signal_peak=70.0, decay_signal_first=25.0, none_signal_peak=63.0, none_signal_first=25.0)
    numbers |= dict(zip(("decay_signal_last", "none_signal_last"), last, strict=True))
    assert verdict("li2-signal-rises-and-falls", numbers) == expected


@pytest.mark.parametrize(
    ("v", "w", "expected"),
    [([80, 85], [90, 95], "supports"), ([86, 89], [86, 87], "undecided"), ([90, 95], [80, 85], "contradicts")],
)
def test_bursts_have_to_be_apart(v, w, expected):
    numbers = dict(burst_V=v[0], burst_W=w[0], burst_V_range=v, burst_W_range=w)
    assert verdict("li2-upper-layer-first", numbers) == expected


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
