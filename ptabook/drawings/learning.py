"""The nine panels of the predictions about learning."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure

TITLES = (
    *("a  L1: kicks", "b  L1: spectrum", "c  L2: a weight inside", "d  L2: a weight between"),
    *("e  L5: exponents, field", "f  L5: coupling", "g  L5: gain", "h  L5: field", "i  L5: exponents"),
)
DOT, SQUARE, CROSS = (dict(marker=m, ms=s, mfc="none", ls="") for m, s in (("o", 3), ("s", 3), ("x", 4)))


def panels():
    """A figure of nine panels with their titles: (figure, axes (9,))."""
    fig, axes = figure(3, 3, height=7.4)
    for ax, title in zip(axes.flat, TITLES, strict=True):
        ax.set_title(title, loc="left")
    return fig, axes.flatten()


def kicks(ax, periods, ratio, rate: float, centre) -> None:
    """Amplitude of an oscillator after kicks up and down, relative to its cycle, and of a linear centre.

    Parameters
    ----------
    periods : array (steps,)
        Time in periods, the same steps in each.
    ratio : array (steps, 2)
        Amplitude over the cycle's.
    rate : float
        Floquet exponent times period; drawn from the amplitude after two periods.
    centre : array
        The same ratio of a linear centre, 64 steps a period.
    """
    two = int(np.searchsorted(periods, 2 - 1e-9))
    later = periods[periods > 1]
    for kick, (color, label) in enumerate(((BLUE, "kicked up"), (ORANGE, "kicked down"))):
        ax.plot(periods, ratio[:, kick], color=color, label=label)
        decay = 1 + (float(ratio[two, kick]) - 1) * np.exp(rate * (later - 2))
        ax.plot(later, decay, "--", color="black", lw=0.8)
    ax.plot(np.arange(0, 8, 1 / 64), centre[: 8 * 64], color=GREY, label="centre")
    ax.set(xlim=(0, 7), ylim=(0.5, 2.1), xlabel="time (periods)", ylabel="amplitude / baseline")
    ax.legend(frameon=False, loc="upper right", handlelength=1.4, borderaxespad=0)


def spectrum(ax, frequency, independent, coupled, derived) -> None:
    """Power densities of a summed field, and the one derived from the drawn frequencies."""
    ax.semilogy(frequency, independent, color=BLUE, label="independent")
    ax.semilogy(frequency, coupled, color=RED, label="coupled")
    ax.semilogy(frequency, derived, "--", color="black", lw=0.8, label="derived")
    ax.set(xlim=(0.1, 0.32), ylim=(1e-2, 1e7), xlabel="frequency (turns per τ)", ylabel="power density")
    ax.legend(frameon=False, loc="upper right", handlelength=1.4)


def inside(ax, periods, lasting, momentary, growth: float) -> None:
    """Eligibility of a weight inside an oscillator, relative to its size in a period, and the derived growth."""
    ax.plot(periods, lasting, color=ORANGE, label="lasting change")
    ax.plot(periods, momentary, color=BLUE, label="at one moment")
    for sign in (1, -1):
        ax.plot(periods, sign * growth * periods, "--", color="black", lw=0.8)
    ax.set(xlim=(0, 8), ylim=(-9 * growth, 14 * growth))
    ax.set(xlabel="time (periods)", ylabel="eligibility / first period")
    ax.legend(frameon=False, loc="upper left", handlelength=1.4)


def between(ax, periods, trace) -> None:
    """Eligibility of a weight between two oscillators."""
    ax.plot(periods, trace, color=GREEN, lw=0.7)
    ax.set(xlabel="time (periods)", ylabel="eligibility d$x_1$/d$w$", xlim=(0, 40))


def exponents(ax, coupling, zeros, field) -> None:
    """Number of zero exponents and, on an axis of its own, the summed field."""
    ax.plot(coupling, zeros, "o-", ms=3, color=BLUE)
    ax.set(xlabel="coupling κ / κ$_L$", ylim=(0, 35))
    ax.set_ylabel("zero exponents", color=BLUE)
    twin = ax.twinx()
    twin.plot(coupling, field, "s-", ms=3, color=ORANGE)
    twin.set_ylabel("summed field", color=ORANGE)
    twin.spines["right"].set_visible(True)
    twin.set_ylim(0, None)


def losses(axes, settings: dict, gain: float, chance: float) -> None:
    """Losses of trained networks against coupling, gain, field and number of zero exponents, a dot a network.

    Parameters
    ----------
    axes : four matplotlib axes
    settings : dict of dict
        From (gain, coupling), or "control", to "loss", a list over networks, "field" and "zeros".
    gain : float
        Gain of the networks whose coupling varies; those without coupling differ in gain.
    chance : float
        Dotted.
    """
    by_coupling, by_field, by_zeros = axes[0], axes[2], axes[3]
    pairs = [key for key in settings if key != "control"]
    coupled = sorted(key for key in pairs if key[0] == gain)
    alone = sorted(key for key in pairs if key[1] == 0)
    control = settings["control"]
    dots(by_coupling, [coupling for _, coupling in coupled], [settings[k] for k in coupled], BLUE, DOT)
    dots(by_coupling, [2], [control], RED, CROSS, line=False)
    _by_gain(axes[1], [a for a, _ in alone], [settings[k] for k in alone])
    for ax, key in ((by_field, "field"), (by_zeros, "zeros")):
        for group, color, style in ((alone, ORANGE, SQUARE), (coupled, BLUE, DOT)):
            rows = [settings[k] for k in group]
            dots(ax, [row[key] for row in rows], rows, color, style, line=False)
        dots(ax, [control[key]], [control], RED, CROSS, line=False)
    labels = ("coupling κ / κ$_L$", "gain α", "summed field before", "zero exponents before")
    for ax, label in zip(axes, labels, strict=True):
        ax.axhline(chance, ls=":", color="black", lw=0.8)
        ax.set(xlabel=label, ylabel="loss after training", ylim=(0, 1.1 * chance))
    kinds = ((ORANGE, SQUARE, "gain, no coupling"), (BLUE, DOT, f"coupling, gain {gain:g}"))
    kinds += ((RED, CROSS, "random coupling"),)
    handles = [Line2D([], [], color=color, label=label, **style) for color, style, label in kinds]
    by_zeros.legend(handles=handles, frameon=False, loc="lower left", handletextpad=0.2)


def _by_gain(ax, gains: list[float], rows: list[dict]) -> None:
    dots(ax, gains, rows, ORANGE, SQUARE)
    ax.set(xscale="log")
    ax.axvline(1, color=GREY, lw=0.6)
    ax.set_xticks([tick for tick in (0.7, 1, 2, 4, 8) if tick <= max(gains)])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()


def dots(ax, x, rows: list[dict], color: str, style: dict, line: bool = True) -> None:
    """A dot for the loss of each network and, if asked for, a line through the medians."""
    for at, row in zip(x, rows, strict=True):
        ax.plot([at] * len(row["loss"]), row["loss"], color=color, **style)
    if line:
        ax.plot(x, [np.median(row["loss"]) for row in rows], color=color)
