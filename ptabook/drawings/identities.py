"""Six of the identities: paths, growth, linear systems, kicks, changes of weights, many oscillators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ptacore import plotting
from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

TITLES = (
    "paths − backpropagation",
    "forwards and backwards",
    "linear systems",
    "kicks of the state",
    "changes of the weights",
    "m zeros among 2m",
)
PATHS = {"trapezoid": (BLUE, 0.017, 2.5e-3), "simpson": (ORANGE, 0.09, 3e-7)}  # and where their names stand
FIVE = ((BLUE, "one point"), (ORANGE, "two points"), (GREEN, "line, cycle"), (RED, "chaos"), (PURPLE, ""))
KICKS = {
    "along the line": (GREEN, "-", 20, 4.0),
    "across the line": (GREEN, "--", 11.5, 1e-8),
    "along the cycle": (PURPLE, "-", 20, 0.13),
    "off the cycle": (PURPLE, "--", 25, 2e-3),
}
CHANGES = {
    "line_attractor": (GREEN, 3e1),
    "two_equal_oscillators": (ORANGE, 2e0),
    "two_different_oscillators": (BLUE, 2e-10),
    "limit_cycle": (PURPLE, 1.3e-11),
}


def draw(
    paths: Sequence,
    growth: Mapping,
    leading: Mapping,
    linear: Sequence,
    kicks: Mapping,
    changes: Sequence,
    zeros: Mapping,
):
    """Draw the figure.

    Parameters
    ----------
    paths : sequence
        Steps (K,), and mappings from the quadrature's name to differences (K,) and to orders (K - 1,).
    growth, leading : mapping
        From each of the five systems' names to intervals and rates forwards and backwards (T,), and to the leading
        exponent.
    linear : sequence
        Times (T,), growth along eigenvectors of a normal matrix (T, 4), times, growth by one that is not normal.
    kicks : mapping
        From the names in `KICKS` to times and shares (T,).
    changes : sequence
        Sizes (K,), and a mapping from the names in `CHANGES` to exponents, "low", "median" and "high" (K,).
    zeros : mapping
        From "different" or "equal" and the number of oscillators m to exponents (2 m,).

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(2, 3, height=5.0)
    fig.get_layout_engine().set(w_pad=0.05, h_pad=0.06)
    (a, b, c), (d, e, f) = axes
    _paths(a, *paths)
    _growth(b, growth, leading)
    _linear(c, *linear)
    _kicks(d, kicks)
    _changes(e, *changes)
    _zeros(f, zeros)
    for ax, letter, title in zip(axes.flat, "abcdef", TITLES, strict=True):
        ax.set_title(rf"$\mathbf{{{letter}}}$  {title}", loc="left")
    return fig


def _label(ax, x, y, text, color, **options) -> None:
    ax.text(x, y, text, color=color, **({"ha": "left", "va": "center"} | options))


def _paths(ax, steps, difference, order) -> None:
    for rule, (color, x, y) in PATHS.items():
        ax.loglog(steps, difference[rule], "o-", ms=3, color=color)
        _label(ax, x, y, f"{rule.capitalize()}\nslope {order[rule][-1]:.2f}", color)
    ax.set_xticks([0.02, 0.1, 0.5], ["0.02", "0.1", "0.5"])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="step (τ)", ylabel="relative difference")


def _growth(ax, growth, leading) -> None:
    longest = max(float(interval[-1]) for interval, _, _ in growth.values())
    for (name, (interval, forward, backward)), (color, short) in zip(growth.items(), FIVE, strict=True):
        ax.semilogx(interval, forward, color=color)
        ax.semilogx(interval, backward, "--", color=color)
        ax.plot([1.2 * longest, 1.8 * longest], 2 * [leading[name]], color=color, lw=2)
        _label(ax, 2.1 * longest, leading[name], short, color)
    ax.set(xlabel="interval (τ)", ylabel="growth rate (1/τ)", xlim=(0.5, 25 * longest), ylim=(-1.5, 0.6))
    ax.set_xticks([1, 10, 100])
    ax.minorticks_off()


def _linear(ax, t, along, t_other, hump) -> None:
    for column in along.T:
        ax.semilogy(t, column, color=BLUE)
    ax.semilogy(t_other, hump, color=RED)
    for x, y, text in ((17.5, 18, "0.1"), (17.5, 2.2, "0"), (16.3, 0.022, "−0.3"), (13, 1.1e-3, "−0.6±2i")):
        _label(ax, x, y, text, BLUE)
    _label(ax, 5.5, 20, "not normal\n(−0.3, −0.6)", RED, ha="center")
    ax.set(xlabel="time", ylabel="|Δ v|", xlim=(0, 20), ylim=(1e-4, 100))


def _kicks(ax, kicks) -> None:
    for name, (color, style, x, y) in KICKS.items():
        ax.semilogy(*kicks[name], style, color=color)
        _label(ax, x, y, name, color)
    ax.set(xlabel="time (τ)", ylabel="share of the kick", xlim=(0, 60), ylim=(1e-9, 20))


def _changes(ax, sizes, bands) -> None:
    for name, (color, y) in CHANGES.items():
        band = bands[name]
        ax.loglog(sizes, band["median"], "o-", ms=3, color=color)
        ax.fill_between(sizes, band["low"], band["high"], color=color, alpha=0.2, lw=0)
        _label(ax, 9e-5, y, name.replace("_", " "), color)
    ax.set(xlabel="change of the weights", ylabel="|λ| that was zero (1/τ)", ylim=(2e-12, 2e2))
    ax.set_xticks([1e-4, 1e-3, 1e-2, 1e-1])


def _zeros(ax, zeros) -> None:
    for kind, shift, face, color in (("different", -0.14, BLUE, BLUE), ("equal", 0.14, "white", ORANGE)):
        label = f"{kind} frequencies"
        for m in range(1, 6):
            exponents = zeros[kind, m]
            at = [m + shift] * len(exponents)
            ax.plot(at, exponents, "o", ms=3.5, mfc=face, color=color, label=label if m == 5 else None)
    for m in range(1, 6):
        _label(ax, m, 0.05, f"{m}×", "0.35", ha="center")
    ax.axhline(0, color=GREY, lw=0.6, zorder=0)
    ax.set(xlabel="number of oscillators", ylabel="exponents (1/τ)", xticks=range(1, 6), ylim=(-0.85, 0.1))
    ax.legend(loc="lower left", frameon=False, handletextpad=0.1, borderpad=0.1, labelspacing=0.2)
