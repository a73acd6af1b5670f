"""What is drawn is what was given."""

import math

import numpy as np
import pytest
import torch

from ptabook.drawings import fig5_stability as drawings

SIZES = torch.logspace(-4, -1, 4, dtype=torch.float64)
FAMILIES = ("line attractor", "square", "PTA, tanh")


@pytest.fixture
def ax():
    return drawings.panels()[1][0, 0]


def shares(low, high, draws=6):
    """Made-up shares (sizes, draws), on average low to high."""
    return torch.linspace(low, high, 4, dtype=torch.float64)[:, None] * torch.linspace(0.5, 1.5, draws)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_nine_panels_have_their_letters():
    _, axes = drawings.panels()
    titles = [ax.get_title("left") for ax in axes.flat]
    assert [title[9] for title in titles] == list("abcdefghi")
    assert titles[8].endswith("synchrony (L5)")


def test_every_draw_is_a_dot_near_its_size(ax):
    leading = {(name, "all"): shares(1e-12, 0.1) for name in FAMILIES}
    last = {("PTA, tanh", "all"): shares(0.2, 0.3)}
    drawings.each_draw(ax, SIZES, leading, last, 0.7, 1e-3)
    dots = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    np.testing.assert_allclose(dots[0].get_ydata(), leading["line attractor", "all"][0].clamp_min(1e-11))
    np.testing.assert_allclose(dots[11].get_ydata(), last["PTA, tanh", "all"][3])
    for line, size in zip(dots, SIZES.tolist() * 3, strict=True):
        assert (abs(np.log10(line.get_xdata() / size)) < 0.2).all()
    x, y = ax.lines[-2].get_data()
    np.testing.assert_allclose(y / x, 0.7)
    assert set(ax.lines[-1].get_ydata()) == {1e-3}


def test_shares_left_have_their_means_and_intervals(ax):
    lowest = dict(zip(FAMILIES, (0.1, 0.2, 0.8), strict=True))
    left = {(name, kind): shares(0.9, low) for name, low in lowest.items() for kind in ("own", "all")}
    intervals = {key: np.stack([value.mean(1) - 0.05, value.mean(1) + 0.04], -1) for key, value in left.items()}
    drawings.shares_left(ax, "own", SIZES, left, intervals, 1e-3, FAMILIES[:2])
    assert legend(ax) == ["line", "square"]
    for name, container in zip(FAMILIES, ax.containers, strict=True):
        np.testing.assert_allclose(container[0].get_ydata(), left[name, "own"].mean(1))
        bars = np.array(container[2][0].get_segments())
        np.testing.assert_allclose(bars[..., 1], intervals[name, "own"])
    assert ax.lines[-1].get_xdata()[0] == 1e-3


def test_shares_lost_leave_out_where_nothing_is(ax):
    families = ("PTA, tanh", "PTA, GRU", "PTA, flow", "PTA, one band", "PTA, tanh, own")
    lost = {name: shares(0.0, 0.3, draws=2) for name in families}
    drawings.shares_lost(ax, SIZES, lost, torch.tensor([0.1, 0.2]))
    mean = lost["PTA, tanh"].mean(1)[1:]
    error = 2 * lost["PTA, tanh"].std(1)[1:] / math.sqrt(2)  # more than the mean
    assert legend(ax) == ["tanh", "GRU", "flow", "one band", "tanh, own"]
    for container in ax.containers:
        np.testing.assert_allclose(container[0].get_ydata(), mean)
        bars = np.array(container[2][0].get_segments())[..., 1]
        np.testing.assert_allclose(bars, torch.stack([mean - torch.minimum(error, 0.8 * mean), mean + error], -1))
    expected = next(line for line in ax.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(expected.get_xdata(), SIZES[2:])


def test_the_tongue_has_its_cells_and_its_edge(ax):
    detuning, coupling = torch.linspace(0, 0.2, 4), torch.linspace(0, 0.15, 3)
    second = torch.linspace(-0.3, 0.1, 12).reshape(3, 4)
    drawings.tongue(ax, detuning, coupling, second, 0.6 * detuning)
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), second.clamp_max(0).flatten())
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 0.6 * detuning)


def test_pairs_are_told_apart_by_their_strength(ax):
    predicted, measured = torch.tensor([0.1, 0.2, 0.4]), torch.tensor([0.1, 0.3, 0.2])
    drawings.pairs(ax, predicted, measured, torch.tensor([True, False, True]))
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.1, 0.1], [0.4, 0.2]])
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.2, 0.3]])
    np.testing.assert_allclose(ax.lines[2].get_xydata(), [[0.1, 0.1], [0.4, 0.4]])


def test_larger_tori_have_a_prediction_in_one_band_only(ax):
    curves = {"band": ([0.1, 0.5], [0.01, 0.1], [0.2, 0.4]), "full": ([0.2, 0.3], [0.02, 0.1], [9.0, 9.0])}
    drawings.larger_tori(ax, [2, 4], curves)
    band, full = ax.containers
    assert band[0].get_ydata().tolist() == [0.1, 0.5]
    np.testing.assert_allclose(np.array(full[2][0].get_segments())[..., 1], [[0.18, 0.22], [0.2, 0.4]])
    predicted = [line.get_ydata().tolist() for line in ax.lines if line.get_linestyle() == "--"]
    assert predicted == [[0.2, 0.4]]


def test_random_coupling_stacks_the_counts(ax):
    counts = torch.tensor([[8.0, 0.0, 0.0], [3.0, 1.0, 4.0]])
    drawings.random_coupling(ax, torch.tensor([0.01, 3.0]), counts)
    heights = [
        np.ptp(band.get_paths()[0].vertices[:, 1][band.get_paths()[0].vertices[:, 0] > 2]) for band in ax.collections
    ]
    np.testing.assert_allclose(heights, [1, 3, 4])  # positive, zero, negative


def test_synchrony_marks_where_an_exponent_is_positive(ax):
    gains, common = torch.tensor([0.9, 1.1, 1.3]), torch.tensor([0.0, 0.4])
    zeros, positive = torch.tensor([[0, 4, 8], [1, 1, 2]]), torch.tensor([[0, 0, 0], [0, 0, 1]])
    drawings.synchrony(ax, gains, common, zeros, positive, gains.expand(2, 3), 0.25, most=8)
    assert ax.collections[0].get_array().ravel().tolist() == zeros.flatten().tolist()
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1.3, 0.4]])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 0.25 * gains)
    silent = ax.collections[1].get_paths()[0].vertices
    np.testing.assert_allclose(silent[:, 0], 1.0, atol=1e-6)
