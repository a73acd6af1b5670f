"""Gradient flossing before training: an arm of the ablation that begins with exponents near zero and no oscillator.

    python -m ptacore.experiments.flossed results/ablation

makes the runs that are missing, one after the other (some eight minutes of one core). They are those of the default
tanh network, with the same rates, seeds and epochs, and the option "flossed"; and at one rate below these, because the
lowest turned out best. Beside each stands ``flossing.json``: what the flossing came to, and what it cost besides the
epochs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ptacore import provenance
from ptacore.dynamics.flossing import floss_
from ptacore.experiments.presets import Experiment, experiment
from ptacore.training import adjoint_norms, train
from ptacore.training.records import Run, read_run, write_json

RATES, SEEDS, EPOCHS, UNITS = (1e-4, 3e-4, 1e-3, 3e-3), (0, 1, 2), 20, 128


@dataclass(frozen=True, kw_only=True)
class How:
    """How to floss. The defaults were fixed by how near to zero the exponents come, before any training.

    Attributes
    ----------
    exponents, steps, lr
        k, S and the rate of `floss_`.
    window : int
        Steps of the training sequences that are followed from their beginning, with the transient; all, if it is more.
    sequences : int
        Of the training split, other ones at each step.
    """

    exponents: int = 32
    steps: int = 60
    lr: float = 1e-2
    window: int = 66
    sequences: int = 4


def floss(one: Experiment, how: How) -> dict:
    """Floss the network of an experiment, in place, on the inputs of its task.

    Parameters
    ----------
    one : Experiment
    how : How

    Returns
    -------
    dict
        "exponents" (k,) in the first step and in the last one, averaged over sequences; "adjoint", its norm at the
        task's lag before and after; "seconds" of the processor that flossing took.
    """
    task, model, settings = one
    split = task.split("train")

    def inputs(step: int):
        first = step * how.sequences
        rows = [row % task.sizes[0] for row in range(first, first + how.sequences)]
        return split.batch(rows).inputs[: how.window]

    before, clock = adjoint_norms(model, task.split("validation"))[-1], time.process_time()
    found = floss_(model, how.exponents, steps=how.steps, lr=how.lr, input=inputs, seed=settings.seed)
    seconds = time.process_time() - clock
    return {
        "exponents": [found.exponents[i].mean(0).tolist() for i in (0, -1)],
        "adjoint": [float(norm) for norm in (before, adjoint_norms(model, task.split("validation"))[-1])],
        "seconds": round(seconds, 1),
    }


def record(
    root: str | Path,
    seeds: Sequence[int] = SEEDS,
    rates: Sequence[float] = RATES,
    how: How | None = None,
    units: int = UNITS,
    epochs: int = EPOCHS,
    **given,
) -> list[Run]:
    """Record runs of flossed tanh networks on copy memory, those that have not ended yet.

    Parameters
    ----------
    root : str or Path
        The collection in which they are recorded.
    seeds, rates : sequence
        Of the runs, all pairs; each seed's network is flossed once.
    how : How, optional
        Its defaults if omitted.
    units, epochs : int
        Of each network and run.
    **given
        More of what `ptacore.experiments.experiment` takes.

    Returns
    -------
    list of Run
    """
    how, runs = How() if how is None else how, []
    for seed in seeds:
        weights = flossing = None
        for lr in rates:
            one = experiment("copy-memory", "tanh", "paper", seed, units, epochs=epochs, decay_wait=5, lr=lr, **given)
            one.model.options = one.model.options | {"flossed": asdict(how)}
            folder = one.folder(root)
            if (folder / "summary.json").exists():
                runs.append(read_run(folder))
                continue
            if weights is None:
                flossing = floss(one, how)
                weights = {name: tensor.clone() for name, tensor in one.model.state_dict().items()}
            one.model.load_state_dict(weights)
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "flossing.json", flossing | provenance.origin())
            runs.append(train(*one, folder))
    return runs


def line(run: Run) -> str:
    """What is printed of a run; one that diverged in its first epoch has no test loss."""
    s = run.summary
    tested = f", test loss {s['test_loss']:.4g}" if s["best_epoch"] else ""
    return f"{run.folder}: {s['status']} ({s['reason']}){tested}"


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    for run in record(Path(sys.argv[1])):
        print(line(run), flush=True)
