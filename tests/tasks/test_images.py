import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ptacore.tasks import DATASETS, PermutedImages, SequentialImages

SPLITS = ("train", "validation", "test")


def entries(task, split):
    """Numbers, among scikit-learn's digits, of the images of a split."""
    where = {image.tobytes(): i for i, image in enumerate(load_digits().images)}
    assert len(where) == 1797  # no two are the same
    inputs = task.split(split).batch(dtype=torch.float64).inputs[..., 0]  # (64, N)
    return [where[(column * 16).reshape(8, 8).numpy().tobytes()] for column in inputs.T.contiguous()]


def test_digits_in_reading_order_with_their_labels_each_in_one_split():
    task, labels = SequentialImages(), load_digits().target
    used = {split: entries(task, split) for split in SPLITS}
    assert sorted(i for rows in used.values() for i in rows) == list(range(1797))
    assert used["test"] == list(range(1500, 1797))  # the test "file"
    for split in SPLITS:
        batch = task.split(split).batch()
        assert batch.targets[batch.scored].tolist() == labels[used[split]].tolist()
        assert batch.scored.sum(0).unique().tolist() == [1]
        assert batch.scored[-1].all()
        assert batch.valid.all()
        assert (batch.inputs.min(), batch.inputs.max()) == (0, 1)


def test_validation_does_not_depend_on_how_many_train():
    few, many = SequentialImages(sizes=(10, 150, 20)), SequentialImages()
    assert entries(few, "validation") == entries(many, "validation")
    assert set(entries(few, "train")) < set(entries(many, "train"))
    assert [len(few.split(split)) for split in SPLITS] == [10, 150, 20]


def test_a_permutation_moves_the_pixels_of_all_images_alike():
    plain, permuted = SequentialImages(seed=2), PermutedImages(seed=2)
    order = list(permuted.permutation)
    assert sorted(order) == list(range(64))
    assert order != sorted(order)
    assert permuted.config()["permutation"] == order
    for split in SPLITS:
        a, b = plain.split(split).batch(), permuted.split(split).batch()
        assert torch.equal(a.inputs[order], b.inputs)
        assert torch.equal(a.targets, b.targets)
    own = PermutedImages(permutation=range(63, -1, -1))
    assert torch.equal(own.split("test").batch().inputs.flip(0), plain.split("test").batch().inputs)


def test_places_are_not_part_of_what_is_recorded():
    here = SequentialImages(folder="/somewhere", download=True)
    assert here == SequentialImages()
    assert here.config() == SequentialImages().config()


@pytest.mark.parametrize(
    ("dataset", "shape"), [("mnist", (784, 1)), ("fashion-mnist", (784, 1)), ("cifar10", (1024, 3))]
)
def test_shapes_are_known_before_files_are_read(dataset, shape, tmp_path):
    task = PermutedImages(dataset=dataset, folder=tmp_path)
    assert (task.length, task.n_inputs) == shape
    assert sum(task.sizes[:2]) == DATASETS[dataset].n_train
    assert task.sizes[2] == 10_000
    assert task.chance_loss() == math.log(10)
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        task.split("train")


@pytest.mark.skipif(not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="no dataset-fashion-mnist")
def test_the_whole_of_fashion_mnist(monkeypatch, tmp_path):
    monkeypatch.setenv("PTACORE_DATA", str(tmp_path))
    task = PermutedImages(dataset="fashion-mnist")
    assert [len(task.split(split)) for split in SPLITS] == [54_000, 6_000, 10_000]
    labels = torch.cat([task.split(split).targets for split in ("train", "validation")])
    assert torch.bincount(labels.int()).tolist() == [6_000] * 10  # balanced, as its authors say
    assert torch.bincount(task.split("test").targets.int()).tolist() == [1_000] * 10
    pixels = np.concatenate([task.split(split).codes.numpy() for split in ("train", "validation")])
    assert pixels.mean() / 255 == pytest.approx(0.2860, abs=1e-4)  # widely published: mean .2860, deviation .3530
    assert pixels.std() / 255 == pytest.approx(0.3530, abs=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "minst"}, "dataset: expected one of digits, mnist, fashion-mnist, cifar10, got 'minst'"),
        ({"sizes": (1400, 101, 10)}, "sizes: digits has 1,500 images for training and validation together and 297"),
        ({"sizes": (1, 1, 298)}, "sizes: digits has"),
        ({"permutation": range(63)}, "permutation: expected each of 0, ..., 63 once"),
        ({"permutation": [0] * 64}, "permutation: "),
        ({"permutation": ["a"]}, "permutation: "),
    ],
)
def test_bad_values_are_named(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        PermutedImages(**settings)
