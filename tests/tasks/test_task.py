import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore.tasks import TASKS, CopyMemory, PermutedImages, RandomDelayCopy, TemporalOrder, make_task
from ptacore.tasks.task import SPLITS, distinct_rows

SMALL = {
    "copy-memory": {"delay": 3, "sizes": (60, 20, 10)},
    "random-delay-copy": {"delay": (2, 6), "sizes": (60, 20, 10)},
    "temporal-order": {"delay": (4, 7), "sizes": (60, 20, 10)},
    "sequential-images": {"sizes": (60, 20, 10)},
    "permuted-images": {"sizes": (60, 20, 10)},
}
EXAMPLE = RandomDelayCopy(delay=(0, 9), sizes=(40, 1, 1)).split("train")


def same(a, b):
    return all(torch.equal(getattr(a, k), getattr(b, k)) for k in ("codes", "encoding", "targets", "lengths"))


def test_the_registry_has_a_small_example_of_every_task():
    assert set(SMALL) == set(TASKS)
    assert all(task.name == name for name, task in TASKS.items())


@pytest.mark.parametrize("name", TASKS)
def test_batches_have_the_documented_shapes_and_types(name):
    task = make_task(name, **SMALL[name])
    for split, n in zip(SPLITS, (60, 20, 10), strict=True):
        assert len(task.split(split)) == n
        batch = task.split(split).batch()
        assert batch.inputs.shape == (task.length, n, task.n_inputs)
        assert batch.targets.shape == batch.scored.shape == batch.valid.shape == (task.length, n)
        assert (batch.inputs.dtype, batch.targets.dtype, batch.scored.dtype) == (torch.float32, torch.int64, torch.bool)
        assert batch.inputs.min() >= 0
        assert batch.inputs.max() <= 1
        assert (batch.scored <= batch.valid).all()
        assert (batch.inputs[~batch.valid] == 0).all()
        assert set(batch.targets[batch.scored].tolist()) <= set(range(task.n_answers))
        assert set(batch.targets[batch.valid].tolist()) <= set(range(task.n_outputs))


@pytest.mark.parametrize("name", TASKS)
def test_the_seed_and_nothing_else_fixes_the_sequences(name):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = (make_task(name, **SMALL[name], seed=3) for _ in range(2))
    torch.rand(3)
    for split in SPLITS:
        assert same(a.split(split), b.split(split))
    assert not torch.equal(a.split("train").codes, make_task(name, **SMALL[name], seed=4).split("train").codes)
    torch.set_rng_state(torch_state)
    a.split("test").batch(range(3))
    make_task(name, **SMALL[name], seed=9).split("train")
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_made_again_from_its_config_through_json(name):
    task = make_task(name, **SMALL[name], seed=5)
    config = json.loads(json.dumps(task.config()))
    assert config == task.config()
    again = make_task(**config)
    assert again == task
    assert all(same(task.split(split), again.split(split)) for split in SPLITS)


@pytest.mark.parametrize("task", [CopyMemory(delay=1), RandomDelayCopy(), TemporalOrder()], ids=lambda task: task.name)
def test_no_sequence_is_in_two_splits_or_twice_in_one(task):
    assert [len(task.split(split)) for split in SPLITS] == [10_000, 1_000, 1_000]
    seen = [row.tobytes() for split in SPLITS for row in task.split(split).codes.numpy()]
    assert len(set(seen)) == 12_000


@settings(max_examples=50)
@given(indices=st.lists(st.integers(0, 39), min_size=1, max_size=8))
def test_a_sequence_is_the_same_in_whichever_batch(indices):
    together, whole = EXAMPLE.batch(indices), EXAMPLE.batch()
    for column, i in enumerate(indices):
        for a, b, c in zip(together, whole, EXAMPLE.batch([i]), strict=True):
            assert torch.equal(a[:, column], b[:, i])
            assert torch.equal(a[:, column], c[:, 0])


@pytest.mark.cuda
def test_a_batch_is_made_on_the_device_asked_for():
    there = EXAMPLE.batch([1, 2], device="cuda")
    for tensor, here in zip(there, EXAMPLE.batch([1, 2]), strict=True):
        assert tensor.device.type == "cuda"
        assert torch.equal(tensor.cpu(), here)


def test_indices_of_all_kinds_and_types():
    by_slice, by_tensor = EXAMPLE.batch(slice(3, 6)), EXAMPLE.batch(torch.tensor([3, 4, 5]), dtype=torch.float64)
    assert torch.equal(by_slice.inputs.double(), by_tensor.inputs)
    assert (by_slice.inputs.dtype, by_tensor.inputs.dtype) == (torch.float32, torch.float64)
    with pytest.raises(IndexError):
        EXAMPLE.batch([40])


def test_rows_without_repetition_come_in_every_order_equally_often():
    rng, counts = np.random.default_rng(0), dict.fromkeys(itertools.permutations(range(3), 2), 0)
    for _ in range(6_000):
        counts[tuple(distinct_rows(lambda n: rng.integers(3, size=(n, 1)), 2, 3)[:, 0].tolist())] += 1
    assert all(abs(count - 1_000) < 5 * np.sqrt(1_000 * 5 / 6) for count in counts.values())  # 5 standard deviations


def test_all_of_a_space_can_be_drawn_but_no_more():
    rng = np.random.default_rng(0)
    rows = distinct_rows(lambda n: rng.integers(8, size=(n, 3)), 512, 512)
    assert len(np.unique(rows, axis=0)) == 512
    with pytest.raises(ValueError, match="^sizes: 513 different sequences asked for, but there are 512"):
        distinct_rows(lambda n: rng.integers(8, size=(n, 3)), 513, 512)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed: expected a whole number at least 0, got -1"),
        ({"seed": 1.5}, "seed: "),
        ({"sizes": (1, 2)}, "sizes: expected 3 numbers"),
        ({"sizes": 5}, "sizes: expected 3 numbers"),
        ({"sizes": (10, 0, 1)}, "sizes: expected a whole number at least 1, got 0"),
    ],
)
def test_bad_values_are_named(settings, message):
    for task in (CopyMemory, TemporalOrder, PermutedImages):
        with pytest.raises(ValueError, match=f"^{message}"):
            task(**settings)


def test_bad_names_list_the_valid_ones():
    with pytest.raises(ValueError, match="^split: expected one of train, validation, test, got 'valid'"):
        CopyMemory().split("valid")
    with pytest.raises(ValueError, match="^task: expected one of copy-memory, random-delay-copy, .*got 'copy'"):
        make_task("copy")
    with pytest.raises(ValueError, match="^copy-memory: no parameter 'delays', expected one of seed, sizes, delay, "):
        make_task("copy-memory", delays=3)
    with pytest.raises(ValueError, match="^every_step: temporal-order"):
        TemporalOrder().chance_loss(every_step=True)


def test_sequences_that_no_memory_holds_are_told_before_they_are_made():
    task = CopyMemory(delay=100, tokens=20, symbols=8, sizes=(10**15, 1, 1))
    with pytest.raises(MemoryError, match="^sizes: needs 420 PB of memory.* available; ask for fewer sequences"):
        task.split("train")
