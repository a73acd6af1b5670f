"""What is drawn is what was given."""

import math
from fractions import Fraction

import numpy as np
import torch
from drawn import drawn

from ptabook.drawings import fig5ab
from ptacore.models import critical_gain, onset_frequency, strong_tongues
from ptacore.oscillators.certificates import KINDS, Certificates


def grid(system, kinds, rows=3, columns=5, alpha=(1.0, 5.0), theta=(0.0, math.pi)):
    """Made-up certificates of a grid, with the kinds given in turn and two attractors in the last cell."""
    shape = rows, columns
    alpha = torch.linspace(*alpha, rows, dtype=torch.float64)[:, None].expand(shape)
    theta = torch.linspace(*theta, columns, dtype=torch.float64).expand(shape)
    cells = torch.arange(rows * columns, dtype=torch.float64).reshape(shape)
    kind = torch.tensor([KINDS.index(k) for k in kinds])[cells.long() % len(kinds)]
    bistable = cells == cells.max()
    exponents = torch.stack([-cells / 100, -1 - cells / 100], -1)
    return Certificates(system, alpha, theta, kind, exponents, cells / 50, cells, cells, cells, cells.long(), bistable)


def test_maps_show_cells_curves_and_names():
    kinds = {"tanh flow": ["stable origin", "limit cycle"], "tanh map": ["stable origin", "invariant circle"]}
    diagrams = {name: grid(name, some) for name, some in kinds.items()}
    gains = torch.linspace(1, 5, 4, dtype=torch.float64)
    thin = {"tanh map": {Fraction(1, 8): torch.stack([1 - gains / 50, 1 + gains / 50])}}
    e = {"name": "tanh map", "alpha": 2.0, "theta": 1.0}
    fig = fig5ab.maps(diagrams, {"tanh map": gains}, thin, {"a": e})
    axes = np.array([ax for ax in fig.axes if ax.get_subplotspec() and not ax.get_label()][:8]).reshape(4, 2)
    for column, c in zip(axes.T, diagrams.values(), strict=True):
        moving = torch.where(c.frequency > 0, c.frequency, math.nan)
        for ax, values in zip(column, (*c.exponents.unbind(-1), c.kind, moving), strict=True):
            shown = np.ma.filled(np.ma.asarray(ax.collections[0].get_array(), float), np.nan)
            np.testing.assert_allclose(shown.ravel(), values.flatten())
        two = next(line for line in column[2].lines if line.get_marker() == "o")
        assert two.get_xydata().tolist() == [[1.0, 5.0]]
        theta, gain = column[0].lines[0].get_xydata().T
        np.testing.assert_allclose(gain, critical_gain(c.system, theta * math.pi))
    assert [text.get_text() for text in axes[2, 1].texts] == ["0:1", "1:4", "1:2", "1:8", "a"]
    assert axes[2, 1].texts[-1].xy == (1 / math.pi, 2.0)
    assert axes[2, 0].texts[0].get_text() == "0:1"  # a flow has no other
    thin_lines = [line for line in axes[2, 1].lines if line.get_linewidth() == 0.5]
    np.testing.assert_allclose(thin_lines[0].get_xdata() * math.pi, 1 - gains / 50)
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert legend[:2] == ["stable origin", "limit cycle (continuous),\ninvariant circle (discrete)"]


def test_the_legend_names_a_kind_that_stands_alone():
    handles = fig5ab._kind_handles([grid("tanh map", ["invariant circle", "chaos"])])
    assert [handle.get_label() for handle in handles] == ["invariant circle", "chaos"]


def test_edges_that_are_drawn_are_edges():
    edges, tongue = list(fig5ab._strong_edges("GRU map", 10.0)), strong_tongues("GRU map")[1]
    for theta, gains in edges[2:4]:  # on both sides
        assert gains.max() == 10.0
        inside = torch.minimum(theta * math.pi, 2 * tongue.centre - theta * math.pi)
        torch.testing.assert_close(tongue.centre - inside, tongue.half_width(gains))


def test_orbits_over_time_and_in_the_plane():
    t = torch.arange(0, 8, 0.05, dtype=torch.float64)
    circle = torch.stack([t.cos(), t.sin()], -1)
    names = {"a": "tanh map", "b": "tanh map", "c": "tanh flow"}
    examples = {k: {"name": name, "alpha": 1.5, "theta": 1.0, "period": math.tau} for k, name in names.items()}
    fig = fig5ab.orbits(examples, dict.fromkeys("abc", 2.0), dict.fromkeys("abc", circle / 2), {
        letter: (t, circle) for letter in "abc"
    })  # fmt: skip
    (a, b, c), (below, _, _) = np.array(fig.axes).reshape(2, 3)
    for ax in (a, b, c):
        np.testing.assert_allclose(ax.lines[0].get_xydata(), circle / 2)
        np.testing.assert_allclose(ax.lines[1].get_xydata(), circle)
    np.testing.assert_allclose(c.lines[2].get_xydata(), circle[:126:80])  # beads 4 time constants apart
    assert below.lines[0].get_xdata().max() <= 2.0
    np.testing.assert_allclose(below.lines[1].get_ydata(), circle[t <= 2.0, 1])


def test_dots_and_curves_of_the_theory():
    names, theta = ("tanh flow", "tanh map", "GRU flow", "GRU map"), torch.tensor([0.5, 1.0], dtype=torch.float64)
    values = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], dtype=torch.float64)
    onset = {name: {"theta": theta, "frequency": values, "distance": values, "square": 2 * values} for name in names}
    gains = torch.tensor([1.5, 2.0, 3.0], dtype=torch.float64)
    edges = {points: torch.stack([gains, gains + points / 100]) for points in (4, 8, 12, 16)}
    certified = {points: (gains - 1, gains / points) for points in edges}
    shares = {"alpha": gains, "zero": gains / 10, "without_strong": gains / 5, "without_thinner": gains / 6}
    fig = fig5ab.theory(onset, gains, edges, certified, shares)
    frequency, growth, widths, left = fig.axes
    for name, curve, dots in zip(names, frequency.lines[::2], frequency.lines[1::2], strict=True):
        x, y = curve.get_xydata().T
        np.testing.assert_allclose(y, onset_frequency(name, math.pi * x))
        np.testing.assert_allclose(dots.get_xydata(), np.stack([theta / math.pi, values[0]], -1))
    assert growth.lines[0].get_xydata().tolist() == [[0.1, 0.2], [0.5, 1.0]]
    np.testing.assert_allclose(widths.lines[2].get_ydata(), 0.08)
    np.testing.assert_allclose(widths.lines[3].get_ydata(), gains / 8)
    shown = list(list(drawn(fig).values())[3].values())
    for series, y in zip(shown, (gains / 10, gains / 5, gains / 6), strict=True):
        np.testing.assert_allclose(series["x"], gains)
        np.testing.assert_allclose(series["y"], y, rtol=1e-5)
    assert left.get_legend().get_texts()[0].get_text() == "certified"


def test_the_corner_shows_both_attractors_and_the_tongues_edge():
    c = grid("GRU map", ["locked orbit", "chaos"], alpha=(8.0, 12.0), theta=(0.7 * math.pi, 0.78 * math.pi))
    square = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], dtype=torch.float64)
    cell = {"alpha": 9.0, "theta": 0.75 * math.pi}
    fig = fig5ab.corner(c, cell, [0.4 * square, 0.5 * square, 0.3 * square], cell, 0.2 * square)
    place, two, one = fig.axes
    tongue, (theta, gains) = strong_tongues("GRU map")[1], place.lines[1].get_xydata().T
    np.testing.assert_allclose(theta * math.pi - tongue.centre, tongue.half_width(gains))
    assert [abs(line.get_xdata()).max() for line in two.lines] == [0.3, 0.5]
    assert abs(one.lines[0].get_ydata()).max() == 0.2
    assert two.get_title() == "two attractors\nα = 9.00, θ = 0.7500 π"
