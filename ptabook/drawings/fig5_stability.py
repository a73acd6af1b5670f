"""What survives a change of the weights: nine panels, a function each, which draws into a given axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import BoundaryNorm, ListedColormap
from torch import Tensor

from ptacore import plotting
from ptacore.plotting import BLUE, BROWN, CYAN, GREEN, GREY, ORANGE, PINK, PURPLE, RED

COLORS = {
    "line attractor": ORANGE,
    "ring attractor": RED,
    "square": BROWN,
    "identity": PINK,
    "limit cycle": PURPLE,
    "PTA, flow": GREEN,
    "PTA, tanh": BLUE,
    "PTA, GRU": CYAN,
    "PTA, one band": "black",
    "PTA, tanh, own": BLUE,
}
MARKERS = dict(zip(COLORS, "osD^vP*Xs*", strict=True))
THEORY = {"color": "0.35", "lw": 0.8}
LEGEND = {"frameon": False, "borderpad": 0.0}
CORNER = LEGEND | {"loc": "upper left", "handletextpad": 0.0}
TITLES = (
    *("each draw", "own weights", "all weights", "in proportion", "two oscillators", "when pairs lock"),
    *("larger tori", "random coupling", "synchrony (L5)"),
)


def panels():
    """Nine panels with their letters and titles: a figure, its axes (3, 3)."""
    fig, axes = plotting.figure(3, 3, height=7.4)
    fig.get_layout_engine().set(w_pad=0.05, h_pad=0.06)
    for ax, letter, title in zip(axes.flat, "abcdefghi", TITLES, strict=True):
        ax.set_title(rf"$\mathbf{{{letter}}}$  {title}", loc="left")
    return fig, axes


def each_draw(ax, sizes: Tensor, leading: Mapping, last: Mapping, slope: float, resolution: float) -> None:
    """Sizes of exponents that had been zero, one dot a draw, beside first-order theory and resolution.

    Parameters
    ----------
    ax : matplotlib axes
    sizes : Tensor (S,)
        Sizes of the changes.
    leading, last : dict of Tensor (S, draws)
        By family and kind of change: size of the first and of the last of these exponents.
    slope : float
        Slope of the theory, exponent over size.
    resolution : float
        Below it nothing is seen.
    """
    clouds = (
        (leading["line attractor", "all"], -0.13, ORANGE, "line"),
        (leading["PTA, tanh", "all"], 0.0, CYAN, "PTA, first"),
        (last["PTA, tanh", "all"], 0.13, BLUE, "PTA, last"),
    )
    for values, shift, color, text in clouds:
        for size, draws in zip(sizes, values, strict=True):
            shown = draws[: min(100, len(draws))].clamp_min(1e-11)
            jitter = torch.linspace(-0.05, 0.05, len(shown), dtype=torch.float64)
            ax.plot(size * 10 ** (shift + jitter), shown, "o", ms=1.1, color=color, mew=0, rasterized=True)
        ax.plot([], [], "o", ms=3, color=color, label=text)
    span = torch.tensor([6e-5, 1.7e-1])
    ax.plot(span, span * slope, **THEORY)
    ax.axhline(resolution, ls=":", **THEORY)
    ax.set(xscale="log", yscale="log", ylim=(1e-11, 3e3), xlabel="change ε, all weights", ylabel="|λ| that was zero")
    ax.legend(**CORNER | {"handletextpad": -0.3}, ncols=2, columnspacing=0.2, labelspacing=0.2)
    ax.set_yticks([1e-10, 1e-7, 1e-4, 1e-1])


def shares_left(
    ax, kind: str, sizes: Tensor, left: Mapping, intervals: Mapping, seen: float, named: Sequence[str]
) -> None:
    """Share of zero exponents left after changes of one kind, with intervals.

    Parameters
    ----------
    ax : matplotlib axes
    kind : {"own", "all"}
        Kind of the changes.
    sizes : Tensor (S,)
    left : dict of Tensor (S, draws)
        By family and kind of change: shares.
    intervals : dict of array (S, 2)
        Intervals of their means.
    seen : float
        From this size on the run sees a continuous attractor's shift.
    named : sequence of str
        Families in the legend.
    """
    for name in [family for family, changed in left if changed == kind]:
        share = left[name, kind].mean(1).numpy()
        low, high = intervals[name, kind].T
        error = np.clip([share - low, high - share], 0, None)
        label = name.replace(" attractor", "").replace("PTA,", "PTA") if name in named else None
        style = {"fmt": f"{MARKERS[name]}-", "ms": 3, "color": COLORS[name], "elinewidth": 0.7}
        ax.errorbar(sizes, share, error, label=label, **style)
    ax.axvline(seen, ls=":", **THEORY)
    ax.set(xscale="log", ylim=(-0.04, 1.06), xlabel=f"change ε, {kind} weights", ylabel="share of zeros left")
    ax.legend(loc="center right", **LEGEND, handlelength=1.2, handletextpad=0.3)


def shares_lost(ax, sizes: Tensor, lost: Mapping[str, Tensor], expected: Tensor) -> None:
    """Share of zero exponents lost, on logarithmic axes, with two standard errors.

    Parameters
    ----------
    ax : matplotlib axes
    sizes : Tensor (S,)
    lost : dict of Tensor (S, draws)
        Shares by family, five of them.
    expected : Tensor (s,)
        Prediction of the family in one band at the largest s sizes.
    """
    for shift, (name, values) in zip((-0.1, 0.1, -0.05, 0, 0.05), lost.items(), strict=True):
        share = values.mean(1).numpy()
        some = share > 0
        error = 2 * values.std(1).numpy() / math.sqrt(values.shape[1])
        bars = np.stack([np.minimum(error, 0.8 * share), error])[:, some]
        style = {"fmt": MARKERS[name], "ms": 3.5, "color": COLORS[name], "elinewidth": 0.7}
        style |= {"mfc": "white" if name.endswith("own") else COLORS[name], "label": name.replace("PTA, ", "")}
        ax.errorbar(sizes.numpy()[some] * 10**shift, share[some], bars, **style)
    ax.plot(sizes[-len(expected) :], expected, "--", color="black", lw=0.9)
    ax.plot(sizes, 0.4 * sizes, color=GREY, lw=0.7)
    ax.set(xscale="log", yscale="log", ylim=(2e-5, 20), xlabel="change ε", ylabel="share of zeros lost")
    ax.set_yticks([1e-4, 1e-3, 1e-2, 1e-1, 1])
    ax.minorticks_off()
    ax.legend(**CORNER, labelspacing=0.15, ncols=2, columnspacing=0.3)


def tongue(ax, detuning: Tensor, coupling: Tensor, second: Tensor, edge: Tensor) -> None:
    """Second exponent (couplings, detunings) of two oscillators, and where Adler's equation has them lock."""
    options = {"cmap": "cividis", "shading": "nearest", "rasterized": True}
    grid = (values.numpy() for values in (detuning, coupling, second.clamp_max(0)))
    mesh = ax.pcolormesh(*grid, **options)
    ax.plot(detuning, edge, "--", color="white", lw=1)
    ax.figure.colorbar(mesh, ax=ax, label="second exponent", ticks=[0, -0.1, -0.2])
    ax.text(0.02, 0.115, "locked", color="white")
    ax.text(0.13, 0.02, "drift", color="black")
    ax.set(xlabel="Δω (rad/step)", ylabel="coupling κ", xticks=[0, 0.1, 0.2], yticks=[0, 0.05, 0.1, 0.15])


def pairs(ax, predicted: Tensor, measured: Tensor, strong: Tensor) -> None:
    """Couplings (pairs,) at which random pairs lock; strong: those of gains clear of the critical one."""
    for group, color, text in ((strong, BLUE, "gain > 1.05"), (~strong, ORANGE, "weaker")):
        ax.loglog(predicted[group], measured[group], "o", ms=2, mew=0, color=color, label=text)
    span = [predicted.min(), predicted.max()]
    ax.plot(span, span, **THEORY)
    ax.set(xlabel="predicted κ", ylabel="measured κ")
    ax.legend(**CORNER)


def larger_tori(ax, oscillators: Sequence[int], curves: Mapping[str, tuple]) -> None:
    """Zeros lost over the number of oscillators.

    Parameters
    ----------
    ax : matplotlib axes
    oscillators : sequence of int
    curves : dict of (list, list, list)
        Mean, two standard errors and prediction, of "band" and of "full", whose prediction is not drawn.
    """
    for name, color, mark, text in (("band", "black", "s", "one band"), ("full", BLUE, "*", "full pool")):
        mean, error, expected = curves[name]
        ax.errorbar(oscillators, mean, error, fmt=mark, ms=4, color=color, elinewidth=0.7, label=text)
        if name == "band":
            ax.plot(oscillators, expected, "--", color=color, lw=0.9)
    ax.set(xscale="log", yscale="log", xlabel="oscillators m", ylabel="zeros lost, ε = 1%")
    ax.set_xticks(oscillators, [str(v) for v in oscillators])
    ax.minorticks_off()
    ax.legend(**CORNER)


def random_coupling(ax, strengths: Tensor, counts: Tensor) -> None:
    """Mean numbers (strengths, 3) of zero, positive and negative exponents among eight."""
    colors = {"colors": [RED, GREEN, BLUE], "lw": 0, "alpha": 0.85}
    ax.stackplot(strengths, counts[:, 1], counts[:, 0], counts[:, 2], **colors)
    ax.set(xscale="log", xlim=(0.01, 3), ylim=(0, 8), xlabel="change ε, all weights", ylabel="exponents, of 8")
    ax.text(0.02, 3, "zero", color="white", fontweight="bold")
    ax.text(0.6, 5.5, "negative", color="white", fontweight="bold", ha="center")
    middle = {"va": "center", "ha": "center", "arrowprops": {"arrowstyle": "-", "lw": 0.6}}
    ax.annotate("positive", (2, 0.4), (0.25, 0.35), color="black", fontsize=8, **middle)


def synchrony(
    ax, gains: Tensor, common: Tensor, zeros: Tensor, positive: Tensor, radius: Tensor, threshold: float, most: int
) -> None:
    """Number of zero exponents over gain and common coupling, a dot where one is positive (prediction L5).

    Parameters
    ----------
    ax : matplotlib axes
    gains, common : Tensor (A,), (K,)
        Gains and couplings.
    zeros, positive : Tensor (K, A)
        Numbers of zero and of positive exponents.
    radius : Tensor (K, A)
        Spectral radius of the weights: below 1 the origin attracts.
    threshold : float
        Coupling over gain above which the phase model locks.
    most : int
        Number of oscillators.
    """
    shades = ListedColormap([(0.65, 0.65, 0.65, 1.0), *plt.get_cmap("cividis")(np.linspace(0, 1, most))])  # none: grey
    steps = BoundaryNorm(np.arange(most + 2) - 0.5, most + 1)
    x, y = gains.numpy(), common.numpy()
    options = {"cmap": shades, "norm": steps, "shading": "nearest", "rasterized": True}
    mesh = ax.pcolormesh(x, y, zeros.numpy(), **options)
    K, A = torch.meshgrid(common, gains, indexing="ij")
    ax.plot(A[positive > 0], K[positive > 0], "o", ms=1.5, color="black", mew=0)
    ax.contour(x, y, radius.numpy(), levels=[1.0], colors="white", linewidths=1)
    ax.plot(gains, threshold * gains, "--", color="white", lw=1)
    ax.set(xlabel="gain α", ylabel="common coupling κ", ylim=(y[0], y[-1]))
    ax.figure.colorbar(mesh, ax=ax, label="zero exponents", ticks=[0, 1, 4, 8])
