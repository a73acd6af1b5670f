import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import closed_loop_tracking as draw


def test_every_frequency_has_its_losses_and_what_arrived_with_it():
    live = [np.array([[0.2, 0.1], [0.25, 0.2]])]
    arrivals = [[np.array([-0.2 + 0.6j, -0.9])], []]
    fig = draw.acquired(live, [2 * live[0]], [0.1, 0.2], [0.1, 0.2], arrivals, np.array([0.63, 1.26]))
    a, b, c = drawn(fig).values()
    plt.close(fig)
    assert a["0.2 Hz"]["y"] == pytest.approx([0.25, 0.2])
    assert b["0.1 Hz"]["y"] == pytest.approx([0.4, 0.2])
    points = [(column["x"], column["y"]) for column in c.values() if len(column["x"]) == 2]
    assert any(np.allclose(x, [-0.2, -0.9]) and np.allclose(y, [0.6, 0]) for x, y in points)
    assert any(np.allclose(x, 0) and np.allclose(sorted(y), [-1.26, 1.26]) for x, y in points)


def test_both_loops_and_every_change_are_drawn_and_missing_runs_are_said():
    fig = draw.loops([np.array([1.0, 0.5])], [np.array([1.0, 2.0])], [0.1, -0.2])
    a, b = drawn(fig).values()
    plt.close(fig)
    assert a["closed loop"]["y"] == pytest.approx([1, 0.5])
    assert a["open loop"]["y"] == pytest.approx([1, 2])
    assert any(np.allclose(column["y"], [-20, 10]) for column in b.values() if len(column["y"]) == 2)
    fig = draw.loops([], [], [])
    assert fig.axes[0].texts[0].get_text() == "no recorded runs"
    plt.close(fig)
