"""The recorded runs: which they are, how they are made, and what is read off them.

    python -m ptacore.features.runs results/grokking_scaling

makes those that are missing, one after the other; what was interrupted is resumed.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ptacore.features.arithmetic import Arithmetic
from ptacore.features.groups import Group, cyclic, dihedral, product
from ptacore.features.network import TwoLayer
from ptacore.training import Run, Settings, checkpoints, read_runs, train

CONSTANT = 2.7482
"""c of the boundary p = c log M / M, as the source's program has it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run: part of the page that it is for, and its settings; the seed draws pairs and weights.

    ``steps`` full-batch steps lie between two looks, ``limit`` is the largest number of steps.
    """

    part: str
    group: str
    share: float
    K: int = 1024
    decay: float = 2e-4
    lr: float = 1e-3
    zero_top: bool = False
    limit: int = 2000
    steps: int = 20
    probes: bool = False
    seed: int = 0

    @property
    def folder(self) -> str:
        """Where it lies, below the folder of all."""
        own = asdict(self)
        names = ("share", "decay", "lr", "zero_top")
        settings = "-".join(f"{name.replace('_', '')}{float(own[name]):g}" for name in names)
        return f"{self.part}/{self.group}/{settings}-seed{self.seed}"

    def make(self, root: Path) -> Run:
        """Train, or read what was recorded."""
        group = parse_group(self.group)
        objective = Arithmetic(group, self.share, self.seed, steps=self.steps)
        generator = torch.Generator().manual_seed(1000 + self.seed)
        network = TwoLayer(group.order, self.K, generator=generator, zero_top=self.zero_top)
        settings = Settings(
            lr=self.lr,
            weight_decay=self.decay,
            clip=None,
            epochs=self.limit // self.steps,
            patience=1,
            seed=self.seed,
            probe_every=int(self.probes),
        )
        return train(objective, network, settings, root / self.folder)


def parse_group(name: str) -> Group:
    """A group by its name: "Z41", "Z5 x Z8" or "D20".

    Raises
    ------
    ValueError
        If the name is of another form.

    Examples
    --------
    >>> parse_group("Z2 x Z3").order, parse_group("D3").order
    (6, 6)
    """
    parts = [re.fullmatch(r"([ZD])(\d+)", part) for part in str(name).split(" x ")]
    if not all(parts):
        raise ValueError(f"name: expected a group such as Z41, Z5 x Z8 or D20, got {name!r}")
    factors = [{"Z": cyclic, "D": dihedral}[part[1]](int(part[2])) for part in parts]
    return product(*factors) if len(factors) > 1 else factors[0]


def boundary(M: float, c: float = CONSTANT) -> float:
    """c log M / M, the share of pairs above which features that generalize are kept.

    Examples
    --------
    >>> round(boundary(41), 3), round(boundary(71), 3)
    (0.249, 0.165)
    """
    return c * math.log(M) / M


PRIMES = (23, 31, 41, 53, 71)
TIMES = (0.55, 0.7, 0.8, 0.9, 1.0, 1.15, 1.35, 1.6)  # the expected boundary: shares of the phase diagram
NEAR = (0.9, 1.0, 1.15, 1.35)  # and of its later seeds
OTHERS = ("Z40", "Z2 x Z2 x Z10", "D20")
DECAYS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3)


def plan() -> Iterator[Plan]:
    """All recorded runs, in the order in which they are made: what a page needs first, the costliest last."""
    for seed, zero in itertools.product(range(6), (False, True)):
        yield Plan(part="top", group="Z41", share=0.35, zero_top=zero, seed=seed, steps=10)
        few = dict(lr=5e-3, decay=5e-5, limit=600, steps=5)  # as in the source's figures 14 to 17
        yield Plan(part="top", group="Z41", share=0.8, zero_top=zero, seed=seed, **few)
    for times, M in itertools.product(reversed(TIMES), PRIMES):
        yield _near(M, times, 0)
    for seed, M, times in itertools.product((1, 2), PRIMES[:2], reversed(NEAR)):
        yield _near(M, times, seed)
    for share, group in itertools.product((0.4, 0.3, 0.25, 0.2), OTHERS):
        yield Plan(part="groups", group=group, share=share)
    for seed, decay in itertools.product(range(3), DECAYS):
        yield Plan(part="decay", group="Z41", share=0.4, decay=decay, seed=seed, limit=4000, probes=True)
    for M, seed, times in itertools.product(PRIMES[2:], (1, 2), reversed(NEAR)):
        yield _near(M, times, seed)
    for decay in reversed(DECAYS):
        large = dict(K=2048, limit=600, steps=5, probes=True)
        yield Plan(part="decay", group="Z71", share=0.4, decay=decay, **large)


def _near(M: int, times: float, seed: int) -> Plan:
    return Plan(part="phase", group=f"Z{M}", share=round(times * boundary(M), 4), seed=seed)


def steps_to(run: Run, accuracy: float, column: str = "validation_accuracy") -> float:
    """Full-batch steps until an accuracy is reached; infinite where it never is."""
    reached = np.flatnonzero(run.column(column) >= accuracy)
    return float(run.column("updates")[reached[0]]) if len(reached) else math.inf


def recorded(root: str | Path, part: str) -> list[Run]:
    """The finished runs of a part: those that are recorded, in the order of their paths."""
    return [run for run in read_runs(Path(root) / part) if run.finished]


def record(root: str | Path, report=print) -> None:
    """Make what is missing of the plan."""
    torch.set_num_threads(1)
    for planned in plan():
        folder = Path(root) / planned.folder
        if not checkpoints.cleared(folder):
            run = planned.make(Path(root))
            (folder / checkpoints.WEIGHTS).unlink(missing_ok=True)
            checkpoints.clear(folder)
            report(f"{planned.folder}: {run.summary['status']} after {run.summary['updates']} steps")


if __name__ == "__main__":
    record(sys.argv[1])
