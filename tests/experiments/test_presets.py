import pytest

from ptacore.networks.registry import MODELS
from ptacore.tasks import TASKS
from ptacore.training import evaluate, experiment


@pytest.mark.parametrize("task", TASKS)
def test_the_papers_sizes(task):
    made, model, settings = experiment(task, "tanh", "paper")
    assert model.n_hidden == 250
    assert settings.epochs == (125 if "images" in task else 400)
    if "images" not in task:
        assert made.sizes == (10_000, 1_000, 1_000)


@pytest.mark.parametrize("model", MODELS)
def test_every_network_fits_every_task(model):
    for task in TASKS:
        made, network, _ = experiment(task, model, "quick")
        assert (network.n_inputs, network.n_outputs) == (made.n_inputs, made.n_outputs)
    assert evaluate(network, made.split("validation"))["loss"] > 0


def test_values_go_where_they_belong():
    task, model, settings = experiment(
        "copy-memory", "cornn", "quick", 3, 10, lr=0.5, delay=7, dt=0.2, **{"task.seed": 9, "training.clip": None}
    )
    assert (task.delay, task.seed, task.tokens) == (7, 9, 5)
    assert (model.options["dt"], model.n_hidden) == (0.2, 10)
    assert (settings.lr, settings.clip, settings.seed) == (0.5, None, 3)


def test_runs_that_differ_have_folders_that_differ(tmp_path):
    folders = {
        experiment(task, model, "quick", seed, **given).folder(tmp_path)
        for task in ("copy-memory", "temporal-order")
        for model in ("gru", "lem")
        for seed in (0, 1)
        for given in ({}, {"lr": 0.1}, {"epochs": 7})
    }
    assert len(folders) == 24
    assert experiment("copy-memory", "lem", "quick").folder(tmp_path) in folders
    assert {folder.parents[2] for folder in folders} == {tmp_path}


@pytest.mark.parametrize(
    ("arguments", "given", "text"),
    [
        (("copy", "tanh"), {}, "task: expected one of copy-memory, .*, got 'copy'"),
        (("copy-memory", "rnn"), {}, "model: expected one of tanh, .*, got 'rnn'"),
        (("copy-memory", "tanh", "full"), {}, "preset: expected one of quick, paper, got 'full'"),
        (
            ("copy-memory", "tanh"),
            {"dt": 1},
            "dt: no such setting. There are, task: .*delay.*; model: none; training: lr",
        ),
        (("copy-memory", "cornn"), {"lr": 1, "training.lr": 2}, r"training\.lr: is given twice"),
        (("copy-memory", "cornn"), {"task.dt": 1}, r"task\.dt: no such setting"),
        (("copy-memory", "tanh"), {"lr": 0}, "lr: expected a number"),
        (("copy-memory", "tanh"), {"delay": -1}, "delay: expected a whole number"),
        (("copy-memory", "tanh-pta", "quick", 0, 7), {}, "n_hidden: expected an even number"),
        (("copy-memory", "tanh", "quick", 0, 0), {}, "units: expected a whole number at least 1, got 0"),
        (("copy-memory", "tanh", "quick", -1), {}, "seed: expected a whole number"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_named(arguments, given, text):
    names = ("task", "model", "preset", "seed", "units")
    with pytest.raises(ValueError, match=text):
        experiment(**dict(zip(names, arguments, strict=False)), **given)
