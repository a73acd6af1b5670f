"""What every task offers: three fixed splits of sequences, stored compactly and encoded a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ptacore.checks import check_seed, choice, integer, shown
from ptacore.memory import foretell

SPLITS = ("train", "validation", "test")


class Batch(NamedTuple):
    """Sequences ready for a network, time first: T steps, B sequences, m input channels.

    Attributes
    ----------
    inputs : Tensor (T, B, m), floating point
        Zero after the end of a sequence that is shorter than T.
    targets : Tensor (T, B), int64
        The class to name at each step; to be read where ``scored`` or ``valid`` holds.
    scored : Tensor (T, B), bool
        The steps of the answer: the recall positions of copy tasks, the last step of classifications.
    valid : Tensor (T, B), bool
        The steps that belong to the sequence.

    Notes
    -----
    The two conventions of the loss are the means of the cross-entropy of ``logits[scored]`` with
    ``targets[scored]`` and, for copy tasks, of ``logits[valid]`` with ``targets[valid]``. The readout has to be
    computed at those steps only: ``readout(h[scored])``.
    """

    inputs: Tensor
    targets: Tensor
    scored: Tensor
    valid: Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """N sequences of at most T steps, kept as integer codes.

    Attributes
    ----------
    codes : Tensor (N, T), or (N, T, m) with m channels, uint8
        Row numbers of ``encoding``.
    encoding : Tensor (K, m), or (K,) for channels with K levels each, float64
        What a network sees of each code: one-hot symbols, brightness of a pixel.
    targets : Tensor (N, T), or (N,) for one class a sequence, uint8
    lengths : Tensor (N,), int64
        Steps of each sequence.
    n_scored : int
        The answer is given in the last ``n_scored`` steps of each sequence.

    Examples
    --------
    >>> from ptacore.tasks import CopyMemory
    >>> split = CopyMemory(delay=5).split("validation")
    >>> len(split), split.codes[0, 10:].tolist()
    (1000, [8, 8, 8, 8, 8, 9, 8, 8, 8, 8, 8, 8, 8, 8, 8])
    >>> batch = split.batch(range(32))
    >>> batch.inputs.shape, batch.targets[batch.scored].shape
    (torch.Size([25, 32, 10]), torch.Size([320]))
    """

    codes: Tensor
    encoding: Tensor
    targets: Tensor
    lengths: Tensor
    n_scored: int

    def __len__(self) -> int:
        return len(self.codes)

    def batch(self, indices=None, dtype: torch.dtype = torch.float32, device=None) -> Batch:
        """The sequences with these numbers, encoded.

        Parameters
        ----------
        indices : sequence of B ints, slice or Tensor (on the CPU), optional
            All sequences by default.
        dtype : torch.dtype
            Type of the inputs.
        device : torch.device or str, optional
            Where the batch is made; only integer codes travel there.

        Returns
        -------
        Batch
            With T the length of the task's longest possible sequence, whichever sequences are asked for.
        """
        rows = torch.arange(len(self))[slice(None) if indices is None else indices]
        codes = self.codes[rows].to(device).transpose(0, 1).long()  # (T, B) or (T, B, m)
        targets = self.targets[rows].to(device).long()
        end, t = self.lengths[rows].to(device), torch.arange(len(codes), device=device)[:, None]  # (B,), (T, 1)
        valid = t < end
        return Batch(
            inputs=self.encoding.to(device, dtype)[codes],
            targets=targets.T if targets.ndim == 2 else targets.expand(len(codes), -1),
            scored=valid & (t >= end - self.n_scored),
            valid=valid,
        )


@dataclass(frozen=True, kw_only=True)
class Task:
    """Base of the tasks: checked parameters, splits made once and kept.

    A task is a dataclass of its parameters, with the properties ``n_inputs`` (channels m), ``n_outputs`` (classes),
    ``n_answers`` (classes that occur where the answer is scored) and ``length`` (steps T). Where there are targets
    at ``every_step``, ``scored_share`` is the expected share of steps that are scored.

    Parameters
    ----------
    seed : int
        Seed of the sequences; splits depend on nothing else but the parameters.
    sizes : tuple of 3 ints
        Sequences in the training, validation and test split; 10,000, 1,000, 1,000 in the paper (S2.2).

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    seed: int = 0
    sizes: tuple[int, int, int] = (10_000, 1_000, 1_000)

    name: ClassVar[str]
    every_step: ClassVar[bool] = False  # whether targets are defined at every step, not only at the scored ones
    unrecorded: ClassVar[tuple[str, ...]] = ()  # parameters that say where files are, not what the sequences are

    def __post_init__(self):
        self._set("seed", check_seed(self.seed))
        if not isinstance(self.sizes, (tuple, list)) or len(self.sizes) != 3:
            raise ValueError(f"sizes: expected 3 numbers (train, validation, test), got {shown(self.sizes)}")
        self._set("sizes", tuple(integer("sizes", n, 1) for n in self.sizes))

    def _set(self, name: str, value) -> None:
        object.__setattr__(self, name, value)

    def _check(self, name: str, least: int, most: int | None = None) -> None:
        self._set(name, integer(name, getattr(self, name), least, most))

    @classmethod
    def parameters(cls) -> list[str]:
        """Names of the parameters."""
        return [field.name for field in fields(cls)]

    def config(self) -> dict:
        """Everything that determines the sequences, as JSON takes it; `make_task` makes the task again from it."""
        names = [name for name in self.parameters() if name not in self.unrecorded]
        values = {name: getattr(self, name) for name in names}
        return {"task": self.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def split(self, split: str) -> Split:
        """The split "train", "validation" or "test"; no sequence is in two of them."""
        choice("split", split, SPLITS)
        return self._splits[SPLITS.index(split)]

    @cached_property
    def _splits(self) -> tuple[Split, Split, Split]:
        numbers = 3 * sum(self.sizes) * self.length  # codes and targets, a byte each, and a mask meanwhile
        foretell("sizes", numbers, "ask for fewer sequences, or for shorter ones")
        return self._make()

    def chance_loss(self, every_step: bool = False) -> float:
        """Cross-entropy in nats of the best answers without memory of the input, which all are equally likely.

        Parameters
        ----------
        every_step : bool
            Averaged over all steps of the sequences instead of the scored ones; for copy tasks only.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the task has no targets at every step.
        """
        if every_step and not self.every_step:
            raise ValueError(f"every_step: {self.name} has targets at its scored steps only")
        return math.log(self.n_answers) * (self.scored_share if every_step else 1)


def distinct_rows(draw: Callable[[int], np.ndarray], n: int, space: int) -> np.ndarray:
    """The first n rows, all different, of draw(n), draw(n), ...: sampling without repetition.

    Parameters
    ----------
    draw : callable
        From a number to that many random rows.
    n : int
        Rows wanted.
    space : int
        Number of different rows that there are.

    Returns
    -------
    ndarray (n, ...)

    Raises
    ------
    ValueError
        If there are fewer than n.
    """
    if n > space:
        raise ValueError(f"sizes: {n:,} different sequences asked for, but there are {space:,}; ask for fewer")
    rows = draw(n)
    while True:
        rows = rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])]
        if len(rows) >= n:
            return rows[:n]
        rows = np.concatenate([rows, draw(n)])


def divide(sizes: tuple[int, int, int], codes, encoding, targets, lengths, n_scored: int) -> tuple[Split, ...]:
    """Splits of these sizes, one after the other, from arrays of all sequences."""
    arrays = [torch.from_numpy(array) for array in (codes, targets, lengths)]
    parts = zip(*(array.split(sizes) for array in arrays), strict=True)
    return tuple(Split(c, encoding, t, n, n_scored) for c, t, n in parts)
