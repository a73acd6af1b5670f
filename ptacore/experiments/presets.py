"""Sizes of runs: those of the paper, and some that a laptop trains in a minute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from ptacore.checks import check_seed, choice, integer
from ptacore.networks import registry
from ptacore.networks.base import Recurrent
from ptacore.tasks import TASKS, Task, make_task
from ptacore.training import records
from ptacore.training.loop import describe
from ptacore.training.settings import Settings

PRESETS = ("quick", "paper")
IMAGES = ("sequential-images", "permuted-images")
QUICK = {  # task settings for networks of 64 units
    "copy-memory": {"delay": 20, "tokens": 5, "sizes": (2000, 500, 500)},
    "random-delay-copy": {"delay": (20, 24), "tokens": 5, "sizes": (2000, 500, 500)},
    "temporal-order": {"delay": (20, 24), "sizes": (2000, 500, 500)},
    "sequential-images": {},
    "permuted-images": {},
}


class Experiment(NamedTuple):
    """A task, a network with its initial weights, and how to train it."""

    task: Task
    model: Recurrent
    settings: Settings

    def folder(self, root: str | Path) -> Path:
        """Where below ``root`` this run is recorded: task/network/seed-arm."""
        run = f"seed-{self.settings.seed}-{records.arm_of(describe(*self))}"
        return Path(root) / self.task.name / self.model.name / run


def experiment(
    task: str, model: str, preset: str = "quick", seed: int = 0, units: int | None = None, **given
) -> Experiment:
    """Everything for `train`, from names.

    Parameters
    ----------
    task : str
        A key of `ptacore.tasks.TASKS`.
    model : str
        A key of `ptacore.networks.MODELS`.
    preset : {"quick", "paper"}
        "paper": 250 units, 10,000 sequences, 400 epochs (125 for images); "quick": 64 units, shorter delays, fewer
        sequences, 40 epochs.
    seed : int
        Seed of the initial weights, of the order of the sequences and of the dropout. The sequences have a seed of
        their own, the task's.
    units : int, optional
        Hidden units, instead of the preset's.
    **given
        Settings of the training, parameters of the task, options of the network, by name; or "task.seed", "model.dt",
        "training.lr" where a name would be ambiguous.

    Returns
    -------
    Experiment
        A task, a network on the CPU in torch's default dtype, and `Settings`.

    Raises
    ------
    ValueError
        If a name is unknown, with those that are valid, or a value outside its range.

    Examples
    --------
    >>> task, model, settings = experiment("copy-memory", "cornn", "quick", lr=1e-2, dt=0.1)
    >>> task.delay, model.options["dt"], settings.lr
    (20, 0.1, 0.01)
    """
    check_names(task, model, preset)
    quick = preset == "quick"
    own = sort_settings(task, model, given)
    made = make_task(task, **((QUICK[task] if quick else {}) | own["task"]))
    seed = check_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    n_hidden = (64 if quick else 250) if units is None else integer("units", units, 1)
    network = registry.build(model, made.n_inputs, made.n_outputs, n_hidden, generator, **own["model"])
    settings = Settings(epochs=40 if quick else 125 if task in IMAGES else 400, batch_size=32 if quick else 128)
    return Experiment(made, network, replace(settings, **({"seed": seed} | own["training"])))


def check_names(task: str, model: str, preset: str) -> None:
    """Raise a ValueError, with the names that are valid, if one of these is not."""
    for what, name, valid in (("task", task, TASKS), ("model", model, registry.MODELS), ("preset", preset, PRESETS)):
        choice(what, name, valid)


def sort_settings(task: str, model: str, given: dict) -> dict[str, dict]:
    """The given values by what they belong to."""
    groups = {
        "task": [name for name in TASKS[task].parameters() if name != "seed"],
        "model": list(registry.defaults(model)),
        "training": [name for name in Settings.names() if name != "seed"],
    }
    own = {group: {} for group in groups}
    for name, value in given.items():
        group, _, key = name.rpartition(".")
        homes = [g for g, names in groups.items() if key in names and group in ("", g)]
        if (group, key) == ("task", "seed"):
            homes = ["task"]
        if not homes:
            valid = "; ".join(f"{g}: {', '.join(names) or 'none'}" for g, names in groups.items())
            raise ValueError(f"{name}: no such setting. There are, {valid}; and task.seed")
        if len(homes) > 1:
            raise ValueError(f"{name}: say {' or '.join(f'{g}.{key}' for g in homes)}")
        if key in own[homes[0]]:
            raise ValueError(f"{name}: is given twice")
        own[homes[0]][key] = value
    return own
