import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.container import ErrorbarContainer

from ptabook.drawings import effective_range

NEVER = torch.full((3,), torch.inf)


@pytest.fixture(scope="module")
def axes():
    size = {(name, "float64"): np.ones((5, 2)) for name in effective_range.COLOR}
    size["chaos", "float64"] = np.column_stack([2.0 ** np.arange(5), np.ones(5)])
    left = {("chaos", "float16"): torch.tensor([15.0, 16.0, 19.0]), ("chaos", "float32"): NEVER}
    predicted = {("chaos", "float16"): 16.0, ("chaos", "float32"): 128.0}
    drift = {}
    for form in ("float16", "float32", "bfloat16"):
        u = torch.finfo(getattr(torch, form)).eps / 2
        drift["line attractor", form] = np.array([[u, 0.0], [2 * u, 0.0], [4 * u, 0.0]])
        drift["limit cycle", form] = np.array([[u / 9, u / 7]])
    t = np.linspace(0, 60, 4)
    recall = t, t / 60, np.exp(t - 60), np.exp(t - 60)
    fig = effective_range.draw(size, left, predicted, drift, recall)
    yield fig.axes
    plt.close(fig)


def bars(ax):
    """Points with their lowest and highest values, one array a series."""
    found = []
    for container in ax.containers:
        assert isinstance(container, ErrorbarContainer)
        line, _, (segments,) = container
        ends = np.array(segments.get_segments())[:, :, 1]
        found.append(np.column_stack([*line.get_data(), ends]))
    return found


def test_adjoints_are_drawn_from_one_time_constant_before_the_error(axes):
    chaos = axes[0].lines[list(effective_range.COLOR).index("chaos")]
    assert chaos.get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert chaos.get_ydata().tolist() == [1, 2, 4, 8, 16]


def test_the_bands_are_the_normal_numbers(axes):
    for band, dtype in zip(axes[0].patches, (torch.float32, torch.float16), strict=True):
        low, high = band.get_y(), band.get_y() + band.get_height()
        assert (low, high) == pytest.approx((torch.finfo(dtype).tiny, torch.finfo(dtype).max))


def test_only_a_format_that_every_error_leaves_has_a_point(axes):
    (point,) = bars(axes[1])
    assert point.tolist() == [[16.0, 16.0, 15.0, 19.0]]


def test_drift_is_median_and_range_over_frames_and_none_is_left_out_but_zero(axes):
    line, *cycle = bars(axes[2])
    u = line[:, 0]
    assert line[:, 1:] == pytest.approx(np.column_stack([2 * u, u, 4 * u]))
    assert [c[:, 1] for c in cycle] == [pytest.approx(u / 9), pytest.approx(u / 7)]


def test_recall_and_adjoint_share_their_time(axes):
    overlap, norm = axes[3].lines[0], axes[4].lines[0]
    assert overlap.get_xdata().tolist() == norm.get_xdata().tolist()
    assert (overlap.get_ydata()[-1], norm.get_ydata()[-1]) == (1.0, 1.0)
