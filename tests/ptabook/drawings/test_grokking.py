"""What is drawn is what was given."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ptabook.drawings import grokking as draw
from ptacore.plotting import figure


@pytest.fixture
def ax():
    return figure(1, 1)[1][0, 0]


def data(ax):
    return [list(line.get_ydata()) for line in ax.lines]


def test_panels_have_the_letters_of_the_caption():
    assert [ax.get_title("left")[0] for ax in draw.panels()[1]] == list("abcdefghijkl")


def test_both_runs_in_three_panels():
    row = dict(epoch=0, train=0.5, test=0.1, signal=3.0, aligned=0.2)
    axes = figure(1, 3)[1][0]
    draw.pair(axes, {"decay": [row, row | dict(epoch=5, test=0.9)], "none": [row]})
    assert data(axes[0]) == [[0.5, 0.5], [0.1, 0.9], [0.5], [0.1]]
    assert data(axes[1]) == [[3, 3], [3]]
    assert data(axes[2]) == [[0.2, 0.2], [0.2]]


def test_turns_of_w_and_of_v(ax):
    draw.turns(ax, [[0.1, 0.2], [0.3, 0.4]])
    assert data(ax) == [[0.1, 0.3], [0.2, 0.4]]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]


def test_overlaps_of_units_and_samples(ax):
    draw.overlaps(ax, {"decay": [(0, 0.1, 0.2, 9), (50, 0.3, 0.4, 9)], "none": [(0, 0.5, 0.6, 9)]})
    assert data(ax) == [[0.1, 0.3], [0.2, 0.4], [0.5], [0.6], [0.08, 0.08]]


def test_the_signal_of_the_top_layer_and_its_end(ax):
    draw.top_layer(ax, [1, 2], {0.1: [3, 4], 0.0: [5, 6]}, 7)
    assert data(ax) == [[3, 4], [5, 6], [7, 7]]


def test_energies_relative_to_the_size_of_the_group(ax):
    energies = torch.tensor([2.0, 4.0])
    climbed = [dict(group=SimpleNamespace(order=8, name=n), expected=energies, found=energies) for n in "abcd"]
    draw.energies(ax, climbed)
    assert data(ax)[:4] == [[0.25, 0.5]] * 4
    assert data(ax)[5] == pytest.approx([0, 0.15])


def test_angles_drawn_evenly_lie_on_the_dashes(ax):
    angles = (np.arange(1000) + 0.5) / 1000 * np.pi / 2
    draw.halves(ax, np.cos(angles))
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, 2 / np.pi * np.arcsin(x), atol=1e-3)


def test_repulsion_missing_and_memory():
    axes = figure(1, 3)[1][0]
    draw.repulsion(axes[0], [(0, 0.1, 1.0), (50, 0.3, 0.9)])
    assert data(axes[0]) == [[1.0, 0.9], [0.1, 0.3]]
    draw.missing(axes[1], [0.0, 1.0, 0.0], [0, 2])
    assert axes[1].lines[0].get_xdata().tolist() == [1, 3]
    assert [bar.get_x() + bar.get_width() / 2 for bar in axes[1].patches] == [2]
    draw.memory(axes[2], {"square": [0, 1], "relu": [0.6, 0.8], "silu": [0.8, 0.6]}, [0.4, 0.6])
    np.testing.assert_allclose(data(axes[2]), [[0, 1], [0.36, 0.64], [0.64, 0.36], [0.4, 0.6]])


def test_exponents_with_and_without_decay(ax):
    counts = {0.1: [(0, 9, 9, 9), (1, 5, 2, 0), (2, 0, 3, 0)], 0.0: [(0, 9, 9, 9), (1, 6, 4, 0), (2, 1, 8, 0)]}
    draw.exponents(ax, counts)
    assert data(ax) == [[5, 0.5], [2, 3], [6, 1], [4, 8]]
