"""What is read off a figure is what was drawn into it."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle

from ptabook.page.points import table
from ptacore import plotting


@pytest.fixture
def ax():
    return plotting.figure(1, 1, width=3, height=3)[1][0, 0]


X, Y = np.linspace(0.1, 2, 7), np.linspace(-1, 3, 7) ** 2


def read(ax, **options):
    text = table(ax.get_figure(root=True), **options)
    return pandas.read_csv(io.StringIO(text), comment="#"), [line for line in text.splitlines() if line[0] == "#"]


def same(rows, **columns):
    return all(rows[name].to_numpy() == pytest.approx(values, rel=1e-5) for name, values in columns.items())


def test_lines_and_their_labels(ax):
    ax.semilogy(X, Y + 1, color=plotting.COLORS["orange"], label="a, b # c")
    ax.plot(Y, X, "o", color="#123456")
    ax.plot([], [], "k", label="for the legend")
    ax.set(xlabel="time (s)", ylabel="$y$", title="A  growth")
    rows, comments = read(ax)
    line, points = (rows[rows.kind == kind] for kind in ("line", "points"))
    assert same(line, x=X, y=Y + 1)
    assert same(points, x=Y, y=X)
    assert line[["panel", "series", "colour"]].drop_duplicates().to_numpy().tolist() == [
        ["A growth", "a, b no. c", "orange"]
    ]
    assert points[["series", "colour"]].drop_duplicates().to_numpy().tolist() == [["2", "rgb(18 52 86)"]]
    assert len(rows) == 14
    assert comments[1:] == ["# A growth: x: time (s)", "# A growth: y: $y$, log scale"]


def test_what_is_missing_stays_missing(ax):
    ax.plot(X, np.ma.masked_greater(Y, 4))
    rows, _ = read(ax)
    assert (np.isnan(rows.y) == (Y > 4)).all()


def test_lines_and_bands_across_a_panel_have_one_coordinate(ax):
    ax.axhline(0.25)
    ax.axvspan(1, 3)
    ax.plot([0.1, 0.9], [0.5, 0.5], transform=ax.transAxes)  # a place on the paper
    rows, _ = read(ax)
    line, span = rows.iloc[0], rows.iloc[1]
    assert line.y == 0.25
    assert (span.x_low, span.x_high) == (1, 3)
    assert list(rows.columns[4:]) == ["y", "x_low", "x_high"]
    assert len(rows) == 2


def test_scatter_with_values(ax):
    ax.scatter(X, Y, c=X * Y, cmap="viridis")
    ax.scatter(X[:2], Y[:2], color="black")
    rows, _ = read(ax)
    assert same(rows[rows.series == 1], x=X, y=Y, value=X * Y)
    assert set(rows.colour[rows.series == 2]) == {"black"}


def test_pieces_of_lines_with_a_value_each(ax):
    corners = [[(0, 0), (1, 2), (3, 5)], [(7, 7), (8, 9)]]
    ax.add_collection(LineCollection(corners, array=np.array([10.0, 20.0])))
    rows, _ = read(ax)
    pieces = rows[["x", "y", "x_end", "y_end", "value"]].to_numpy().tolist()
    assert pieces == [[0, 0, 1, 2, 10], [1, 2, 3, 5, 10], [7, 7, 8, 9, 20]]


@pytest.mark.parametrize("fmt", ["o", "none"])
def test_error_bars(ax, fmt):
    ax.errorbar(X, Y, xerr=0.1, yerr=[0.2 * X, 0.5 * X], fmt=fmt, capsize=2, label="found", color="black")
    rows, _ = read(ax)
    assert set(rows.kind) == {"error bars"}
    assert set(rows.series) == {"found"}
    assert set(rows.colour) == {"black"}
    assert same(rows, x_low=X - 0.1, x_high=X + 0.1, y_low=Y - 0.2 * X, y_high=Y + 0.5 * X)
    if fmt == "o":
        assert same(rows, x=X, y=Y)


@pytest.mark.parametrize("along", ["x", "y"])
def test_bands(ax, along):
    fill, across = (ax.fill_between, "y") if along == "x" else (ax.fill_betweenx, "x")
    fill(X, Y, Y + X, color=plotting.COLORS["blue"])
    rows, _ = read(ax)
    assert set(rows.kind + rows.colour) == {"bandblue"}
    assert same(rows, **{along: X, f"{across}_low": Y, f"{across}_high": Y + X})


def test_a_band_in_two_parts_is_two_series(ax):
    ax.fill_between(X, 0, Y, where=np.arange(7) != 3)
    rows, _ = read(ax)
    assert rows.groupby("series").x.apply(len).tolist() == [3, 3]


def test_bars_stacked_and_counted(ax):
    ax.bar([1, 2], [3, 4], width=0.5, bottom=[10, 20], label="stack")
    ax.hist([0.2, 0.3, 0.9], bins=[0, 0.5, 1])
    ax.set_xticks([1, 2], ["tanh", "GRU"])
    rows, comments = read(ax)
    assert same(rows[rows.series == "stack"], x_low=[0.75, 1.75], x_high=[1.25, 2.25], y_low=[10, 20], y_high=[13, 24])
    assert same(rows[rows.series == "2"], x_low=[0, 0.5], x_high=[0.5, 1], y_low=[0, 0], y_high=[2, 1])
    assert comments[1] == "# row 1 column 1: x: 1 = tanh; 2 = GRU"


def test_error_bars_of_bars_are_error_bars(ax):
    ax.bar([1, 2], [3, 4], yerr=[0.5, 1])
    rows, _ = read(ax)
    assert same(rows[rows.kind == "error bars"], x=[1, 2], y_low=[2.5, 3], y_high=[3.5, 5])
    assert (rows.kind == "bars").sum() == 2


@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_images(ax, origin):
    values = np.arange(6.0).reshape(2, 3)
    image = ax.imshow(values, extent=(0, 3, 10, 12), origin=origin, aspect="auto")
    ax.get_figure().colorbar(image, label="depth (m)")
    rows, comments = read(ax)
    at = {(row.x, row.y): row.value for row in rows.itertuples()}
    top = 0 if origin == "upper" else 1
    assert at == {(c + 0.5, 11.5 - r): values[r if top == 0 else 1 - r, c] for r in range(2) for c in range(3)}
    assert comments[-1] == "# row 1 column 1: value: depth (m)"
    assert set(rows.panel) == {"row 1 column 1"}  # none for the colour bar


def test_maps(ax):
    x, y = np.linspace(0, 1, 4), np.linspace(5, 9, 3)
    values = np.ma.masked_less(np.add.outer(y, x), 6)
    ax.pcolormesh(x, y, values, shading="nearest", rasterized=True)
    rows, _ = read(ax)
    assert same(rows, x=np.tile(x, 3), y=np.repeat(y, 4))
    assert rows.value.to_numpy() == pytest.approx(values.filled(np.nan).ravel(), rel=1e-5, nan_ok=True)


def test_contours_lie_on_their_level(ax):
    x, y = np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-2, 2, 41))
    ax.contour(x, y, x + 2 * y, levels=[-1, 0.5])
    rows, _ = read(ax)
    assert set(rows.value) == {-1, 0.5}
    assert same(rows, value=rows.x + 2 * rows.y)


def test_lines_in_space():
    fig = plt.figure()
    ax = fig.add_subplot(projection="3d")
    ax.plot(X, Y, X + Y)
    rows, _ = read(ax)
    assert same(rows, x=X, y=Y, z=X + Y)


def test_panels_go_by_title_or_place_or_number():
    axes = plotting.figure(2, 2)[1]
    for i, ax in enumerate(axes.flat):
        ax.plot([i], [i])
    axes[0, 0].set_title("A", loc="left")
    rows, _ = read(axes[0, 0])
    assert rows.panel.tolist() == ["A, row 1 column 1", "row 1 column 2", "row 2 column 1", "row 2 column 2"]
    axes[0, 1].inset_axes((0.5, 0.5, 0.4, 0.4)).plot([9], [9])
    axes[1, 1].twinx().plot([8], [8])
    rows, _ = read(axes[0, 0])
    assert dict(zip(rows.panel, rows.x, strict=True)) == {
        "A": 0, "panel 2": 1, "panel 3": 9, "panel 4": 2, "panel 5": 3, "panel 6": 8
    }  # fmt: skip
    for letter, ax in zip("BCD", axes.flat[1:], strict=True):
        ax.text(0, 1, letter, transform=ax.transAxes)
    rows, _ = read(axes[0, 0])
    assert rows.panel.tolist() == ["A", "B", "panel 3", "C", "D", "panel 6"]


def test_long_series_are_thinned_evenly_and_it_says_so(ax):
    long = np.arange(1001.0)
    ax.plot(long, long)
    ax.plot([3, 1, 4], [1, 5, 9])
    ax.pcolormesh(np.arange(50.0), np.arange(40.0), np.ones((40, 50)))
    rows, comments = read(ax, rows=300)
    assert len(rows) <= 300
    thin, short, cells = (rows[rows.series == i] for i in (1, 2, 3))
    assert short.x.tolist() == [3, 1, 4]
    assert {0, 1000} <= set(thin.x)
    assert set(np.diff(thin.x).round(0)) <= {7, 8, 9}
    assert {(0, 0), (49, 39)} <= set(zip(cells.x, cells.y, strict=True))
    assert comments[-1] == f"# thinned evenly, to at most {len(thin)} points each: 2 of the 3 series"
    assert "thinned" not in table(ax.get_figure())


def test_what_is_not_read_is_named(ax):
    ax.add_patch(Circle((0, 0), 1))
    ax.quiver([0], [0], [1], [1])
    ax.plot(X, Y)
    _, comments = read(ax)
    assert comments[-1] == "# row 1 column 1: drawn and not in this table: 1 Circle, 1 Quiver"
