"""Where runs of one arm ended."""

import math

import pytest

from ptacore.experiments import outcome, state
from ptacore.training import Run, Settings

CHANCE = 2.0


def run(losses, seed=0, status="epoch limit"):
    summary = {"status": status, "epochs": len(losses), "best_epoch": losses.index(min(losses)) + 1 if losses else 0}
    summary |= {"test_loss": 0.3, "test_accuracy": 0.9, "chance_loss": CHANCE, "parameters": 7}
    config = {"training": Settings(lr=0.01, seed=seed).config()}
    return Run(config, [{"validation_loss": loss} for loss in losses], summary, {"seconds": 90.0})


def test_a_share_of_chance_is_reached_in_the_first_epoch_below_it():
    falling = run([1.9, 1.0, 0.99, 1.2, 0.1])
    assert [falling.epochs_to(share) for share in (1, 0.5, 0.1, 0.01)] == [1, 3, 5, None]
    assert run([]).epochs_to(1) is None


def test_a_run_is_tested_unless_it_is_under_way_or_diverged_at_once():
    assert run([1.0]).tested
    assert run([1.0], status="diverged").tested
    assert not run([], status="diverged").tested
    assert not Run({}, [{"validation_loss": 1.0}], {"status": "unfinished"}, {}).tested


def test_seed_by_seed():
    found = outcome([run([1.5, 0.9, 1.1], seed=3), run([0.15, 1.0], seed=4, status="diverged")])
    assert found["seeds"] == [3, 4]
    assert found["best_validation"] == [0.9, 0.15]
    assert (found["best_epoch"], found["epochs"]) == ([2, 1], [3, 2])
    assert (found["epochs_to_half"], found["epochs_to_tenth"]) == ([2, 1], [None, 1])
    assert found["status"] == ["epoch limit", "diverged"]
    assert (found["minutes"], found["lr"], found["chance"], found["parameters"]) == ([1.5, 1.5], 0.01, CHANCE, 7)


@pytest.mark.parametrize("runs", [[], [run([])], [run([1.0]), run([], status="diverged")]])
def test_runs_without_a_result_have_no_outcome(runs):
    with pytest.raises(ValueError, match=r"runs: expected runs with a result, got \d of \d"):
        outcome(runs)


def test_the_state_of_runs():
    flat, early, late = [1.95] * 20, [1.0] * 17 + [0.2, 0.3, 0.3], [1.0] * 18 + [0.2, 0.3]  # best: 18, 19 of 20
    assert state(outcome([run(flat)])) == "at chance"
    assert state(outcome([run(early)])) == state(outcome([run(early), run(flat)])) == "ended"
    assert state(outcome([run(early), run(late)])) == "falling"
    assert state(outcome([run(late), run(flat, status="diverged")])) == "diverged"
    barely = math.nextafter(0.95 * CHANCE, 0)
    assert state(outcome([run([barely] + [1.95] * 19)])) == "ended"
