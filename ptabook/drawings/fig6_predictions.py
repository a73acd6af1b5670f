"""Predictions M1 to M5 and L3, a panel each; angles come in radians and are drawn in degrees."""

from __future__ import annotations

import math

import numpy as np

from ptacore.heading.delay_line import circular_difference
from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure


def layout():
    """The figure and its axes by the predictions' names."""
    fig, axes = figure(3, 2, height=7.6)
    return fig, dict(zip(("M1", "M2", "M3", "M4", "M5", "L3"), axes.flat, strict=True))


def draw_decoded(ax, stored, from_counts, from_phases) -> None:
    """M1: headings (trials,) decoded from single trials in two ways, against those that were stored."""
    decoded = (("spike counts", from_counts, "x", 3, ORANGE), ("phases", from_phases, "o", 2.5, BLUE))
    for label, headings, marker, size, color in decoded:
        shown = np.degrees(circular_difference(headings, 0))
        ax.plot(np.degrees(stored), shown, marker, ms=size, color=color, label=label)
    ticks = (-180, -90, 0, 90, 180)
    ax.set(xlabel="stored heading (°)", ylabel="decoded from one trial (°)", xticks=ticks, yticks=ticks)
    ax.set_title("M1", loc="left")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2)


def draw_pulsed(panel, t, bumps, onset: float) -> None:
    """M2: the bump on the ring, before and after a pulse.

    Parameters
    ----------
    panel : matplotlib axes
    t : array (T,)
        Seconds.
    bumps : dict
        From a refractory time in seconds to activity (T, 8); three of them.
    onset : float
        When the pulse begins, in seconds.
    """
    panel.axis("off")
    panel.set_title("M2: place on the ring (°)", loc="left")
    for k, (refractory, bump) in enumerate(bumps.items()):
        ax = panel.inset_axes((0.1, 0.7 - 0.35 * k, 0.68, 0.27))
        arc = {"extent": (t[0], t[-1], -22.5, 337.5), "aspect": "auto", "origin": "lower"}
        ax.imshow(bump.T / bump.max(), cmap="Greens", **arc)
        ax.axvline(onset, color=RED, lw=1)
        ax.set(yticks=(0, 180), xticks=[])
        label = f"refractory\n{1e3 * refractory:g} ms"
        ax.text(1.02, 0.5, label, transform=ax.transAxes, va="center", fontsize=8)
    ax.set_xticks((0.2, 0.4, 0.6, 0.8))
    ax.set_xlabel("time (s)")


def draw_shifts(ax, phase, plus, minus) -> None:
    """M3: shifts of both pairs (stimuli,), relative to the stimulus, against the phase at which it came (°)."""
    ax.plot(phase, plus, "o", ms=3, color=BLUE, label="+ pair")
    ax.plot(phase, minus, "s", ms=3, color=ORANGE, label="− pair")
    ax.set(xlabel="phase at which the stimulus begins (°)", ylabel="phase shift / size of stimulus")
    ax.set(title="M3", ylim=(-0.1, 1.2), xticks=range(0, 361, 90))
    ax.legend(frameon=False)


def draw_synchrony(ax, t, quiet, pairs, derived, headings) -> None:
    """M4: synchrony (T,) without input, and with it, found and derived; that of the headings."""
    ax.plot(t, quiet, color=GREY, label="pairs, no input")
    ax.plot(t, pairs, lw=2, color=BLUE, label="pairs, input")
    ax.plot(t, derived, "--", color="black", label="derived")
    ax.plot(t, headings, color=ORANGE, label="headings")
    ax.set(xlabel="time (s)", ylabel="synchrony", ylim=(0, 1.4), yticks=np.linspace(0, 1, 6), title="M4")
    ax.legend(frameon=False, loc="upper center", ncols=2)  # above all curves


def draw_lesions(ax, shares, during, rings) -> None:
    """M5: errors with lesions of the read-out, and after lesions of rings.

    Parameters
    ----------
    ax : matplotlib axes
    shares : array (n,)
        Shares of the neurons that were silent.
    during : array (n,)
        How far the part of the read-out that is left is off the whole, in radians.
    rings : dict
        From "8 neurons" and "100 neurons" to errors (n,).
    """
    ax.plot(shares, during, "^-", ms=3, color=BLUE, label="read-out, intact part")
    for name, color, marker in (("8 neurons", ORANGE, "s"), ("100 neurons", GREEN, "D")):
        ax.plot(shares, rings[name], marker + "-", ms=3, color=color, label=f"ring, {name}")
    ax.axhline(math.pi / math.sqrt(3), ls=":", color=GREY)  # where nothing is left
    ax.set(xlabel="share silenced for 5 s", ylabel="error (rad)", title="M5")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.3, 0.06), fontsize=7.5)


def draw_learning(ax, durations, improved, worse) -> None:
    """L3: error of the gain after learning, relative to before, against the practised turn's duration (n,).

    Parameters
    ----------
    ax : matplotlib axes
    durations, improved : array (n,)
    worse : array (n,) of bool
        Where theory says that learning does harm.
    """
    ax.fill_between(durations, 0.85, 1.15, where=worse, color=RED, alpha=0.15, lw=0)
    ax.plot(durations, improved, color="black")
    ax.axhline(1, ls=":", color=GREY)
    ax.set(xlabel="duration of the practised turn (s)", ylabel="error of the gain,\nafter / before")
    ax.set(ylim=(0.85, 1.15), title="L3")
