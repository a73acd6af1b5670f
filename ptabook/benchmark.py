"""The networks of the benchmark, on every page alike: their titles, how they are drawn, their runs in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D
from scipy.special import stdtrit

from ptacore.dynamics.time_average import degrees_of_freedom
from ptacore.experiments import Experiment
from ptacore.plotting import BLUE, BROWN, CYAN, GREEN, GREY, ORANGE, PURPLE, RED
from ptacore.training import Run, read_run, train
from ptacore.training.loop import describe
from ptacore.training.probes import STEPS

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
RESOLUTION = math.log(10) / STEPS  # of a probe: a smaller exponent changes nothing by a factor of ten
ROUNDING = 1e-12  # of an exponent in double precision, which its standard error does not see
BATCHES = 20  # parts of the window, whose means gave the standard errors of 0.1


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


def counts(probe: dict, run: Run, lag: int) -> dict[str, int]:
    """Exponents of a network that count as zero, that are slow, and that are positive.

    Parameters
    ----------
    probe : dict
        A `ptacore.training.probe` of the network.
    run : Run
        The run that it belongs to: what made it says how many degrees of freedom its standard errors have.
    lag : int
        Steps that a signal has to last.

    Returns
    -------
    dict
        "zero": at most the resolution in size, and with a 99% interval that holds zero. "slow": above -1 / lag.
        "positive": above both the resolution and the interval's half-width.
    """
    early = run.provenance["versions"]["ptacore"].startswith("0.1.")
    degrees = BATCHES - 1 if early else degrees_of_freedom(STEPS)
    exponents, errors = (np.array(probe[key], dtype=float) for key in ("exponents", "standard_error"))  # None: nan
    width = np.maximum(stdtrit(degrees, 0.995) * np.where(np.isnan(errors), math.inf, errors), ROUNDING)
    return dict(
        zero=int((abs(exponents) <= np.minimum(width, RESOLUTION)).sum()),
        slow=int((exponents > -1 / lag).sum()),
        positive=int((exponents > np.maximum(width, RESOLUTION)).sum()),
    )


def at_edge(rate: float, tried: Iterable[float]) -> bool:
    """Whether a rate is the lowest or highest of several that were tried, so that a better one may lie beyond.

    Examples
    --------
    >>> at_edge(0.01, [0.01, 0.001]), at_edge(0.003, [0.001, 0.003, 0.01]), at_edge(0.01, [0.01])
    (True, False, False)
    """
    tried = set(tried)
    return len(tried) > 1 and rate in (min(tried), max(tried))


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
