"""Temporal ordering (S2.2.2): tell the order of two symbols that were shown among distractors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ptacore.checks import interval
from ptacore.tasks.task import Task, distinct_rows, divide


@dataclass(frozen=True, kw_only=True)
class TemporalOrder(Task):
    """Temporal ordering (S2.2.2): a symbol, A or B, at two steps; after a delay, which of AA, AB, BA, BB was it?

    The first step shows A or B, and so does one more of the first ``stream`` steps, drawn uniformly. k steps follow,
    k drawn uniformly from ``delay``. All other steps show distractors, drawn uniformly. The class, 0 to 3 for
    AA, AB, BA, BB, is due at the last step.

    Parameters
    ----------
    delay : tuple of 2 ints
        Least and largest k, both included; the paper's are 50 and 60.
    stream : int
        Steps in which both symbols appear, at least 2.
    distractors : int
        Number of different distractors.
    seed, sizes
        As for `Task`. No two sequences are the same.

    Notes
    -----
    The paper says that symbols are shown "at the beginning and throughout the sequence" and classified
    "following a k-step delay". It leaves open where the second one falls and what fills the other steps. That
    both come before the delay is in line with Table S1, where a default tanh network stays at chance, ln 4; the
    four distractors are those of Hochreiter and Schmidhuber (1997).

    Examples
    --------
    >>> task = TemporalOrder()
    >>> task.n_inputs, task.n_outputs, task.length, round(task.chance_loss(), 3)
    (6, 4, 70, 1.386)
    """

    delay: tuple[int, int] = (50, 60)
    stream: int = 10
    distractors: int = 4

    name: ClassVar[str] = "temporal-order"
    n_outputs: ClassVar[int] = 4
    n_answers: ClassVar[int] = 4

    def __post_init__(self):
        super().__post_init__()
        self._check("stream", 2)
        self._check("distractors", 1, 250)
        self._set("delay", interval("delay", self.delay, 0))

    @property
    def n_inputs(self) -> int:
        return 2 + self.distractors

    @property
    def length(self) -> int:
        return self.stream + self.delay[1]

    def _make(self):
        rng = np.random.default_rng(self.seed)
        low, high = self.delay
        after = self.n_inputs  # the code of steps after the end, where the input is zero

        def draw(n):
            codes = rng.integers(2, after, size=(n, self.length), dtype=np.uint8)
            codes[:, 0] = rng.integers(2, size=n)
            second = rng.integers(1, self.stream, size=(n, 1))
            np.put_along_axis(codes, second, rng.integers(2, size=(n, 1), dtype=np.uint8), axis=1)
            lengths = self.stream + rng.integers(low, high, size=(n, 1), endpoint=True)
            codes[np.arange(self.length) >= lengths] = after
            return codes

        space = 4 * (self.stream - 1) * sum(self.distractors ** (self.stream - 2 + k) for k in range(low, high + 1))
        codes = distinct_rows(draw, sum(self.sizes), space)
        second = 1 + (codes[:, 1:] < 2).argmax(1)
        targets = 2 * codes[:, 0] + np.take_along_axis(codes, second[:, None], axis=1)[:, 0]
        encoding = torch.eye(after + 1, self.n_inputs, dtype=torch.float64)
        return divide(self.sizes, codes, encoding, targets, (codes != after).sum(1), 1)
