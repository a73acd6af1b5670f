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
    axes[-1, 0].legend(frameon=False)
    return fig


class Survival(NamedTuple):
    """Chaos that lasts, or not."""

    name: str
    times: np.ndarray  # (T,)
    share: np.ndarray  # (T,), still chaotic
    interval: np.ndarray  # (T, 2)
    until: float  # to when draws were followed


class Lasting(NamedTuple):
    """One gain of the product recipe, over sizes."""

    gain: float
    sizes: np.ndarray  # (S,)
    chaotic: np.ndarray  # (S,), share of draws that are chaotic at first
    ended: np.ndarray  # (S,), share of these whose chaos has ended by a time
    interval: np.ndarray  # (S, 2), of `ended`


def transients(examples: Mapping[str, np.ndarray], survivals: Sequence[Survival], gains: Sequence[Lasting], by: float):
    """Leading exponents along the way, survival of chaos, and what has ended by a time over size and gain.

    Parameters
    ----------
    examples : mapping
        From a draw's name to its leading exponents in windows of 10 s.
    survivals : sequence of Survival
        Recipes, at most three.
    gains : sequence of Lasting
        At most three.
    by : float
        The time of `Lasting.ended`, in s.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(1, 4, width=8.0, height=2.5)
    one, two, three, four = np.ravel(axes)
    for (name, growth), color in zip(examples.items(), (BLUE, ORANGE, CYAN, GREY), strict=False):
        one.plot(10 * np.arange(1, len(growth) + 1) - 5, growth, color=color, label=name)
    one.axhline(0, color="black", lw=0.6)
    one.set(xlabel="time (s)", ylabel="λ₁ in windows of 10 s (1/s)")
    one.legend(frameon=False, fontsize=6.5)
    for s, color in zip(survivals, (BLUE, CYAN, ORANGE), strict=False):
        times = np.append(s.times, s.until)
        two.step(times, np.append(s.share, s.share[-1]), where="post", color=color, label=s.name)
        low, high = np.append(s.interval, s.interval[-1:], axis=0).T
        two.fill_between(times, low, high, step="post", color=color, alpha=0.2, lw=0)
    two.set(xlabel="time (s)", ylabel="still chaotic", ylim=(0, 1.02), xlim=(0, None))
    two.legend(frameon=False, fontsize=6.5, loc="lower left")
    for row, color in zip(gains, (CYAN, BLUE, ORANGE), strict=False):
        shift = 1.5 * (gains.index(row) - 1)
        three.plot(row.sizes, row.chaotic, "o-", ms=3, color=color, label=f"g = {row.gain:g}")
        error = np.clip(np.abs(row.interval.T - row.ended), 0, None)
        four.errorbar(row.sizes + shift, row.ended, error, fmt="o-", ms=3, color=color, elinewidth=0.7)
    three.set(xlabel="units", ylabel="chaotic at first", ylim=(0, 1.02))
    three.legend(frameon=False, fontsize=6.5)
    four.set(xlabel="units", ylabel=f"ended by {by:.0f} s", ylim=(0, 1.02))
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
