import math

import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import fig6_robustness as drawings

SIZES = np.array([1e-3, 1e-2])


def test_the_grid_shows_medians_and_quantiles_by_kind_and_time():
    draws = np.random.default_rng(0).lognormal(-3, 1, (2, 41, 3))
    errors = {kind: {"oscillators": (1 + i) * draws} for i, kind in enumerate("vwxyz")}
    errors["v"]["8 neurons"] = 0 * draws
    fig = drawings.error_grid(SIZES, (1.0, 10.0, 100.0), errors)
    axes = np.reshape(fig.axes, (3, 5))
    for row, column in np.ndindex(3, 5):
        middle = axes[row, column].lines[0]
        assert middle.get_ydata() == pytest.approx((1 + column) * np.median(draws[..., row], 1))
        assert middle.get_xdata().tolist() == SIZES.tolist()
        edges = axes[row, column].collections[0].get_paths()[0].vertices
        low, high = np.quantile((1 + column) * draws[:, :, row], (0.05, 0.95), axis=1)
        assert (edges[:, 1].min(), edges[:, 1].max()) == pytest.approx((low.min(), high.max()))
    assert axes[0, 0].lines[1].get_ydata().tolist() == [drawings.FLOOR] * 2  # no error, at the lower edge
    assert [ax.get_title() for ax in axes[0]] == list("vwxyz")
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [f"error after {s} s (rad)" for s in (1, 10, 100)]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == list(drawings.COLORS)


def test_headings_are_drawn_in_degrees_of_one_turn_and_errors_by_what_was_changed():
    stored = np.radians([10.0, 90.0])
    turned = {"weights": {name: np.array([1e-9, 0.1]) for name in drawings.COLORS}}
    turned["thresholds"] = {name: np.array([0.2, 0.3]) for name in drawings.COLORS}
    ends = stored + math.tau, np.radians([45.0, -45.0]), np.zeros(2)
    fig = drawings.kept_apart(stored, *ends, SIZES, turned)
    panels = [ax.lines[1].get_xydata().T for ax in fig.axes[:3]]
    for (x, y), expected in zip(panels, ([10, 90], [45, 315], [0, 0]), strict=True):
        assert x == pytest.approx([10, 90])
        assert y == pytest.approx(expected)
    assert [ax.get_title() for ax in fig.axes[:3]] == ["oscillators", "coupled by 0.1%", "8 neurons"]
    last = fig.axes[3].lines
    solid = [line.get_ydata().tolist() for line in last[:6] if line.get_linestyle() == "-"]
    dashed = [line.get_ydata().tolist() for line in last[:6] if line.get_linestyle() == "--"]
    assert solid == [[drawings.FLOOR, 0.1]] * 3
    assert dashed == [[0.2, 0.3]] * 3
    assert len(drawn(fig)) == 4
