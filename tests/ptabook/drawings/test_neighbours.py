"""What is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ptabook.drawings import neighbours as draw


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def panels(fig):
    return fig.axes


def test_the_summary_has_a_row_for_each_work_and_a_mark_for_each_stage():
    rows = {"one": {"before": [-3.0, -2.0], "after": [-0.1]}, "two": {"transition": [0.0]}}
    (ax,) = panels(draw.summary(rows))
    drawn = [line for line in ax.lines if len(line.get_xdata()) and line.get_linestyle() == "None"]
    assert [list(line.get_xdata()) for line in drawn] == [[-3.0, -2.0], [-0.1], [0.0]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    assert drawn[0].get_ydata()[0] > drawn[1].get_ydata()[0] > drawn[2].get_ydata()[0]


def test_the_outlier_and_its_pair():
    steps = np.arange(4)
    pair = np.array([0.1, 0.5, 0.6 + 0.2j])
    ringing = {gain: (steps, steps / 10, steps, steps / 10, pair) for gain in (0.01, 0.001)}
    singular = {0.01: [[0.9, 0.0, 0.0]], 0.7: [[0.9, 0.2, 0.1]]}
    fig = draw.integrate([(steps, steps / 4)], (steps, steps / 4), singular, ringing, (0.9, 0.3, 0.65))
    assert [ax.get_title("left")[0] for ax in panels(fig)] == list("abcd")
    assert list(panels(fig)[1].lines[1].get_ydata()) == [0.9, 0.2, 0.1]
    above, below = panels(fig)[3].lines[:2]
    np.testing.assert_allclose(above.get_ydata(), -below.get_ydata())
    np.testing.assert_allclose(panels(fig)[3].lines[2].get_xdata(), 0.9 * np.cos(0.3))


def test_networks_stand_over_their_data():
    groups = {"L5": ((0.9, 2.06), [(0.45, 0.09, 2.0), (0.9, 0.01, 2.1)]), "R1": ((0.07, 2.01), [(0.14, 0.0, 2.02)])}
    norms = {name: [0.0, 1.0] for name in "abcd"}
    fig = draw.reconstruct(groups, norms, [("P = 5", 0, [0, 1], [-1.0, 0.5])])
    first, second, third, fourth = panels(fig)
    dots = [container.lines[0].get_ydata()[0] for container in first.containers]
    np.testing.assert_allclose(dots, [0.5, 1.0, 2.0])
    assert [line.get_ydata()[0] for line in second.lines] == [2.06, 2.0, 2.1, 2.01, 2.02]
    assert len(third.lines) == 4
    assert list(fourth.lines[0].get_ydata()) == [-1.0, 0.5]


def test_a_column_for_each_parity_run():
    run = dict(epoch=[0, 10], exponent=[-2.0, -1.0], error=[0.1, 0.1], reach=[-10, -5], states=[14, 100])
    run |= dict(seen=[10, 20], train=[0.1, 1e-3], validation=[0.2, 1e-2])
    fig = draw.parity({"one": run, "two": run | {"states": [3, 4]}})
    assert [ax.get_title("left") for ax in panels(fig)[:2]] == ["a  one", "b  two"]
    assert list(panels(fig)[7].lines[0].get_ydata()) == [3, 4]
    band = panels(fig)[2].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (-2.2, -0.8)


def test_rates_horizons_errors_and_exponents():
    paths = {name: ([0, 1], [[0.2, 0.3], [0.1, 0.1]]) for name in ("exponential", "power")}
    edges = [("exponential", 100, 0.1), ("power", 1000, 0.002)]
    tanh = {name: ([0, 1], [[-0.9, -0.2]]) for name in ("exponential", "power")}
    fig = draw.curse(paths, edges, {"direct": [20.0], "exp": [0.6]}, tanh)
    first, second, third, fourth = panels(fig)
    assert [list(line.get_ydata()) for line in first.lines[:2]] == [[0.2, 0.1], [0.3, 0.1]]
    assert [line.get_color() for line in second.lines[:2]] == [draw.BLUE, draw.RED]
    horizon = second.lines[2].get_xdata()
    np.testing.assert_allclose(second.lines[2].get_ydata() * horizon, 1)
    assert [line.get_ydata()[0] for line in third.lines] == [20.0, 0.6]
    assert list(fourth.lines[0].get_ydata()) == [-0.9, -0.2]


def test_bands_of_time_constants_and_arrows_of_learning():
    random = [("1, 1, 1", [[-1.3, -1.3, -1.4]], 2.0)]
    learned = {"short": [(-1.1, -0.5, "two"), (-1.0, 0.0, "cycle")]}
    fig = draw.liquid(random, learned, {"short": [([0, 50], [-1.0, -0.5])]})
    first, second, third = panels(fig)
    band = first.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (-2.0, -1.0)
    assert [list(line.get_ydata()) for line in second.lines[:4:2]] == [[-1.1, -0.5], [-1.0, 0.0]]
    assert [text.get_text() for text in second.get_legend().get_texts()] == ["two stable", "a cycle"]
    assert list(third.lines[0].get_ydata()) == [-1.0, -0.5]
