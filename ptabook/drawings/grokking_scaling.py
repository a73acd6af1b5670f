"""Nine panels on how much it takes to generalize: pairs, decay, the start of the upper layer, the optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ptacore.plotting import BLUE, BROWN, GREEN, GREY, ORANGE, PURPLE, RED, figure

TITLES = (
    *("a  who generalizes", "b  how long it takes", "c  two thresholds"),
    *("d  maxima that stay", "e  weight decay", "f  dose of the signal"),
    *("g  V = 0 at the start", "h  optimizer: loss", "i  optimizer: features"),
)
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, GREY)
SMALL = dict(frameon=False, fontsize=7, handlelength=1.3, borderaxespad=0.2)


def panels():
    """A figure of nine panels with their titles: (figure, axes (9,))."""
    fig, axes = figure(3, 3, height=6.8)
    for ax, title in zip(axes.flat, TITLES, strict=True):
        ax.set_title(title, loc="left")
    return fig, axes.flatten()


def phase(
    ax,
    found: Mapping[int, Mapping[float, Sequence]],
    boundary: Callable,
    groups: Mapping[str, Mapping[float, float]],
) -> None:
    """Share of runs that generalize over M and p: full or empty dots, pale between; the line is c log M / M.

    Squares, side by side, are other groups of order 40.
    """
    for M, by_share in found.items():
        for p, steps in by_share.items():
            share = float(np.mean(np.isfinite(steps)))
            face = BLUE if share == 1 else "none" if share == 0 else "#9cc9e6"
            ax.plot(M, p, "o", ms=5, mec=BLUE, mfc=face)
    for place, by_share in enumerate(groups.values()):
        for p, steps in by_share.items():
            ax.plot(44 + 2 * place, p, "s", ms=2.5, mec=RED, mfc=RED if math.isfinite(steps) else "none")
    M = np.linspace(min(found) - 3, max(found) + 6, 60)
    ax.plot(M, [boundary(m) for m in M], color="black", lw=0.8)
    ax.set(xlabel="M", ylabel="share p of pairs seen", ylim=(0, None))


def times(ax, found: Mapping[int, Mapping[float, Sequence]], boundary: Callable) -> None:
    """Median steps to 99% against p over the boundary, a line for each M."""
    for (M, by_share), color in zip(found.items(), COLORS, strict=False):
        rows = [(p / boundary(M), float(np.median(s))) for p, s in by_share.items() if math.isfinite(np.median(s))]
        if rows:
            ax.semilogy(*zip(*rows, strict=True), "o-", ms=3, color=color, label=f"{M}")
    ax.axvline(1, color="black", lw=0.8)
    ax.set(xlabel="p / (c log M / M)", ylabel="steps to 99%", ylim=(300, 3000), yticks=(400, 1000, 2000))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.legend(**SMALL, loc="upper right", title="M", title_fontsize=7)


def thresholds(ax, brackets: Sequence, edges: Sequence, boundary: Callable) -> None:
    """Where training begins to generalize, and where maxima of the energy begin to stay: bars from - to."""
    for rows, color, shift, label in ((brackets, BLUE, 0.98, "training"), (edges, RED, 1.02, "landscape")):
        M, low, high = np.array(rows, float).T
        middle = np.sqrt(low * high)
        bars = np.array([middle - low, high - middle])
        ax.errorbar(M * shift, middle, bars, fmt="o", ms=3, color=color, lw=1, label=label)
    M = np.linspace(20, 80, 50)
    ax.plot(M, [boundary(m) for m in M], color="black", lw=0.8)
    ax.set(xscale="log", yscale="log", xlabel="M", ylabel="threshold p", xticks=(20, 40, 80), yticks=(0.2, 0.4, 0.8))
    ax.minorticks_off()
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.legend(**SMALL, loc="upper right")


def landscape(ax, found: Mapping[int, Mapping[float, Sequence]]) -> None:
    """Share of Fourier optima that an ascent on a part of the pairs leaves pure; dots: draws of the pairs."""
    for (M, by_share), color in zip(found.items(), COLORS, strict=False):
        p = list(by_share)
        ax.plot(p, [np.mean(by_share[q]) for q in p], color=color, label=f"M = {M}")
        for q in p:
            ax.plot([q] * len(by_share[q]), by_share[q], "o", ms=2, color=color)
    ax.set(xlabel="share p of pairs seen", ylabel="share that stays", ylim=(-0.03, 1.03))
    ax.legend(**SMALL, loc="lower right")


def decay(ax, rows: Sequence[dict]) -> None:
    """Steps to half of the unseen pairs (full) and to the arrival of the signal (empty), against weight decay."""
    for (name, label), color in zip({"Z41": "M = 41", "Z71": "M = 71"}.items(), (BLUE, ORANGE), strict=True):
        own = [row for row in rows if row["group"] == name]
        done = [row for row in own if math.isfinite(row["half"])]
        if done:
            ax.loglog([r["decay"] for r in done], [r["half"] for r in done], "o", ms=3, color=color, label=label)
        early = [(r["decay"], max(r["arrival"], 1)) for r in own]
        if early:
            ax.loglog(*zip(*early, strict=True), "o", ms=3, mfc="none", color=color)
    x = np.array([1e-5, 2e-4])
    ax.loglog(x, 0.1 / x, "--", color="black", lw=0.8)
    ax.set(xlabel="weight decay η", ylabel="steps", ylim=(3, 2e4))
    ax.legend(**SMALL, loc="upper right")


def doses(ax, found: Sequence[tuple]) -> None:
    """The signal along the targets, summed from its trough on; a dot where half of the unseen pairs are right."""
    for (eta, step, total, half), color in zip(found, COLORS, strict=False):
        late = total > 0
        ax.loglog(step[late], total[late], color=color, label=f"{eta:g}")
        if math.isfinite(half):
            ax.loglog(half, np.interp(half, step, total), "o", ms=4, color=color)
    ax.set(xlabel="steps", ylabel="dose", xlim=(50, 6e4), ylim=(3, 3e3))
    ax.legend(**SMALL, loc="lower right", title="η", title_fontsize=7)


def top(ax, found: Mapping[str, Mapping[bool, Mapping[int, float]]]) -> None:
    """Steps with the default start and from V = 0 in each setting, a line for each seed."""
    for (name, steps), color in zip(found.items(), COLORS, strict=False):
        for place, seed in enumerate(steps[False]):
            pair = [steps[zero][seed] for zero in (False, True)]
            ax.semilogy((0, 1), pair, "o-", ms=3, color=color, label=name if place == 0 else None)
    ax.set(xlim=(-0.3, 1.3), ylim=(10, 6e3), ylabel="steps")
    ax.set_xticks((0, 1), ("default", "V = 0"))
    ax.legend(**SMALL, loc="upper right")


def optimizers(ax, best: Mapping[tuple[int, bool], Sequence[tuple[float, int]]], which: int) -> None:
    """Test loss (0) or number of different frequencies (1) of each run with Adam and with Muon, by hidden units."""
    sizes = sorted({K for K, _ in best})
    for muon, color, label in ((False, BLUE, "Adam"), (True, RED, "Muon")):
        for place, K in enumerate(sizes):
            values = [run[which] for run in best[K, muon]]
            at = place + (0.12 if muon else -0.12)
            ax.plot([at] * len(values), values, "o", ms=3, color=color, label=label if place == 0 else None)
    ax.set(xlim=(-0.6, len(sizes) - 0.4), xlabel="hidden units K", ylabel=("test loss", "frequencies held")[which])
    ax.set_xticks(range(len(sizes)), [f"{K}" for K in sizes])
    ax.set_ylim(0, 1.08 * max(run[which] for runs in best.values() for run in runs))
    ax.legend(**SMALL, loc="lower left")
