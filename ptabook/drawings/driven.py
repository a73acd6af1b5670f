"""A zero exponent under input: noise, a periodic input, and how long a gradient lives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

from ptacore.plotting import BLUE, GREEN, ORANGE, PURPLE, RED

NOISES = (BLUE, ORANGE)
TONES = (GREEN, PURPLE, RED)


def draw(noisy: Mapping, tones: Mapping, lives: Mapping):
    """Draw the figure.

    Parameters
    ----------
    noisy : mapping
        From a noise's name to its sizes, mean exponents and standard errors (k,), and to the curve that was derived:
        sizes and exponents (m,).
    tones : mapping
        From an amplitude to frequencies in units of the oscillator's and exponents (k,), and those derived (m,).
    lives : mapping
        From an input's name to its sizes and derived exponents (m,); those of noise come first.

    Returns
    -------
    matplotlib figure
    """
    fig, (a, b, c) = plt.subplots(1, 3, figsize=(7.2, 2.9), layout="constrained")
    _noise(a, noisy)
    _tones(b, tones)
    _lives(c, lives)
    for ax in (a, c):
        ax.set_xticks([0.01, 0.1, 1])
        ax.set_xlim(0.012, 1)
        ax.xaxis.set_minor_formatter(NullFormatter())
    return fig


def _noise(ax, noisy) -> None:
    for (name, (size, mean, error, fine, derived)), color in zip(noisy.items(), NOISES, strict=True):
        ax.errorbar(size, -mean, 2 * error, fmt="o", ms=4, color=color, label=f"{name} noise")
        ax.loglog(fine, -derived, color=color, lw=1)
    ax.set(xscale="log", yscale="log", xlabel="size of the input", ylabel="− exponent (1/τ)", title="A")
    ax.legend(frameon=False, loc="upper left", handletextpad=0.2)


def _tones(ax, tones) -> None:
    for (amplitude, (frequency, found, fine, derived)), color in zip(tones.items(), TONES, strict=True):
        ax.plot(frequency, found, "o", ms=2.5, color=color, label=f"{amplitude:g}")
        ax.plot(fine, derived, color=color, lw=1)
    ax.set(xlabel="frequency of the input\n(of the oscillator's)", ylabel="exponent (1/τ)", title="B")
    ax.set_ylim(-0.036, 0.016)
    ax.legend(
        frameon=False,
        title="amplitude",
        ncols=3,
        loc="upper center",
        handlelength=0.4,
        handletextpad=0.2,
        columnspacing=0.5,
        borderpad=0,
    )


def _lives(ax, lives) -> None:
    """Time until a gradient has shrunk a thousandfold."""
    for (name, (size, exponent)), color in zip(lives.items(), (*NOISES, RED), strict=True):
        ax.loglog(size, math.log(1000) / -exponent, color=color, ls="--" if name == "periodic" else "-", label=name)
    ax.set(xlabel="size of the input", ylabel="a gradient's life (τ)", title="C")
    ax.legend(frameon=False)
