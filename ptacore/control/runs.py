"""The recorded runs of the closed loop, resumable and killed at will: `python -m ptacore.control.runs FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from ptacore.control.agents import Agent
from ptacore.control.objectives import Tracking, TrackingImitation
from ptacore.training import Run, Settings, train

SEEDS = 3
ADAM = {"optimizer": "adam", "lr": 1e-3, "clip": None, "decay": 1.0, "patience": 10**6}


def tracking(folder: Path, seed: int, epochs: int = 5000) -> Run:
    """The motor task as in the paper: four frequencies, 100 units, Adam; its record has probes every 25 epochs."""
    settings = Settings(**ADAM, epochs=epochs, seed=seed, probe_every=25, probe_exponents=12)
    return train(Tracking(), Agent.tracker(seed=seed), settings, folder / f"tracking-{seed}")


def tracking_imitation(folder: Path, seed: int, epochs: int = 5000) -> Run:
    """The same network from the same start, taught by the trained one: the open loop. It trains its input, too."""
    teacher = Agent.tracker(seed=seed)
    settings = Settings(**ADAM, epochs=epochs, seed=seed, probe_every=25, probe_exponents=12)
    train(Tracking(), teacher, settings, folder / f"tracking-{seed}")  # recorded: only its weights are read
    student = Agent.tracker(seed=seed, trained=("W", "m", "z"))
    return train(TrackingImitation(teacher, Tracking()), student, settings, folder / f"imitation-{seed}")


RUNS: dict[str, Callable[[Path, int], Run]] = {"tracking": tracking, "imitation": tracking_imitation}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(RUNS), help=f"of {', '.join(RUNS)}; all if omitted")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in given.names:
        for seed in range(given.seeds):
            run = RUNS[name](given.folder, seed)
            print(name, seed, run.summary["status"], run.summary["epochs"], f"{run.best_loss:.4g}", flush=True)


if __name__ == "__main__":
    main()
