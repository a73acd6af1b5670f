"""Images shown one pixel a step, in reading order or in a fixed random order (S2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from ptacore.checks import choice, folder, instances, integer
from ptacore.tasks.datasets import DATASETS, load_images
from ptacore.tasks.task import Split, Task


@dataclass(frozen=True, kw_only=True)
class SequentialImages(Task):
    """Images shown one pixel a step in reading order, to be classified at the last.

    Parameters
    ----------
    dataset : str
        "digits" (8 x 8, comes with scikit-learn), "mnist", "fashion-mnist" or "cifar10" (three channels a step).
    sizes : tuple of 3 ints, optional
        Images in the training, validation and test split. By default all: validation is a tenth of the training
        files (the paper says that it was subsampled, not how many), the test split all of the test files.
    seed : int
        Seed of the choice of images.
    folder : str or Path, optional
        Where the dataset's files are; see `load_images`.
    download : bool
        Whether to fetch the files if they are missing.

    Raises
    ------
    ValueError
        If a parameter is out of range. Files are read when the first split is asked for, see `load_images`.

    Notes
    -----
    No image of the files is in two splits. The files themselves may hold an image twice; "digits" and
    "fashion-mnist" do not.

    Examples
    --------
    >>> task = SequentialImages()
    >>> task.sizes, task.n_inputs, task.n_outputs, task.length
    ((1350, 150, 297), 1, 10, 64)
    >>> batch = task.split("train").batch(range(5))
    >>> batch.inputs.shape, batch.targets[batch.scored].shape
    (torch.Size([64, 5, 1]), torch.Size([5]))
    """

    dataset: str = "digits"
    sizes: tuple[int, int, int] | None = None
    folder: str | Path | None = field(default=None, compare=False)
    download: bool = field(default=False, compare=False)

    name: ClassVar[str] = "sequential-images"
    unrecorded: ClassVar[tuple[str, ...]] = ("folder", "download")
    n_outputs: ClassVar[int] = 10
    n_answers: ClassVar[int] = 10

    def __post_init__(self):
        choice("dataset", self.dataset, DATASETS)
        if self.folder is not None:
            folder("folder", self.folder)
        data = DATASETS[self.dataset]
        if self.sizes is None:
            self._set("sizes", (data.n_train - data.n_train // 10, data.n_train // 10, data.n_test))
        super().__post_init__()
        train, validation, test = self.sizes
        if train + validation > data.n_train or test > data.n_test:
            raise ValueError(
                f"sizes: {self.dataset} has {data.n_train:,} images for training and validation together and "
                f"{data.n_test:,} for test, got {self.sizes}"
            )

    @property
    def n_inputs(self) -> int:
        return DATASETS[self.dataset].channels

    @property
    def length(self) -> int:
        return DATASETS[self.dataset].pixels

    @property
    def _order(self) -> np.ndarray:
        """Numbers of the pixels in the order in which they are shown."""
        return np.arange(self.length)

    def _make(self):
        images, labels, test_images, test_labels = load_images(self.dataset, self.folder, self.download)
        rng = np.random.default_rng(self.seed)
        chosen, (train, validation, test) = rng.permutation(len(images)), self.sizes
        levels = DATASETS[self.dataset].levels
        encoding = torch.arange(levels, dtype=torch.float64) / (levels - 1)

        def pick(images, labels, rows):
            rows = np.sort(rows)
            codes = torch.from_numpy(images[rows[:, None], self._order])
            return Split(codes, encoding, torch.from_numpy(labels[rows]), torch.full((len(rows),), self.length), 1)

        return (
            pick(images, labels, chosen[validation : validation + train]),
            pick(images, labels, chosen[:validation]),
            pick(test_images, test_labels, rng.permutation(len(test_images))[:test]),
        )


@dataclass(frozen=True, kw_only=True)
class PermutedImages(SequentialImages):
    """Images shown one pixel a step in a fixed, random order, the same for all images (S2.1).

    Parameters
    ----------
    permutation : sequence of ints, optional
        Numbers of the pixels in the order in which they are shown; drawn from ``seed`` by default. ``config()`` has
        it in full.
    dataset, sizes, seed, folder, download
        As for `SequentialImages`.

    Examples
    --------
    >>> task = PermutedImages(seed=0)
    >>> len(task.permutation), task.permutation == PermutedImages(seed=1).permutation
    (64, False)
    """

    permutation: tuple[int, ...] | None = field(default=None, repr=False)

    name: ClassVar[str] = "permuted-images"

    def __post_init__(self):
        super().__post_init__()
        order = self.permutation
        if order is None:
            order = np.random.default_rng([self.seed, 1]).permutation(self.length)
        order = tuple(integer("permutation", pixel, 0) for pixel in instances("permutation", order, object))
        if sorted(order) != list(range(self.length)):
            raise ValueError(f"permutation: expected each of 0, ..., {self.length - 1} once")
        self._set("permutation", order)

    @property
    def _order(self) -> np.ndarray:
        return np.array(self.permutation)
