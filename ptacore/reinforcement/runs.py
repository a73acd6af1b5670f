"""The recorded runs of the controllers, resumable and killed at will: `python -m ptacore.reinforcement.runs FOLDER`.

Beside its record each run has ``checkpoints.npz``: the weights, but for those of the value head, in half precision,
after 0, 2, ..., 100 updates where the figures need them (some 0.85 MB), and after 0 and 100 elsewhere. All runs
together are to stay within 10 MB.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from ptacore import checks
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.ppo import PPO
from ptacore.training import Run, Settings, checkpoints, records, train

UPDATES = 100
KEPT = "checkpoints.npz"
ARMS: dict[str, tuple[int, dict, dict]] = {  # how many seeds; options of the agent, and of its training
    "partial": (10, {}, {}),
    "full": (5, {"observed": "full"}, {}),
    **{f"start-{start}": (10, {"start": start}, {}) for start in ("default", "rotations", "pta")},
    "discount": (5, {}, {"discount": 0.99}),
    "raw-angle": (5, {"raw_angle": True}, {}),
    "one-step": (5, {}, {"passes": 1, "minibatches": 1}),
}
DENSE = {"partial": 5, "full": 5}  # so many seeds of these keep their weights every 2 updates


def record(folder: Path, arm: str, seed: int, updates: int = UPDATES) -> Run:
    """Train an agent of one of the arms, or go on where it was; its record and weights are in ``folder / ARM-SEED``."""
    _, of_agent, of_training = ARMS[checks.choice("arm", arm, ARMS)]
    folder = checks.folder("folder", folder) / f"{arm}-{seed}"
    objective = PPO(**of_training, keep_every=2 if seed < DENSE.get(arm, 0) else updates)
    settings = Settings(lr=1e-3, clip=0.5, decay=1.0, patience=10**6, epochs=updates, seed=seed)
    run = train(objective, Controller(**of_agent, seed=seed), settings, folder)
    if not (folder / KEPT).exists():
        kept = checkpoints.load(folder, records.digest(run.config))["objective"]["kept"]
        stacks = {name: np.stack([weights[name].numpy() for weights in kept.values()]) for name in kept[0]}
        np.savez_compressed(buffer := io.BytesIO(), updates=np.array([*kept]), **stacks)
        checkpoints.write_atomically(folder / KEPT, buffer.getvalue())
    return run


def kept(folder: str | Path) -> dict[int, Controller]:
    """The agents of a recorded run, by how many updates they had learned from.

    Their weights are rounded to half precision, one part in 2,000, and there is no value head: ``value`` is None.

    Parameters
    ----------
    folder : str or Path
        Of the run, with ``config.json`` and ``checkpoints.npz``.

    Raises
    ------
    RecordError
        If one of the files is missing or cannot be read.
    """
    folder = checks.folder("folder", folder)
    options = records.read_json(folder / "config.json")["model"]["options"]
    try:
        with np.load(io.BytesIO((folder / KEPT).read_bytes()), allow_pickle=False) as file:
            stacks = {name: torch.from_numpy(file[name]) for name in file.files}
    except FileNotFoundError:
        raise records.RecordError(f"{folder / KEPT}: is missing") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise records.RecordError(f"{folder / KEPT}: cannot be read ({error})") from error
    found = {}
    for k, update in enumerate(stacks.pop("updates").tolist()):
        agent = Controller(**options, units=stacks["b"].shape[1])
        agent.value = None
        agent.load_state_dict({name: stack[k].float() for name, stack in stacks.items()})
        found[update] = agent
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(ARMS), help=f"of {', '.join(ARMS)}; all if omitted")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for seeds in (range(5), range(5, 10)):  # five of everything first
        for name in given.names:
            for seed in seeds[: max(0, ARMS[name][0] - seeds[0])]:
                run = record(given.folder, name, seed)
                reached = run.history[-1]["validation_training_return"] if run.history else None
                print(name, seed, run.summary["status"], run.summary["epochs"], reached, flush=True)


if __name__ == "__main__":
    main()
