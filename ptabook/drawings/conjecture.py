"""A search for other zeros: what random systems do, how it was decided, what a change leaves, and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import binomtest

from ptacore import plotting
from ptacore.plotting import BLUE, BROWN, GREEN, GREY, ORANGE, PURPLE, RED

KINDS = {
    "rest, periodic (maps)": GREY,
    "one zero": BLUE,
    "more zeros": GREEN,
    "chaos": RED,
    "undecided": "black",
}
FOUND = {"flow": BLUE, "map": ORANGE}
PLANTED = {"planted, motion": (GREEN, "D", 0.14), "planted, continuum": (RED, "X", 0.0)}
GROUPS = tuple(zip((BLUE, ORANGE, GREEN, PURPLE, RED, BROWN), "osDPXv", strict=True))
TICKS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1)


def draw(
    shares: Mapping,
    ratios: Mapping,
    found: Mapping,
    planted: Mapping,
    kept: Mapping,
    sizes: Sequence,
    orbits: Mapping,
    bounds: Mapping,
):
    """Draw the figure.

    Parameters
    ----------
    shares : mapping
        From a family's name and a name in `KINDS` to the share of draws with 2 to 6 dimensions.
    ratios : mapping
        From "flow" and "map" to sizes of exponents relative to the resolution.
    found, planted : mapping
        From the names in `FOUND` and in `PLANTED` to numbers of zeros and dimensions.
    kept : mapping
        From a group's name to counts (sizes, 2): of changed systems, and of those that keep all zeros.
    sizes : sequence
        Sizes of the changes.
    orbits : mapping
        From "cycle" and "circle" to states (T, n) and a title, from "torus" to states (T, 3) and a title.
    bounds : mapping
        From a family's name to the number of draws and upper bounds of a share: without and with the undecided ones.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(3, 2, height=7.8)
    fig.get_layout_engine().set(w_pad=0.06, h_pad=0.05, hspace=0.09)
    (a, b), (c, d), (e, f) = axes
    _shares(a, shares)
    _ratios(b, ratios)
    _dimensions(c, found, planted)
    _kept(d, kept, np.asarray(sizes))
    _orbits(e, orbits)
    _bounds(f, bounds)
    for ax, letter, pad in zip(axes.flat, "ABCDEF", (24, None, None, 30, None, 18), strict=True):
        ax.set_title(letter, loc="left", pad=pad)
    return fig


def _shares(ax, shares) -> None:
    for j, (family, kinds) in enumerate(shares.items()):
        place, bottom = 6 * j + np.arange(5), np.zeros(5)
        for label, color in KINDS.items():
            ax.bar(place, kinds[label], 0.85, bottom, color=color, label=None if j else label)
            bottom += kinds[label]
        ax.text(6 * j + 2, 1.03, family.replace(" ", "\n"), ha="center", va="bottom")
    ax.set_xticks([6 * j + k for j in range(len(shares)) for k in (0, 2, 4)], [2, 4, 6] * len(shares))
    ax.set(xlabel="dimension n", ylabel="share of draws", ylim=(0, 1))
    below = {"loc": "upper center", "bbox_to_anchor": (0.48, -0.22), "ncols": 3}
    tight = {"handlelength": 0.8, "columnspacing": 0.8, "handletextpad": 0.4}
    ax.legend(frameon=False, **below, **tight).set_in_layout(False)


def _ratios(ax, ratios) -> None:
    for kind, color in FOUND.items():
        exponents = np.log10(np.clip(ratios[kind], 1e-8, 9e3))
        ax.hist(exponents, np.arange(-8, 4.01, 0.5), alpha=0.75, color=color, label=kind + "s")
    for threshold in (0.1, 0.5):
        ax.axvline(math.log10(threshold), color="black", ls=":", lw=0.9)
    ax.set(xlabel="|λ| / resolution", ylabel="exponents", yscale="log")
    ax.set_xticks([-8, -6, -4, -2, 0, 2, 4], ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1", "10²", "10⁴"])
    ax.legend(frameon=False, loc="upper left")
    ax.minorticks_off()


def _dimensions(ax, found, planted) -> None:
    """The zeros of what the search found are drawn a little apart."""
    rng = np.random.default_rng(0)
    for kind, color in FOUND.items():
        zeros, dimension = (np.asarray(values) for values in found[kind])
        apart = zeros + rng.uniform(-0.06, 0.06, len(zeros))
        points = {"ms": 2, "mew": 0, "alpha": 0.5, "rasterized": True}
        ax.plot(apart, dimension, "o", **points, color=color, label=f"found, {kind}s")
    for label, (color, marker, shift) in PLANTED.items():
        zeros, dimension = planted[label]
        ax.plot(np.add(zeros, shift), dimension, marker, ms=5, mew=0, color=color, label=label)
    for name, x, y in (("line, ring, 1:3", 1.1, 0.0), ("centre, 1:1", 2.1, 0.89)):
        ax.text(x, y, name, va="center")
    ax.plot([0, 3.4], [0, 3.4], color=GREY, lw=0.8, zorder=0)
    ax.set(xlabel="zero exponents Z", ylabel="dimension D", xlim=(0.6, 3.4), ylim=(-0.2, 3.6))
    ax.set(xticks=[1, 2, 3], yticks=[0, 1, 2, 3])
    ax.legend(frameon=False, loc="upper left", borderpad=0, handletextpad=0.2, labelspacing=0.25)


def _kept(ax, kept, sizes) -> None:
    """Shares with 95% intervals, the groups side by side."""
    shifts = np.linspace(-0.16, 0.16, len(GROUPS))
    for shift, (group, counts), (color, marker) in zip(shifts, kept.items(), GROUPS, strict=True):
        counts = np.asarray(counts)
        share = counts[:, 1] / counts[:, 0]
        ends = np.array([binomtest(int(k), int(n)).proportion_ci(0.95) for n, k in counts[:, :2]])
        error = np.clip([share - ends[:, 0], ends[:, 1] - share], 0, None)
        lines = {"fmt": marker + "-", "ms": 3.5, "lw": 0.8, "elinewidth": 0.7}
        ax.errorbar(sizes * 10**shift, share, error, **lines, color=color, label=group)
    ax.set(xscale="log", xlabel="change ε of all parameters", ylabel="share that keep all zeros", ylim=(-0.04, 1.04))
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.99), "ncols": 3, "borderpad": 0}
    tight = {"handlelength": 1, "columnspacing": 0.8, "handletextpad": 0.3}
    ax.legend(frameon=False, **above, **tight).set_in_layout(False)


def _orbits(ax, orbits) -> None:
    """Cycle, circle, and a torus with its section by the plane y = 0."""
    ax.axis("off")
    for name, left, style, color in (("cycle", 0.0, "-", BLUE), ("circle", 0.34, ".", ORANGE)):
        x, title = orbits[name]
        inset = ax.inset_axes((left, 0.2, 0.27, 0.62))
        inset.plot(x[:, 0], x[:, 1], style, ms=1.2, lw=0.9, rasterized=True, color=color)
        inset.set(xticks=[], yticks=[], xlabel="x₁", ylabel="x₂", title=title)
    x, title = orbits["torus"]
    inset = ax.inset_axes((0.68, 0.2, 0.32, 0.62))
    inset.plot(x[:1500, 0], x[:1500, 2], lw=0.35, color=GREEN, rasterized=True)
    section = x[1:][(x[:-1, 1] < 0) & (x[1:, 1] >= 0)]
    inset.plot(section[:, 0], section[:, 2], ".", ms=2, color=ORANGE)
    inset.set(xticks=[], yticks=[], xlabel="x", ylabel="z", title=title)


def _bounds(ax, bounds) -> None:
    for y, (_, one, two) in enumerate(bounds.values()):
        ax.plot([one, two], [y, y], color=GREY, lw=1, zorder=0)
        ax.plot(one, y, "<", color=GREEN, ms=5, label=None if y else "undecided left out")
        ax.plot(two, y, "<", color="black", ms=5, label=None if y else "undecided counted")
    ax.set_yticks(range(len(bounds)), [f"{name}\n({draws})" for name, (draws, *_) in bounds.items()])
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="share of anything else, 95% upper bound (%)")
    ax.minorticks_off()
    low, high = ax.get_xlim()
    ticks = [tick for tick in TICKS if low < tick < high]
    ax.set_xticks(ticks, [f"{100 * tick:g}" for tick in ticks])
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.98), "ncols": 2}
    ax.legend(frameon=False, **above, handletextpad=0.1).set_in_layout(False)
