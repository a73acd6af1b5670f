"""What is drawn is what was given."""

import numpy as np
import pytest

from ptabook.drawings import learning as draw
from ptacore.plotting import figure


@pytest.fixture
def ax():
    return figure(1, 1)[1][0, 0]


def test_an_amplitude_that_decays_as_derived_lies_on_the_dashes(ax):
    periods, rate = np.linspace(0, 40, 401), -0.3
    ratio = 1 + np.outer(np.exp(rate * periods), [0.4, -0.4])
    draw.kicks(ax, periods, ratio, rate, np.full(600, 1.4))
    up, dashes = ax.lines[0], ax.lines[1]
    assert up.get_ydata().tolist() == ratio[:, 0].tolist()
    np.testing.assert_allclose(dashes.get_ydata(), ratio[periods > 1, 0], rtol=1e-12)
    assert set(ax.lines[-1].get_ydata()) == {1.4}


def test_a_trace_between_the_derived_lines(ax):
    draw.inside(ax, np.array([0.0, 1, 2]), [0.0, 0.5, -1], [1.0, 1, 1], growth=0.5)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0, 0.5, -1], [1, 1, 1], [0, 0.5, 1], [0, -0.5, -1]]


def test_each_network_has_a_dot_and_medians_a_line():
    row = dict(field=0.5, zeros=3, loss=[1.0, 2.0, 4.0])
    settings = {
        (1.2, 2): row | dict(zeros=1),
        (1.2, 0): row,
        (0.7, 0): row | dict(loss=[0.5, 0.6, 0.7]),
        "control": row,
    }
    axes = figure(1, 4)[1][0]
    draw.losses(axes, settings, gain=1.2, chance=2.0)
    by_coupling, by_gain, by_field, by_zeros = axes
    assert [line.get_xdata()[0] for line in by_coupling.lines[:2]] == [0, 2]
    assert by_coupling.lines[2].get_ydata().tolist() == [2.0, 2.0]
    assert by_gain.lines[2].get_xdata().tolist() == [0.7, 1.2]
    assert by_gain.lines[2].get_ydata().tolist() == [0.6, 2.0]
    assert [line.get_xdata()[0] for line in by_zeros.lines[:-1]] == [3, 3, 3, 1, 3]  # alone, coupled, control
    assert {line.get_xdata()[0] for line in by_field.lines[:-1]} == {0.5}
    assert by_coupling.get_ylim() == (0, 2.2)


def test_panels_have_the_letters_of_the_caption():
    _, axes = draw.panels()
    assert [ax.get_title("left")[0] for ax in axes] == list("abcdefghi")
    draw.exponents(axes[4], [0, 1], [32, 1], [0.1, 0.9])
    draw.between(axes[3], [0, 1], [2, 3])
    draw.spectrum(axes[1], [0.1, 0.2], [1, 2], [3, 4], [5, 6])
    assert [line.get_ydata().tolist() for line in axes[1].lines] == [[1, 2], [3, 4], [5, 6]]
    assert axes[4].lines[0].get_ydata().tolist() == [32, 1]
