"""Records of training runs: folders of small text files, written atomically and read back with suspicion.

A run's folder holds ``config.json`` (task, network, settings), ``history.csv`` (a line for each epoch), ``probes.json``
(if the dynamics were looked at) and, once it has ended, ``provenance.json`` and ``summary.json``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ptacore.training import faults
from ptacore.training.checkpoints import write_atomically

ENGINE = 2
"""Raised whenever a change of the code gives the same configuration another history. 2: sums in another order, so
that histories differ from those of 1 by rounding."""


def columns(config: dict) -> tuple[str, ...]:
    """Names of the columns of a run's history: the general ones, and the validation value of each metric."""
    general = ("epoch", "updates", "lr", "train_loss", "gradient_norm")
    return (*general, *(f"validation_{metric}" for metric in faults.metrics_of(config)))


COLUMNS = columns({})  # of tasks
WHOLE = ("epoch", "updates")


class RecordError(ValueError):
    """A record is incomplete, malformed or contradicts itself."""


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes
    ----------
    config : dict
        "task", "model" and "training": all that determines the run.
    history : list of dict
        A row for each epoch: epoch (from 1), updates, lr, train_loss (of the loss that was minimized, with dropout),
        gradient_norm (mean, before clipping) and, for each metric of the objective, validation_METRIC. Those of tasks
        are validation_loss (cross-entropy in nats over the steps of the answer), validation_loss_every_step (None
        without targets at every step) and validation_accuracy.
    summary : dict
        status ("epoch limit", "early stopping", "diverged"; or "unfinished", and nothing else), reason, epochs,
        updates, best_epoch (the one with the lowest validation value of the first metric, whose weights are tested; 0
        if there is none), parameters (their number), test_METRIC for each metric and chance_METRIC where it is known.
        Those of tasks are chance_loss, test_loss, test_loss_every_step and test_accuracy.
    provenance : dict
        engine (of its oldest session), commits (of the package, one unless a run was resumed with another), machine,
        versions, threads, seconds, sessions (how often it was begun or resumed), started, finished, seal.
    probes : list of dict
        What `probe` returned, or why it "failed", with the epoch.
    folder : Path or None
        Where it is recorded.
    """

    config: dict
    history: list[dict]
    summary: dict
    provenance: dict
    probes: list[dict] = field(default_factory=list)
    folder: Path | None = None

    def column(self, name: str) -> np.ndarray:
        """A column of the history, (epochs,); NaN where there is no value.

        Raises
        ------
        KeyError
            If there is no such column.
        """
        if name not in (names := columns(self.config)):
            raise KeyError(f"column: expected one of {', '.join(names)}, got {name!r}")
        return np.array([np.nan if row[name] is None else row[name] for row in self.history], dtype=float)

    def epochs_to(self, share: float) -> int | None:
        """Epochs until the validation loss is below a share of chance; None if it never is."""
        below = np.flatnonzero(self.column("validation_loss") < share * self.summary["chance_loss"])
        return int(below[0]) + 1 if len(below) else None

    @property
    def finished(self) -> bool:
        return self.summary["status"] != "unfinished"

    @property
    def tested(self) -> bool:
        """Whether it has a result: it ended, and not by divergence in its first epoch."""
        return self.finished and self.summary["best_epoch"] > 0

    @property
    def outdated(self) -> bool:
        """Whether it would have another history with today's code."""
        return self.finished and self.provenance["engine"] != ENGINE

    @property
    def seed(self) -> int:
        return self.config["training"]["seed"]

    @property
    def best_loss(self) -> float:
        """The lowest validation value of the metric that selects; infinite before the first epoch is over."""
        selects, *_ = faults.metrics_of(self.config)
        return min((row[f"validation_{selects}"] for row in self.history), default=math.inf)

    @property
    def seal(self) -> str:
        """Digest of all that the record says, which provenance keeps as "seal": a later change shows."""
        origin = {k: v for k, v in self.provenance.items() if k != "seal"}
        said = json.dumps([self.config, self.history, self.summary, self.probes, origin], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def arm(self) -> str:
        """See `arm_of`."""
        return arm_of(self.config)


def arm_of(config: dict) -> str:
    """What runs have in common that differ by nothing but the seed and the look at their dynamics."""
    training = {k: v for k, v in config["training"].items() if k != "seed" and not k.startswith("probe")}
    model = {k: _same(v) for k, v in config["model"].items() if k != "initial"}
    return digest({"task": config["task"], "model": model, "training": training})


def _same(value):
    """One writing for equal numbers: 1 for 1.0."""
    if isinstance(value, dict):
        return {k: _same(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_same(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest(data) -> str:
    """Eight characters that tell apart what JSON tells apart."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


def write_json(path: Path, data) -> None:
    """Write JSON, atomically.

    Raises
    ------
    ValueError
        If there is a NaN or an infinity in it.
    """
    write_atomically(path, (json.dumps(data, indent=1, allow_nan=False) + "\n").encode())


def write_history(path: Path, history: list[dict], names: tuple[str, ...] = COLUMNS) -> None:
    """Write a history with these columns, atomically; numbers are read back to the last bit."""
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(history)
    write_atomically(path, text.getvalue().encode())


def read_run(folder: str | Path) -> Run:
    """Read the record of a run.

    Parameters
    ----------
    folder : str or Path
        Folder of a run that has ended, or of one under way, whose status is "unfinished".

    Returns
    -------
    Run

    Raises
    ------
    RecordError
        If a file is missing, cannot be read, or says what cannot be; the message names file and fault.
    """
    folder = Path(folder)
    config = read_json(folder / "config.json")
    _refuse(folder / "config.json", faults.of_config(config))
    ended = (folder / "summary.json").exists()  # before the history is read, or it might grow in between
    history = _read_history(folder / "history.csv", columns(config))
    _refuse(folder / "history.csv", faults.of_history(history, config))
    probes = read_json(folder / "probes.json", list) if (folder / "probes.json").exists() else []
    _refuse(folder / "probes.json", faults.of_probes(probes, len(history) if ended else math.inf))
    if not ended:
        return Run(config, history, {"status": "unfinished"}, {}, probes, folder)
    summary, provenance = (read_json(folder / f"{name}.json") for name in ("summary", "provenance"))
    _refuse(folder / "summary.json", faults.of_summary(summary, history, config))
    _refuse(folder / "provenance.json", faults.of_provenance(provenance))
    run = Run(config, history, summary, provenance, probes, folder)
    sealed = "seal" not in provenance or provenance["seal"] == run.seal  # records of earlier versions have none
    _require(sealed, folder / "provenance.json", "its seal is not that of the files: one was changed after the end")
    return run


def read_runs(folder: str | Path) -> list[Run]:
    """Read all runs in a folder and its subfolders, in the order of their paths; none if the folder does not exist.

    Raises
    ------
    RecordError
        If one of them is malformed.
    """
    return [read_run(path.parent) for path in sorted(Path(folder).rglob("config.json"))]


def _require(condition: bool, path: Path, fault: str) -> None:
    if not condition:
        raise RecordError(f"{path}: {fault}")


def _refuse(path: Path, found: Iterator[str]) -> None:
    """Raise the first of the faults of a file."""
    for fault in found:
        raise RecordError(f"{path}: {fault}")


def read_json(path: Path, kind: type = dict):
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{path}: is missing") from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: is not JSON ({error})") from error
    _require(isinstance(data, kind), path, f"holds a {type(data).__name__}, not a {kind.__name__}")
    return data


def _read_history(path: Path, names: tuple[str, ...] = COLUMNS) -> list[dict]:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return []  # killed in the first epoch
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error) as error:
        raise RecordError(f"{path}: is not a table ({error})") from error
    _require(bool(rows) and tuple(rows[0]) == names, path, f"its first line is not {','.join(names)}")
    history = []
    for number, row in enumerate(rows[1:], start=1):
        line = f"line {number + 1}"
        if len(row) != len(names):
            raise RecordError(f"{path}: {line} has {len(row)} fields instead of {len(names)}")
        values = {}
        for name, text in zip(names, row, strict=True):
            absent = text == "" and name == f"validation_{faults.ABSENT}"
            try:
                value = values[name] = None if absent else (int if name in WHOLE else float)(text)
            except ValueError:
                raise RecordError(f"{path}: {line}: {name} is {text!r}, which is not a number") from None
            if not (absent or -math.inf < value < math.inf):
                raise RecordError(f"{path}: {line}: {name} is {text}")
        if values["epoch"] != number:
            raise RecordError(f"{path}: {line} is of epoch {values['epoch']} instead of {number}")
        history.append(values)
    return history
