"""Recipes of random matrices, surveyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ptacore import plotting
from ptacore.dynamics.lyapunov import LyapunovSpectrum
from ptacore.plotting import BLUE, CYAN, GREY, ORANGE


class Survey(NamedTuple):
    """Draws of one recipe."""

    share: np.ndarray  # (kinds,), of the draws
    interval: np.ndarray  # (kinds, 2), of the share
    leading: np.ndarray  # (draws,), largest exponents


class Example(NamedTuple):
    """One network of the printed recipe."""

    seed: int
    spectrum: LyapunovSpectrum
    t: np.ndarray  # (T,)
    x: np.ndarray  # (T, n)


def shares_and_examples(
    kinds: Sequence[str], surveys: Mapping[int, Mapping[str, Survey]], examples: Mapping[int, Example]
):
    """Share of draws by kind, distribution of the leading exponent, and an example, a row for each size.

    Parameters
    ----------
    kinds : sequence of str
        Into which draws are sorted.
    surveys : mapping
        From the number of units to the recipes by name, at most three.
    examples : mapping
        From the number of units to the network that is shown.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(len(surveys), 4, width=8.0, height=4.6, width_ratios=[1.7, 1, 1, 1])
    for line, (n, recipes) in zip(axes, surveys.items(), strict=True):
        _shares(line[0], kinds, recipes)
        line[0].set_xlabel(f"positive exponents, n = {n}")
        _leading(line[1], recipes)
        seed, spectrum, t, x = examples[n]
        plotting.plot_population(line[2], t, x)
        line[2].set(xlabel="time (s)", ylabel="activity", title=f"sparse, seed {seed}")
        plotting.plot_spectrum(line[3], spectrum)
        line[3].set(xlabel="index", ylabel="λ (1/s)")
    axes[0, 0].legend(frameon=False)
    return fig


def _colored(recipes: Mapping[str, Survey]):
    return zip(recipes.items(), (BLUE, CYAN, ORANGE), strict=False)


def _shares(ax, kinds: Sequence[str], recipes: Mapping[str, Survey]) -> None:
    for j, ((name, survey), color) in enumerate(_colored(recipes)):
        place = np.arange(len(kinds)) + 0.27 * (j - 1)
        ax.bar(place, survey.share, width=0.25, color=color, label=name)
        low, high = survey.interval.T
        error = np.clip([survey.share - low, high - survey.share], 0, None)  # at 0 and 1 one may be -1e-17
        ax.errorbar(place, survey.share, error, fmt="none", ecolor="black", elinewidth=0.7)
    ax.set(xticks=range(len(kinds)), xticklabels=kinds, ylim=(0, 1), ylabel="share of draws")


def _leading(ax, recipes: Mapping[str, Survey]) -> None:
    for (_, survey), color in _colored(recipes):
        draws = len(survey.leading)
        ax.step(np.sort(survey.leading), np.arange(1, draws + 1) / draws, color=color)
    ax.set(xlabel="λ₁ (1/s)", ylabel="cumulative share", xlim=(-100, 80))
    ax.axvline(0, color=GREY, lw=0.6)
