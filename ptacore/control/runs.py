"""The recorded runs of the closed loop, resumable and killed at will: `python -m ptacore.control.runs FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from ptacore.checks import check_seed, choice
from ptacore.control.agents import Agent
from ptacore.control.objectives import Imitation, Regulation, Tracking, TrackingImitation
from ptacore.oscillators.initialize import pta_
from ptacore.training import Run, Settings, read_run, train
from ptacore.training.loop import describe

STARTS = ("default", "memory", "orthogonal", "pta")
OPTIMIZERS = {
    "sgd-clipped": {"optimizer": "sgd", "lr": 0.01, "clip": 1.0},
    "sgd": {"optimizer": "sgd", "lr": 0.01, "clip": None},
    "adam-clipped": {"optimizer": "adam", "lr": 1e-3, "clip": 1.0},
    "adam": {"optimizer": "adam", "lr": 1e-3, "clip": None},
}
ENDLESS = {"decay": 1.0, "patience": 10**6}
ADAM = OPTIMIZERS["adam"] | ENDLESS


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


def regulation(batch: int = 100) -> Regulation:
    """The paper's cost for the tanh network: states summed over time, 0.005 of the controls of a batch of episodes."""
    return Regulation(box=1.0, effort=0.5, total=True, batch=batch)


def regulator(start: str, seed: int) -> Agent:
    """The paper's tanh network with another recurrent matrix.

    Parameters
    ----------
    start : {"default", "memory", "orthogonal", "pta"}
        Gaussian of spectral radius 0.1, as in the paper, or of 0.9; orthogonal; blocks that oscillate (`pta_`).
    seed : int
    """
    agent, generator = Agent.regulator(seed=seed), torch.Generator().manual_seed(check_seed(seed))
    with torch.no_grad():
        if choice("start", start, STARTS) == "memory":
            agent.W.mul_(9)
        elif start == "orthogonal":
            torch.nn.init.orthogonal_(agent.W, generator=generator)
        elif start == "pta":
            pta_(agent.W, generator=generator)
    return agent


def from_start(folder: Path, start: str, seed: int, epochs: int = 400) -> Run:
    """A tanh network from one of the starts, by clipped gradient descent."""
    settings = Settings(**OPTIMIZERS["sgd-clipped"], **ENDLESS, epochs=epochs, seed=seed)
    return train(regulation(), regulator(start, seed), settings, folder / f"start-{start}-{seed}")


def by_optimizer(folder: Path, optimizer: str, seed: int, epochs: int = 500) -> Run:
    """A tanh network in the closed loop by one of the optimizers, and its imitation in the open one by the same."""
    settings = Settings(**OPTIMIZERS[optimizer], **ENDLESS, epochs=epochs, seed=seed)
    teacher, student = regulator("default", seed), regulator("default", seed)
    closed = train(regulation(), teacher, settings, folder / f"closed-{optimizer}-{seed}")
    if closed.summary["status"] == "diverged":
        return closed
    return train(Imitation(teacher, regulation()), student, settings, folder / f"open-{optimizer}-{seed}")


def lessons(folder: Path | None, seed: int, units: int = 100, batch: int = 30, epochs: int = 500) -> tuple[Run, Run]:
    """A tanh network in the closed loop and its imitation in the open one, with the loop's eigenvalues on the way.

    Parameters
    ----------
    folder : Path or None
        Where they are recorded; not at all if None.
    seed, units, batch, epochs : int
    """
    task, settings = _lesson(seed, batch, epochs)
    teacher, student = Agent.regulator(units, seed), Agent.regulator(units, seed)
    places = [folder and folder / f"lesson-{way}-{seed}" for way in ("closed", "open")]
    closed = train(task, teacher, settings, places[0])
    return closed, train(Imitation(teacher, task), student, settings, places[1])


def read_lessons(
    folder: str | Path, seed: int, units: int = 100, batch: int = 30, epochs: int = 500
) -> tuple[Run, Run] | None:
    """What `lessons` of these arguments recorded; None where that is missing, or where the arguments were others."""
    task, settings = _lesson(seed, batch, epochs)
    agent, found = Agent.regulator(units, seed), []
    for way, objective in (("closed", task), ("open", Imitation(agent, task))):
        place = Path(folder) / f"lesson-{way}-{seed}"
        if not (place / "summary.json").exists():
            return None
        run, wanted = read_run(place), describe(objective, agent, settings)
        if _but_teacher(run.config) != _but_teacher(wanted):
            return None
        found.append(run)
    return tuple(found)


def _lesson(seed: int, batch: int, epochs: int) -> tuple[Regulation, Settings]:
    options = OPTIMIZERS["sgd-clipped"] | ENDLESS
    return regulation(batch), Settings(**options, epochs=epochs, seed=seed, probe_every=5, probe_exponents=4)


def _but_teacher(config: dict) -> dict:
    """A run's configuration without its teacher, who is known only when trained."""
    return config | {"task": {name: value for name, value in config["task"].items() if name != "teacher"}}


def _of(record: Callable[..., Run], arm: str) -> Callable[[Path, int], Run]:
    return lambda folder, seed: record(folder, arm, seed)


RUNS: dict[str, tuple[int, Callable[[Path, int], Run]]] = {  # how many seeds, and what to do with each
    "tracking": (3, tracking),
    "imitation": (3, tracking_imitation),
    "lessons": (5, lambda folder, seed: lessons(folder, seed)[1]),
    **{f"start-{start}": (10, _of(from_start, start)) for start in STARTS},
    **{f"optimizer-{name}": (5, _of(by_optimizer, name)) for name in OPTIMIZERS},
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(RUNS), help=f"of {', '.join(RUNS)}; all if omitted")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in given.names:
        seeds, record = RUNS[name]
        for seed in range(seeds):
            run = record(given.folder, seed)
            print(name, seed, run.summary["status"], run.summary["epochs"], f"{run.best_loss:.4g}", flush=True)


if __name__ == "__main__":
    main()
