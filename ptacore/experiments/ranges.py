"""What a search for hyperparameters ranges over: S2.3, and what the authors of a network searched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ptacore.checks import instances
from ptacore.experiments.presets import check_names, sort_settings


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included: "log"-uniform, "linear", or "integer" (whole numbers, linear)."""

    low: float
    high: float
    scale: str = "log"


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple


TRAINING = {  # S2.3
    "lr": Range(1e-5, 1.0),
    "clip": Range(1e-2, 1e2),
    "dropout": Range(10**-1.5, 0.9),
    "decay": Range(1e-1, 1.0),
    "patience": Range(5, 80, "integer"),
}
OWN = {  # "in ranges reported in their original publications"
    # Chang et al. 2019 say eps and scale (their sigma_w) value by value, and ask for a small gamma.
    "antisymmetric": {
        "eps": Choice((0.01, 0.1, 1.0)),
        "gamma": Range(1e-3, 1e-1),
        "scale": Choice((0.0, 1.0, 2.0, 4.0, 8.0, 16.0)),
    },
    # Rusch & Mishra 2021 searched at random and give the best values of each task: this is what those span.
    "cornn": {"dt": Range(1.6e-2, 1e-1), "gamma": Range(0.2, 94.5), "eps": Range(4.7, 15.0)},
    # Erichson et al. 2021, the "plausible ranges" of their random search.
    "lipschitz": {"eps": Range(1e-3, 1.0), "beta": Choice((0.65, 0.7, 0.75, 0.8)), "gamma": Range(1e-3, 1.0)},
    # Rusch et al. 2022, from EigenWorms to the tasks that keep dt = 1: what the best values of each task span.
    "lem": {"dt": Range(1.7e-4, 1.0)},
}


def search_space(model: str, given: Iterable[str] = (), task: str = "copy-memory") -> dict[str, Range | Choice]:
    """What is searched for a network: the five parameters of S2.3, and those of its own that its authors searched.

    Parameters
    ----------
    model : str
        A key of `ptacore.networks.MODELS`.
    given : iterable of str
        Settings that have a fixed value, which are not searched.
    task : str
        A key of `ptacore.tasks.TASKS`, whose parameters may be among the given.

    Returns
    -------
    dict
        Ranges and choices by the qualified name of the setting.

    Raises
    ------
    ValueError
        If a name is unknown, or nothing is left to search.

    Examples
    --------
    >>> search_space("lem", given=["patience", "training.clip"])  # doctest: +NORMALIZE_WHITESPACE
    {'training.lr': Range(low=1e-05, high=1.0, scale='log'),
     'training.dropout': Range(low=0.03162277660168379, high=0.9, scale='log'),
     'training.decay': Range(low=0.1, high=1.0, scale='log'),
     'model.dt': Range(low=0.00017, high=1.0, scale='log')}
    """
    check_names(task, model, "quick")
    fixed = sort_settings(task, model, dict.fromkeys(instances("given", given, str)))
    groups = {"training": TRAINING, "model": OWN.get(model, {})}
    found = {f"{g}.{name}": d for g, own in groups.items() for name, d in own.items() if name not in fixed[g]}
    if not found:
        raise ValueError(f"{model}: all that could be searched is given")
    return found
