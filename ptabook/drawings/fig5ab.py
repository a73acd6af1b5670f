"""Figure 5A-B: maps of gain and angle with their exact curves, orbits, numbers against theory, a corner of a map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from ptacore import models, plotting
from ptacore.oscillators.certificates import KINDS, TIME_STEP, Certificates
from ptacore.plotting import BLUE, CYAN, GREEN, GREY, ORANGE, PINK, RED

TITLES = {
    "tanh flow": "tanh, continuous",
    "tanh map": "tanh, discrete",
    "GRU flow": "GRU, continuous",
    "GRU map": "GRU, discrete",
}
LEVELS = [-5, -2, -1, -0.5, -0.2, -0.1, -0.05, -0.02, -0.005, 0.005, 0.02, 0.1, 0.5]
_blues = plt.get_cmap("Blues_r")
SIGNS = ListedColormap(
    [*_blues(np.linspace(0.08, 0.88, 8)), GREEN, *plt.get_cmap("Reds")([0.45, 0.7, 0.9])]
).with_extremes(under=_blues(0.0), over="#300010")
# greys and blues where all decays, green where an exponent is zero, red where one is positive
CLASS_COLORS = dict(zip(KINDS, ["#cccccc", CYAN, BLUE, GREEN, GREEN, RED, "#222222"], strict=True))
SOLID = {"color": "black", "lw": 1.0}
DASHED = SOLID | {"ls": (0, (3, 1.5))}
THIN = {"color": "black", "lw": 0.5}
CASING = {"path_effects": [patheffects.withStroke(linewidth=2.2, foreground="white")]}
TWO = {"marker": "o", "ls": "", "color": PINK, "mec": "black", "mew": 0.4}
DOTS = {"ls": "", "marker": "o", "mec": "none"}


# ---- maps


def maps(
    diagrams: Mapping[str, Certificates],
    thin_gains: Mapping[str, Tensor],
    thin: Mapping[str, Mapping[Fraction, Tensor]],
    examples: Mapping[str, dict],
):
    """Exponents, kinds of attractor and frequencies of each network over angle and gain (Fig. 5A-B).

    Parameters
    ----------
    diagrams : dict of Certificates (gains, angles)
        By system, angles from 0 to pi.
    thin_gains, thin : dict of Tensor (m,), dict of dict of Tensor (2, m)
        By system: gains, and by rotation number the edges of thin tongues there; those of some width are drawn.
    examples : dict of dict
        By letter: the name of the system, alpha and theta.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(4, len(diagrams), width=8.0, height=8.6, sharex=True)
    fig.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
    for column, c in zip(axes.T, diagrams.values(), strict=True):
        signs, speed = _column(column, c)
        _name_tongues(column[2], c.system, thin_gains.get(c.system), thin.get(c.system, {}))
    for letter, e in examples.items():
        _letter(axes[2, list(diagrams).index(e["name"])], letter, e)
    side = {"xycoords": "axes fraction", "ha": "center", "weight": "bold"}
    for ax, label in zip(axes[:, 0], ("λ₁", "λ₂", "attractor", "frequency"), strict=True):
        ax.set_ylabel("gain α")
        ax.annotate(label, (-0.42, 0.5), rotation=90, va="center", **side)
    for ax, letter in ((axes[0, 0], "A"), (axes[2, 0], "B")):
        ax.annotate(letter, (-0.42, 1.05), fontsize=11, **side)
    _colour_bars(fig, axes, signs, speed)
    handles = [*_kind_handles(diagrams.values()), *_curve_handles()]
    fig.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return fig


def _column(column, c: Certificates):
    """The four maps of a network; the first exponent's mesh and the frequency's."""
    column[0].set_title(TITLES[c.system])
    signs, _ = (
        _mesh(ax, c, exponent, norm=BoundaryNorm(LEVELS, SIGNS.N), cmap=SIGNS)
        for ax, exponent in zip(column[:2], c.exponents.unbind(-1), strict=True)
    )
    _kinds(column[2], c)
    moving = torch.where(c.frequency > 0, c.frequency, math.nan)
    speed = _mesh(column[3], c, moving, norm=LogNorm(1e-3, 1), cmap="plasma")
    column[3].set_facecolor("#e6e6e6")
    column[3].set_xlabel("angle θ")
    top = float(c.alpha.max())
    curves = list(_strong_edges(c.system, top))
    fine = torch.linspace(0, math.pi, 500, dtype=torch.float64)
    for ax in column:
        ax.plot(fine / math.pi, models.critical_gain(c.system, fine), **SOLID, **CASING)
        for edge in curves:
            ax.plot(*edge, **DASHED, **CASING)
        ax.set(xlim=(0, 1), ylim=(0, top))
        ax.set_xticks([0, 0.5, 1], ["0", "π/2", "π"])
    return signs, speed


def _mesh(ax, c: Certificates, values: Tensor, **options):
    grid = (v.numpy() for v in (c.theta[0] / math.pi, c.alpha[:, 0], values))
    return ax.pcolormesh(*grid, rasterized=True, **options)


def _kinds(ax, c: Certificates, size: float = 4) -> None:
    """The kinds of attractor, with a dot where there are two."""
    colours = ListedColormap(list(CLASS_COLORS.values()))
    _mesh(ax, c, c.kind, cmap=colours, vmin=-0.5, vmax=len(KINDS) - 0.5)
    ax.plot(c.theta[c.bistable] / math.pi, c.alpha[c.bistable], ms=size, **TWO)


def _strong_edges(system: str, top: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Both edges (theta / pi, gain) of each strong tongue."""
    for tongue in models.strong_tongues(system):
        gains = tongue.tip + (top - tongue.tip) * torch.linspace(0, 1, 80, dtype=torch.float64) ** 2
        half = tongue.half_width(gains)
        for side in (-1, 1):
            edge = (tongue.centre + side * half) / math.pi
            shown = (edge >= 0) & (edge <= 1)
            yield edge[shown], gains[shown]


def _name_tongues(ax, system: str, gains: Tensor | None, thin: Mapping[Fraction, Tensor]) -> None:
    """Thin tongues, and the names of all below their tips."""
    label = {"rotation": 90, "va": "top", "xytext": (0, -3), "textcoords": "offset points"}
    for tongue in models.strong_tongues(system):
        side = {0.0: "left", math.pi: "right"}.get(tongue.centre, "center")
        ax.annotate(tongue.name, (tongue.centre / math.pi, tongue.tip), ha=side, **label)
    for fraction, (low, high) in thin.items():
        if (high - low).nan_to_num().max() > math.pi / 480:  # a quarter of a cell of the quick grid
            there = high > low
            for edge in (low, high):
                ax.plot(edge[there] / math.pi, gains[there], **THIN)
            tip = (float(low[0]) / math.pi, float(models.critical_gain(system, low[0])))
            ax.annotate(f"{fraction.numerator}:{fraction.denominator}", tip, ha="center", **label)


def _letter(ax, letter: str, e: dict) -> None:
    edge = [patheffects.withStroke(linewidth=1.5, foreground="black")]
    place = {"ha": "center", "va": "center", "path_effects": edge}
    ax.annotate(letter, (e["theta"] / math.pi, e["alpha"]), color="white", weight="bold", **place)


def _colour_bars(fig, axes, signs, speed) -> None:
    bar = fig.colorbar(signs, ax=axes[:2], extend="both", spacing="uniform", aspect=40, pad=0.01)
    bar.set_ticks(LEVELS, labels=[f"{v:g}".replace("-", "−") for v in LEVELS])
    bar.set_label("exponent (per τ; maps: per step)")
    bar = fig.colorbar(speed, ax=axes[3], aspect=18, pad=0.01)
    bar.set_label("turns per τ or step (Hz)")
    radians = (lambda turns: math.tau * turns, lambda angle: angle / math.tau)
    bar.ax.secondary_yaxis("left", functions=radians).set_ylabel("radians per τ or step")


def _kind_handles(diagrams) -> list[Patch]:
    """Handles of the kinds that occur; circles and cycles, alike in colour, share one."""
    labels = {k: k for k in KINDS if any(c.is_kind(k).any() for c in diagrams)}
    if {"invariant circle", "limit cycle"} <= labels.keys():
        del labels["invariant circle"]
        labels["limit cycle"] = "limit cycle (continuous),\ninvariant circle (discrete)"
    return [Patch(color=CLASS_COLORS[k], label=label) for k, label in labels.items()]


def _curve_handles() -> list[Line2D]:
    return [
        Line2D([], [], ms=4, label="two attractors", **TWO),
        Line2D([], [], **SOLID, label="the origin is unstable above"),
        Line2D([], [], **DASHED, label="strong tongues p:q"),
        Line2D([], [], **THIN, label="thin tongues p:q"),
    ]


# ---- orbits


def orbits(examples: Mapping[str, dict], shown: Mapping[str, float], approaches: Mapping, settled: Mapping):
    """Three orbits in the plane of the two units, and over time.

    Parameters
    ----------
    examples : dict of dict
        By letter: name of the system, alpha, theta and period.
    shown : dict of float
        How long to show each over time.
    approaches : dict of Tensor (T, 2)
        States on the way from a start near the origin.
    settled : dict of (Tensor (T,), Tensor (T, 2))
        Times and states later on.

    Returns
    -------
    matplotlib figure
    """
    kinds = {"a": "invariant circle", "b": "locked orbit", "c": "limit cycle"}
    fig, axes = plotting.figure(2, 3, width=8.0, height=5.0, height_ratios=[1.5, 1])
    for (letter, e), (top, bottom) in zip(examples.items(), axes.T, strict=True):
        flow = e["name"].endswith("flow")
        _plane(top, approaches[letter], color=GREY, lw=0.6, marker="" if flow else ".", ms=2)
        t, x = settled[letter]
        _on_attractor(top, kinds[letter], x, e)
        early = t <= shown[letter]
        for i, color in enumerate((BLUE, ORANGE)):
            style = {"color": color, "lw": 1, "marker": "" if flow else "o", "ms": 2.5}
            bottom.plot(t[early], x[early, i], label=f"unit {i + 1}", **style)
        bottom.set(ylim=(-1.6, 1.1), yticks=[-1, 0, 1], xlabel="time (τ)" if flow else "step")
        place = f"α = {e['alpha']:.2f}, θ = {e['theta'] / math.pi:.3f} π"
        top.set_title(f"{letter}  {kinds[letter]}, {TITLES[e['name']]}\n{place}")
    axes[1, 0].set_ylabel("activity")
    axes[1, 0].legend(loc="lower left", ncols=2, borderaxespad=0.1, frameon=False)
    return fig


def _on_attractor(ax, kind: str, x: Tensor, e: dict) -> None:
    """Points of a map; for a flow the curve, and over one period beads 4 time constants apart."""
    if kind == "limit cycle":
        dt = TIME_STEP[e["name"]]
        _plane(ax, x, color=GREEN, lw=1.2)
        _plane(ax, x[: round(e["period"] / dt) : round(4 / dt)], color=GREEN, ms=3.5, **DOTS)
    elif kind == "invariant circle":
        _plane(ax, x, color=GREEN, ms=1.2, zorder=3, rasterized=True, **DOTS)
    else:
        _plane(ax, x, color=BLUE, ms=6, zorder=3, **DOTS)
    ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def _plane(ax, x: Tensor, limit: float = 1.1, **style) -> None:
    ax.plot(*x.T, **style)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="unit 1", ylabel="unit 2")
    ax.set_box_aspect(1)


# ---- numbers against theory


def theory(onset: Mapping[str, dict], gains: Tensor, edges: Mapping, certified: Mapping, shares: Mapping):
    """Numbers (dots) against theory (lines): frequency and amplitude at the onset, widths of tongues, shares.

    Parameters
    ----------
    onset : dict of dict of Tensor
        By system: angles ``theta`` (n,); ``frequency``, ``square`` (of the amplitude, scaled) and relative
        ``distance`` from the critical gain, (m, n), m distances, the first the least.
    gains : Tensor (M,)
        Gains of the tanh map.
    edges : dict of Tensor (2, M)
        By number of points: edges of the tongue.
    certified : dict of (Tensor, Tensor)
        By number of points: distance of the gain from 1, and the width found.
    shares : dict of Tensor
        ``zero`` at the gains ``alpha``, and at `gains` what is left ``without_strong`` tongues and
        ``without_thinner`` ones.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(2, 2, width=8.0, height=6.0)
    (at_onset, growth), (widths, shares_left) = axes
    _onset(at_onset, growth, onset)
    for (points, (low, high)), color in zip(edges.items(), (BLUE, CYAN, GREEN, ORANGE), strict=True):
        power = f"(α − 1)$^{points // 2 - 1}$" if points > 4 else "α − 1"
        widths.loglog(gains - 1, high - low, color=color, label=f"1:{points}, grows as {power}")
        widths.loglog(*certified[points], "o", ms=4, color=color)
    widths.set(xlabel="α − 1", ylabel="width of tongue (rad)", ylim=(1e-8, 30))
    shares_left.plot(shares["alpha"], shares["zero"], "o", ms=4, color="black", label="certified")
    shares_left.plot(gains, shares["without_strong"], **DASHED, label="without strong tongues")
    label = "and without those of 8 to 20 points"
    shares_left.plot(gains, shares["without_thinner"], color=GREEN, label=label)
    shares_left.set(xlabel="gain α", ylabel="share of angles with λ₁ = 0", ylim=(0, 1.02))
    for ax, letter in zip(axes.flat, "abcd", strict=True):
        ax.legend(frameon=False)
        ax.annotate(letter, (-0.13, 1.02), xycoords="axes fraction", weight="bold", fontsize=10)
    return fig


def _onset(frequency, growth, onset: Mapping[str, dict]) -> None:
    """Frequency of young oscillations over the angle, and their amplitude over the distance from the onset."""
    for (name, o), color in zip(onset.items(), (BLUE, ORANGE, CYAN, RED), strict=True):
        end = math.pi / 2 - 0.02 if name.endswith("flow") else math.pi
        theta = torch.linspace(0.01, end, 300, dtype=torch.float64)
        frequency.plot(theta / math.pi, models.onset_frequency(name, theta), color=color, label=TITLES[name])
        frequency.plot(o["theta"] / math.pi, o["frequency"][0], "o", ms=4, color=color)
        growth.loglog(o["distance"][::2], o["square"][::2], "o", ms=3.5, color=color)
    frequency.set(xlabel="angle θ", ylabel="turns per τ or step", ylim=(0, 0.62), xlim=(0, 1))
    frequency.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "π/4", "π/2", "3π/4", "π"])
    line = np.array([2e-3, 0.4])
    growth.loglog(line, line, color="black", lw=0.8, label="averaging")
    growth.set(xlabel="excess of gain, 1 − b$_c$/b", ylabel="squared amplitude, b² r² / 4")


# ---- a corner


def corner(c: Certificates, both: dict, ends: list[Tensor], wild: dict, x: Tensor):
    """The edge of the 1:4 tongue of the GRU map: kinds, a cell with two attractors, the most chaotic cell.

    Parameters
    ----------
    c : Certificates (gains, angles)
    both, wild : dict
        alpha and theta of the two cells.
    ends : list of Tensor (T, 2)
        Orbits from several starts in the first cell; those of least and of largest radius are drawn.
    x : Tensor (T, 2)
        An orbit of the second.

    Returns
    -------
    matplotlib figure
    """
    fig, ((place, two, one),) = plotting.figure(1, 3, width=8.0, height=3.0)
    _kinds(place, c, size=3)
    tongue = models.strong_tongues(c.system)[1]
    gains = torch.linspace(8, 12, 60, dtype=torch.float64)
    place.plot((tongue.centre + tongue.half_width(gains)) / math.pi, gains, **DASHED, **CASING)
    place.set(xlim=(0.70, 0.78), ylim=(8, 12), xlabel="angle θ (π)", ylabel="gain α")
    place.set_title("GRU, discrete:\nedge of the 1:4 tongue")
    radius = torch.stack([states.norm(dim=-1).mean() for states in ends])
    _plane(two, ends[radius.argmin()], 0.65, color=GREEN, ms=1.2, rasterized=True, **DOTS)
    _plane(two, ends[radius.argmax()], 0.65, color=BLUE, ms=6, rasterized=True, **DOTS)
    _plane(one, x, 0.65, color=RED, ms=0.8, rasterized=True, **DOTS)
    for ax, e, text in ((two, both, "two attractors"), (one, wild, "chaos")):
        ax.set(xticks=[-0.5, 0, 0.5], yticks=[-0.5, 0, 0.5])
        ax.set_title(f"{text}\nα = {e['alpha']:.2f}, θ = {e['theta'] / math.pi:.4f} π")
    return fig
