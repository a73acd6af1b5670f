import math

import pytest
import torch

from ptacore.tasks import TemporalOrder

SPLITS = ("train", "validation", "test")


def read(task, split, rows):
    """Sequences as text, A and B the symbols, c, d, ... the distractors; with their classes."""
    batch = task.split(split).batch(rows)
    for b in range(batch.inputs.shape[1]):
        steps = batch.inputs[:, b][batch.valid[:, b]]  # (length, m)
        assert (steps.sum(-1) == 1).all()
        answer = batch.scored[:, b].nonzero().flatten().tolist()
        assert answer == [len(steps) - 1]
        assert (batch.inputs[len(steps) :, b] == 0).all()
        yield "".join("ABcdefghij"[i] for i in steps.argmax(-1)), batch.targets[answer[0], b].item()


def test_the_class_is_the_order_of_the_symbols_that_are_shown():
    task = TemporalOrder()
    for split in SPLITS:
        for text, target in read(task, split, range(0, 1000, 5)):
            shown = [(t, symbol) for t, symbol in enumerate(text) if symbol in "AB"]
            (first, a), (second, b) = shown  # two, no more
            assert first == 0
            assert 1 <= second <= 9
            assert ["AA", "AB", "BA", "BB"][target] == a + b
            assert set(text) <= set("ABcdef")
            assert 60 <= len(text) <= 70


def test_classes_positions_delays_and_distractors_are_uniform():
    split = TemporalOrder().split("train")
    first_after = (split.codes[:, 1:10] < 2).int().argmax(1)
    body = split.codes[:, 10:60]
    for values, kinds in ((split.targets, 4), (first_after, 9), (split.lengths - 60, 11), (body.flatten() - 2, 4)):
        counts = torch.bincount(values.flatten().int())
        expected = values.numel() / kinds
        assert len(counts) == kinds
        assert (counts - expected).abs().max() < 5 * math.sqrt(expected)


def test_all_of_a_small_space_can_be_used_but_no_more():
    """One distractor: 4 classes x 9 second steps x 11 delays."""
    task = TemporalOrder(distractors=1, sizes=(390, 3, 3))
    seen = {text for split in SPLITS for text, _ in read(task, split, None)}
    assert len(seen) == 4 * 9 * 11
    with pytest.raises(ValueError, match="^sizes: 397 different sequences asked for, but there are 396"):
        TemporalOrder(distractors=1, sizes=(391, 3, 3)).split("train")


def test_the_space_counts_distractors():
    """Stream of 3 with 2 distractors: (A|B)(A|B)c and (A|B)c(A|B), then 0 or 1 more."""
    task = TemporalOrder(stream=3, distractors=2, delay=(0, 1), sizes=(46, 1, 1))
    seen = {text for split in SPLITS for text, _ in read(task, split, None)}
    assert len(seen) == 4 * 2 * 2 + 4 * 2 * 2 * 2
    with pytest.raises(ValueError, match="there are 48"):
        TemporalOrder(stream=3, distractors=2, delay=(0, 1), sizes=(47, 1, 1)).split("test")


def test_chance_is_ln_4():
    assert TemporalOrder().chance_loss() == math.log(4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stream": 1}, "stream: expected a whole number at least 2, got 1"),
        ({"distractors": 0}, "distractors: expected a whole number from 1 to 250"),
        ({"delay": 50}, "delay: expected a pair"),
        ({"delay": (60, 50)}, "delay: expected lowest <= highest"),
    ],
)
def test_bad_values_are_named(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        TemporalOrder(**settings)
