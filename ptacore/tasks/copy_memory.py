"""Copy memory with a fixed (S2.2.1) or random (S2.2.3) delay: reproduce ten symbols after k blank steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ptacore.checks import integer, interval
from ptacore.tasks.task import Task, distinct_rows, divide


@dataclass(frozen=True, kw_only=True)
class CopyMemory(Task):
    """Copy memory (S2.2.1): symbols are shown, and asked for after a delay of k steps.

    Input: 10 symbols of 8, k blanks, 1 start token, 9 blanks. Target: k + 10 blanks, then the 10 symbols.
    The first symbol is due at the step of the start token.

    Parameters
    ----------
    delay : int
        k; 100 or 2,000 in the paper.
    symbols : int
        Size of the alphabet.
    tokens : int
        Symbols to be remembered.
    seed, sizes
        As for `Task`. The remembered words of all splits are different.

    Examples
    --------
    >>> task = CopyMemory(delay=100)
    >>> task.n_inputs, task.n_outputs, task.length
    (10, 9, 120)
    >>> round(task.chance_loss(), 3), round(task.chance_loss(every_step=True), 3)
    (2.079, 0.173)
    """

    delay: int = 100
    symbols: int = 8
    tokens: int = 10

    name: ClassVar[str] = "copy-memory"
    every_step: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self._check("symbols", 2, 250)
        self._check("tokens", 1)
        self._set("delay", self._checked_delay())

    def _checked_delay(self):
        return integer("delay", self.delay, 0)

    @property
    def _delays(self) -> tuple[int, int]:
        """Shortest and longest delay."""
        return self.delay, self.delay

    @property
    def n_inputs(self) -> int:
        return self.symbols + 2

    @property
    def n_outputs(self) -> int:
        return self.symbols + 1

    @property
    def n_answers(self) -> int:
        return self.symbols

    @property
    def length(self) -> int:
        return self._delays[1] + 2 * self.tokens

    @property
    def scored_share(self) -> float:
        return self.tokens / (sum(self._delays) / 2 + 2 * self.tokens)

    def _make(self):
        rng, total = np.random.default_rng(self.seed), sum(self.sizes)
        blank, start, after = range(self.symbols, self.symbols + 3)  # `after` the end the input is zero

        def draw(n):
            return rng.integers(self.symbols, size=(n, self.tokens), dtype=np.uint8)

        words = distinct_rows(draw, total, self.symbols**self.tokens)  # (N, tokens)
        delays = rng.integers(*self._delays, size=(total, 1), endpoint=True)
        go = self.tokens + delays  # (N, 1): the step of the start token
        codes = np.full((total, self.length), blank, dtype=np.uint8)
        targets = codes.copy()
        codes[:, : self.tokens] = words
        np.put_along_axis(codes, go, start, axis=1)
        codes[np.arange(self.length) >= go + self.tokens] = after
        np.put_along_axis(targets, go + np.arange(self.tokens), words, axis=1)
        encoding = torch.eye(after + 1, self.n_inputs, dtype=torch.float64)
        return divide(self.sizes, codes, encoding, targets, (go + self.tokens)[:, 0], self.tokens)


@dataclass(frozen=True, kw_only=True)
class RandomDelayCopy(CopyMemory):
    """Copy memory with a delay drawn anew for each sequence, uniformly (S2.2.3).

    Parameters
    ----------
    delay : tuple of 2 ints
        Shortest and longest delay, both included.
    symbols, tokens, seed, sizes
        As for `CopyMemory`.

    Examples
    --------
    >>> split = RandomDelayCopy().split("test")
    >>> split.batch(range(4)).inputs.shape, split.lengths.min(), split.lengths.max()
    (torch.Size([140, 4, 10]), tensor(120), tensor(140))
    """

    delay: tuple[int, int] = (100, 120)

    name: ClassVar[str] = "random-delay-copy"

    def _checked_delay(self):
        return interval("delay", self.delay, 0)

    @property
    def _delays(self) -> tuple[int, int]:
        return self.delay
