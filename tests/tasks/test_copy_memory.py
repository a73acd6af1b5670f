import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore.tasks import CopyMemory, RandomDelayCopy


def literal(word, k, symbols=8):
    """S2.2.1 word for word: what is shown and what is asked for, as lists of tokens."""
    n, blank, start = len(word), symbols, symbols + 1
    return [*word, *[blank] * k, start, *[blank] * (n - 1)], [*[blank] * (k + n), *word]


def check(task, split, rows, delays):
    batch = task.split(split).batch(rows, dtype=torch.float64)
    for b, k in enumerate(delays):
        length = k + 2 * task.tokens
        assert (batch.inputs[:length, b].sum(-1) == 1).all()
        shown = batch.inputs[:length, b].argmax(-1).tolist()  # decoded
        expected_input, expected_target = literal(shown[: task.tokens], k, task.symbols)
        assert shown == expected_input
        assert max(shown[: task.tokens]) < task.symbols
        assert batch.targets[:length, b].tolist() == expected_target
        assert batch.valid[:, b].nonzero().flatten().tolist() == list(range(length))
        assert batch.scored[:, b].nonzero().flatten().tolist() == list(range(k + task.tokens, length))
        assert batch.targets[batch.scored[:, b], b].tolist() == shown[: task.tokens]
        assert (batch.inputs[length:, b] == 0).all()


def test_the_paper_s_sequences():
    task = CopyMemory()
    assert (task.delay, task.n_inputs, task.n_outputs, task.length) == (100, 10, 9, 120)
    for split in ("train", "validation", "test"):
        check(task, split, range(0, 1000, 7), [100] * 143)


@settings(max_examples=25)
@given(k=st.integers(0, 30), symbols=st.integers(2, 12), tokens=st.integers(5, 12), seed=st.integers(0, 2**63))
def test_any_delay_alphabet_and_length(k, symbols, tokens, seed):
    check(CopyMemory(delay=k, symbols=symbols, tokens=tokens, seed=seed, sizes=(10, 5, 5)), "test", range(5), [k] * 5)


def test_random_delays_are_literal_uniform_and_both_ends_included():
    task = RandomDelayCopy()
    split = task.split("train")
    delays = split.lengths - 20
    check(task, "train", range(0, 10_000, 50), delays[::50].tolist())
    counts = torch.bincount(delays - 100)
    assert len(counts) == 21
    assert (counts - 10_000 / 21).abs().max() < 5 * math.sqrt(10_000 / 21)


def test_words_are_uniform_and_in_one_split_only_whatever_their_delay():
    for task in (CopyMemory(), RandomDelayCopy()):
        words = torch.cat([task.split(name).codes[:, :10] for name in ("train", "validation", "test")])
        assert len(torch.unique(words, dim=0)) == 12_000
        counts = torch.stack([(words == symbol).sum(0) for symbol in range(8)])  # (8, 10)
        assert (counts - 1_500).abs().max() < 5 * math.sqrt(1_500)


def test_two_thousand_steps_are_kept_as_bytes():
    split = CopyMemory(delay=2000, sizes=(100, 1, 1)).split("train")
    assert split.codes.dtype == split.targets.dtype == torch.uint8
    assert split.batch(range(2)).inputs.shape == (2020, 2, 10)


@pytest.mark.parametrize(
    ("task", "recall", "every_step"),
    [
        (CopyMemory(), 2.079, 0.173),
        (CopyMemory(delay=2000), 2.079, 0.0103),
        (RandomDelayCopy(), 2.079, 0.160),
        (CopyMemory(delay=0, symbols=2, tokens=20), 0.693, 0.347),
    ],
)
def test_chance_is_what_the_frequency_of_each_symbol_at_each_step_allows(task, recall, every_step):
    """The best that a network can do which knows the time since the start token, but no symbol."""
    assert task.chance_loss() == pytest.approx(recall, abs=1e-3)
    assert task.chance_loss(every_step=True) == pytest.approx(every_step, rel=5e-3)
    if task.delay == 2000:
        return
    split = task.split("train")
    bits = []
    for t in range(-2 * task.tokens, 0):  # from the end; all that comes before is blank
        targets = split.targets.gather(1, split.lengths[:, None] + t)
        p = np.bincount(targets[:, 0], minlength=task.n_outputs) / len(split)
        bits.append(-(p[p > 0] * np.log(p[p > 0])).sum())
    assert sum(bits[: task.tokens]) == 0
    assert np.mean(bits[task.tokens :]) == pytest.approx(task.chance_loss(), abs=2e-3)
    assert sum(bits) * len(split) / split.lengths.sum() == pytest.approx(task.chance_loss(every_step=True), rel=5e-3)


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        (CopyMemory, {"delay": -1}, "delay: expected a whole number at least 0, got -1"),
        (CopyMemory, {"delay": (1, 2)}, "delay: "),
        (CopyMemory, {"symbols": 1}, "symbols: expected a whole number from 2 to 250, got 1"),
        (CopyMemory, {"symbols": 251}, "symbols: "),
        (CopyMemory, {"tokens": 0}, "tokens: "),
        (RandomDelayCopy, {"delay": 100}, "delay: expected a pair"),
        (RandomDelayCopy, {"delay": (120, 100)}, "delay: expected lowest <= highest"),
        (RandomDelayCopy, {"delay": (-1, 100)}, "delay: "),
    ],
)
def test_bad_values_are_named(task, settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        task(**settings)


def test_too_few_words_for_the_sizes():
    with pytest.raises(ValueError, match="^sizes: 12,000 different sequences asked for, but there are 1,024"):
        CopyMemory(symbols=2).split("train")
    exactly = CopyMemory(symbols=2, tokens=5, delay=1, sizes=(20, 6, 6))
    words = torch.cat([exactly.split(name).codes[:, :5] for name in ("train", "validation", "test")])
    assert sorted((words * torch.tensor([16, 8, 4, 2, 1])).sum(1).tolist()) == list(range(32))
