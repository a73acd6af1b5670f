import math

import numpy as np
import pytest
from drawn import drawn
from matplotlib.patches import Wedge

from ptabook.drawings import fig6
from ptacore.heading.delay_line import DelayLine


@pytest.fixture
def axes():
    return fig6.layout()[1]


def wedges(ax):
    """Segments by their middle in degrees, clockwise from the top, and how dark each is."""
    found = [patch for patch in ax.patches if isinstance(patch, Wedge)]
    middles = [(90 - (patch.theta1 + patch.theta2) / 2) % 360 for patch in found]
    return middles, [3 - sum(patch.get_facecolor()[:3]) for patch in found]


def test_the_circuit_has_four_neurons_two_told_of_turning_and_seven_longer_ways(axes):
    fig6.draw_circuit(axes["A"])
    said = [text.get_text() for text in axes["A"].texts]
    assert [text for text in said if text.startswith("$P")] == [f"$P_{s}^{{{p}}}$" for p in "+−" for s in "LR"]
    assert "CW\nvelocity" in said
    kinds = [type(patch).__name__ for patch in axes["A"].patches]
    assert (kinds.count("Circle"), kinds.count("FancyArrowPatch"), kinds.count("Arc")) == (4 + 8, 2 * 3, 7)


def test_six_rows_show_two_memories_each(axes):
    t, activity = np.linspace(0, 60, 7), np.random.default_rng(0).normal(size=(2, 6, 7))
    fig6.draw_memories(axes["B"], t, activity, np.radians([90, 210]))
    for row, ax in enumerate(axes["B"]):
        for memory, line in enumerate(ax.lines):
            assert np.array_equal(line.get_xydata(), np.stack([t, activity[memory, row]], 1))
        assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert [ax.get_ylabel() for ax in axes["B"]][-2:] == ["at 90°", "at 210°"]
    fig6.draw_ring(axes["C"], DelayLine().bump(0.0))
    plus, minus = (line.get_color() for line in axes["C"].lines)
    fig6.draw_tuning(axes["D"], t, activity[0, :1], activity[0, 0])
    colors = [plus, plus, minus, minus, *2 * [axes["D"].lines[-1].get_color()]]  # one for one thing, in all panels
    assert [ax.lines[0].get_color() for ax in axes["B"]] == colors
    assert axes["B"][-1].get_xticks() == pytest.approx([0, 20, 40, 60])


def test_the_ring_is_darkest_where_the_bump_is(axes):
    fig6.draw_ring(axes["C"], DelayLine().bump(math.radians(135)))
    middles, dark = wedges(axes["C"])
    assert middles == [0, 45, 90, 135, 180, 225, 270, 315]
    assert middles[int(np.argmax(dark))] == 135
    plus, minus = (np.unwrap(np.arctan2(*line.get_xydata().T)) for line in axes["C"].lines)  # clockwise from the top
    assert (np.diff(plus) > 0).all()
    assert (np.diff(minus) < 0).all()


def test_tuning_is_drawn_at_moments_and_on_average(axes):
    instant = np.arange(12.0).reshape(4, 3)
    fig6.draw_tuning(axes["D"], np.array([0, 180, 360]), instant, instant.mean(0))
    drawn_lines = [line.get_ydata() for line in axes["D"].lines]
    assert np.array_equal(drawn_lines, [*instant, instant.mean(0)])


def test_a_followed_heading_lies_on_the_darkest_row_and_is_cut_where_it_goes_round(axes):
    t = np.linspace(60, 180, 97)
    heading = np.linspace(0, 4 * np.pi, 97)
    fig6.draw_followed(axes["E"], t, DelayLine().bump(heading), heading, 0.1 * np.sin(heading))
    ring, below = axes["E"]
    path, image = ring.lines[0].get_ydata(), ring.images[0]
    assert np.isnan(path).sum() == 2  # once a turn
    assert np.nanmin(path) >= -202.5
    assert np.nanmax(path) <= 157.5
    row = np.floor((path + 202.5) / 45)
    inside = ~np.isnan(path) & (np.abs((path + 202.5) % 45 - 22.5) < 20)  # not where two segments are alike
    assert np.array_equal(image.get_array().argmax(0)[inside], row[inside])
    assert below.lines[0].get_ydata() == pytest.approx(np.degrees(0.1 * np.sin(heading)))


def test_errors_of_time_steps_are_drawn_without_their_sign():
    parts = np.array([10.0, 5.0])
    errors = {"kept": [0.1, -0.05], "discarded": [-1.0, 0.5], "drift": [0.2, 0.0]}
    shown = drawn(fig6.time_steps(parts, errors, np.array([0.06, 0.03]), 1.0))
    (panel,) = shown.values()
    assert {name: series["y"].tolist() for name, series in panel.items()} == {
        "kept": [0.1, 0.05],
        "discarded": [1.0, 0.5],
        "drift": [0.2, 1e-6],
        "one step": [0.06, 0.03],
    }
    assert panel["kept"]["x"].tolist() == [10, 5]


def test_in_a_still_the_arrow_points_to_the_heading_and_the_dot_to_what_is_decoded():
    bump = DelayLine().bump([0.0, np.pi / 2])
    fig = fig6.stills((62, 95), bump / bump.max(), [0.0, np.pi / 2], [np.pi / 2, 0.0], [False, True])
    first, second = fig.axes
    assert second.get_title() == "95 s, dark"
    assert first.get_title() == "62 s"
    assert second.texts[0].xy == pytest.approx((0.5, 0), abs=1e-12)
    assert np.ravel(first.lines[0].get_xydata()) == pytest.approx([1.12, 0], abs=1e-12)
    assert [int(np.argmax(wedges(ax)[1])) for ax in fig.axes] == [0, 2]
