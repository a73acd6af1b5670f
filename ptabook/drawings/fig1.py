"""Figure 1: from a stimulus to a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from ptacore.plotting import BLUE, GREEN, ORANGE, RED, figure


class Trial(NamedTuple):
    """One stimulus and what follows."""

    t: Tensor  # (T,)
    pulse: Tensor  # (T,)
    out: Tensor  # (T,)
    flow: Tensor  # (T, n), activity at t
    k: Tensor  # (K,), times of the discrete network
    steps: Tensor  # (K, n), its activity


def from_stimulus_to_response(
    trials: Sequence[Trial], stimulus: tuple[float, float], reading: tuple[float, float], units: int = 3
):
    """Input and output, activity in continuous time, activity in discrete time.

    Parameters
    ----------
    trials : sequence of at most two Trial
        The first is drawn solid, the second dashed.
    stimulus, reading : (float, float)
        Begin and end of the stimulus, and of the window in which the output is read.
    units : int
        How many of the neurons are shown, at most three.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = figure(3, 1, height=4.6, sharex=True, height_ratios=(1, 1.4, 1.4))
    above, flow, steps = axes[:, 0]
    for trial, style in zip(trials, ("-", "--"), strict=False):
        read = trial.t >= reading[0]
        above.plot(trial.t, trial.pulse, style, color="black", lw=1)
        above.plot(trial.t[read], trial.out[read], style, color=RED, lw=1.5)
        for i, color in zip(range(units), (BLUE, ORANGE, GREEN), strict=False):
            flow.plot(trial.t, trial.flow[:, i], style, color=color)
            steps.plot(trial.k, trial.steps[:, i], style, color=color, lw=0.5, drawstyle="steps-post")
            steps.plot(trial.k, trial.steps[:, i], "o", ms=2, color=color)
    above.text(stimulus[1] + 0.2, 1.5, "stimulus", fontsize=8)
    above.text(reading[0] - 0.2, 1.5, "response", fontsize=8, ha="right", color=RED)
    for ax in axes[:, 0]:
        ax.axvspan(*stimulus, color="0.5", alpha=0.15, lw=0)
        ax.axvspan(*reading, color=RED, alpha=0.1, lw=0)
    above.set_ylabel("in, out")
    flow.set_ylabel("activity,\ncontinuous")
    steps.set(xlabel="time (τ)", ylabel="activity,\ndiscrete")
    return fig
