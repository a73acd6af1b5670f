"""The drawings of Figure 5C: a sequence of the task, learning curves, the adjoint before and the loss after."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import MaxNLocator

from ptabook.benchmark import BOTH, COLOR, DASHES, DOTS, LINE, TITLE, legend
from ptacore.plotting import BLUE, GREY, ORANGE, YELLOW, figure, letters

LOWEST = 1e-5  # share of chance, at the paper's size
BANDED = ("tanh", "tanh-pta", "gru", "gru-pta")  # fifteen bands would cover one another
FLOOR = 1e-12  # adjoints below are drawn there
CURVE = {name: LINE[name] | dict(lw=2.2 if name.endswith("pta") else 1.3) for name in TITLE}
SHAPE = {"-": "o", DASHES: "s", DOTS: "^", BOTH: "D"}  # of a marker, where there is no line
MARKER = {
    name: dict(
        marker=SHAPE[LINE[name]["ls"]],
        color=COLOR[name],
        mec="black" if name.endswith("pta") else COLOR[name],
        ms=5,
        mew=0.7,
        ls="",
    )
    for name in TITLE
}


def one_sequence(shown, asked, scored, lag: int):
    """A sequence of copy memory, input above and target below.

    Parameters
    ----------
    shown, asked : array (T,) of int
        Codes: 0 to 7 are symbols, 8 the blank, 9 the start token.
    scored : array (T,) of bool
        Where a symbol is due.
    lag : int
        Steps from a symbol to its recall.
    """
    fig, axes = figure(2, 1, height=2.9, sharex=True, sharey=True)
    due = np.flatnonzero(scored)
    for ax, codes, title in zip(axes[:, 0], (shown, asked), ("input", "target"), strict=True):
        for members, color in ((range(8), BLUE), ((8,), GREY), ((9,), ORANGE)):
            at = np.flatnonzero(np.isin(codes, members))
            ax.scatter(at, codes[at], s=8, marker="s", color=color)
        ax.axvspan(due[0] - 0.5, due[-1] + 0.5, color=YELLOW, alpha=0.3, lw=0, zorder=0)
        ax.set(ylabel=title, ylim=(-0.8, 9.8), xlim=(-1.5, len(shown)))
        ax.set_yticks([0, 7, 8, 9], ["1", "8", "blank", "start"])
    first, above, below = (0, shown[0]), axes[0, 0], axes[1, 0]
    down = dict(axesA=above, axesB=below, ls=":", shrinkA=3, color="black")
    fig.add_artist(ConnectionPatch(first, first, "data", **down))
    across = dict(arrowstyle="->", shrinkA=0, color="black")
    below.annotate("", (lag, asked[lag]), first, arrowprops=across)
    below.text(lag / 2, asked[lag] + 0.3, f"{lag} steps", ha="center", va="bottom")
    below.set_xlabel("step")
    return fig


def learning_curves(columns: list[dict], units: tuple[int, int]):
    """Validation losses while networks learn, recorded runs above and small networks below.

    Parameters
    ----------
    columns : list of dict
        For each of three tasks: "title"; "recorded" and "live", from a network to its runs' losses as shares of chance,
        each (epochs,); "paper", from a network to the paper's test loss, again as a share.
    units : (int, int)
        Units of the recorded networks and of the small ones.
    """
    fig, axes = figure(2, len(columns), width=8.0, height=6.2)
    for (above, below), column in zip(axes.T, columns, strict=True):
        for name in TITLE:
            _curve(above, name, column["recorded"].get(name))
            _mark(above, name, column["paper"].get(name))
            _curve(below, name, column["live"].get(name))
        if not any(column["recorded"].values()):
            above.text(0.5, 0.5, "no run recorded yet", transform=above.transAxes, ha="center")
            above.set_xticks([])
        above.set(title=column["title"], ylim=(LOWEST, 2))
        least = min(np.median([run.min() for run in runs]) for runs in column["live"].values())
        below.set(ylim=(max(0.7 * least, 1e-3), 1.3), xlabel="epoch", xlim=(0.5, None))
    for ax in axes.flat:
        _share_axis(ax)
    letters(axes.flat, (-0.16, 1.03), "left")
    for ax, text in zip(axes[:, 0], (f"{units[0]} units, recorded", f"{units[1]} units"), strict=True):
        ax.set_ylabel(f"{text}\nvalidation loss / chance")
    legend(fig, CURVE, ncols=4, handlelength=2.4)
    return fig


def _curve(ax, name: str, runs) -> None:
    """Median over runs, as long as all of them lasted; for the networks that are compared, their range too."""
    if not runs:
        return
    length = min(map(len, runs))
    shares, epoch = np.array([run[:length] for run in runs]), np.arange(1, length + 1)
    if len(runs) > 1 and name in BANDED:
        ax.fill_between(epoch, shares.min(0), shares.max(0), color=COLOR[name], alpha=0.13, lw=0)
    ax.plot(epoch, np.median(shares, axis=0), **CURVE[name])


def _mark(ax, name: str, share: float | None) -> None:
    """The paper's value at the right edge; an arrowhead where it is below the axis."""
    if share is None:
        return
    low, look = share < LOWEST, dict(color=COLOR[name], ls=LINE[name]["ls"], lw=2)
    place = dict(transform=ax.get_yaxis_transform(), clip_on=False)
    if low:
        ax.plot([1.03], [LOWEST], marker="v", **look, **place)
    else:
        ax.plot([1.01, 1.05], [share, share], **look, **place)


def _share_axis(ax) -> None:
    """Logarithmic shares of chance, which is dotted; whole epochs."""
    ax.axhline(1, color="black", ls=":", lw=1, zorder=0)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if low > 0.05:  # little more than a decade: plain numbers
        ax.set_yticks([v for v in (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1) if v > low])
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.set_ylim(low, high)
    if len(ax.get_xticks()):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def prediction(panels: list[dict]):
    """The adjoint's norm before training against what is left of the loss after it, a marker for each network.

    Parameters
    ----------
    panels : list of dict
        For each task: "title"; "networks", from a network to two lists over its seeds, the adjoint's norm at the task's
        lag and the loss as a share of chance; "rho", "low" and "high", a rank correlation and its interval.
    """
    fig, axes = figure(1, len(panels), width=8.0, height=3.9, sharey=True)
    for ax, panel in zip(axes[0], panels, strict=True):
        for name, (adjoint, share) in panel["networks"].items():
            ax.plot(np.maximum(adjoint, FLOOR), share, **MARKER[name])
        ax.axhline(1, color="black", ls=":", lw=1, zorder=0)
        ax.axvline(1, color="black", ls=":", lw=1, zorder=0)
        written = "ρ = {rho:.2f} ({low:.2f} to {high:.2f})".format(**panel).replace("-", "−")
        ax.set(xscale="log", yscale="log", title=f"{panel['title']}\n{written}")
        ax.set_xlabel("adjoint's norm at the lag")
    axes[0, 0].set_ylabel("validation loss / chance")
    legend(fig, MARKER, ncols=6, columnspacing=1, handletextpad=0.3)
    return fig
