"""Figure 4: what a limit cycle keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, RED
from ptacore.plotting.style import STYLE

LETTER = {"loc": "left", "weight": "bold", "fontsize": 11}


class Carried(NamedTuple):
    """One neuron on the cycle, each (T,)."""

    x: Tensor  # activity
    velocity: Tensor
    tangent: Tensor  # the first velocity, carried along by the tangent equation


class Torus(NamedTuple):
    """Two oscillators that run side by side."""

    x: Tensor  # (T, 2 oscillators, 2)
    turns: tuple[int, int]  # steps that a turn of each takes


def cycles_and_tori(cycle: Tensor, near: Tensor, carried: Carried, tori: Mapping[str, Torus], turn: int):
    """Two trajectories near a cycle; velocity and tangent on it; tori.

    Parameters
    ----------
    cycle : Tensor (N, 2)
        One turn.
    near : Tensor (T, 2 trajectories, 2)
        At least ten turns.
    carried : Carried
    tori : mapping of str to Torus
        Two.
    turn : int
        Steps of a turn, in `near` and `carried`.

    Returns
    -------
    matplotlib figure
    """
    plt.rcParams.update(STYLE)
    fig = plt.figure(figsize=(7.2, 5.4), layout="constrained")
    top, bottom = fig.subfigures(2, 1, height_ratios=(1, 1))
    left, right = top.subplots(1, 2, width_ratios=(1, 1.5))
    _difference(left, cycle, near, turn)
    _tangent(right, carried, turn)
    for k, (name, torus) in enumerate(tori.items()):
        ax = bottom.add_subplot(1, 2, k + 1, projection="3d")
        _torus(ax, torus, ((BLUE, 1.4), (GREEN, 0.6))[k])
        ax.set_title(f"C  {name}", **LETTER)
    return fig


def _difference(ax, cycle: Tensor, near: Tensor, turn: int) -> None:
    ax.plot(*cycle.T, color=GREY, lw=3, alpha=0.5)
    for k, color in ((0, BLUE), (1, ORANGE)):
        ax.plot(*near[: 3 * turn + 1, k].T, color=color, lw=0.9)
        ax.plot(*near[0, k], "o", color=color, ms=4)
    for first, second in near[[turn * turns for turns in (0, 1, 2, 3, 10)]].tolist():
        ax.annotate("", second, first, arrowprops={"arrowstyle": "->", "color": RED, "lw": 1.2})
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    ax.set_title("A", **LETTER)


def _tangent(ax, carried: Carried, turn: int) -> None:
    now, some = torch.arange(len(carried.x)) / turn, slice(None, None, turn // 8)
    ax.plot(now, carried.x, color=BLUE, label="$x_1$")
    ax.plot(now, carried.velocity, color=ORANGE, label=r"$\dot x_1$")
    ax.plot(now[some], carried.tangent[some], "o", ms=3, color="black", label=r"$(\Delta\,\dot x(0))_1$")
    ax.set(xlabel="time (periods)")
    ax.set_title("B", **LETTER)
    ax.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.22))


def _torus(ax, torus: Torus, style: tuple[str, float]) -> None:
    loops = [_scaled(torus.x[: steps + 1, i]) for i, steps in enumerate(torus.turns)]
    mesh = on_torus(loops[0][::8, None], loops[1][None, ::8])
    ax.plot_wireframe(*(m.numpy() for m in mesh), color="0.85", lw=0.3)
    ax.plot(*on_torus(_scaled(torus.x[:, 0]), _scaled(torus.x[:, 1])), color=style[0], lw=style[1])
    ax.set(xlim=(-2.3, 2.3), ylim=(-2.3, 2.3), zlim=(-1.4, 1.4))
    ax.set_box_aspect((1, 1, 0.62), zoom=1.15)
    ax.set_axis_off()


def on_torus(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points of the torus that two cycles (..., 2) of radius one span, in three dimensions.

    Its tube has the radius 0.8, the circle in its middle 2.

    Examples
    --------
    >>> on_torus(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    (tensor(2.), tensor(0.), tensor(0.8000))
    """
    radius = 2 + 0.8 * b[..., 0]
    return radius * a[..., 0], radius * a[..., 1], 0.8 * b[..., 1] + 0 * a[..., 0]


def _scaled(orbit: Tensor) -> Tensor:
    return orbit / orbit.norm(dim=-1).max()
