"""Exponents against the time step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.dynamics.lyapunov import LyapunovSpectrum
from ptacore.plotting import COLORS, figure

POSITIVE = 0.5  # 1/s, from which on an exponent is counted at the panel's top


class Exponents(NamedTuple):
    """Exponents of one network, by falling steps: each (steps, k), sorted."""

    printed: Tensor  # scheme, with the divisor of the authors' program
    mended: Tensor  # scheme, with the right divisor
    ours: Tensor
    reference: LyapunovSpectrum  # at the finest step


def exponents_against_steps(steps_ms: Sequence[float], networks: Mapping[str, Exponents]):
    """The printed scheme on the left, ours on the right, a row for each network.

    Parameters
    ----------
    steps_ms : sequence of float
        In milliseconds.
    networks : mapping of str to Exponents

    Returns
    -------
    matplotlib figure
    """
    fig, axes = figure(len(networks), 2, width=7.2, height=5.4, sharex=True, sharey="row")
    for (left, right), (name, found) in zip(axes, networks.items(), strict=True):
        _row(left, right, steps_ms, found)
        _count(left, steps_ms, found.printed)
        _count(right, steps_ms, found.ours)
        left.set_ylabel(f"{name}: λ (1/s)")
    first = axes[0, 0]
    first.set_xscale("log")
    first.set_xticks(steps_ms, [f"{ms:g}" for ms in steps_ms])
    first.minorticks_off()
    first.set_title("tangent by Euler steps (S1.2)", pad=14)
    axes[0, 1].set_title("tangent through the Runge-Kutta stages", pad=14)
    for ax in axes[-1]:
        ax.set_xlabel("time step (ms); τ = 10 ms")
    return fig


def four_or_two(steps_ms: Sequence[float], found: Exponents):
    """The printed scheme's exponents fall to the network's own, at step zero, in proportion to the step.

    Parameters
    ----------
    steps_ms : sequence of float
        In milliseconds.
    found : Exponents
        Of one network.

    Returns
    -------
    matplotlib figure
    """
    fig, [[ax]] = figure(1, 1, width=6.0, height=3.8)
    values, width = found.reference.exponents, found.reference.tolerance
    for i, color in zip(range(len(values)), COLORS.values(), strict=False):
        ax.plot(steps_ms, found.mended[:, i], "o-", ms=3, color=color)
        ax.plot(steps_ms, found.printed[:, i], "--", lw=0.8, color=color)
        ax.errorbar(0, values[i], width[i], fmt="D", ms=4, capsize=3, color=color)
        ax.annotate(f"$\\lambda_{i + 1}$", (steps_ms[0], found.mended[0, i]), xytext=(6, 0),
                    textcoords="offset points", va="center", color=color)  # fmt: skip
    _count(ax, [*steps_ms, 0], torch.cat([found.mended, values[None]]))
    ax.set_xlabel("time step (ms); τ = 10 ms. At 0: the network itself")
    ax.set_ylabel("λ (1/s)")
    ax.set_title("how many lie above zero:", pad=14, loc="left")
    return fig


def _row(left, right, steps_ms: Sequence[float], found: Exponents) -> None:
    values, width = found.reference.exponents, found.reference.tolerance
    for i, color in zip(range(len(values)), COLORS.values(), strict=False):
        left.plot(steps_ms, found.mended[:, i], "o-", ms=3, color=color)
        left.plot(steps_ms, found.printed[:, i], "--", lw=0.8, color=color)
        right.plot(steps_ms, found.ours[:, i], "o-", ms=3, color=color)
        for ax in (left, right):
            ax.axhline(values[i], color=color, ls=":", lw=0.8)
            ax.axhspan(values[i] - width[i], values[i] + width[i], color=color, alpha=0.12, lw=0)


def _count(ax, steps_ms: Sequence[float], values: Tensor) -> None:
    ax.axhline(0, color="black", lw=0.5)
    for step, exponents in zip(steps_ms, values, strict=True):
        above = str(int((exponents > POSITIVE).sum()))
        ax.annotate(above, (step, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
