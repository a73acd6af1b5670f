"""Group arithmetic as an objective: what is seen, what is measured, when training ends."""

import pytest
import torch

from ptacore.features import Arithmetic, TwoLayer, all_pairs, cyclic, dihedral, split_pairs
from ptacore.training import Settings, train


def network(M, K=64, **options):
    return TwoLayer(M, K, generator=torch.Generator().manual_seed(0), **options)


def test_pairs_and_products():
    group = dihedral(3)
    pairs, targets = all_pairs(group)
    assert len({tuple(p) for p in pairs.tolist()}) == 36
    assert all(group.table[a, b] == y for (a, b), y in zip(pairs.tolist(), targets, strict=True))


def test_seen_and_unseen_pairs_are_all_pairs():
    seen, unseen = split_pairs(cyclic(7), 0.4, 3)
    assert len(seen) == round(0.4 * 49)
    assert sorted([*seen.tolist(), *unseen.tolist()]) == list(range(49))
    assert seen.tolist() != split_pairs(cyclic(7), 0.4, 4)[0].tolist()


def test_seen_validation_and_test_pairs_have_nothing_in_common():
    objective = Arithmetic(cyclic(9), 0.5, 1)
    parts = [objective.seen, *objective.unseen.values()]
    assert sorted(torch.cat(parts).tolist()) == list(range(81))


def test_who_always_says_the_same_is_right_by_chance():
    """Each product occurs as often as each other one."""
    _, targets = all_pairs(dihedral(5))
    shares = torch.bincount(targets).double() / len(targets)
    assert shares.tolist() == pytest.approx([Arithmetic(dihedral(5), 0.5, 0).chance()["accuracy"]] * 10)


def test_training_ends_when_what_is_unseen_is_right():
    objective = Arithmetic(cyclic(11), 0.8, 0, steps=20, goal=0.4)
    settings = Settings(lr=5e-3, weight_decay=2e-4, clip=None, epochs=200, patience=1)
    run = train(objective, network(11, 128), settings)
    reached = [row["validation_accuracy"] >= 0.4 for row in run.history]
    assert run.summary["status"] == "early stopping"
    assert reached.index(True) == len(reached) - 2  # one epoch later nothing waits any more
    assert run.summary["best_epoch"] == len(reached) - 1
    assert [row["updates"] for row in run.history] == [20 * row["epoch"] for row in run.history]


def test_a_resumed_run_goes_on_waiting(tmp_path):
    settings = Settings(clip=None, epochs=4, patience=1, weight_decay=1e-4)
    whole = train(Arithmetic(cyclic(5), 0.6, 0), network(5), settings)

    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Arithmetic(cyclic(5), 0.6, 0), network(5), settings, tmp_path, on_epoch=stop)
    assert train(Arithmetic(cyclic(5), 0.6, 0), network(5), settings, tmp_path).history == whole.history


def test_a_look_at_a_network_with_pure_features():
    group, h = cyclic(7), torch.arange(7)
    model = network(7, 8, zero_top=True)
    with torch.no_grad():
        for j in range(8):
            model.W[:, j] = torch.cos(2 * torch.pi * 2 * h / 7 + j).repeat(2)
    look = Arithmetic(group, 0.6).probe(model, None)
    assert look["purity"] == pytest.approx(1, abs=1e-6)
    assert look["signal"] == 0
    assert look["aligned"] == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Arithmetic(3, 0.5), "group: expected a Group"),
        (lambda: Arithmetic(cyclic(3), 0), "share: expected a number in"),
        (lambda: Arithmetic(cyclic(3), 1.0), "share: expected one that leaves two pairs unseen"),
        (lambda: Arithmetic(cyclic(3), 0.5, -1), "seed: "),
        (lambda: Arithmetic(cyclic(3), 0.5, steps=0), "steps: "),
        (lambda: Arithmetic(cyclic(3), 0.5, goal=0), "goal: "),
        (lambda: train(Arithmetic(cyclic(3), 0.5), network(4)), "model: expected a TwoLayer with M = 3"),
        (lambda: train(Arithmetic(cyclic(3), 0.5), torch.nn.Linear(3, 3)), "model: expected a TwoLayer"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def course(M, K, share, limit, steps):
    """Steps to all seen pairs, to half and to 99% of the validation pairs; None where they are not reached."""
    model = TwoLayer(M, K, generator=torch.Generator().manual_seed(1000))
    settings = Settings(weight_decay=2e-4, clip=None, epochs=limit // steps, patience=1)
    history = train(Arithmetic(cyclic(M), share, 0, steps=steps), model, settings).history
    marks = (("train_accuracy", 1), ("accuracy", 0.5), ("accuracy", 0.99))
    return [next((r["updates"] for r in history if r[f"validation_{key}"] >= value), None) for key, value in marks]


@pytest.mark.slow
def test_grokking_at_the_size_of_the_source():
    """A replication by other hands has 25, 101 (99 to 102 over seeds) and 139 epochs."""
    fitted, half, done = course(71, 2048, 0.4, limit=300, steps=5)
    assert fitted <= 30
    assert 91 <= half <= 111
    assert 125 <= done <= 153


@pytest.mark.slow
def test_the_boundary_for_41_lies_between_a_fifth_and_a_fourth():
    """2.7482 log 41 / 41 = 0.249."""
    assert course(41, 1024, 0.2, limit=2000, steps=20)[2] is None
    assert course(41, 1024, 0.25, limit=2400, steps=20)[2] is not None
