"""The drawings of what makes networks learn: dynamics before and after, on the way, reach, the recipe taken apart."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ptabook.benchmark import COLOR, LINE, TITLE, legend
from ptacore.plotting import BLUE, PURPLE, figure, letters

FAINT = 1e-30  # smaller adjoints are drawn there
FLOOR = 1e-12  # the same where the lag varies
RATES = ("v", "o", "^", "D", "s")  # markers, from the lowest rate to the highest


def _thick(names) -> dict[str, dict]:
    """Lines of a legend."""
    return {name: LINE[name] | dict(lw=1.6) for name in names}


def dynamics(names: list[str], rows: list[dict]):
    """Adjoints by lag and counts of exponents, before and after training, a row for each size of network.

    Parameters
    ----------
    names : list of str
        Networks, from the top of a column of counts to its bottom.
    rows : list of dict
        "units"; "lag", of the task; "networks", from a network to "start" and "end", each with "adjoint", norms by lag
        of each run, and "counts", the numbers of "zero" and of "slow" exponents of each run.
    """
    fig, axes = figure(len(rows), 4, width=8.0, height=2.5 * len(rows), width_ratios=[1.2, 1.2, 1, 1])
    for line, row in zip(axes, rows, strict=True):
        for ax, when in zip(line, ("start", "end"), strict=False):
            _adjoints(ax, {name: one[when]["adjoint"] for name, one in row["networks"].items()}, row["lag"])
        line[0].set_ylabel(f"{row['units']} units\nnorm of the adjoint")
        for ax, key in zip(line[2:], ("zero", "slow"), strict=True):
            _counts(ax, names, row["networks"], key)
            ax.set(xlim=(-0.04 * row["units"], 1.04 * row["units"]), xticks=[0, row["units"] // 2, row["units"]])
            ax.set_yticks(range(len(names)), [TITLE[name] for name in names] if key == "zero" else [])
    for ax, title in zip(
        axes[0], ("before training", "after training", "zero exponents", "slow exponents"), strict=True
    ):
        ax.set_title(title)
    letters(axes.flat)
    dot = dict(ls="", marker="o", ms=4.5, mec="black")
    marks = [
        Line2D([], [], mfc=c, label=t, **dot) for c, t in (("white", "before training"), ("black", "after training"))
    ]
    legend(fig, _thick(names), *marks, ncols=4)
    return fig


def _adjoints(ax, norms: dict[str, list], lag: int) -> None:
    for name, runs in norms.items():
        for norm in runs:
            ax.plot(np.maximum(norm, FAINT), lw=1, **LINE[name])
    ax.axvline(lag, color="black", ls=":", lw=0.8, zorder=0)
    ax.set(yscale="log", ylim=(1e-8, 1e4), xlim=(0, 1.04 * lag), xlabel="lag (steps)")
    if not any(norms.values()):
        ax.text(0.5, 0.5, "no probes\nrecorded", transform=ax.transAxes, ha="center")


def _counts(ax, names: list[str], found: dict, key: str) -> None:
    """A dot for each run, open before and filled after training."""
    for place, name in enumerate(names):
        for shift, when in ((-0.16, "start"), (0.16, "end")):
            for count in found[name][when]["counts"] if name in found else ():
                face = "white" if when == "start" else COLOR[name]
                ax.plot(count[key], place + shift, "o", ms=4.5, mfc=face, mec=COLOR[name])
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="number of exponents")
    ax.grid(axis="y", lw=0.3)


def on_the_way(names: list[str], ways: dict[str, list[dict]]):
    """Counts of exponents and the adjoint at the lag, by epoch, a line for each run.

    Parameters
    ----------
    names : list of str
        Networks of the legend.
    ways : dict of list of dict
        From a network to its runs, each with lists "epoch", "zero", "positive" and "adjoint".
    """
    fig, axes = figure(1, 3, width=8.0, height=3.0)
    panels = {"zero": "zero exponents", "positive": "positive exponents", "adjoint": "adjoint at the lag"}
    for ax, (key, title) in zip(axes[0], panels.items(), strict=True):
        for name, runs in ways.items():
            for run in runs:
                shown = np.maximum(run[key], FAINT) if key == "adjoint" else run[key]
                ax.plot(run["epoch"], shown, marker="o", ms=2.5, lw=1, **LINE[name])
        ax.set(title=title, xlabel="epoch")
        if not ax.lines:
            ax.text(0.5, 0.5, "no probes recorded", transform=ax.transAxes, ha="center")
    axes[0, 2].set_yscale("log")
    axes[0, 1].yaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("number of exponents")
    letters(axes.flat)
    legend(fig, _thick(names), ncols=6, columnspacing=1.2, handlelength=1.9)
    return fig


def reach(lags, norms: dict[str, list], learned_lags, losses: dict[str, list]):
    """How far the adjoint and how far learning gets, by the lag of the task, a line for the networks of one seed.

    Parameters
    ----------
    lags, learned_lags : array (delays,)
    norms, losses : dict
        From a network to an array (seeds, delays): the adjoint's norm at the lag; the loss as a share of chance.
    """
    fig, ((left, right),) = figure(1, 2, width=8.0, height=3.4)
    for name, rows in norms.items():
        for row in rows:
            left.plot(lags, np.maximum(row, FLOOR), marker="o", ms=2.5, **LINE[name])
    at = np.array([300.0, 3000])
    guide = 3e-3 * (at / at[0]) ** -0.5  # between what fades as a power of the lag and what falls to the floor
    left.plot(at, guide, color="black", ls=":", lw=1)
    left.annotate("slope −1/2", (at[1], guide[1]), xytext=(2, -13), textcoords="offset points", ha="right")
    left.set(
        xscale="log", yscale="log", ylim=(5e-13, 50), xlabel="lag of the task (steps)", ylabel="norm of the adjoint"
    )
    for name, rows in losses.items():
        for row in rows:
            right.plot(learned_lags, row, marker="o", ms=2.5, **LINE[name])
    right.axhline(1, color="black", ls=":", lw=1, zorder=0)
    right.set(xscale="log", yscale="log", xlabel="lag of the task (steps)", ylabel="validation loss / chance")
    letters((left, right))
    legend(fig, _thick(norms), ncols=6, columnspacing=1.2, handlelength=1.9)
    return fig


def recipe(arms: dict[str, dict | None], chance: float):
    """Losses of each way to begin, a marker for each run, filled at the best rate of a line.

    Parameters
    ----------
    arms : dict
        From a line's title to its "validation", from a learning rate as text to losses, and "lr", the best rate; None
        where nothing was recorded.
    chance : float
        Dotted.
    """
    rates = sorted({rate for row in arms.values() if row for rate in row["validation"]}, key=float)
    fig, ((ax,),) = figure(1, 1, width=7.2, height=4.6)
    for place, (arm, row) in enumerate(arms.items()):
        color = PURPLE if arm.startswith("GRU") else BLUE
        for index, rate in enumerate(rates if row else ()):
            losses = row["validation"].get(rate, [])
            face = color if rate == f"{row['lr']:g}" else "white"
            height = [place + 0.18 * (index - (len(rates) - 1) / 2)] * len(losses)
            ax.plot(losses, height, RATES[index], ms=4.5, mfc=face, mec=color, mew=0.8)
        if not row:
            ax.text(chance * 0.9, place, "not recorded yet", ha="right", va="center", fontsize=7)
    ax.axvline(chance, color="black", ls=":", lw=1, zorder=0)
    ax.set(xscale="log", xlabel="lowest validation loss (nats a symbol)")
    ax.set(ylim=(len(arms) - 0.5, -0.5), yticks=range(len(arms)), yticklabels=list(arms))
    ax.grid(axis="y", lw=0.3)
    mark = dict(ls="", ms=4.5, mfc="white", mec="black")
    marks = [Line2D([], [], marker=m, label=f"rate {r}", **mark) for m, r in zip(RATES, rates, strict=False)]
    fig.legend(handles=marks, loc="outside lower center", ncols=len(RATES), frameon=False)
    return fig
