import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import identities

SYSTEMS = ("one fixed point", "two fixed points", "line attractor", "chaos", "limit cycle")
T = np.array([1.0, 10.0, 100.0])


@pytest.fixture(scope="module")
def panels():
    steps = np.array([0.02, 0.1, 0.5])
    difference = {"trapezoid": steps**2, "simpson": steps**4}
    fig = identities.draw(
        (steps, difference, {"trapezoid": [2.0], "simpson": [4.0]}),
        {name: (T, i / T, -i / T) for i, name in enumerate(SYSTEMS)},
        {name: 0.1 * i for i, name in enumerate(SYSTEMS)},
        (T, np.exp(np.outer(T, [0.01, 0.0, -0.02, -0.03])), T, T),
        {name: (T, np.full(3, 10.0**-i)) for i, name in enumerate(identities.KICKS)},
        (steps, {name: {"low": steps, "median": 2 * steps, "high": 3 * steps} for name in identities.CHANGES}),
        {(kind, m): -np.arange(2.0 * m) / 10 for kind in ("different", "equal") for m in range(1, 6)},
    )
    yield fig, drawn(fig)
    plt.close(fig)


def test_every_panel_has_its_letter(panels):
    assert [name[0] for name in panels[1]] == list("abcdef")


def test_slopes_that_are_told_are_those_that_are_drawn(panels):
    ax = panels[0].axes[0]
    for line, text in zip(ax.lines, ax.texts, strict=True):
        slope = np.polyfit(*np.log(line.get_data()), 1)[0]
        assert f"slope {slope:.2f}" in text.get_text()
        assert line.get_color() == text.get_color()


def test_ticks_on_the_right_are_the_leading_exponents(panels):
    lines = panels[0].axes[1].lines
    for i, (forward, backward, tick) in enumerate(zip(lines[::3], lines[1::3], lines[2::3], strict=True)):
        assert forward.get_ydata() == pytest.approx(i / T)
        assert backward.get_ydata() == pytest.approx(-i / T)
        assert tick.get_ydata() == pytest.approx([0.1 * i] * 2)
        assert min(tick.get_xdata()) > T[-1]


def test_kicks_have_their_own_names(panels):
    ax = panels[0].axes[3]
    for i, (line, text) in enumerate(zip(ax.lines, ax.texts, strict=True)):
        assert line.get_ydata()[0] == 10.0**-i
        assert text.get_text() == list(identities.KICKS)[i]


def test_bands_go_from_low_to_high_around_the_median(panels):
    changes = next(panel for name, panel in panels[1].items() if name.startswith("e"))
    bands = [series for series in changes.values() if "y_low" in series]
    assert len(bands) == 4
    for band in bands:
        assert band["y_low"] == pytest.approx(band["x"])
        assert band["y_high"] == pytest.approx(3 * band["x"])
    assert all(line.get_ydata() == pytest.approx(2 * line.get_xdata()) for line in panels[0].axes[4].lines)


def test_m_oscillators_have_2m_exponents(panels):
    lines = panels[0].axes[5].lines
    counts = [len(line.get_xdata()) for line in lines if line.get_linestyle() == "None"]
    assert counts == 2 * [2, 4, 6, 8, 10]
    legend = panels[0].axes[5].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["different frequencies", "equal frequencies"]
