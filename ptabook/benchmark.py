"""The networks of the benchmark, on every page alike: their titles, how they are drawn, their runs in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from ptacore.experiments import Experiment
from ptacore.plotting import BLUE, BROWN, CYAN, GREEN, GREY, ORANGE, PURPLE, RED
from ptacore.training import Run, read_run, train
from ptacore.training.loop import describe

DASHES, DOTS, BOTH = (0, (3, 1.2)), (0, (1, 1)), (0, (4, 1.2, 1, 1.2))  # gated, other nonlinear, linear recurrence
_LOOKS = {
    "tanh": ("tanh", GREY, "-"),
    "tanh-orthogonal": ("orthogonal tanh", ORANGE, "-"),
    "tanh-rotation": ("rotations", GREEN, "-"),
    "tanh-pta": ("PTA-tanh", BLUE, "-"),
    "gru": ("GRU", RED, DASHES),
    "gru-pta": ("PTA-GRU", PURPLE, DASHES),
    "lstm": ("LSTM", BROWN, DASHES),
    "antisymmetric": ("AntisymmetricRNN", PURPLE, DOTS),
    "cornn": ("coRNN", CYAN, DOTS),
    "lipschitz": ("LipschitzRNN", ORANGE, DOTS),
    "lem": ("LEM", GREEN, DOTS),
    "lru": ("LRU", GREY, BOTH),
    "linoss-im": ("LinOSS-IM", BLUE, BOTH),
    "linoss-imex": ("LinOSS-IMEX", RED, BOTH),
    "d-linoss": ("D-LinOSS", BROWN, BOTH),
}
TITLE = {name: title for name, (title, _, _) in _LOOKS.items()}
COLOR = {name: color for name, (_, color, _) in _LOOKS.items()}
LINE = {name: dict(color=color, ls=ls) for name, (_, color, ls) in _LOOKS.items()}


def read_recorded(problem: Experiment, records: str | Path) -> Run | None:
    """The run that `problem` describes, where it is recorded to its end, with the same first weights.

    Parameters
    ----------
    problem : Experiment
    records : str or Path
        Folder of runs, which may be missing.
    """
    folder = problem.folder(records)
    if not (folder / "summary.json").exists():
        return None
    run = read_run(folder)
    return run if run.config == describe(*problem) else None


def recorded_or_trained(problem: Experiment, records: str | Path) -> Run:
    """The run that `problem` describes, read where it is recorded (`read_recorded`), else made."""
    run = read_recorded(problem, records)
    return train(*problem) if run is None else run


def listed(names: Iterable[str]) -> str:
    """Networks in words.

    Examples
    --------
    >>> listed(["gru", "tanh-pta"]), listed([])
    ('GRU, PTA-tanh', 'none')
    """
    return ", ".join(TITLE[name] for name in names) or "none"


def ranked(rows: dict[str, dict], key: str, form: Callable[[float], str], reverse: bool = False) -> list[str]:
    """Networks and the means over their runs, from the lowest to the highest.

    Parameters
    ----------
    rows : dict of dict
        From a network to its `ptacore.experiments.outcome`.
    key : str
        What to average, such as "test_loss".
    form : callable
        From a number to its text.
    reverse : bool
        From the highest to the lowest.

    Examples
    --------
    >>> ranked({"gru": {"test_loss": [0.5, 0.7]}, "tanh": {"test_loss": [0.1]}}, "test_loss", "{:.1f}".format)
    ['tanh 0.1', 'GRU 0.6']
    """
    means = {name: np.mean(row[key]) for name, row in rows.items()}
    return [f"{TITLE[name]} {form(means[name])}" for name in sorted(means, key=means.get, reverse=reverse)]


def seed_by_seed(row: dict) -> str:
    """What the runs of a network got right, their best epochs, and what went wrong.

    Examples
    --------
    >>> seed_by_seed(dict(test_accuracy=[0.5], best_epoch=[3], epochs=[4], status=["diverged"]))
    '50.0% (best epoch 3 of 4; 1 of 1 diverged)'
    """
    right = ", ".join(f"{share:.1%}" for share in row["test_accuracy"])
    best = ", ".join(map(str, row["best_epoch"]))
    wrong = row["status"].count("diverged")
    ends = f"; {wrong} of {len(row['status'])} diverged" if wrong else ""
    return f"{right} (best epoch {best} of {max(row['epochs'])}{ends})"


def legend(fig, styles: dict[str, dict], *more: Line2D, **options) -> None:
    """Name networks below a figure.

    Parameters
    ----------
    fig : matplotlib figure
    styles : dict
        From a network to the properties of its line or marker.
    *more : matplotlib lines
        To be named after them, by their own labels.
    **options
        Options of the legend, such as ``ncols``.
    """
    handles = [Line2D([], [], label=TITLE[name], **style) for name, style in styles.items()]
    fig.legend(handles=[*handles, *more], loc="outside lower center", frameon=False, **options)
