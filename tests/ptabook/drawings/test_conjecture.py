import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import conjecture

FAMILIES = ("tanh flow", "cubic flow", "tanh map", "rational map")
GROUPS = ("a", "b", "c", "d", "e", "f")
ANGLE = np.linspace(0, 40, 2001)


def torus():
    """Round the z-axis once, and meanwhile along a circle of radius 1 about r = 3 by an irrational angle."""
    small = ANGLE * np.sqrt(2)
    r = 3 + np.cos(small)
    return np.column_stack([r * np.cos(ANGLE), r * np.sin(ANGLE), np.sin(small)])


@pytest.fixture(scope="module")
def panels():
    share = dict(zip(conjecture.KINDS, np.outer([0.5, 0.2, 0.1, 0.15, 0.05], np.ones(5)), strict=True))
    ring = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])
    fig = conjecture.draw(
        dict.fromkeys(FAMILIES, share),
        {"flow": np.array([1e-12, 1e-3, 10.0]), "map": np.array([1e-4, 1e5])},
        {"flow": ([1, 1, 2], [1.0, 1.01, 1.99]), "map": ([1], [1.0])},
        {"planted, motion": ([1, 2, 3], [1.0, 2.0, 3.0]), "planted, continuum": ([1, 2], [0.0, 1.0])},
        {group: np.array([[20, 20], [20, 10], [20, i]]) for i, group in enumerate(GROUPS)},
        [1e-3, 1e-2, 1e-1],
        {"cycle": (ring, "cycle"), "circle": (2 * ring, "circle"), "torus": (torus(), "torus")},
        {name: (100, 0.01 * (i + 1), 0.02 * (i + 1)) for i, name in enumerate((*FAMILIES, "all"))},
    )
    yield fig, drawn(fig)
    plt.close(fig)


def test_bars_stand_on_each_other_and_fill_the_share_of_all_draws(panels):
    bars = panels[0].axes[0].patches
    assert len(bars) == 4 * 5 * 5
    for place in {bar.get_x() for bar in bars}:
        column = sorted((bar for bar in bars if bar.get_x() == place), key=lambda bar: bar.get_y())
        ends = [bar.get_y() + bar.get_height() for bar in column]
        assert [bar.get_y() for bar in column] == pytest.approx([0, *ends[:-1]])
        assert ends[-1] == pytest.approx(1)


def test_every_exponent_is_counted_also_beyond_the_ends_of_the_scale(panels):
    heights = [bar.get_height() for bar in panels[0].axes[1].patches]
    assert sum(heights) == 5
    assert heights[0] == 1


def test_zeros_are_drawn_beside_their_whole_numbers(panels):
    found = panels[1]["C"]["found, flows"]
    assert found["x"].round() == pytest.approx([1, 1, 2])
    assert found["y"] == pytest.approx([1.0, 1.01, 1.99])
    assert panels[1]["C"]["planted, continuum"]["x"] == pytest.approx([1, 2])


def test_shares_lie_within_exact_intervals(panels):
    for i, group in enumerate(GROUPS):
        series = panels[1]["D"][group]
        assert series["y"] == pytest.approx([1, 0.5, i / 20])
        assert series["y_low"][0] == pytest.approx(0.025 ** (1 / 20), rel=1e-4)  # all of 20: Clopper and Pearson's
        assert series["y_high"][0] == pytest.approx(1)
        assert np.sqrt(series["x"][1] * series["x"][0]) == pytest.approx(10 ** (-2.5 - 0.16 + 0.064 * i), rel=1e-4)


def test_the_section_of_a_torus_is_a_circle(panels):
    _, section = panels[0].axes[4].child_axes[2].lines
    x, z = section.get_data()
    assert len(x) == 6  # of 40 / 2 pi turns
    assert np.hypot(x - 3, z) == pytest.approx(1, abs=0.02)  # up to the length of a step


def test_bounds_without_the_undecided_are_the_smaller_ones(panels):
    points = [line for line in panels[0].axes[5].lines if line.get_marker() == "<"]
    for y, (one, two) in enumerate(zip(points[::2], points[1::2], strict=True)):
        assert (one.get_ydata()[0], two.get_ydata()[0]) == (y, y)
        assert two.get_xdata()[0] == pytest.approx(2 * one.get_xdata()[0])
