"""Figure 6: the circuit, its memories and their read-out; what a time step does; five moments of a ring."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.patches import Arc, Circle, FancyArrowPatch, Wedge

from ptacore.heading.delay_line import circular_difference
from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure
from ptacore.plotting.style import STYLE

LETTER = {"va": "top", "fontsize": 11, "weight": "bold"}
LABEL = {"ha": "center", "va": "center"}


def layout():
    """The figure and its axes by letter: one each, six in B, two in E."""
    plt.rcParams.update(STYLE)
    fig = plt.figure(figsize=(7.2, 8.6), layout="constrained")
    top, middle, bottom = fig.subfigures(3, 1, height_ratios=(2.7, 2.6, 3.3))
    left, right = middle.subfigures(1, 2, width_ratios=(1.5, 1))
    circuit, ring = top.subplots(1, 2, width_ratios=(1.6, 1))
    memories = left.subplots(6, 1, gridspec_kw={"hspace": 0.0})
    tuning = right.subplots(1, 1)
    followed = bottom.subplots(2, 1, height_ratios=(2, 1), sharex=True)
    for part, letter in ((top, "A"), (left, "B"), (right, "D"), (bottom, "E")):
        part.text(0.005, 0.99, letter, **LETTER)
    ring.text(0.0, 1.0, "C", transform=ring.transAxes, **LETTER)
    return fig, {"A": circuit, "B": memories, "C": ring, "D": tuning, "E": followed}


# ---- A -------------------------------------------------------------------------------------------


def draw_circuit(ax) -> None:
    """Two loops across the midline, told of the two directions of turning, above a delay line."""
    ax.set(xlim=(-4.6, 4.6), ylim=(-3.1, 2.9), aspect="equal")
    ax.axis("off")
    ax.plot([0, 0], [-0.75, 2.5], ":", color=GREY, lw=1)
    ax.text(0, 2.6, "midline", ha="center", fontsize=8, color=GREY)
    _draw_loop(ax, 1.6, "+", "CW", BLUE)
    _draw_loop(ax, 0.1, "−", "CCW", ORANGE)
    _draw_delay_line(ax)


def _draw_loop(ax, y: float, sign: str, turning: str, color: str) -> None:
    for x, side in ((-1.8, "L"), (1.8, "R")):
        ax.add_patch(Circle((x, y), 0.42, facecolor="white", edgecolor=color, lw=1.4, zorder=3))
        ax.text(x, y, f"$P_{side}^{{{sign}}}$", fontsize=9, color=color, zorder=4, **LABEL)
    arrow = {"arrowstyle": "-|>", "mutation_scale": 9, "color": color, "lw": 1.1}
    for end in (1.4, -1.4):
        ends = (-end, y + 0.15 * np.sign(end)), (end, y + 0.15 * np.sign(end))
        ax.add_patch(FancyArrowPatch(*ends, connectionstyle="arc3,rad=-0.22", **arrow))
    ax.text(0.12, y + 0.58, "τ/2 in all", fontsize=8, color=color)
    ax.add_patch(FancyArrowPatch((-3.5, y), (-2.25, y), **arrow))
    ax.text(-3.6, y, f"{turning}\nvelocity", ha="right", va="center", fontsize=8, color=color)


def _draw_delay_line(ax) -> None:
    for y, color in ((-1.7, BLUE), (-2.15, ORANGE)):
        ax.plot([-1.8, 3.2], [y, y], color=color, lw=1.3)
    ax.plot([-2.2, -2.6, -2.6, -1.8], [1.6, 1.2, -1.7, -1.7], color=BLUE, lw=1.1)
    ax.plot([-2.1, -2.3, -2.3, -1.8], [-0.2, -0.4, -2.15, -2.15], color=ORANGE, lw=1.1)
    for x in np.linspace(-1.4, 2.9, 8):
        ax.plot([x, x], [-2.15, -1.7], color=GREY, lw=0.6)
        ax.add_patch(Circle((x, -1.92), 0.13, facecolor="white", edgecolor="0.3", lw=0.8, zorder=3))
    for x in np.linspace(-1.1, 2.6, 7):  # a longer way between two detectors
        ax.add_patch(Arc((x, -1.7), 0.3, 0.3, theta1=0, theta2=180, color=BLUE, lw=1.1))
    ax.text(0.75, -2.75, "delay line: + waits longer from place to place", ha="center", fontsize=8)


# ---- B to E --------------------------------------------------------------------------------------


def draw_memories(axes, t, activity, memories) -> None:
    """Filtered spikes of four neurons, and coincidences at the places of two memories, which are drawn one by one.

    Parameters
    ----------
    axes : six matplotlib axes
    t : array (T,)
        Milliseconds.
    activity : array (2, 6, T)
    memories : array (2,)
        Radians.
    """
    for rows, line in zip(activity, ("-", "--"), strict=True):
        for ax, row, color in zip(axes, rows, (BLUE, BLUE, ORANGE, ORANGE, GREEN, GREEN), strict=True):
            ax.plot(t, row, color=color, ls=line, lw=1.1)
    neurons = ("$P_L^+$", "$P_R^+$", "$P_L^-$", "$P_R^-$")
    for ax, label in zip(axes, [*neurons, *(f"at {math.degrees(a):.0f}°" for a in memories)], strict=True):
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
        ax.set(yticks=[], xticks=[], xlim=(0, t[-1]))
    axes[-1].set_xticks(t[-1] / 3 * np.arange(4))
    axes[-1].set_xlabel("time (ms)")


def draw_ring(ax, activity) -> None:
    """Eight segments as active as they are, and the two axons that wrap round them."""
    ax.set(xlim=(-2.2, 2.2), ylim=(-2.4, 2.2), aspect="equal")
    ax.axis("off")
    _draw_segments(ax, 0.05 + 0.75 * ((activity - activity.min()) / np.ptp(activity)), radius=1.15, lw=0.6)
    for i in range(8):
        angle = math.radians(90 - 45 * i)
        ax.text(0.92 * math.cos(angle), 0.92 * math.sin(angle), str(i + 1), fontsize=8, **LABEL)
    turn = np.linspace(0, 1, 200)
    for sign, color, radius in ((1, BLUE, 1.3), (-1, ORANGE, 1.62)):
        angle = np.radians(90 + 22 * sign) - sign * turn * 2 * np.pi * 0.97
        x, y = (radius + 0.12 * turn) * np.array([np.cos(angle), np.sin(angle)])
        ax.plot(x, y, color=color, lw=1.3)
        ax.annotate("", (x[-1], y[-1]), (x[-8], y[-8]), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.3})
    ax.text(0, -2.25, "$P_L^+$ clockwise, $P_R^-$ counterclockwise", ha="center", fontsize=8)


def _draw_segments(ax, shades, radius: float, lw: float) -> None:
    """Clockwise from the top."""
    for i, shade in enumerate(shades):
        ends = 90 - 45 * i - 21.5, 90 - 45 * i + 21.5
        color = colormaps["Greens"](shade)
        ax.add_patch(Wedge((0, 0), radius, *ends, width=0.45, lw=lw, edgecolor="0.4", facecolor=color))


def draw_tuning(ax, delta, instant, average) -> None:
    """Activity at one place against the phase difference in degrees, at moments (moments, n) and on average (n,)."""
    for curve in instant:
        ax.plot(delta, curve, color=GREY, lw=0.7)
    ax.plot(delta, average, color=GREEN, lw=2)
    ax.set(xlabel="phase difference Δφ (°)", ylabel="activity at 180° (arb.)", xticks=range(0, 361, 90))


def draw_followed(axes, t, bump, heading, error) -> None:
    """The ring's activity while a head turns, and the error of what is decoded.

    Parameters
    ----------
    axes : two matplotlib axes
    t : array (T,)
        60 to 180 s.
    bump : array (T, 8)
    heading, error : array (T,)
        Radians.
    """
    ring, below = axes
    arc = {"extent": (t[0], t[-1], -180 - 22.5, 180 - 22.5), "interpolation": "nearest"}
    ring.imshow(np.roll(bump.T / bump.max(), 4, 0), aspect="auto", origin="lower", cmap="Greens", **arc)
    path = np.degrees(circular_difference(heading + math.radians(22.5), 0)) - 22.5
    path[np.abs(np.diff(path, prepend=path[0])) > 180] = np.nan
    ring.plot(t, path, color="black", lw=0.9)
    ring.set(ylabel="place on the ring (°)", yticks=range(-180, 180, 90))
    below.plot(t, np.degrees(error), color="black", lw=0.7)
    below.axhline(0, color=GREY, lw=0.5)
    below.set(xlabel="time (s)", ylabel="decoded −\ntrue (°)", xlim=(60, 180))
    for ax in axes:
        ax.axvspan(80, 110, color="0.5", alpha=0.18, lw=0)
    ring.text(95, 161, "dark, at rest", ha="center", fontsize=8)


# ---- the page's other figures --------------------------------------------------------------------


def time_steps(parts, errors, one_step, seconds: float):
    """Errors of simulations against their time step.

    Parameters
    ----------
    parts : array (steps,)
        Thousandths of a period.
    errors : dict
        From what was simulated to an array (steps,) in radians; three of them.
    one_step : array (steps,)
        Radians of phase that pass in a step.
    seconds : float
        How long was simulated.
    """
    fig, axes = figure(1, 1, width=4.2, height=2.5)
    ax = axes[0, 0]
    for (name, values), marker, color in zip(errors.items(), "osD", (GREEN, RED, ORANGE), strict=True):
        ax.plot(parts, np.maximum(np.abs(values), 1e-6), marker + "-", ms=4, color=color, label=name)
    ax.plot(parts, one_step, ":", color=GREY, label="one step")
    ax.set(xscale="log", yscale="log", xlabel="time step (thousandths of a period)")
    ax.set_ylabel(f"error of the phase difference\nafter {seconds:g} s (rad)")
    ax.set_xticks(parts, [f"{part:g}" for part in parts])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def stills(moments, bump, heading, decoded, dark):
    """A ring for each moment, with the true heading as an arrow and the decoded one as a dot.

    Parameters
    ----------
    moments : sequence of floats
        Seconds.
    bump : array (moments, 8)
        Between 0 and 1.
    heading, decoded : array (moments,)
        Radians, clockwise from the top.
    dark : array (moments,) of bool
    """
    fig, axes = figure(1, len(moments), height=1.6)
    rows = zip(axes[0], moments, bump, heading, decoded, dark, strict=True)
    for ax, moment, levels, true, seen, is_dark in rows:
        _draw_segments(ax, 0.85 * levels, radius=1, lw=0.5)
        tip = (0.5 * math.sin(true), 0.5 * math.cos(true))
        ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.2})
        ax.plot(1.12 * math.sin(seen), 1.12 * math.cos(seen), "o", ms=4, color=RED)
        ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal")
        ax.set_title(f"{moment} s" + (", dark" if is_dark else ""))
        ax.axis("off")
    return fig
