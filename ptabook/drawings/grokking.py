"""The twelve panels on how features emerge: a pair of runs, closed forms, the energy, the exponents of learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, figure

TITLES = (
    *("a  accuracy", "b  size of the signal", "c  direction of the signal"),
    *("d  turns of the updates", "e  overlaps", "f  top layer alone"),
    *("g  energy of features", "h  two halves of a unit", "i  units that are alike"),
    *("j  what is missing", "k  memorizing one answer", "l  exponents of learning"),
)
SMALL = dict(frameon=False, fontsize=7, handlelength=1.3, borderaxespad=0.2)
RUNS = {"decay": (BLUE, "decay"), "none": (GREY, "no decay")}


def panels():
    """A figure of twelve panels with their titles: (figure, axes (12,))."""
    fig, axes = figure(4, 3, height=8.6)
    for ax, title in zip(axes.flat, TITLES, strict=True):
        ax.set_title(title, loc="left")
    return fig, axes.flatten()


def pair(axes: Sequence, looks: Mapping[str, Sequence[dict]]) -> None:
    """Accuracies, size and direction of the signal of both runs: three panels.

    Parameters
    ----------
    axes : three matplotlib axes
    looks : dict of list of dict
        From a run ("decay", "none") to its looks, with epoch, train, test, signal and aligned.
    """
    for name, rows in looks.items():
        color, label = RUNS[name]
        epoch, train, test, size, aligned = (
            [row[key] for row in rows] for key in ("epoch", "train", "test", "signal", "aligned")
        )
        axes[0].plot(epoch, train, "--", color=color)
        axes[0].plot(epoch, test, color=color, label=label)
        axes[1].plot(epoch, size, color=color)
        axes[2].plot(epoch, aligned, color=color)
    axes[0].set(ylabel="share right", ylim=(-0.03, 1.03))
    axes[0].legend(**SMALL, loc="center right")
    axes[1].set(ylabel="|$G_F$|", ylim=(0, None))
    axes[2].set(ylabel="cosine with targets' part", ylim=(-0.03, 1.03))
    for ax in axes:
        ax.set(xlabel="epoch", xlim=(0, None))


def turns(ax, found: Sequence) -> None:
    """Cosine distance of consecutive updates of W and V, an entry a step."""
    for values, color, label in zip(np.transpose(found), (BLUE, ORANGE), ("W", "V"), strict=True):
        ax.semilogy(np.arange(1, len(values) + 1), values, color=color, label=label)
    ax.set(xlabel="epoch", ylabel="cosine distance", xlim=(0, None))
    ax.legend(**SMALL, loc="lower left")


def overlaps(ax, found: Mapping[str, Sequence]) -> None:
    """How far the hidden activities' Gram matrices are from their ideal, by units and by samples; dotted: 8%."""
    for name, rows in found.items():
        epoch, units, samples, _ = zip(*rows, strict=True)
        color, label = RUNS[name]
        ax.plot(epoch, units, "o-", ms=3, color=color, label=label)
        ax.plot(epoch, samples, "s--", ms=3, mfc="none", color=color)
    ax.axhline(0.08, ls=":", color="black", lw=0.8)
    top = max(max(row[1:3]) for rows in found.values() for row in rows)
    ax.set(xlabel="epoch", ylabel="off / on the ideal", ylim=(0, 1.7 * top))
    ax.legend(**SMALL, loc="upper left")


def top_layer(ax, times, sizes: Mapping[float, Sequence], lasting: float) -> None:
    """Size of the signal while the top layer learns alone, with decay and without; dashed: closed form at the end."""
    for (eta, size), color in zip(sizes.items(), (BLUE, GREY), strict=True):
        ax.loglog(times, size, color=color, label=f"η = {eta:g}")
    ax.axhline(lasting, ls="--", color="black", lw=0.8)
    ax.set(xlabel="time", ylabel="|$G_F$|", ylim=(1e-6, 1e4))
    ax.legend(**SMALL, loc="upper left")


def energies(ax, climbed: Sequence[dict]) -> None:
    """Energy of the features found against the closed form, over M; dotted: the source's values, a fourth of it."""
    for c, color, marker in zip(climbed, (BLUE, ORANGE, GREEN, RED), "os^v", strict=True):
        M = c["group"].order
        values = zip(c["expected"] / M, (c["found"] / M).round(decimals=6), strict=True)
        points = sorted({(float(e), float(f)) for e, f in values})
        x, y = zip(*points, strict=True)
        ax.plot(x, y, marker, ms=5, mfc="none", ls="", color=color, label=c["group"].name)
    line = np.array([0, 0.6])
    ax.plot(line, line, "--", color="black", lw=0.8)
    ax.plot(line, line / 4, ":", color="black", lw=0.8)
    ax.set(xlabel="predicted $E/M$", ylabel="found $E/M$", xlim=(0, 0.6), ylim=(0, 0.6))
    ax.legend(**SMALL | dict(handlelength=0.8), loc="upper left")


def halves(ax, same) -> None:
    """Distribution of |cos| of one half of a unit and the mirrored other; dashed: free phases; dotted: always 1."""
    values = np.sort(np.asarray(same))
    ax.plot(values, np.arange(1, len(values) + 1) / len(values), color=BLUE)
    x = np.linspace(0, 1, 101)
    ax.plot(x, 2 / np.pi * np.arcsin(x), "--", color="black", lw=0.8, label="free phases")
    ax.plot([0, 1, 1], [0, 0, 1], ":", color="black", lw=0.8, label="mirrored")
    ax.set(xlabel="|cos(v, Pu)|", ylabel="share below", xlim=(0, 1.03), ylim=(-0.03, 1.03))
    ax.legend(**SMALL, loc="upper left")


def repulsion(ax, rows: Sequence[tuple[int, float, float]]) -> None:
    """Cosine of the pairs of units that are most alike, and the share of them that repel, by epoch."""
    epoch, alike, repelled = zip(*rows, strict=True)
    ax.plot(epoch, repelled, "o-", ms=3, color=RED, label="share that repels")
    ax.plot(epoch, alike, "s-", ms=3, color=BLUE, label="mean cosine")
    ax.set(xlabel="epoch", ylabel="200 pairs most alike", ylim=(0, 1.05))
    ax.legend(**SMALL, loc="center right")


def missing(ax, effective, held) -> None:
    """Energy that is left of each frequency once some are learned, in units of M/4; crosses: the learned ones."""
    k = np.arange(1, len(effective) + 1)
    learned = np.isin(k - 1, np.asarray(held))
    ax.bar(k[~learned], np.asarray(effective)[~learned], color=BLUE, label="missing")
    ax.plot(k[learned], np.asarray(effective)[learned], "x", color=RED, label="learned")
    ax.set(xlabel="frequency", ylabel="energy left / (M/4)", ylim=(-0.05, 1.5), xticks=k[::2])
    ax.legend(**SMALL, loc="upper left")


def memory(ax, found: Mapping[str, Sequence], seen_as) -> None:
    """Weight of each pair in a unit that memorizes one answer, by activation; dashed: how often a pair is seen."""
    place = np.arange(1, len(seen_as) + 1)
    for (name, z), color in zip(found.items(), (BLUE, ORANGE, GREEN), strict=True):
        ax.plot(place, np.square(z), "o-", ms=3, color=color, label={"square": "$x^2$"}.get(name, name))
    ax.plot(place, seen_as, "--", color="black", lw=0.8)
    ax.set(xlabel="pair, rare to frequent", ylabel="share of the weight", ylim=(-0.03, 1.03))
    ax.set_xticks(place)
    ax.legend(**SMALL, loc="upper left")


def exponents(ax, counts: Mapping[float, Sequence]) -> None:
    """Numbers of directions that grow and that stay, by time, with decay (full) and without (dashed)."""
    for rows, style in zip(counts.values(), ("-", "--"), strict=True):
        t, grow, stay, _ = zip(*rows[1:], strict=True)
        labels = ("grow", "stay") if style == "-" else (None, None)
        for count, color, label in zip((grow, stay), (RED, PURPLE), labels, strict=True):
            ax.loglog(t, np.maximum(count, 0.5), style, color=color, label=label)
    ax.set(xlabel="time", ylabel="directions", ylim=(0.4, 2e3))
    ax.legend(**SMALL, loc="lower left")
