"""The drawings of learning in a closed loop: two lessons, the three stages, the loop's exponents and starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap

from ptacore.plotting import BLUE, CYAN, GREEN, GREY, ORANGE, PURPLE, RED, figure, letters

PATHS = (BLUE, CYAN, GREEN, ORANGE, RED, PURPLE)
REGIONS = ListedColormap(["#ffffff", "#dcebf5", "#f6e3d3"])  # stable, growing swings, runs away
STARTS = {
    "default": ("radius 0.1", GREY),
    "memory": ("radius 0.9", ORANGE),
    "orthogonal": ("orthogonal", GREEN),
    "pta": ("oscillators", BLUE),
}
OPTIMIZERS = {
    "sgd-clipped": ("SGD, clipped", BLUE, "-"),
    "sgd": ("SGD", CYAN, "--"),
    "adam-clipped": ("Adam, clipped", ORANGE, "-"),
    "adam": ("Adam", RED, "--"),
}


def lessons(losses: Mapping, ends: Sequence[float], gains: Sequence, ways: Mapping):
    """The main figure: costs in both loops, and the gains on the map of what is stable.

    Parameters
    ----------
    losses : mapping
        From "closed loop" and "open loop" to costs (seeds, epochs).
    ends : sequence of float
        Epochs of the ends of stages 1 and 2.
    gains : sequence
        Grids of k1 and k2, and at each point 0 (stable), 1 (growing swings) or 2 (runs away).
    ways : mapping
        From the same names to k1 and k2 along training (2, epochs).
    """
    fig, ((left, right),) = figure(1, 2, height=3.0, width_ratios=[1.15, 1])
    for (name, cost), color in zip(losses.items(), (BLUE, ORANGE), strict=True):
        epoch = np.arange(1, cost.shape[1] + 1)
        left.fill_between(epoch, cost.min(0), cost.max(0), color=color, alpha=0.2, lw=0)
        left.semilogy(epoch, np.median(cost, 0), color=color, label=name)
    _ends(left, ends)
    left.set(xlabel="epoch", ylabel="cost in the loop", xlim=(0, cost.shape[1]))
    left.legend(frameon=False, loc="upper right")
    right.pcolormesh(*gains[:2], gains[2], cmap=REGIONS, vmin=0, vmax=2, rasterized=True)
    for (name, k), color in zip(ways.items(), (BLUE, ORANGE), strict=True):
        right.plot(*k, color=color, label=name)
        marks = [min(int(end), k.shape[1]) - 1 for end in ends]
        right.plot(*k[:, [*marks, -1]], "o", ms=3.5, color=color, mec="white", mew=0.5)
    for x, y, text in ((-0.85, -0.25, "growing\nswings"), (0.3, -0.9, "runs\naway"), (-0.62, -1.05, "stable")):
        right.text(x, y, text, ha="center", va="center", color="0.3")
    right.set(
        xlabel="gain of the position, $k_1$", ylabel="gain of the velocity, $k_2$", xlim=(-1.2, 0.6), ylim=(-1.2, 0.6)
    )
    letters((left, right))
    return fig


def _ends(ax, ends) -> None:
    for end in ends:
        ax.axvline(end, color="black", ls="--", lw=0.7)


def first(curve: Sequence, ten: Sequence, swings: Mapping):
    """Stage 1: the cost by feedback, ten ways there, the loops at the end of two stages.

    Parameters
    ----------
    curve : sequence
        Feedback, simulated cost and geometric series (k,).
    ten : sequence of array (epochs + 1,)
        The feedback along training.
    swings : mapping
        From "end of stage 1" and "end of stage 2" to positions (T + 1,).
    """
    fig, ((a, b, c),) = figure(1, 3, height=2.5)
    zm, simulated, series = curve
    a.semilogy(zm, simulated, color="black", lw=1.6, label="simulated")
    a.semilogy(zm, series, color=ORANGE, ls="--", label="growth alone")
    a.set(xlabel=r"feedback $\sigma_{zm}$", ylabel="cost")
    a.legend(frameon=False, loc="upper left")
    for path in ten:
        b.plot(path, color=BLUE, lw=0.8)
    b.axhline(0, color=GREY, lw=0.6, zorder=0)
    b.set(xlabel="epoch", ylabel=r"feedback $\sigma_{zm}$")
    for (name, x), color in zip(swings.items(), (ORANGE, BLUE), strict=True):
        c.plot(x, color=color, lw=0.8, label=name)
    c.set(xlabel="step", ylabel="position")
    c.legend(frameon=False, loc="upper left")
    letters((a, b, c))
    return fig


def second(path, end: int, surrogate: Mapping, lengths: Mapping, conflict: Sequence):
    """Stage 2: the leading eigenvalue's way in the plane, in model and network, and the quarrel of two horizons.

    Parameters
    ----------
    path : complex array (E,)
        Leading eigenvalue, epoch after epoch.
    end : int
        Index at which it stays inside the circle.
    surrogate, lengths : mapping
        From the weight of the long term, and from an episode's length, to complex paths.
    conflict : sequence
        Epochs (k,), cosines between two gradients (seeds, k), epoch of the end of stage 2.
    """
    fig, ((a, b), (c, d)) = figure(2, 2, height=5.0)
    path = np.asarray(path)
    a.plot(path.real, np.abs(path.imag), color=GREY, lw=0.5)
    a.scatter(path.real, np.abs(path.imag), c=np.arange(len(path)), cmap="viridis", s=5, zorder=3)
    a.plot(path[end].real, abs(path[end].imag), "o", mfc="none", mec=RED, ms=7, zorder=4)
    for ax, ways, name in ((b, surrogate, r"$\alpha$ = {:g}"), (c, lengths, "T = {}")):
        for (key, way), color in zip(ways.items(), PATHS, strict=False):
            way = np.asarray(way)
            ax.plot(way.real, way.imag, color=color, lw=0.9, label=name.format(key))
            ax.plot(way[-1].real, way[-1].imag, "o", ms=3.5, color=color)
        ax.legend(frameon=False, loc="upper left" if ax is c else "upper right", handlelength=1.2)
    for ax in (a, b, c):
        angle = np.linspace(0, 0.9, 200)
        ax.plot(np.cos(angle), np.sin(angle), color="black", ls="--", lw=0.7)
        ax.set(xlabel="real part", ylabel="imaginary part")
    a.set(xlim=(0.93, 1.005), ylim=(0.11, 0.2))
    b.set(xlim=(0.94, 1.32), ylim=(-0.02, 0.6))
    c.set(xlim=(0.6, 1.04), ylim=(-0.02, 0.62))
    epochs, cosines, stable = conflict
    d.fill_between(epochs, cosines.min(0), cosines.max(0), color=BLUE, alpha=0.2, lw=0)
    d.plot(epochs, np.median(cosines, 0), color=BLUE)
    d.axhline(0, color=GREY, lw=0.6, zorder=0)
    _ends(d, [stable])
    d.set(xlabel="epoch", ylabel="cosine of two gradients", ylim=(-1.05, 1.05))
    letters((a, b, c, d))
    return fig


def third(eigenvalues, ends: Sequence, refined: Mapping):
    """Stage 3: moduli of the eigenvalues, and costs by the price on controls.

    Parameters
    ----------
    eigenvalues : complex array (epochs + 1, 3)
    ends : sequence of int
        Ends of stages 1 and 2.
    refined : mapping
        From a price to the end of stage 2, and to costs of the network and, from there on, of the model.
    """
    fig, ((a, b),) = figure(1, 2, width=6.6, height=2.7)
    values = np.asarray(eigenvalues)
    real = np.abs(values.imag).argmin(1)
    rows = np.arange(len(values))
    pair = np.abs(values[rows, (real + 1) % 3])
    a.plot(rows, pair, color=BLUE, label="pair")
    a.plot(rows, np.abs(values[rows, real]), color=ORANGE, label="third")
    a.axhline(1, color=GREY, lw=0.6, zorder=0)
    _ends(a, ends)
    a.set(xlabel="epoch", ylabel="modulus", ylim=(0, 1.25))
    a.legend(frameon=False, loc="center right")
    for (price, (end, full, small)), color in zip(refined.items(), (BLUE, GREEN, ORANGE, PURPLE), strict=False):
        b.semilogy(np.arange(1, len(full) + 1), full, color=color, label=rf"$\beta$ = {price:g}")
        b.semilogy(end + np.arange(1, len(small) + 1), small, color="black", ls="--", lw=0.8)
    b.set(xlabel="epoch", ylabel="cost")
    b.legend(frameon=False, loc="lower left")
    letters((a, b))
    return fig


def beyond(exponent: Sequence, pull, adjoints: Mapping, starts: Mapping, optimizers: Mapping):
    """What this book's tools say of the loop, and the recorded runs.

    Parameters
    ----------
    exponent : sequence
        Epochs (k,), leading exponents, their tolerances, logarithms of the spectral radius.
    pull : array (T,)
        Derivative of the logarithm of an episode's cost by the feedback, by its length.
    adjoints : mapping
        From a moment of training to norms by lag.
    starts : mapping
        From a start to costs of its runs.
    optimizers : mapping
        From an optimizer to its runs, each with the "cost" by epoch and its "status".
    """
    fig, axes = figure(2, 6, height=4.8)
    grid = axes[0, 0].get_gridspec()
    for ax in axes.flat:
        ax.remove()
    a, b, c = (fig.add_subplot(grid[0, k : k + 2]) for k in (0, 2, 4))
    d, e = (fig.add_subplot(grid[1, k : k + 3]) for k in (0, 3))
    epochs, found, tolerance, radii = exponent
    a.plot(epochs, radii, color=ORANGE)
    a.errorbar(epochs, found, tolerance, fmt="o", ms=3, color=BLUE, capsize=2)
    a.axhline(0, color=GREY, lw=0.6, zorder=0)
    a.set(xlabel="epoch", ylabel="leading exponent (1/step)")
    b.plot(np.arange(1, len(pull) + 1), pull, color=BLUE)
    b.axhline(0, color=GREY, lw=0.6, zorder=0)
    b.set(xlabel="length of an episode (steps)", ylabel=r"d log cost / d $\sigma_{zm}$")
    for (name, norm), color in zip(adjoints.items(), (ORANGE, GREEN, BLUE), strict=True):
        c.semilogy(norm, color=color, label=name)
    c.set(xlabel="lag (steps)", ylabel="norm of the adjoint")
    c.legend(frameon=False, loc="lower left")
    for name, costs in starts.items():
        title, color = STARTS[name]
        _medians(d, costs, label=title, color=color)
    for name, runs in optimizers.items():
        if any(run["status"] != "diverged" for run in runs):  # what diverged has hardly an epoch to show
            title, color, style = OPTIMIZERS[name]
            _medians(e, [run["cost"] for run in runs if run["cost"]], label=title, color=color, ls=style)
    for ax in (d, e):
        ax.set(xlabel="epoch", ylabel="cost in the closed loop", yscale="log")
        if ax.lines:
            ax.legend(frameon=False, loc="upper right")
        else:
            ax.text(0.5, 0.5, "no recorded runs", transform=ax.transAxes, ha="center")
    e.set_ylim(1, 1e5)
    letters((a, b, c, d, e))
    return fig


def _medians(ax, costs, **look) -> None:
    """Median by epoch, as far as all runs go."""
    if costs:
        length = min(map(len, costs))
        ax.plot(np.arange(1, length + 1), np.median([c[:length] for c in costs], 0), **look)
