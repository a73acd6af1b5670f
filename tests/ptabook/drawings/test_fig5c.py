"""What is drawn is what was given."""

import csv
import io

import numpy as np
import pytest

from ptabook.benchmark import COLOR, TITLE
from ptabook.drawings import fig5c
from ptabook.page.points import table


def drawn(fig):
    """Rows of the figure's table, without the lines that say what the axes show."""
    lines = [line for line in table(fig).splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def test_each_symbol_of_a_sequence_is_drawn_and_comes_back_after_the_lag():
    shown, asked = np.array([3, 5, 8, 8, 9, 8]), np.array([8, 8, 8, 8, 3, 5])
    fig = fig5c.one_sequence(shown, asked, np.arange(6) >= 4, lag=4)
    for ax, codes in zip(fig.axes, (shown, asked), strict=True):
        points = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
        assert sorted(map(tuple, points)) == sorted(enumerate(codes))
    arrow = next(text for text in fig.axes[1].texts if text.get_text() == "")
    assert (arrow.xyann, arrow.xy) == ((0, 3), (4, 3))


def column(**given):
    runs = [np.array([1.0, 0.5, 0.4]), np.array([1.0, 0.7]), np.array([0.9, 0.6])]
    return dict(title="a task", recorded={"gru": runs}, paper={}, live={"tanh": runs[:1]}) | given


def test_median_and_range_last_as_long_as_all_runs_do():
    fig = fig5c.learning_curves([column()], (250, 32))
    rows = [row for row in drawn(fig) if row["colour"] == "red"]
    line = [float(row["y"]) for row in rows if row["kind"] == "line"]
    assert line == [1.0, 0.6]
    (band,) = fig.axes[0].collections
    assert band.get_datalim(fig.axes[0].transData).bounds == pytest.approx((1, 0.5, 1, 0.5))
    assert not fig.axes[1].collections  # one run has no range
    assert fig.axes[1].lines[0].get_ydata().tolist() == [1.0, 0.5, 0.4]
    (column_of_others,) = [column(recorded={"lem": column()["recorded"]["gru"]})]
    assert not fig5c.learning_curves([column_of_others], (250, 32)).axes[0].collections


def test_the_papers_values_stand_at_the_edge_and_those_below_the_axis_get_an_arrowhead():
    fig = fig5c.learning_curves([column(recorded={}, paper={"gru": 0.2, "lstm": 1e-7})], (250, 32))
    above = fig.axes[0]
    assert above.texts[0].get_text() == "no run recorded yet"
    marks = {line.get_color(): line for line in above.lines}
    assert marks[COLOR["gru"]].get_ydata().tolist() == [0.2, 0.2]
    assert marks[COLOR["gru"]].get_marker() == "None"
    assert marks[COLOR["lstm"]].get_ydata().tolist() == [fig5c.LOWEST]
    assert marks[COLOR["lstm"]].get_marker() == "v"


def test_the_prediction_has_a_marker_for_each_network_and_says_the_correlation():
    networks = {"tanh": ([1e-20, 1e-3], [1.0, 0.9]), "gru-pta": ([0.5, 2.0], [0.1, 0.2])}
    fig = fig5c.prediction([dict(title="a task", networks=networks, rho=-0.5, low=-0.9, high=0.1)])
    (ax,) = fig.axes
    assert ax.get_title() == "a task\nρ = −0.50 (−0.90 to 0.10)"
    tanh, pta = ax.lines[:2]
    assert tanh.get_xdata().tolist() == [fig5c.FLOOR, 1e-3]
    assert (pta.get_xdata().tolist(), pta.get_ydata().tolist()) == ([0.5, 2.0], [0.1, 0.2])
    assert (pta.get_marker(), pta.get_markeredgecolor()) == ("s", "black")
    assert [text.get_text() for text in fig.legends[0].texts] == list(TITLE.values())
