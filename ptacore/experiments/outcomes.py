"""How runs came out that differ by nothing but the seed."""

from __future__ import annotations

from collections.abc import Iterable

from ptacore.checks import instances
from ptacore.training.records import Run

LEAVES_CHANCE = 0.95  # share of chance below which the validation loss of a network that has learned something comes


def outcome(runs: Iterable[Run]) -> dict:
    """Where runs of one arm ended, seed by seed.

    Parameters
    ----------
    runs : iterable of Run
        At least one; they have been tested (`Run.tested`) and differ by the seed.

    Returns
    -------
    dict
        A list with an entry for each run: seeds, test_loss, test_accuracy, best_epoch, best_validation (lowest
        validation loss), epochs, epochs_to_half and epochs_to_tenth (of chance; None if never), status, minutes. One
        number for all: lr, parameters, chance (a loss, as all losses in nats).

    Raises
    ------
    ValueError
        If there is no run, or one without a result.
    """
    runs = instances("runs", runs, Run)
    if not runs or not all(run.tested for run in runs):
        raise ValueError(f"runs: expected runs with a result, got {sum(run.tested for run in runs)} of {len(runs)}")
    first, summaries = runs[0], [run.summary for run in runs]
    return {
        "seeds": [run.seed for run in runs],
        **{
            key: [s[key] for s in summaries] for key in ("test_loss", "test_accuracy", "best_epoch", "epochs", "status")
        },
        "best_validation": [run.best_loss for run in runs],
        "epochs_to_half": [run.epochs_to(0.5) for run in runs],
        "epochs_to_tenth": [run.epochs_to(0.1) for run in runs],
        "minutes": [run.provenance["seconds"] / 60 for run in runs],
        "lr": first.config["training"]["lr"],
        "parameters": first.summary["parameters"],
        "chance": first.summary["chance_loss"],
    }


def state(found: dict) -> str:
    """In which state runs were when they ended, in a word or two.

    Parameters
    ----------
    found : dict
        An `outcome`.

    Returns
    -------
    str
        "diverged" if one did; "at chance" if the validation loss of none fell below 95% of chance; "falling" if that
        of one was lowest in the last tenth of its epochs, so that more might have helped; otherwise "ended".

    Examples
    --------
    >>> runs = {"status": ["epoch limit"], "best_validation": [0.2], "best_epoch": [39], "epochs": [40], "chance": 2.1}
    >>> state(runs)
    'falling'
    """
    if "diverged" in found["status"]:
        return "diverged"
    if min(found["best_validation"]) > LEAVES_CHANCE * found["chance"]:
        return "at chance"
    late = any(best > 0.9 * last for best, last in zip(found["best_epoch"], found["epochs"], strict=True))
    return "falling" if late else "ended"
