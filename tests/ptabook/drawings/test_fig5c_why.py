"""What is drawn is what was given."""

import numpy as np
import pytest

from ptabook.benchmark import COLOR, TITLE
from ptabook.drawings import fig5c_why as draw

NAMES = ["tanh", "gru"]


def curves(ax):
    return [np.asarray(line.get_ydata()).tolist() for line in ax.lines]


def test_adjoints_and_counts_before_and_after_training():
    end = dict(adjoint=[np.array([1.0, 0.0])], counts=[dict(zero=3, slow=5)])
    one = dict(start=dict(adjoint=[np.array([1.0, 0.5])], counts=[dict(zero=0, slow=1), dict(zero=2, slow=4)]), end=end)
    fig = draw.dynamics(NAMES, [dict(units=8, lag=1, networks={"gru": one}), dict(units=9, lag=1, networks={})])
    before, after, zero, slow, *below = fig.axes
    assert curves(before)[0] == [1.0, 0.5]
    assert curves(after)[0] == [1.0, draw.FAINT]
    assert [line.get_xdata()[0] for line in zero.lines] == [0, 2, 3]
    assert [line.get_xdata()[0] for line in slow.lines] == [1, 4, 5]
    assert [line.get_markerfacecolor() for line in zero.lines] == ["white", "white", COLOR["gru"]]
    assert all(abs(line.get_ydata()[0] - NAMES.index("gru")) < 0.5 for line in zero.lines)
    assert [text.get_text() for text in zero.get_yticklabels()] == [TITLE[name] for name in NAMES]
    assert below[0].texts[0].get_text() == "no probes\nrecorded"
    names = [text.get_text() for text in fig.legends[0].texts]
    assert names == ["tanh", "GRU", "before training", "after training"]


def test_the_way_of_each_run_is_a_line_in_each_panel():
    ways = {"gru": [dict(epoch=[0, 4], zero=[3, 1], positive=[0, 2], adjoint=[1.0, 1e-40])]}
    fig = draw.on_the_way(NAMES, ways)
    assert [curves(ax) for ax in fig.axes] == [[[3, 1]], [[0, 2]], [[1.0, draw.FAINT]]]
    assert all(ax.lines[0].get_xdata().tolist() == [0, 4] for ax in fig.axes)
    assert all(ax.texts[0].get_text() == "no probes recorded" for ax in draw.on_the_way(NAMES, {}).axes)


def test_reach_has_a_line_for_each_seed():
    norms, losses = {"tanh": [[1.0, 1e-20]], "gru": [[2.0, 1.0], [3.0, 2.0]]}, {"gru": [[0.1, 0.2], [0.3, 0.4]]}
    left, right = draw.reach([20, 200], norms, [40, 400], losses).axes
    assert curves(left)[:3] == [[1.0, draw.FLOOR], [2.0, 1.0], [3.0, 2.0]]
    guide = left.lines[3]
    slope = np.diff(np.log(guide.get_ydata())) / np.diff(np.log(guide.get_xdata()))
    assert slope == pytest.approx(-0.5)
    assert curves(right)[:2] == losses["gru"]
    assert right.lines[0].get_xdata().tolist() == [40, 400]


def test_the_name_of_the_guide_lies_on_no_curve():
    """Curves as the page has them: level, fading as a power of the lag, falling to the floor sooner or later."""
    lags = np.array([15.0, 35, 105, 305, 1005, 3005])
    falling = [[lags**0 * 5, 0.8 / (1 + lags / 30) ** 0.7, np.exp(-lags / scale)] for scale in (1.5, 30, 40)]
    fig = draw.reach(lags, dict(zip(("gru", "tanh", "gru-pta"), falling, strict=True)), [40, 400], {})
    fig.draw_without_rendering()
    left = fig.axes[0]
    box = left.texts[0].get_window_extent()
    for line in left.lines:
        x, y = line.get_transform().transform(line.get_xydata()).T
        fine = np.linspace(x[0], x[-1], 2000)
        height = np.interp(fine, x, y)
        assert not ((box.x0 < fine) & (fine < box.x1) & (box.y0 < height) & (height < box.y1)).any()


def test_the_best_rate_of_a_line_is_filled():
    row = dict(validation={"0.001": [0.3, 0.4], "0.0003": [0.6], "0.003": [0.9]}, lr=0.001)
    (ax,) = draw.recipe({"default": row, "GRU, default": None}, chance=2.0).axes
    marks = {line.get_marker(): line for line in ax.lines[:3]}
    assert [line.get_xdata().tolist() for line in ax.lines[:3]] == [[0.6], [0.3, 0.4], [0.9]]
    filled = [rate for rate, line in zip(draw.RATES, marks.values(), strict=False) if line.get_mfc() != "white"]
    assert filled == ["o"]
    assert [text.get_text() for text in ax.texts] == ["not recorded yet"]
    assert [text.get_text() for text in ax.figure.legends[0].texts] == ["rate 0.0003", "rate 0.001", "rate 0.003"]
