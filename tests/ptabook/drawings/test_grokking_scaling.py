"""What is drawn is what was given."""

import math

import numpy as np
import pytest

from ptabook.drawings import grokking_scaling as draw
from ptacore.plotting import figure

INF = math.inf


@pytest.fixture
def ax():
    return figure(1, 1)[1][0, 0]


def law(M):
    return 5 / M


def test_panels_have_the_letters_of_the_caption():
    assert [ax.get_title("left")[0] for ax in draw.panels()[1]] == list("abcdefghi")


def test_dots_are_full_where_all_generalize_and_empty_where_none_does(ax):
    draw.phase(ax, {10: {0.2: [INF], 0.6: [100.0, 200.0], 0.4: [INF, 100.0]}}, law, {"D5": {0.2: INF, 0.6: 100.0}})
    faces = [line.get_markerfacecolor() for line in ax.lines[:3]]
    assert faces[0] == "none"
    assert faces[1] == draw.BLUE
    assert faces[2] not in faces[:2]
    assert [line.get_markerfacecolor() for line in ax.lines[3:5]] == ["none", draw.RED]


def test_times_over_the_boundary(ax):
    draw.times(ax, {10: {0.5: [100.0, 200.0, 300.0], 0.25: [INF]}}, law)
    assert [list(a) for a in ax.lines[0].get_data()] == [[1.0], [200.0]]


def test_thresholds_lie_between_their_ends(ax):
    draw.thresholds(ax, [(25, 0.1, 0.4), (36, 0.1, 0.4)], [(25, 0.4, 0.9)], law)
    np.testing.assert_allclose(ax.containers[0].lines[0].get_ydata(), 0.2)
    np.testing.assert_allclose(ax.containers[1].lines[0].get_ydata(), 0.6)


def test_the_line_of_the_landscape_goes_through_means(ax):
    draw.landscape(ax, {23: {0.4: [0.0, 0.5], 0.6: [1.0, 1.0]}})
    assert list(ax.lines[0].get_ydata()) == [0.25, 1.0]
    assert list(ax.lines[1].get_ydata()) == [0.0, 0.5]


def test_runs_that_never_generalize_have_an_arrival_only(ax):
    rows = [dict(group="Z41", decay=d, half=h, arrival=20) for d, h in ((1e-5, INF), (1e-4, 500.0))]
    draw.decay(ax, rows)
    assert list(ax.lines[0].get_ydata()) == [500.0]
    assert list(ax.lines[1].get_ydata()) == [20, 20]


def test_a_dot_where_the_dose_was_enough(ax):
    draw.doses(ax, [(1e-4, np.array([0.0, 100, 200]), np.array([-5.0, 10, 30]), 150.0)])
    assert list(ax.lines[0].get_ydata()) == [10, 30]
    assert ax.lines[1].get_data()[1] == pytest.approx(20)


def test_both_starts_and_both_optimizers():
    axes = figure(1, 2)[1][0]
    draw.top(axes[0], {"few": {False: {0: 300, 1: 400}, True: {0: 290, 1: 380}}, "all": {False: {5: 3}, True: {5: 2}}})
    assert [list(line.get_ydata()) for line in axes[0].lines] == [[300, 290], [400, 380], [3, 2]]
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["few", "all"]
    best = {(K, m): [(0.1 * K, K), (0.2 * K, K)] for K in (32, 64) for m in (False, True)}
    draw.optimizers(axes[1], best, 0)
    assert list(axes[1].lines[0].get_ydata()) == pytest.approx([3.2, 6.4])
