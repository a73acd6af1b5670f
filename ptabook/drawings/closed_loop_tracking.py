"""The drawings of the motor task: frequencies acquired one by one, and the loops they are learned in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, figure, letters

FREQUENCIES = {0.1: BLUE, 0.2: ORANGE, 0.3: GREEN, 0.4: PURPLE}


def acquired(live: Sequence, full: Sequence, live_hertz, full_hertz, arrivals: Sequence, omega):
    """The main figure: losses by frequency, live and recorded, and what arrives on the imaginary axis.

    Parameters
    ----------
    live, full : sequence of array (K, epochs)
        Loss of each frequency, for each seed.
    live_hertz, full_hertz : sequence of float
        The frequencies.
    arrivals : sequence of list of complex array
        For each of the recorded frequencies, rates of the networks when it is acquired.
    omega : array (K,)
        Radians per second of the recorded frequencies.
    """
    fig, ((a, b, c),) = figure(1, 3, height=2.8)
    for ax, runs, hertz in ((a, live, live_hertz), (b, full, full_hertz)):
        for f, k in zip(hertz, range(len(hertz)), strict=True):
            for i, losses in enumerate(runs):
                epoch = np.arange(1, losses.shape[1] + 1)
                ax.plot(epoch, losses[k], color=FREQUENCIES[f], lw=0.9, label=None if i else f"{f:g} Hz")
        ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 0.42))
        _legend_or_word(ax)
    for f, w, networks in zip(full_hertz, omega, arrivals, strict=True):
        for rates in networks:
            c.plot(rates.real, rates.imag, "o", ms=3, color=FREQUENCIES[f], alpha=0.7)
        c.plot([0, 0], [w, -w], "x", ms=6, color="black", zorder=4)
    c.axvline(0, color=GREY, lw=0.6, zorder=0)
    c.set(xlabel="real part (1/s)", ylabel="imaginary part (1/s)", xlim=(-1.2, 0.25), ylim=(-3, 3))
    letters((a, b, c))
    return fig


def _legend_or_word(ax) -> None:
    if ax.lines:
        ax.legend(frameon=False, loc="upper right", ncols=2, columnspacing=0.8, handlelength=1.2)
    else:
        ax.text(0.5, 0.5, "no recorded runs", transform=ax.transAxes, ha="center")


def loops(closed: Sequence, away: Sequence, rises: Sequence[float]):
    """Losses in the loop of networks trained there and of imitating ones; changes while others are acquired.

    Parameters
    ----------
    closed, away : sequence of array (epochs,)
    rises : sequence of float
        Relative changes.
    """
    fig, ((a, b),) = figure(1, 2, width=6.6, height=2.7, width_ratios=[1.6, 1])
    for runs, color, name in ((closed, BLUE, "closed loop"), (away, ORANGE, "open loop")):
        for i, loss in enumerate(runs):
            a.semilogy(np.arange(1, len(loss) + 1), loss, color=color, lw=0.9, label=None if i else name)
    a.set(xlabel="epoch", ylabel="loss in the loop")
    _legend_or_word(a)
    b.plot(np.arange(len(rises)), 100 * np.sort(np.asarray(rises, float)), "o", ms=4, color=BLUE)
    b.axhline(0, color=GREY, lw=0.6, zorder=0)
    b.set(xlabel="pair of frequencies, sorted", ylabel="change of the loss (%)")
    letters((a, b))
    return fig
