"""Records of searches for hyperparameters: what was proposed, and what became of it.

A search's folder holds ``search.json`` (what is searched, and how), for every trial a folder with the record of its
run and ``trial.json`` (what was proposed), and in the end ``best.json``.

A trial is judged by the lowest validation loss of its history. Its record holds a test result too, like that of any
run; nothing here reads it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptacore.training import records
from ptacore.training.records import Run, read_run

WORST = float(np.finfo(np.float32).max)
"""Loss of a trial that diverged in its first epoch: above every loss of a network in single precision, yet finite,
because ASHA interpolates between losses and two infinities would give NaN. TPE looks at the order of losses only."""


@dataclass(frozen=True)
class Trial:
    """A trial of a search.

    Attributes
    ----------
    number : int
        From 0, in the order of proposal.
    settings : dict
        What was proposed, by qualified name.
    folder : Path
        Folder of the record.
    run : Run or None
        None until its first epoch has begun.
    stopped : bool
        Whether ASHA gave it up.
    """

    number: int
    settings: dict
    folder: Path
    run: Run | None
    stopped: bool

    @property
    def ended(self) -> bool:
        return self.stopped or self.finished

    @property
    def finished(self) -> bool:
        return self.run is not None and self.run.finished

    @property
    def status(self) -> str:
        """That of its run, or "stopped", or "unfinished"."""
        if self.finished:
            return self.run.summary["status"]
        return "stopped" if self.stopped else "unfinished"

    @property
    def loss(self) -> float:
        """See `objective`."""
        return WORST if self.run is None else objective(self.run)


@dataclass(frozen=True)
class Search:
    """A search for hyperparameters.

    Attributes
    ----------
    folder : Path
    plan : dict
        What ``search.json`` says.
    trials : list of Trial
        By their number.
    """

    folder: Path
    plan: dict
    trials: list[Trial]

    @property
    def ended(self) -> bool:
        return len(self.trials) == self.plan["trials"] and all(trial.ended for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The trial of lowest validation loss among those that finished; None if none got through an epoch."""
        candidates = [trial for trial in self.trials if trial.finished and trial.run.history]
        return min(candidates, key=lambda trial: trial.loss, default=None)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many trials there are of each status."""
        return dict(Counter(trial.status for trial in self.trials))


def objective(run: Run) -> float:
    """What a search minimizes: the lowest validation loss of a run, in nats; `WORST` before the first epoch is over.

    Examples
    --------
    >>> objective(Run({}, [{"validation_loss": 0.5}, {"validation_loss": 0.25}, {"validation_loss": 0.75}], {}, {}))
    0.25
    """
    return run.best_loss if run.history else WORST


def read_search(folder: str | Path, trials: int | None = None) -> Search:
    """Read the record of a search, ended or not.

    Parameters
    ----------
    folder : str or Path
        With ``search.json``.
    trials : int, optional
        How many trials to look at, from the first on; as many as were last asked for, if omitted.

    Returns
    -------
    Search

    Raises
    ------
    RecordError
        If a file is missing, cannot be read, or says what cannot be.
    """
    folder = Path(folder)
    plan = records.read_json(folder / "search.json")
    plan["trials"] = trials or plan["trials"]
    found = [read_trial(path.parent) for path in sorted(folder.glob("trial-*/trial.json"))]
    for number, trial in enumerate(found):
        if trial.number != number:
            raise records.RecordError(f"{trial.folder}: holds trial {trial.number} instead of {number}")
    return Search(folder, plan, found[: plan["trials"]])


def read_trial(folder: Path) -> Trial:
    """Read the record of a trial, see `read_search`."""
    content = records.read_json(folder / "trial.json")
    run = read_run(folder) if (folder / "config.json").exists() else None
    return Trial(content["number"], content["settings"], folder, run, content["stopped"])


def write_trial(folder: Path, number: int, settings: dict, stopped: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records.write_json(folder / "trial.json", {"number": number, "settings": settings, "stopped": stopped})
