"""Figure 2: one resting state, and two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.dynamics.fixed_points import FixedPoints
from ptacore.models.system import System
from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure

EDGE = 1.2  # of the phase planes


class Column(NamedTuple):
    """What is shown of one network."""

    title: str
    system: System
    found: FixedPoints
    t: Tensor  # (T,)
    x: Tensor  # (T, 3, 2): a trajectory, and those after a small and a large perturbation
    size: Tensor  # (T,), of the sensitivity
    rate: float  # slowest eigenvalue of the resting state
    basins: tuple[Tensor, Tensor] | None = None  # axis (n,), and which of both a start (n, n) leads to


def differences(columns: Sequence[Column]):
    """Phase planes with trajectories, and what is left of the differences over time.

    Parameters
    ----------
    columns : sequence of two Column
        One network each.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = figure(2, len(columns), height=5.6, height_ratios=(1.5, 1))
    for (plane, below), column in zip(axes.T, columns, strict=True):
        _phase_plane(plane, column)
        _over_time(below, column)
    axes[0, 0].legend(frameon=False, loc="lower left")
    axes[1, 0].set_ylabel("distance, sensitivity")
    return fig


def _phase_plane(ax, column: Column) -> None:
    coarse = torch.linspace(-EDGE, EDGE, 25, dtype=torch.float64)
    flow = column.system(torch.stack(torch.meshgrid(coarse, coarse, indexing="xy"), -1)).numpy()
    place = coarse.numpy()
    ax.streamplot(place, place, flow[..., 0], flow[..., 1], color="0.75", linewidth=0.5, arrowsize=0.6, density=0.9)
    if column.basins is not None:
        axis, basin = column.basins
        ax.contourf(axis, axis, basin.double(), levels=[-0.5, 0.5, 1.5], colors=["#f0f0f0", "#dcebf5"], zorder=-5)
        ax.plot([-EDGE, EDGE], [EDGE, -EDGE], "--", color=GREY, lw=1)
    labels = ("$x(t_0)$", "small perturbation", "large")
    for k, (color, label) in enumerate(zip((BLUE, ORANGE, GREEN), labels, strict=True)):
        ax.plot(*column.x[:, k].T, color=color, lw=1.6)
        ax.plot(*column.x[0, k], "o", color=color, ms=4, label=label)
    for point, stable in zip(column.found.points, column.found.stable, strict=True):
        face = RED if stable else "white"
        ax.plot(*point, "o", ms=7, zorder=5, markerfacecolor=face, markeredgecolor=RED)
    ax.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    ax.set_title(column.title, loc="left", weight="bold")


def _over_time(ax, column: Column) -> None:
    t, x, size = column.t, column.x, column.size
    for k, color in ((1, ORANGE), (2, GREEN)):
        ax.plot(t, (x[:, k] - x[:, 0]).norm(dim=-1), color=color)
    ax.plot(t, size, color="black")
    ax.plot(t, size[-1] * torch.exp(column.rate * (t - t[-1])), ":", color=GREY, lw=1.5)
    ax.set(yscale="log", xlabel="time (τ)", ylim=(1e-6, 10))
