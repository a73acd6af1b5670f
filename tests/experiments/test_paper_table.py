import math

import numpy as np
import pytest

from ptacore.experiments import table
from ptacore.experiments.paper_table import AT_CHANCE, COLUMNS, ROWS, agreement, agrees
from ptacore.tasks import make_task
from ptacore.training import Run, Settings, read_runs, show
from ptacore.training.records import ENGINE


def run(
    test,
    validation,
    seed=0,
    lr=1e-3,
    model="tanh",
    units=250,
    status="epoch limit",
    task="copy-memory",
    engine=ENGINE,
    **given,
):
    network = {"name": model, "options": {}, "n_hidden": units, "dtype": "float32", "initial": str(seed)}
    return Run(
        {"task": make_task(task, **given).config(), "model": network, "training": Settings(lr=lr, seed=seed).config()},
        [{"validation_loss": value} for value in (9.0, validation)],
        {"status": status, "test_loss": test, "test_accuracy": 0.9, "parameters": 67_759},
        {"seconds": 1800.0, "engine": engine},
    )


def cell(runs, row="copy memory, k = 100", model="tanh"):
    (found,) = (c for c in table(runs) if (c.row, c.model) == (row, model))
    return found


def written(runs):
    """The fields of tanh's line for copy memory, k = 100."""
    section = show(table(runs)).split("copy memory, k = 100")[1]
    return next(line for line in section.splitlines() if line.startswith("  tanh ")).split()


def test_settings_are_chosen_by_the_validation_loss_whatever_the_test_says():
    good = [run(1.0, 0.3, seed, lr=0.1) for seed in (0, 1, 2)]
    lucky = [run(0.1, 0.4, seed, lr=0.2) for seed in (0, 1, 2)]
    single = [run(0.1, 0.2, lr=0.3)]
    found = cell(lucky + good + single)
    assert (found.runs, found.arms, found.paper) == (good, 3, 1.86)
    assert found.values.tolist() == [1, 1, 1]
    assert cell(single + lucky[:1]).runs == single


def test_mean_spread_and_number_of_runs():
    runs = [run(value, 0.3, seed) for seed, value in enumerate((1.0, 2.0, 4.0))]
    assert written(runs) == ["tanh", "1.86", "2.33", "±", f"{np.std([1, 2, 4], ddof=1):.2g}", "3", "67,759", "0.50"]
    assert written(runs[:1]) == ["tanh", "1.86", "1", "1", "67,759", "0.50"]


def test_empty_cells_are_empty():
    cells = table([])
    assert not any(c.runs for c in cells)
    lines = [line for line in show(cells).splitlines() if line.startswith("  ") and "network" not in line]
    assert all(len(line.split()) == 2 for line in lines)  # the network and the paper's number
    assert len(lines) == sum(c.paper is not None for c in cells) == 5 * 9 - 3  # three dashes in the paper


def test_other_sizes_and_unfinished_runs_are_left_out():
    others = [
        run(1.0, 0.3, units=64),
        run(1.0, 0.3, delay=99),
        run(1.0, 0.3, sizes=(100, 10, 10)),
        run(1.0, 0.3, status="unfinished"),
    ]
    assert not any(c.runs for c in table(others))
    assert cell([*others, run(1.0, 0.3)]).values.tolist() == [1.0]


def test_rows_are_told_apart_whatever_the_seed():
    assert cell([run(1.0, 0.3, delay=2000)], "copy memory, k = 2000").values.tolist() == [1.0]
    images = run(1.0, 0.3, task="permuted-images", dataset="fashion-mnist")
    assert cell([images], "permuted sequential Fashion-MNIST").values.tolist() == [90.0]
    assert cell([images], "permuted sequential MNIST").runs == []


def test_a_copy_of_a_run_is_no_second_one_and_numbers_are_compared_by_value():
    single = run(1.0, 0.3)
    assert len(cell([single, run(1.0, 0.3), run(1.0, 0.3, 1)]).runs) == 2
    arms = set()
    for alpha in ([1, 1.5], [1.0, 1.5]):
        other = run(1.0, 0.3)
        other.config["model"]["options"]["alpha"] = alpha
        arms.add(other.arm)
    assert len(arms) == 1


def test_another_order_of_the_pixels_is_another_task():
    in_order = run(1.0, 0.3, task="permuted-images", dataset="digits", permutation=tuple(range(64)))
    assert not any(c.runs for c in table([in_order]))
    drawn = run(1.0, 0.3, task="permuted-images", dataset="digits")
    drawn.config["task"] = make_task("permuted-images", dataset="digits", seed=5).config()
    assert cell([drawn], "permuted sequential digits (8 x 8)").runs == [drawn]


@pytest.mark.parametrize("share", [0.06, 0.5, 0.85, 0.9, 0.95, 0.97])
def test_a_loss_of_chance_is_not_the_papers_that_is_below(share):
    """It is the value of a network that has learned nothing; nor is one the paper's that lies nearer to it."""
    chance = math.log(8)
    low, high = agreement(share * chance, chance)
    assert low < share * chance < high
    assert not agrees(chance, share * chance, chance)
    assert high - share * chance <= chance - high + 1e-12
    assert high - share * chance <= 0.1 * chance + 1e-12


def test_at_chance_the_paper_is_met_by_chance():
    for paper, chance in ((1.39, math.log(4)), (AT_CHANCE * 2, 2.0), (2.05, math.log(8))):
        assert agrees(chance, paper, chance)
        assert agrees(1.01 * chance, paper, chance)


def test_every_loss_of_the_paper_agrees_with_itself():
    for task, _, values in ROWS.values():
        chance = math.log(4) if task == "temporal-order" else math.log(8)
        if task != "permuted-images":
            assert all(agrees(paper, paper, chance) for paper in values if paper is not None)


def test_runs_that_failed_are_counted():
    text = show(table([run(1.0, 0.3), run(None, math.inf, 1, status="diverged")]))
    assert "2      67,759    0.50  1 diverged" in text
    assert "none" in show(table([run(None, math.inf, status="diverged")]))


def test_runs_of_an_earlier_engine_are_marked():
    text = show(table([run(1.0, 0.3), run(1.0, 0.3, 1, engine=ENGINE - 1)]))
    assert "2      67,759    0.50  1 by an earlier engine" in text


@pytest.mark.parametrize("row", ROWS)
def test_rows_can_be_made(row):
    task, given, numbers = ROWS[row]
    make_task(task, **given)
    assert len(numbers) in (0, len(COLUMNS))


def test_no_runs_in_a_folder_that_is_empty(tmp_path):
    assert table(read_runs(tmp_path)) == table([])
