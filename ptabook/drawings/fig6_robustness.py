"""What changed parameters do to three memories of a heading: errors by size, and headings kept apart or not."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.lines import Line2D

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, figure

COLORS = {"oscillators": BLUE, "8 neurons": ORANGE, "100 neurons": GREEN}
CHANCE = math.pi / math.sqrt(3)  # the error where nothing is left
FLOOR = 2e-5  # smaller errors are drawn there


def error_grid(sizes, times, errors):
    """Median and 90% range of errors against the size of a change, a column for each kind, a row for each time.

    Parameters
    ----------
    sizes : array (sizes,)
    times : sequence of 3 floats
        Seconds.
    errors : dict
        From a kind of change, five of them, to a dict from a memory to errors (sizes, draws, times) in radians.
    """
    fig, axes = figure(3, 5, height=5.2, sharex=True, sharey=True)
    for column, (what, found) in enumerate(errors.items()):
        for row in range(3):
            ax = axes[row, column]
            for name, e in found.items():
                _draw_band(ax, sizes, e[..., row], COLORS[name])
            ax.axhline(CHANCE, ls=":", color=GREY)
            ax.set(xscale="log", yscale="log", ylim=(FLOOR, 4))
        axes[0, column].set_title(what)
    for ax, seconds in zip(axes[:, 0], times, strict=True):
        ax.set_ylabel(f"error after {seconds:.0f} s (rad)")
    for ax in axes[-1]:
        ax.set_xlabel("relative size ε")
        ax.set_xticks([1e-4, 1e-3, 1e-2, 1e-1])
        ax.tick_params(axis="x", labelrotation=0)
        ax.minorticks_off()
    handles = [Line2D([], [], color=color, marker="o", ms=3, label=name) for name, color in COLORS.items()]
    fig.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    return fig


def _draw_band(ax, sizes, errors, color: str) -> None:
    low, middle, high = np.quantile(np.maximum(errors, FLOOR), (0.05, 0.5, 0.95), axis=1)
    ax.fill_between(sizes, low, high, color=color, alpha=0.25, lw=0)
    ax.plot(sizes, middle, "o-", ms=3, color=color, clip_on=False)


def kept_apart(stored, oscillators, coupled, ring, sizes, turned):
    """Where headings end in three memories, and the error that one common rotation does not explain.

    Parameters
    ----------
    stored : array (headings,)
        Radians.
    oscillators, coupled, ring : array (headings,)
        Where they are after 100 s.
    sizes : array (sizes,)
    turned : dict
        From "weights" and "thresholds" to a dict from a memory to median errors (sizes,) after 100 s.
    """
    fig, axes = figure(1, 4, height=2.3, width_ratios=(1, 1, 1, 1.2))
    memories = (oscillators, coupled, ring), ("oscillators", "coupled by 0.1%", "8 neurons"), (BLUE, BLUE, ORANGE)
    for ax, ends, title, color in zip(axes[0, :3], *memories, strict=True):
        ax.plot([0, 360], [0, 360], ":", color=GREY)
        ax.plot(np.degrees(stored), np.degrees(ends % math.tau), "o", ms=2, color=color)
        ax.set(title=title, xticks=(0, 180, 360), yticks=(0, 180, 360), aspect="equal")
    axes[0, 0].set_ylabel("heading after 100 s (°)")
    axes[0, 1].set_xlabel("stored heading (°)")
    _draw_turned(axes[0, 3], sizes, turned)
    return fig


def _draw_turned(ax, sizes, turned) -> None:
    lines = {"weights": "-", "thresholds": "--"}
    for name, color in COLORS.items():
        for what, line in lines.items():
            errors = np.maximum(turned[what][name], FLOOR)
            ax.plot(sizes, errors, line, color=color, lw=1.5, clip_on=False, zorder=3)
    ax.axhline(CHANCE, ls=":", color=GREY)
    ax.set(xscale="log", yscale="log", ylim=(FLOOR, 4))
    ax.set(xlabel="relative size ε", ylabel="error after 100 s,\nturned back (rad)")
    for what, line in lines.items():
        ax.plot([], [], f"k{line}", label=what)
    ax.legend(frameon=False, loc="lower right")
