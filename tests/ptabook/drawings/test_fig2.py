import numpy as np
import pytest
import torch
from drawn import drawn

from ptabook.drawings.fig2 import Column, differences
from ptacore import fixed_points, models
from ptacore.plotting import RED


def test_distances_fall_along_the_dotted_rate_and_resting_states_are_where_they_are():
    system = models.TanhRateFlow([[0.8, 0.7], [0.7, 0.8]])
    found = fixed_points(system)
    t = torch.linspace(0.0, 5.0, 11, dtype=torch.float64)
    fall = torch.exp(-0.5 * t)
    near = torch.stack([0.2 * fall, 0 * t], -1)
    x = torch.stack([near * 0, near, 2 * near], 1)
    axis = torch.linspace(-1.0, 1.0, 5)
    basins = (axis, axis[:, None] + axis > 0)
    fig = differences(
        [Column("A", system, found, t, x, fall, -0.5), Column("B", system, found, t, x, fall, -0.5, basins)]
    )
    small, large, size, slope = (series["y"] for series in drawn(fig)["row 2 column 1"].values())
    assert small == pytest.approx(0.2 * fall.numpy(), rel=1e-5)
    assert large == pytest.approx(2 * small, rel=1e-5)
    assert size == pytest.approx(fall.numpy(), rel=1e-5)
    assert slope == pytest.approx(size, rel=1e-5)
    for plane in fig.axes[:2]:
        dots = [line for line in plane.lines if line.get_markeredgecolor() == RED]
        assert np.array([dot.get_xydata()[0] for dot in dots]) == pytest.approx(found.points.numpy())
        assert [dot.get_markerfacecolor() == RED for dot in dots] == found.stable.tolist()
    assert [any(line.get_linestyle() == "--" for line in plane.lines) for plane in fig.axes[:2]] == [False, True]
