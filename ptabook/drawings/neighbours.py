"""Six figures on neighbouring works: exponents before and after learning, and what each work is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ptacore.plotting import BLUE, BROWN, GREEN, GREY, ORANGE, PURPLE, RED, figure

COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, BROWN)
SMALL = dict(frameon=False, fontsize=7, handlelength=1.4, borderaxespad=0.2)


def _panels(rows: int, columns: int, titles: Sequence[str], height: float):
    fig, axes = figure(rows, columns, height=height)
    for ax, letter, title in zip(axes.flat, "abcdefgh", titles, strict=False):
        ax.set_title(f"{letter}  {title}", loc="left")
    return fig, axes.flatten()


def summary(rows: Mapping[str, Mapping[str, Sequence[float]]]):
    """Leading exponents before, at their highest on the way and after learning, one row of dots for each work and seed.

    rows: name -> {"before", "transition", "after"} -> values; a transition may be missing.
    """
    fig, axes = figure(1, 1, width=6.2, height=2.9)
    ax = axes[0, 0]
    marks = {
        "before": ("before", GREY, "o"),
        "transition": ("highest on the way", ORANGE, "D"),
        "after": ("after", BLUE, "o"),
    }
    for place, stages in enumerate(rows.values()):
        for shift, (stage, (title, color, marker)) in zip((0.22, 0.0, -0.22), marks.items(), strict=True):
            values = np.asarray(stages.get(stage, ()), float)
            label = title if place == 0 else None
            ax.plot(values, np.full(len(values), -place + shift), marker, ms=4, color=color, alpha=0.8, label=label)
    ax.axvline(0, color="black", lw=0.8)
    ax.set_yticks(-np.arange(len(rows)), list(rows))
    ax.set_xscale("symlog", linthresh=0.05)
    ax.set_xticks((-10, -1, -0.1, 0, 0.1, 1), ("−10", "−1", "−0.1", "0", "0.1", "1"))
    ax.minorticks_off()
    ax.set(xlabel="leading exponent", ylim=(-len(rows) + 0.4, 0.6), xlim=(-120, 2))
    fig.legend(*ax.get_legend_handles_labels(), **SMALL, loc="outside upper right", ncols=3)
    return fig


def integrate(outliers: Sequence, ode: tuple, shares: Mapping[float, Sequence], ringing: Mapping, w: tuple):
    """The outlier and its equation; singular values of the change; losses on the plateau; eigenvalues in the plane.

    outliers: rows of (steps, value); ode: (steps, value); shares: gain -> (seeds, 3) singular values;
    ringing: gain -> (steps, loss of all units, steps, loss of two, eigenvalues of all units); w: (r, omega, pole).
    """
    titles = ("one outlier", "what W changes by", "plateau and escape", "a pair is born")
    fig, axes = _panels(1, 4, titles, 2.1)
    for steps, value in outliers:
        axes[0].plot(steps, value, color=BLUE)
    axes[0].plot(*ode, "--", color="black", lw=0.9)
    axes[0].set(xlabel="steps", ylabel="outlier eigenvalue")
    for place, (gain, values) in enumerate(shares.items()):
        for row in values:
            axes[1].plot(range(1, 4), row, "o-", ms=3, color=COLORS[place], label=f"{gain:g}")
    handles, labels = axes[1].get_legend_handles_labels()
    axes[1].legend(handles[:: len(values)], labels[:: len(values)], **SMALL, title="gain", title_fontsize=7)
    axes[1].set(xlabel="rank", ylabel="singular value", xticks=(1, 2, 3), ylim=(-0.03, 1.1))
    for color, (gain, (steps, loss, few, loss_few, _)) in zip((BLUE, RED), ringing.items(), strict=False):
        axes[2].plot(steps, loss, color=color, label=f"{gain:g}")
        axes[2].plot(few, loss_few, ":", color="black", lw=1.2)
    axes[2].legend(**SMALL, title="gain", title_fontsize=7, loc="upper right")
    axes[2].set(xlabel="steps", ylabel="loss", ylim=(-0.02, 0.8))
    axes[2].locator_params(axis="x", nbins=4)
    values = next(iter(ringing.values()))[4]
    for sign in (1, -1):  # an eigenvalue and its conjugate
        axes[3].plot(values.real, sign * values.imag, ".", ms=2, color=BLUE)
    r, omega, pole = w
    axes[3].plot(r * np.cos(omega) * np.ones(2), r * np.sin(omega) * np.array([1, -1]), "x", color="black", ms=5)
    axes[3].plot(pole, 0, "|", color=RED, ms=9)
    axes[3].set(xlabel="real part", ylabel="imaginary part", xlim=(-0.05, 1.0), ylim=(-0.45, 0.45))
    return fig


def reconstruct(groups: Mapping[str, tuple], norms: Mapping[str, Sequence], traces: Sequence):
    """Leading exponents of data and networks; their dimensions; norms under forcing; exponents along training.

    groups: name -> (truth (l_1, D), networks (n, 3) of l_1, its error, D); norms: label -> logarithms over steps;
    traces: rows of (label, color number, epochs, l_1).
    """
    titles = ("leading exponent", "Kaplan-Yorke dimension", "adjoint under forcing", "along training")
    fig, axes = _panels(1, 4, titles, 2.2)
    for place, ((leading, dimension), networks) in enumerate(groups.values()):
        axes[0].plot([place - 0.35, place + 0.35], [1, 1], color="black", lw=1.2)
        axes[1].plot([place - 0.35, place + 0.35], [dimension] * 2, color="black", lw=1.2)
        at = place + np.linspace(-0.25, 0.25, len(networks))
        for x, (value, error, d) in zip(at, networks, strict=True):
            axes[0].errorbar(x, value / leading, 2 * error / leading, fmt="o", ms=3, color=COLORS[place], lw=1)
            axes[1].plot(x, d, "o", ms=3, color=COLORS[place])
    for ax in axes[:2]:
        ax.set_xticks(range(len(groups)), list(groups))
    axes[0].axhline(0, color="black", lw=0.5)
    axes[0].set(ylabel="l₁ / that of the data", ylim=(-1.2, 1.6))
    axes[1].set(ylabel="D")
    for color, (label, values) in zip((RED, ORANGE, GREEN, BLUE), norms.items(), strict=True):
        axes[2].plot(np.arange(len(values)), values, color=color, label=label)
    axes[2].set(xlabel="steps", ylabel="log₁₀ of the norm", ylim=(-20, 8))
    axes[2].legend(**SMALL, title="α", title_fontsize=7, loc="lower right")
    for label, color, epochs, values in traces:
        axes[3].plot(epochs, values, color=COLORS[color], lw=0.8, label=label)
    axes[3].axhline(0, color="black", lw=0.5)
    axes[3].set(xlabel="updates / 500", ylabel="l₁", ylim=(-3, 2))
    axes[3].legend(**SMALL, loc="lower right")
    return fig


def parity(columns: Mapping[str, Mapping[str, Sequence]]):
    """Losses, leading exponent, adjoint over ten steps and states over epochs, one column for each run."""
    fig, axes = figure(4, len(columns), height=5.6, sharex="col")
    for column, (title, run) in enumerate(columns.items()):
        ax, epoch = axes[:, column], run["epoch"]
        ax[0].set_title(f"{'abcd'[column]}  {title}", loc="left")
        ax[0].semilogy(run["seen"], run["train"], color=BLUE, label="trained")
        ax[0].semilogy(run["seen"], run["validation"], color=RED, label="50 bits")
        ax[0].set_ylim(1e-5, 2)
        low, high = (np.subtract(run["exponent"], sign * np.multiply(2, run["error"])) for sign in (1, -1))
        ax[1].fill_between(epoch, low, high, color=BLUE, alpha=0.3, lw=0)
        ax[1].plot(epoch, run["exponent"], color=BLUE)
        ax[1].axhline(0, color="black", lw=0.6)
        ax[1].set_ylim(-3, 0.3)
        ax[2].plot(epoch, run["reach"], color=GREEN)
        ax[2].set_ylim(-12, 1)
        ax[3].semilogy(epoch, run["states"], color=PURPLE)
        ax[3].set(ylim=(10, 3000), xlabel="epochs")
        if column:
            for a in ax:
                a.tick_params(labelleft=False)
    for ax, label in zip(axes[:, 0], ("loss", "l₁ per step", "log₁₀ adjoint, 10 steps", "states"), strict=True):
        ax.set_ylabel(label)
    axes[0, 0].legend(**SMALL, loc="lower left")
    return fig


def curse(paths: Mapping[str, tuple], edges: Sequence, perturbed: Mapping[str, Sequence], tanh: Mapping[str, tuple]):
    """Slowest rates along training; over the horizon; errors under perturbation; exponents of tanh networks.

    paths: label -> (steps, rates (n, seeds)); edges: rows of (label, horizon, rate); perturbed: label -> log10;
    tanh: label -> (updates, values (seeds, n)).
    """
    titles = ("training, T = 100", "rate and horizon", "perturbed by 0.1", "tanh networks")
    fig, axes = _panels(1, 4, titles, 2.2)
    for color, (label, (steps, rates)) in zip((BLUE, RED), paths.items(), strict=True):
        for row in np.transpose(rates):
            axes[0].semilogy(steps, row, color=color, lw=0.8)
        axes[0].plot([], [], color=color, label=label)
    axes[0].axhline(1e-2, color="black", ls="--", lw=0.8)
    axes[0].set(xlabel="steps", ylabel="slowest rate", ylim=(5e-3, 0.5))
    axes[0].legend(**SMALL)
    for label, horizon, rate in edges:
        axes[1].loglog(horizon, rate, "o", ms=3, color=RED if label == "power" else BLUE)
    T = np.array([90, 1100])
    axes[1].loglog(T, 1 / T, "--", color="black", lw=0.8)
    axes[1].set(xlabel="horizon T", ylabel="slowest rate", xticks=(100, 300, 1000))
    axes[1].minorticks_off()
    axes[1].xaxis.set_major_formatter("{x:g}")
    for place, values in enumerate(perturbed.values()):
        axes[2].plot(np.full(len(values), place), values, "o", ms=3, color=COLORS[place])
    axes[2].set_xticks(range(len(perturbed)), list(perturbed), fontsize=7)
    axes[2].set(ylabel="log₁₀ of the error", yscale="symlog", yticks=(0, 1, 3, 10, 30, 100))
    axes[2].yaxis.set_major_formatter("{x:g}")
    axes[2].minorticks_off()
    for color, (label, (updates, values)) in zip((BLUE, RED), tanh.items(), strict=True):
        for row in values:
            axes[3].plot(updates, row, color=color, lw=0.9)
        axes[3].plot([], [], color=color, label=label)
    axes[3].axhline(-0.1, color="black", ls="--", lw=0.8)
    axes[3].set(xlabel="updates", ylabel="l₁ per unit time", ylim=(-1, 0.05))
    axes[3].legend(**SMALL, loc="center right")
    return fig


def liquid(random: Sequence, learned: Mapping[str, Sequence], traces: Mapping[str, Sequence]):
    """Exponents of random networks with the band of 1/tau_sys; before and after; along training.

    random: rows of (label, exponents (seeds, 3), 1/tau + F); learned: name -> rows of (before, after, kind); traces:
    name -> rows of (updates, l_1).
    """
    fig, axes = _panels(1, 3, ("random networks", "before and after", "along training"), 2.4)
    for place, (_, exponents, low) in enumerate(random):
        axes[0].fill_between([place - 0.35, place + 0.35], -low, -1, color=GREY, alpha=0.35, lw=0)
        for x, row in zip(place + np.linspace(-0.25, 0.25, len(exponents)), exponents, strict=True):
            axes[0].plot(np.full(len(row), x), row, "o", ms=2.5, color=BLUE)
    axes[0].axhline(0, color="black", lw=0.6)
    axes[0].set_xticks(range(len(random)), [label for label, *_ in random], fontsize=6.5)
    axes[0].set(ylim=(-2.2, 0.2), xlabel="gain, F, |A| from above", ylabel="l₁, l₂, l₃ (1/τ)")
    colors = {"one": GREY, "two": BLUE, "cycle": RED, "not": ORANGE}
    names = {"one": "one stable", "two": "two stable", "cycle": "a cycle", "not": "not learned"}
    seen = set()
    for place, rows in enumerate(learned.values()):
        for x, (before, after, kind) in zip(place + np.linspace(-0.3, 0.3, len(rows)), rows, strict=True):
            axes[1].plot([x, x], [before, after], color=colors[kind], lw=0.9)
            label = None if kind in seen else names[kind]
            axes[1].plot(x, after, "o", ms=3, color=colors[kind], label=label)
            seen.add(kind)
    axes[1].axhline(0, color="black", lw=0.6)
    axes[1].axhline(-1, color=GREY, lw=0.8, ls="--")
    axes[1].set_xticks(range(len(learned)), list(learned), fontsize=6.5)
    axes[1].set(ylim=(-1.6, 0.6), ylabel="l₁ (1/τ)")
    axes[1].legend(**SMALL, loc="upper left", ncols=2)
    for color, (name, rows) in zip((BLUE, RED, GREEN), traces.items(), strict=False):
        for place, (updates, values) in enumerate(rows):
            axes[2].plot(updates, values, color=color, lw=0.7, label=name if place == 0 else None)
    axes[2].axhline(0, color="black", lw=0.6)
    axes[2].set(xlabel="updates", ylabel="l₁ (1/τ)", ylim=(-1.6, 0.75))
    axes[2].legend(**SMALL, loc="upper left")
    return fig
