"""The recorded runs: which they are and how they are made.

    python -m ptacore.neighbours.runs results/neighbours

makes those that are missing, one after the other; what was interrupted is resumed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ptacore.neighbours.almost_linear import AlmostLinear, Shallow
from ptacore.neighbours.curse import Exponentials, Functional, MemoryFit, Residual
from ptacore.neighbours.liquid import CuedSign, Liquid
from ptacore.neighbours.parity import Parity, ParityNetwork
from ptacore.neighbours.reconstruction import Reconstruction
from ptacore.training import Objective, Settings, checkpoints, train

ENDLESS = {"decay": 1.0, "patience": 10**6, "clip": None}
LIQUID = {
    "short": (3.0, 1.0, 2.0, 10),
    "short-wide": (3.0, 4.0, 6.0, 10),
    "long-wide": (10.0, 4.0, 6.0, 10),
    "long": (10.0, 1.0, 2.0, 5),
}
"""Delay, F, gain and number of seeds."""


@dataclass(frozen=True)
class Plan:
    """A run: its folder below that of all, what is trained for, the network, settings; whether its weights are kept."""

    folder: str
    objective: Callable[[], Objective]
    network: Callable[[], nn.Module]
    settings: Settings
    keep: bool = False


def parity_runs() -> Iterator[Plan]:
    """Three gains, three seeds; and sequences of up to five bits only."""
    for gain, longest, passes, epochs in ((0.1, 10, 10, 80), (0.7, 10, 20, 30), (1.3, 10, 20, 20), (0.7, 5, 100, 40)):
        for seed in range(3):
            yield Plan(
                f"parity/gain{gain:g}-longest{longest}-seed{seed}",
                lambda longest=longest, passes=passes: Parity(longest, passes=passes),
                lambda gain=gain, seed=seed: ParityNetwork(gain, seed=seed),
                Settings(
                    **ENDLESS,
                    optimizer="sgd",
                    lr=0.02,
                    epochs=epochs,
                    seed=seed,
                    probe_every=1,
                    probe_exponents=3 if gain == 0.1 else 1,
                ),
                keep=gain == 0.1 and seed == 0,
            )


def almost_linear_runs() -> Iterator[Plan]:
    """Lorenz with two and five rectified units, Roessler with one and two; a shallow network forced, and not."""
    falling = {"decay": 0.5, "decay_wait": 3, "patience": 10**6, "clip": None, "lr": 3e-3, "probe_exponents": 3}
    for source, P, seeds, tau, epochs in (
        ("lorenz", 5, 5, 16, 60),
        ("lorenz", 2, 5, 16, 60),
        ("roessler", 2, 3, 8, 40),
        ("roessler", 1, 3, 8, 40),
    ):
        for seed in range(seeds):
            yield Plan(
                f"almost-linear/{source}-P{P}-seed{seed}",
                lambda source=source, tau=tau: Reconstruction(source, tau=tau),
                lambda P=P, seed=seed: AlmostLinear(20, P, observed=3, seed=seed),
                Settings(**falling, epochs=epochs + 1, seed=seed, probe_every=2),
                keep=True,
            )
    for alpha in (0.1, 0.0):
        for seed in range(3):
            yield Plan(
                f"almost-linear/shallow-alpha{alpha:g}-seed{seed}",
                lambda alpha=alpha: Reconstruction("lorenz", alpha=alpha, updates=50),
                lambda seed=seed: Shallow(3, hidden=50, observed=3, seed=seed),
                Settings(**falling | {"lr": 2e-3, "decay_wait": 20}, epochs=161, seed=seed, probe_every=8),
                keep=seed == 0,
            )


def liquid_runs() -> Iterator[Plan]:
    """The sign of a pulse, held for three or ten time constants, with gates of two sizes."""
    for name, (delay, F, gain, seeds) in LIQUID.items():
        for seed in range(seeds):
            yield Plan(
                f"liquid/{name}-seed{seed}",
                lambda delay=delay: CuedSign(delay),
                lambda gain=gain, F=F, seed=seed: Liquid(16, gain, F, seed=seed),
                Settings(**ENDLESS, lr=1e-2, epochs=31, seed=seed, probe_every=5, probe_exponents=3),
                keep=name == "long-wide",
            )


def curse_runs() -> Iterator[Plan]:
    """Sums of exponentials for two memories and three horizons; a tanh network for two memories."""
    for target in ("0.9^t", "(1+t)^-1.1"):
        for horizon in (100, 300, 1000):
            yield Plan(
                f"curse/{'exponential' if target == '0.9^t' else 'power'}-{horizon}",
                lambda target=target, horizon=horizon: MemoryFit(target, horizon),
                lambda: Exponentials(8, seeds=3),
                Settings(**ENDLESS, lr=1e-2, epochs=101, probe_every=5, probe_exponents=1),
            )
    for target in ("e^-t", "(1+t)^-1.5"):
        for seed in range(3):
            yield Plan(
                f"curse/tanh-{'exponential' if target == 'e^-t' else 'power'}-seed{seed}",
                lambda target=target: Functional(target),
                lambda seed=seed: Residual(seed=seed),
                Settings(**ENDLESS, lr=5e-3, epochs=31, seed=seed, probe_every=1, probe_exponents=1),
            )


def plan() -> Iterator[Plan]:
    """All recorded runs, in the order in which they are made."""
    for runs in (parity_runs, almost_linear_runs, curse_runs, liquid_runs):
        yield from runs()


def record(root: str | Path, names: list[str] = (), report=print) -> None:
    """Make what is missing of the plan, of the parts that are named."""
    torch.set_num_threads(1)
    for planned in plan():
        folder = Path(root) / planned.folder
        wanted = not names or planned.folder.partition("/")[0] in names
        if wanted and not checkpoints.cleared(folder):
            network = planned.network()
            run = train(planned.objective(), network, planned.settings, folder)
            if planned.keep:  # half of their precision is another attractor
                checkpoints.save_weights(folder, network.state_dict(), exact=True)
            else:
                (folder / checkpoints.WEIGHTS).unlink(missing_ok=True)
            checkpoints.clear(folder)
            report(f"{planned.folder}: {run.summary['status']}, {run.best_loss:.4g}", flush=True)


def trained(root: str | Path, name: str) -> nn.Module | None:
    """A network with its recorded weights; None where they are not there."""
    planned = next(planned for planned in plan() if planned.folder == name)
    folder = Path(root) / name
    if not (folder / checkpoints.WEIGHTS).exists():
        return None
    network = planned.network()
    network.load_state_dict(checkpoints.load_weights(folder))
    return network


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2:])
