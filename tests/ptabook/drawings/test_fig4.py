import math

import pytest
import torch
from drawn import drawn

from ptabook.drawings.fig4 import Carried, Torus, cycles_and_tori, on_torus

TURN = 80


def circle(turns, steps=TURN, radius=1.0):
    angle = 2 * math.pi * torch.arange(turns * steps + 1, dtype=torch.float64) / steps
    return radius * torch.stack([angle.cos(), angle.sin()], -1)


def test_points_lie_on_the_torus():
    x, y, z = on_torus(circle(3)[:, None], circle(2))
    assert ((x.hypot(y) - 2) ** 2 + z**2).numpy() == pytest.approx(0.8**2)
    assert x.shape == z.shape == (3 * TURN + 1, 2 * TURN + 1)


def test_arrows_join_the_trajectories_once_a_turn_and_curves_are_those_given():
    near = torch.stack([circle(10), circle(10, radius=2.0)], 1)
    on = circle(5)
    carried = Carried(on[:, 0], -on[:, 1], -on[:, 1])
    torus = Torus(torch.stack([circle(6), circle(4, steps=120)], 1), (TURN, 120))
    fig = cycles_and_tori(circle(1), near, carried, {"3 : 2": torus, "again": torus}, TURN)
    left, right, *tori = fig.axes
    assert [arrow.xyann for arrow in left.texts] == [pytest.approx((1, 0))] * 5
    assert [arrow.xy for arrow in left.texts] == [pytest.approx((2, 0))] * 5
    assert all(line.get_xdata()[-1] <= 5 for line in right.lines)
    assert [line.get_xdata()[1] for line in right.lines] == pytest.approx([1 / TURN, 1 / TURN, 1 / 8])
    dots = list(drawn(fig)["B"].values())[2]
    assert dots["y"] == pytest.approx(-torch.sin(2 * math.pi * torch.tensor(dots["x"])).numpy(), abs=1e-5)
    for ax, name in zip(tori, ("3 : 2", "again"), strict=True):
        assert ax.get_title(loc="left") == f"C  {name}"
        x, y, z = ax.lines[0].get_data_3d()
        assert (x[0], y[0], z[0]) == pytest.approx((x[-1], y[-1], z[-1]))  # two turns by three: it closes
