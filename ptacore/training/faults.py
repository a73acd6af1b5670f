"""What the record of a training run cannot say: values of another kind or out of range, parts that contradict."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ptacore.training.settings import Settings

CONFIG = {
    **{"task": ("task",), "model": ("name", "n_hidden", "options")},
    "training": tuple(name for name in Settings.names() if name not in Settings.later),
}
STATUSES = ("epoch limit", "early stopping", "diverged")


@dataclass(frozen=True)
class Value:
    """What a value may be: its kind and, of a number, the range."""

    kind: type
    low: float = 0
    high: float = sys.float_info.max

    def fault(self, value) -> str | None:
        """What is wrong with a value."""
        kind = (int, float) if self.kind is float else self.kind
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"is {value!r}, not a {self.kind.__name__}"
        if self.kind in (int, float) and not self.low <= value <= self.high:
            bounds = f"at least {self.low}" if self.high == sys.float_info.max else f"from {self.low} to {self.high}"
            return f"is {value}, not a number {bounds}"
        return None


LOSS, SHARE, COUNT = Value(float), Value(float, 0, 1), Value(int)  # a cross-entropy is never negative
NUMBER = Value(float, -sys.float_info.max)
ABSENT = "loss_every_step"  # the metric that tasks without targets at every step do not have
METRICS = {"loss": LOSS, ABSENT: LOSS, "accuracy": SHARE}  # of tasks; configurations of other objectives name theirs
SUMMARY = {
    **{"status": Value(str), "reason": Value(str), "epochs": COUNT, "updates": COUNT, "best_epoch": COUNT},
    "parameters": COUNT,
}
PROVENANCE = {
    **{"engine": Value(int, 1), "commits": Value(list), "machine": Value(dict), "versions": Value(dict)},
    **{"seconds": Value(float), "finished": Value(str)},
}


def are_metrics(names) -> bool:
    """Whether these can be metrics: different names, at least one."""
    several = isinstance(names, (list, tuple)) and all(isinstance(name, str) and name.isidentifier() for name in names)
    return several and 0 < len(names) == len(set(names))


def metrics_of(config: dict) -> dict[str, Value]:
    """What a run measured, the first of which selected; and what each may be."""
    named = config.get("task", {}).get("metrics")
    return METRICS if named is None else dict.fromkeys(named, NUMBER)


def of_config(config: dict) -> Iterator[str]:
    """What is wrong with a configuration."""
    missing = [part for part in CONFIG if not isinstance(config.get(part), dict)]
    yield from (f"has no {part!r}" for part in missing)
    if missing:
        return
    for part, names in CONFIG.items():
        yield from (f"has no {part}.{name}" for name in names if name not in config[part])
    task, training = config["task"], config["training"]
    if "metrics" not in task and "seed" not in task:
        yield "has no task.seed"
    if "metrics" in task and not are_metrics(task["metrics"]):
        yield f"task.metrics is {task['metrics']!r}, not a list of different names"
    try:
        Settings(**{name: training[name] for name in Settings.names() if name in training})
    except (TypeError, ValueError) as error:
        yield f"training.{error}"


def of_history(history: list[dict], config: dict) -> Iterator[str]:
    """What is wrong with a history: out of range, or not as the settings would have it after the epochs before."""
    metrics = metrics_of(config)
    known = {"train_loss": LOSS if metrics is METRICS else NUMBER, "gradient_norm": LOSS}
    for name, kind in (known | {f"validation_{metric}": kind for metric, kind in metrics.items()}).items():
        values = [row[name] for row in history if row[name] is not None]
        if len(values) not in (0, len(history)):
            yield f"{name} is given in some lines only"
        if values and not (kind.low <= min(values) and max(values) <= kind.high):
            line, fault = next((i + 2, fault) for i, v in enumerate(values) if (fault := kind.fault(v)))
            yield f"line {line}: {name} {fault}"
    yield from _of_the_updates(history, config)
    yield from _of_the_course(history, config["training"], f"validation_{next(iter(metrics))}")


def _of_the_updates(history: list[dict], config: dict) -> Iterator[str]:
    task, before = config["task"], 0
    batches = history[0]["updates"] if history else 0
    sizes = task.get("sizes")
    if isinstance(sizes, list) and sizes and not COUNT.fault(sizes[0]):
        batches = math.ceil(sizes[0] / config["training"]["batch_size"])
    for row in history:
        epoch, updates = row["epoch"], row["updates"]
        if "metrics" in task and updates <= before:  # an objective may have more losses in one epoch than in another
            yield f"line {epoch + 1}: has {updates} updates, not more than the {before} of the epoch before"
        if "metrics" not in task and (updates != batches * epoch or not batches):
            yield f"line {epoch + 1}: has {updates} updates, {epoch} epochs have {batches * epoch}"
        before = updates


def _of_the_course(history: list[dict], settings: dict, selects: str) -> Iterator[str]:
    lr, decay, wait, patience, epochs = (settings[name] for name in ("lr", "decay", "decay_wait", "patience", "epochs"))
    best, lowest = 0, math.inf
    for row in history:
        epoch, loss = row["epoch"], row[selects]
        waited = epoch - 1 - best
        if waited and waited % wait == 0:
            lr *= decay
        if row["lr"] != lr:
            yield f"line {epoch + 1}: lr is {row['lr']}, by the settings {lr}"
        if waited >= patience or epoch > epochs:
            yield f"line {epoch + 1}: is of epoch {epoch}, before which training has ended by the settings"
        if loss < lowest:
            best, lowest = epoch, loss


def of_summary(summary: dict, history: list[dict], config: dict) -> Iterator[str]:
    """What is wrong with a summary, by itself and by the history."""
    metrics = metrics_of(config)
    tests = {f"test_{metric}": known for metric, known in metrics.items()}
    chances = {f"chance_{metric}": known for metric, known in metrics.items() if f"chance_{metric}" in summary}
    for name, known in (SUMMARY | ({"chance_loss": LOSS} if metrics is METRICS else {}) | chances | tests).items():
        if name not in summary:
            yield f"has no {name!r}"
        if (fault := known.fault(summary[name])) and not (summary[name] is None and name in tests):
            yield f"{name} {fault}"
    status, epochs, best = (summary[name] for name in ("status", "epochs", "best_epoch"))
    if status not in STATUSES:
        yield f"status is {status!r}, not {' or '.join(STATUSES)}"
    if epochs != len(history):
        yield f"has {epochs} epochs, the history {len(history)}"
    losses = [row[f"validation_{next(iter(metrics))}"] for row in history]
    lowest = losses.index(min(losses)) + 1 if losses else 0
    if best != lowest:
        yield f"best_epoch is {best}, by the history {lowest}"
    if summary["updates"] != (updates := history[-1]["updates"] if history else 0):
        yield f"has {summary['updates']} updates, the history {updates}"
    most, patience = config["training"]["epochs"], config["training"]["patience"]
    ended = "epoch limit" if epochs == most else "early stopping" if epochs - best == patience else "diverged"
    if status != ended:
        yield f"status is {status!r} after {epochs} epochs, the lowest loss in epoch {best}; by the settings {ended!r}"
    for metric in metrics:
        known = bool(history) and history[0][f"validation_{metric}"] is not None
        if (summary[f"test_{metric}"] is not None) != known:
            such = "such" if known else "no such"
            yield f"test_{metric} is {summary[f'test_{metric}']}, although the history has {such} losses"


def of_provenance(provenance: dict) -> Iterator[str]:
    """What is wrong with a provenance."""
    for name, known in PROVENANCE.items():
        if name not in provenance:
            yield f"has no {name!r}"
        if fault := known.fault(provenance[name]):
            yield f"{name} {fault}"
    for name in ("threads", "sessions"):
        if name in provenance and (fault := Value(int, 1).fault(provenance[name])):
            yield f"{name} {fault}"
    if not provenance["commits"] or not all(isinstance(commit, str) for commit in provenance["commits"]):
        yield f"commits is {provenance['commits']!r}, not a list of texts"
    try:
        datetime.fromisoformat(provenance["finished"])
    except ValueError:
        yield f"finished is {provenance['finished']!r}, not a time"


def of_probes(probes: list, epochs: int) -> Iterator[str]:
    """What is wrong with the probes of a run that has taken so many epochs."""
    before = -1
    for number, probe in enumerate(probes, start=1):
        epoch = probe.get("epoch") if isinstance(probe, dict) else None
        if Value(int, before + 1, epochs).fault(epoch):
            yield f"probe {number} is of epoch {epoch!r}, not a whole number from {before + 1} to {epochs}"
        before = epoch
