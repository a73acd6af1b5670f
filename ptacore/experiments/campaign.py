"""A campaign: a list of runs, the most valuable first, made side by side and taken up again where they were left."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from ptacore.checks import folder, instances, integer
from ptacore.experiments.presets import check_names, experiment, sort_settings
from ptacore.training.records import read_runs

RATES = "tuning"  # where the runs are recorded that choose a learning rate
KEYS = {"about", "folder", "task", "models", "seeds", "preset", "units", "settings", "grid", "lr_from", "rates"}


@dataclass(frozen=True)
class Planned:
    """One run of a campaign.

    Attributes
    ----------
    folder : str
        Below the campaign's own: the collection in which the run is recorded.
    task, model : str
    seed : int
    preset : str
    units : int or None
    settings : dict
        As `ptacore.experiments.experiment` takes them.
    lr_from : str or None
        The task on whose runs below ``rates`` the learning rate is chosen.
    rates : str
        The folder of those runs.
    """

    folder: str
    task: str
    model: str
    seed: int
    preset: str = "paper"
    units: int | None = None
    settings: dict = field(default_factory=dict)
    lr_from: str | None = None
    rates: str = RATES

    def with_rate(self, root: Path) -> Planned:
        """This run with the learning rate that the recorded search chooses, if one is to choose."""
        if not self.lr_from:
            return self
        chosen = {"lr": tuned_rate(root / self.rates / self.lr_from / self.model)}
        return replace(self, settings=self.settings | chosen, lr_from=None)

    def ended(self, root: Path) -> bool:
        """Whether the run, with its rate, is recorded below a folder, to its end."""
        run = experiment(self.task, self.model, self.preset, self.seed, self.units, **self.settings)
        return (run.folder(root / self.folder) / "summary.json").exists()

    def arguments(self, root: Path) -> list[str]:
        """The arguments of ``ptacore train``."""
        units = [] if self.units is None else ["--units", str(self.units)]
        given = [part for name, value in self.settings.items() for part in ("--set", f"{name}={_text(value)}")]
        head = [self.task, self.model, "--preset", self.preset, "--seed", str(self.seed), *units]
        return [*head, *given, "--output", str(root / self.folder)]


def read_campaign(path: str | Path) -> list[Planned]:
    """Read the list of runs.

    Parameters
    ----------
    path : str or Path
        A TOML file. Each ``[[runs]]`` has a ``folder``, a ``task``, a list of ``models``, and may have ``seeds``
        ([0] if not), ``preset`` ("paper" if not), ``units``, ``settings`` for all its runs ("none" stands for None), a
        ``grid`` of lists of values for some settings, and ``lr_from``, the task on which the learning rate was
        searched, with ``rates``, the folder of that search ("tuning" if not). The runs are all combinations, in the
        order models, grid, seeds, the last changing fastest.

    Returns
    -------
    list of Planned

    Raises
    ------
    ValueError
        If the file is not TOML, or an entry lacks or has a key or a setting that it should not; the message has its
        number. Also if two entries hold the same run.
    """
    path = folder("path", path)
    try:
        entries = tomllib.loads(path.read_text()).get("runs", [])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    runs, seen = [], {}
    for number, entry in enumerate(entries, start=1):
        try:
            planned = _expand(entry)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, entry {number}: {error}") from error
        for run in planned:
            if (first := seen.setdefault(repr(run), number)) != number:
                raise ValueError(f"{path}, entry {number}: {run.model}, seed {run.seed}, is in entry {first} already")
        runs += planned
    return runs


def _expand(entry: dict) -> list[Planned]:
    if unknown := set(entry) - KEYS:
        raise ValueError(f"{', '.join(sorted(unknown))}: expected {', '.join(sorted(KEYS))}")
    if missing := {"folder", "task", "models"} - set(entry):
        raise ValueError(f"lacks {', '.join(sorted(missing))}")
    grid = entry.get("grid", {})
    settings = {name: None if value == "none" else value for name, value in entry.get("settings", {}).items()}
    same = {key: entry[key] for key in ("folder", "task", "preset", "units", "lr_from", "rates") if key in entry}
    runs = []
    for model, *values, seed in product(entry["models"], *grid.values(), entry.get("seeds", [0])):
        given = settings | dict(zip(grid, values, strict=True))
        check_names(entry["task"], model, entry.get("preset", "paper"))
        sort_settings(entry["task"], model, given)
        runs.append(Planned(**same, model=model, seed=seed, settings=given))
    return runs


def tuned_rate(folder: Path) -> float:
    """The learning rate whose runs have the lowest validation loss on average, of those recorded in a folder.

    Raises
    ------
    ValueError
        If there are none, or one has not ended.
    """
    runs = read_runs(folder) if folder.exists() else []
    if not runs or not all(run.finished for run in runs):
        raise ValueError(f"lr_from: {folder} has {'unfinished' if runs else 'no'} runs, so no learning rate is chosen")
    losses: dict[float, list[float]] = {}
    for run in runs:
        losses.setdefault(run.config["training"]["lr"], []).append(run.best_loss)
    return min(losses, key=lambda lr: sum(losses[lr]) / len(losses[lr]))


def _text(value) -> str:
    return "none" if value is None else json.dumps(value)


def run_campaign(runs: Sequence[Planned], root: str | Path, jobs: int = 1) -> list[int]:
    """Make runs side by side, each by ``ptacore train`` in a process of its own.

    Runs that have ended are not made again, and those that were interrupted go on. A run that fails, or whose process
    is killed, does not keep the others from being made.

    Parameters
    ----------
    runs : list of Planned
        The first ones are made first.
    root : str or Path
        Where they are recorded.
    jobs : int
        How many at a time.

    Returns
    -------
    list of int
        The exit codes, in the order of the runs; 2 where a learning rate could not be chosen.
    """
    root, jobs = folder("root", root), integer("jobs", jobs, 1)
    runs = instances("runs", runs, Planned)
    processes, starting = [], threading.Lock()
    all_planned, stopped = threading.Event(), threading.Event()

    def make(run: Planned, before: list[Future]) -> int:
        all_planned.wait()  # Ctrl-C while a pool is handed work may leave it locked, and then nothing would ever end
        wait(before)
        with starting:
            if stopped.is_set():
                return 130
            try:
                run = run.with_rate(root)
                if run.ended(root):
                    return 0
            except ValueError as error:
                print(f"{run.task}, {run.model}, seed {run.seed}: {error}", file=sys.stderr, flush=True)
                return 2
            process = subprocess.Popen([sys.executable, "-m", "ptacore.experiments", "train", *run.arguments(root)])
            processes.append(process)
        return process.wait()

    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future] = []
        try:
            for run in runs:
                rates = (run.rates, run.lr_from, run.model)
                before = [f for f, r in zip(futures, runs, strict=False) if (r.folder, r.task, r.model) == rates]
                futures.append(pool.submit(make, run, before))
            all_planned.set()
            for future in futures:
                while not future.done():  # a signal that comes just before a wait without end is heard after it
                    time.sleep(0.1)
            return [future.result() for future in futures]
        except BaseException:
            with starting:
                stopped.set()
                for process in processes:
                    process.terminate()  # it ends as on Ctrl-C, with its last epoch recorded
            all_planned.set()
            raise
