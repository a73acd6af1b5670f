import json
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax

from ptacore.dynamics.integrate import DivergenceError
from ptacore.networks import build
from ptacore.tasks import CopyMemory, PermutedImages
from ptacore.training import Objective, RecordError, Settings, Supervised, read_run, records, train

TASK = CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
PLAIN = {"clip": None, "decay": 1.0, "patience": 10**6}


class Regression(Objective):
    """Half the mean square of X w - y, in double precision, on the whole data or on batches of them."""

    name, metrics = "regression", ("mse", "worst")

    def __init__(self, seed=0, batch=None):
        self.seed, self.batch = seed, batch
        draw = partial(torch.randn, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        self.x, self.y = draw(12, 3), draw(12, 1)

    def losses(self, model, epoch):
        for rows in torch.randperm(12).split(self.batch) if self.batch else [slice(None)]:
            yield (model(self.x[rows]) - self.y[rows]).square().mean() / 2

    def evaluate(self, model, split):
        error = model(self.x) - self.y
        return {"mse": error.square().mean(), "worst": error.abs().max().item()}

    def config(self):
        return {"seed": self.seed, "batch": self.batch}


class Linear(nn.Module):
    """w -> x w, from a fixed start."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64))

    def forward(self, x):
        return x @ self.w


def weights_of(objective, model, settings):
    """The weights after every epoch, from the start, (epochs + 1, 3)."""
    found = [model.w.detach().clone()]
    train(objective, model, settings, on_epoch=lambda row: found.append(model.w.detach().clone()))
    return torch.stack(found)[..., 0]


# ---- what the optimizers do


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_full_batch_gradient_descent_has_the_closed_form(decay):
    """w_t = w* + (1 - lr A)^t (w_0 - w*), with A = X'X / n + lambda and w* of the ridge."""
    objective = Regression()
    found = weights_of(
        objective, Linear(), Settings(optimizer="sgd", lr=0.4, weight_decay=decay, epochs=60, batch_size=128, **PLAIN)
    )
    a = objective.x.T @ objective.x / 12 + decay * torch.eye(3, dtype=torch.float64)
    best = torch.linalg.solve(a, objective.x.T @ objective.y / 12)[:, 0]
    values, vectors = torch.linalg.eigh(a)
    shrunk = (1 - 0.4 * values) ** torch.arange(61)[:, None]  # (t, 3)
    expected = best + (shrunk * ((found[0] - best) @ vectors)) @ vectors.T
    assert (found - expected).abs().max() < 1e-10
    assert (found[-1] - best).norm() < 0.1 * (found[0] - best).norm()  # it did go there


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_adds_the_decay_to_the_gradient_and_adamw_takes_it_off_the_weights(optimizer, clip):
    objective, lr, decay = Regression(), 0.05, 0.3
    found = weights_of(
        objective,
        Linear(),
        Settings(optimizer=optimizer, lr=lr, weight_decay=decay, epochs=20, **PLAIN | {"clip": clip}),
    ).numpy()
    x, y, w = objective.x.numpy(), objective.y.numpy()[:, 0], found[0].copy()
    m = v = np.zeros(3)
    for t in range(1, 21):
        gradient = x.T @ (x @ w - y) / 12
        if clip is not None:
            gradient = gradient * min(1, clip / np.linalg.norm(gradient))
        if optimizer == "adam":
            gradient = gradient + decay * w
        else:
            w = w - lr * decay * w
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        w = w - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        assert np.abs(found[t] - w).max() < 1e-5 if clip else np.abs(found[t] - w).max() < 1e-12


def test_an_epoch_makes_a_step_for_each_loss_and_records_their_means():
    objective, model, seen = Regression(batch=5), Linear(), []
    losses = objective.losses
    objective.losses = lambda model, epoch: (seen.append(loss.detach()) or loss for loss in losses(model, epoch))
    run = train(objective, model, Settings(optimizer="sgd", lr=0.1, epochs=4, **PLAIN))
    assert run.column("updates").tolist() == [3, 6, 9, 12]
    assert np.allclose(run.column("train_loss"), torch.stack(seen).reshape(4, 3).mean(1), rtol=1e-14)


# ---- tasks, as ever


def test_a_task_and_its_supervised_objective_are_the_same_run():
    settings = Settings(epochs=3, batch_size=2, dropout=0.2, loss="every-step", probe_every=2, probe_exponents=1)
    runs = [
        train(what, build("tanh", 5, 4, 6, torch.Generator().manual_seed(0)), settings)
        for what in (TASK, Supervised(TASK, "every-step", batch_size=2, dropout=0.2))
    ]
    assert runs[0].history == runs[1].history
    assert runs[0].config == runs[1].config
    assert runs[0].summary == runs[1].summary
    assert runs[0].probes == runs[1].probes != []


@pytest.mark.parametrize("loss", ["scored", "every-step"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_history_of_a_task_is_that_of_a_plain_torch_loop_to_the_bit(loss, dropout):
    settings = Settings(epochs=3, batch_size=2, lr=0.01, clip=0.3, loss=loss, dropout=dropout, seed=3)
    run = train(TASK, build("gru", 5, 4, 6, torch.Generator().manual_seed(0)), settings)
    model = build("gru", 5, 4, 6, torch.Generator().manual_seed(0))
    adam, split = torch.optim.Adam(model.parameters(), lr=0.01), TASK.split("train")
    for epoch in range(1, 4):
        seed = np.random.SeedSequence([3, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1)
        torch.manual_seed(int(seed))
        losses, norms = [], []
        for rows in torch.randperm(5).split(2):
            batch = split.batch(rows)
            at = batch.scored if loss == "scored" else batch.valid
            since = int(at.any(1).int().argmax())
            outputs = model(batch.inputs, dropout=dropout, since=since)
            if loss == "scored":
                value = nn.functional.cross_entropy(outputs[at[since:]], batch.targets[at])
            else:
                classes_first, targets = outputs.permute(2, 0, 1)[None], batch.targets.where(at, -100)[None]
                value = nn.functional.cross_entropy(classes_first.contiguous(), targets)
            adam.zero_grad()
            value.backward()
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 0.3)))
            adam.step()
            losses.append(float(value.detach()))
        assert run.history[epoch - 1]["train_loss"] == sum(losses) / 3
        assert run.history[epoch - 1]["gradient_norm"] == sum(norms) / 3


def test_settings_that_are_not_used_change_no_digest():
    assert Settings().config() == Settings(optimizer="adam", weight_decay=0).config()
    assert not {"optimizer", "weight_decay"} & Settings().config().keys()
    changed = Settings(optimizer="sgd", weight_decay=0.1)
    assert Settings(**changed.config()) == changed
    assert changed.config() == Settings().config() | {"optimizer": "sgd", "weight_decay": 0.1}


# ---- reinforcement learning


class Bandit(Objective):
    """Two arms, of which the second pays 1 more; a critic with one number, advantages without its gradient."""

    name, metrics = "bandit", ("regret",)

    def __init__(self, plays):
        self.plays = plays

    def losses(self, model, epoch):
        log_p = log_softmax(model.logits, -1)
        arms = torch.multinomial(log_p.exp().detach(), self.plays, replacement=True)
        advantage = arms + torch.randn(self.plays) - model.value
        yield -(log_p[arms] * advantage.detach()).mean() + advantage.square().mean() / 2

    def evaluate(self, model, split):
        return {"regret": torch.softmax(model.logits, -1)[0]}

    def chance(self):
        return {"regret": 0.5}


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.logits, self.value = nn.Parameter(torch.tensor([0.7, 0.0])), nn.Parameter(torch.tensor(0.2))


def test_the_policy_gradient_of_a_bandit_is_that_of_its_expected_reward():
    """d/dlogit E[r] = -+ p (1 - p), whatever the baseline; the critic's is value - E[r]."""
    model, plays = ActorCritic(), 400_000
    p = float(torch.softmax(model.logits.detach(), -1)[1])
    start = torch.cat([model.logits, model.value[None]]).detach().double()
    train(Bandit(plays), model, Settings(optimizer="sgd", lr=1.0, epochs=1, **PLAIN))
    gradient = start - torch.cat([model.logits, model.value[None]]).detach().double()
    expected = torch.tensor([p * (1 - p), -p * (1 - p), 0.2 - p])
    # a play's variance is at most E[advantage^2] = var + bias^2 < 1 + 1 + 1
    assert (gradient - expected).abs().max() < 5 * math.sqrt(3 / plays)


def test_an_actor_critic_finds_the_better_arm_and_its_worth(tmp_path):
    model = ActorCritic()
    run = train(Bandit(100), model, Settings(lr=0.05, epochs=200, patience=200), tmp_path)
    assert run.summary["test_regret"] < 0.02
    assert run.summary["chance_regret"] == 0.5
    assert abs(float(model.value.detach()) - 1) < 0.3
    assert read_run(tmp_path).history == run.history


# ---- the course of a run


class Scripted(Regression):
    def __init__(self, values):
        super().__init__()
        self.values = iter(values)

    def evaluate(self, model, split):
        return {"mse": next(self.values, 0.0), "worst": 0}


def test_the_first_metric_selects_and_may_be_negative():
    model = Linear()
    objective = Scripted([3, -2, -1, -2, -1, -1, -7])
    settings = Settings(lr=0.1, epochs=50, decay_wait=2, patience=3)
    found = [model.w.detach().clone()]
    run = train(objective, model, settings, on_epoch=lambda row: found.append(model.w.detach().clone()))
    assert run.summary["status"] == "early stopping"
    assert run.summary["reason"] == "no lower validation mse in 3 epochs"
    assert (run.summary["best_epoch"], run.summary["epochs"], run.best_loss) == (2, 5, -2)
    assert run.column("lr").tolist() == [0.1] * 4 + [0.05]
    assert torch.equal(model.w, found[2])
    assert run.summary["test_mse"] == -1  # the sixth value, met once


@pytest.mark.parametrize(("metric", "epoch"), [("mse", 1), ("mse", 3), ("worst", 3)])
def test_a_metric_that_is_not_finite_ends_the_run(tmp_path, metric, epoch):
    class Bad(Regression):
        calls = 0

        def evaluate(self, model, split):
            self.calls += 1
            return super().evaluate(model, split) | ({metric: math.inf} if self.calls == epoch else {})

    run = train(Bad(), Linear(), Settings(epochs=5), tmp_path)
    assert (run.summary["status"], len(run.history)) == ("diverged", epoch - 1)
    assert run.summary["reason"] == f"validation {metric} inf after epoch {epoch}"
    assert (run.summary["test_mse"] is None) == (epoch == 1)
    assert read_run(tmp_path).summary == run.summary


def test_gradient_descent_with_too_large_a_rate_diverges(tmp_path):
    run = train(Regression(), Linear(), Settings(optimizer="sgd", lr=1000.0, epochs=300, **PLAIN), tmp_path)
    assert run.summary["status"] == "diverged"
    assert read_run(tmp_path).summary == run.summary


class Walk(Regression):
    """Its data are noise of torch's and a walk of its own that goes on from epoch to epoch."""

    name = "walk"

    def __init__(self):
        super().__init__()
        self.place, self.own = torch.zeros(3, dtype=torch.float64), np.random.default_rng(0)

    def losses(self, model, epoch):
        for _ in range(1 + epoch % 3):  # another number of steps in each epoch
            self.place = self.place + torch.randn(3, dtype=torch.float64) + self.own.normal()
            yield (model(self.x + self.place) - self.y).square().mean() / 2

    def evaluate(self, model, split):
        return super().evaluate(model, split) | {"worst": torch.rand(())}

    def state_dict(self):
        return {"place": self.place, "own": self.own.bit_generator.state}

    def load_state_dict(self, state):
        self.place, self.own.bit_generator.state = state["place"], state["own"]

    def probe(self, model, exponents):
        if exponents == 7:
            raise DivergenceError(1.0)
        return {"w": model.w.flatten().tolist(), "drawn": float(torch.rand(()))}


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("make", [partial(Regression, batch=5), Walk])
def test_a_run_that_is_interrupted_in_any_epoch_is_resumed_to_the_bit(tmp_path, make, optimizer):
    probed = make is Walk
    settings = Settings(epochs=4, optimizer=optimizer, weight_decay=0.01, lr=0.01, probe_every=2 * probed)
    names = ["history.csv", "summary.json", "config.json"] + ["probes.json"] * probed
    torch.manual_seed(0)
    train(make(), Linear(), settings, tmp_path / "whole")
    expected = [(tmp_path / "whole" / name).read_bytes() for name in names]
    for stop in range(1, 5):

        def stopped(row, stop=stop):
            if row["epoch"] == stop:
                raise KeyboardInterrupt

        torch.manual_seed(stop)  # what torch would draw outside is of no matter
        with pytest.raises(KeyboardInterrupt):
            train(make(), Linear(), settings, tmp_path / str(stop), on_epoch=stopped)
        assert read_run(tmp_path / str(stop)).summary == {"status": "unfinished"}
        train(make(), Linear(), settings, tmp_path / str(stop))
        assert [(tmp_path / str(stop) / name).read_bytes() for name in names] == expected


def test_validation_meets_the_same_random_numbers_in_every_epoch_and_the_test_others():
    state = torch.get_rng_state()
    run = train(Walk(), Linear(), Settings(epochs=3, probe_every=1))
    assert len({*run.column("validation_worst")} | {run.summary["test_worst"]}) == 2
    assert torch.equal(torch.get_rng_state(), state)


def test_own_probes_are_recorded(tmp_path):
    runs = [train(Walk(), Linear(), Settings(epochs=3, probe_every=2), folder) for folder in (tmp_path, None)]
    assert [p["epoch"] for p in runs[0].probes] == [0, 2]
    assert runs[0].probes[0]["w"] == [1.0, -2.0, 0.5]
    assert read_run(tmp_path).probes == runs[0].probes == runs[1].probes
    failed = train(Walk(), Linear(), Settings(epochs=1, probe_every=1, probe_exponents=7))
    assert "no longer finite at t = 1" in failed.probes[0]["failed"]


def test_the_objective_is_evaluated_without_gradients_and_in_evaluation_mode():
    class Looking(Regression):
        def evaluate(self, model, split):
            assert not torch.is_grad_enabled()
            assert not any(module.training for module in model.modules())
            return super().evaluate(model, split)

        def losses(self, model, epoch):
            assert torch.is_grad_enabled()
            assert model.training
            return super().losses(model, epoch)

    train(Looking(), Linear(), Settings(epochs=2))


# ---- records


@pytest.fixture
def recorded(tmp_path):
    return train(Regression(), Linear(), Settings(epochs=3, optimizer="sgd", lr=0.1), tmp_path)


def test_the_record_of_an_objective_is_read_as_it_was_written(recorded):
    run = read_run(recorded.folder)
    for part in ("config", "history", "summary", "provenance"):
        assert getattr(run, part) == getattr(recorded, part)
    assert run.config["task"] == {"task": "regression", "metrics": ["mse", "worst"], "seed": 0, "batch": None}
    assert records.columns(run.config)[-2:] == ("validation_mse", "validation_worst")
    assert run.best_loss == min(run.column("validation_mse"))
    assert run.arm != train(Regression(seed=1), Linear(), Settings(epochs=3, optimizer="sgd", lr=0.1)).arm
    with pytest.raises(KeyError, match=r"column: expected one of epoch, .*validation_worst, got 'validation_loss'"):
        run.column("validation_loss")
    with pytest.raises(ValueError, match=r"holds another run: task\.seed is 0 there and 1 here"):
        train(Regression(seed=1), Linear(), Settings(epochs=3, optimizer="sgd", lr=0.1), recorded.folder)


def test_losses_and_metrics_may_be_negative(tmp_path):
    def losses(self, model, epoch):
        yield -model.w.square().sum()

    objective = changed(losses=losses, evaluate=lambda self, model, split: {"mse": -1.0, "worst": -2.0})
    run = train(objective, Linear(), Settings(epochs=2), tmp_path)
    assert max(run.column("train_loss")) < 0
    assert read_run(tmp_path).history == run.history


def edit(path, **changes):
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | changes))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"updates": 1}, "line 3: has 1 updates, not more than the 1 of the epoch before"),
        ({"lr": 0.2}, r"line 3: lr is 0\.2, by the settings 0\.1"),
        ({"validation_mse": None}, "line 3: validation_mse is ''"),
        ({"validation_worst": math.nan}, "line 3: validation_worst is nan"),
        ({"gradient_norm": -1.0}, "line 3: gradient_norm is -1.0, not a number at least 0"),
    ],
)
def test_a_history_that_cannot_be_is_refused(recorded, row, text):
    history = [r | (row if r["epoch"] == 2 else {}) for r in recorded.history]
    records.write_history(recorded.folder / "history.csv", history, records.columns(recorded.config))
    with pytest.raises(RecordError, match=rf"history\.csv: {text}"):
        read_run(recorded.folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"test_mse": None}, "test_mse is None, although the history has such losses"),
        ({"test_worst": "low"}, "test_worst is 'low', not a float"),
        ({"best_epoch": 1}, "best_epoch is 1, by the history 3"),
        ({"chance_mse": "none"}, "chance_mse is 'none', not a float"),
    ],
)
def test_a_summary_that_cannot_be_is_refused(recorded, change, text):
    edit(recorded.folder / "summary.json", **change)
    with pytest.raises(RecordError, match=rf"summary\.json: {text}"):
        read_run(recorded.folder)


@pytest.mark.parametrize("metrics", [[], ["mse", "mse"], "mse", [1], None, {"mse": 1}])
def test_metrics_that_cannot_be_are_refused(recorded, metrics):
    edit(recorded.folder / "config.json", task={"task": "regression", "metrics": metrics})
    with pytest.raises(RecordError, match=r"config\.json: task\.metrics is .*, not a list of different names"):
        read_run(recorded.folder)


def test_what_is_changed_after_the_end_breaks_the_seal(recorded):
    history = [r | {"validation_worst": 1.0} for r in recorded.history]
    records.write_history(recorded.folder / "history.csv", history, records.columns(recorded.config))
    with pytest.raises(RecordError, match="its seal is not that of the files"):
        read_run(recorded.folder)


def test_a_subclass_of_a_task_can_measure_more(tmp_path):
    class More(Supervised):
        metrics = ("wrong", *Supervised.metrics)

        def evaluate(self, model, split):
            found = super().evaluate(model, split)
            return found | {"wrong": 1 - found["accuracy"]}

    model = build("tanh", 5, 4, 6, torch.Generator().manual_seed(0))
    run = train(More(TASK), model, Settings(epochs=2), tmp_path)
    assert np.allclose(run.column("validation_wrong"), 1 - run.column("validation_accuracy"))
    assert read_run(tmp_path).history == run.history


# ---- what does not fit


def changed(**methods):
    return type("Changed", (Regression,), methods)()


def scalars(*values):
    return lambda self, model, epoch: iter([value(model) if callable(value) else value for value in values])


WRONG = {
    "no metrics": ({"metrics": ()}, "task: expected metrics, .* got \\(\\)"),
    "metrics as a text": ({"metrics": "mse"}, "task: expected metrics, .* got 'mse'"),
    "a metric twice": ({"metrics": ("mse", "mse")}, "task: expected metrics"),
    "a metric with a comma": ({"metrics": ("a,b",)}, "task: expected metrics"),
    "metrics of numbers": ({"metrics": (1,)}, "task: expected metrics"),
    "no name": ({"name": None}, "task: expected an objective with a name, got None"),
    "an evaluation without the first metric": (
        {"evaluate": lambda *_: {"worst": 1.0}},
        "task: expected evaluate to return a number for each of mse, worst, got {'worst': 1.0}",
    ),
    "an evaluation with more": ({"evaluate": lambda *_: {"mse": 1, "worst": 1, "best": 1}}, "task: expected evaluate"),
    "an evaluation of None": ({"evaluate": lambda *_: None}, "task: expected evaluate .* got None"),
    "a metric that is None": ({"evaluate": lambda *_: {"mse": None, "worst": 1}}, "task: expected evaluate"),
    "a metric of several": ({"evaluate": lambda *_: {"mse": torch.ones(2), "worst": 1}}, "task: expected evaluate"),
    "losses that are none": ({"losses": lambda *_: iter(())}, "task: expected losses to yield at least one"),
    "no iterator": ({"losses": lambda *_: None}, "task: expected losses to return an iterator, .* got None"),
    "a list": ({"losses": lambda self, model, epoch: [model.w.sum()]}, "task: expected losses to return an iterator"),
    "a tensor": ({"losses": lambda self, model, epoch: model.w.sum()}, "task: expected losses to return an iterator"),
    "a vector": ({"losses": scalars(lambda m: m.w[:, 0])}, "task: expected losses to yield differentiable scalars"),
    "a loss without graph": ({"losses": scalars(torch.tensor(1.0))}, "task: expected losses to yield .* got tensor"),
    "a number": ({"losses": scalars(1.0)}, "task: expected losses to yield differentiable scalars, got 1.0"),
    "a complex loss": ({"losses": scalars(lambda m: m.w.sum() * 1j)}, "task: expected losses to yield"),
    "a loss of something else": (
        {"losses": scalars(lambda m: torch.ones((), requires_grad=True) * 2)},
        "task: expected losses that depend on the network's parameters",
    ),
    "a configuration of tensors": ({"config": lambda self: {"x": self.x}}, "task: expected config to return a dict"),
    "a configuration of nan": ({"config": lambda self: {"x": math.nan}}, "task: expected config to return a dict"),
    "no configuration": ({"config": lambda self: None}, "task: expected config to return a dict"),
    "a configuration with a task": ({"config": lambda self: {"task": "mine"}}, "task: expected config without 'task'"),
    "a state of arrays": (
        {"state_dict": lambda self: {"a": np.ones(2)}},
        "task: expected state_dict to return tensors",
    ),
    "a state of code": ({"state_dict": lambda self: {"a": lambda: 1}}, "task: expected state_dict to return tensors"),
    "no state": ({"state_dict": lambda self: None}, "task: expected state_dict to return tensors"),
    "chance of something else": ({"chance": lambda self: {"loss": 1.0}}, "task: expected chance to return"),
    "chance nan": ({"chance": lambda self: {"mse": math.nan}}, "task: expected chance to return"),
    "chance a number": ({"chance": lambda self: 1.0}, "task: expected chance to return"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_objective_is_named(fault):
    methods, text = WRONG[fault]
    with pytest.raises((TypeError, ValueError), match=f"^{text}"):
        train(changed(**methods), Linear(), Settings(epochs=1))


@pytest.mark.parametrize("probe", [lambda *_: None, lambda *_: {"x": math.nan}, lambda *_: {"x": torch.ones(2)}])
def test_a_wrong_probe_is_named(probe):
    with pytest.raises(TypeError, match="^task: expected probe to return a dict that JSON takes"):
        train(changed(probe=probe), Linear(), Settings(epochs=1, probe_every=1))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"dropout": 0.1}, r"dropout: expected 0\.0, because regression has its own way, got 0\.1"),
        ({"batch_size": 3}, "batch_size: expected 128, because regression has its own way, got 3"),
        ({"loss": "every-step"}, "loss: expected 'scored', because regression has its own way, got 'every-step'"),
        ({"probe_every": 1}, "probe_every: expected 0, because regression has no probe, got 1"),
    ],
)
def test_settings_that_an_objective_does_not_heed_are_refused(settings, text):
    with pytest.raises(ValueError, match=f"^{text}"):
        train(Regression(), Linear(), Settings(**settings))


def test_a_supervised_objective_and_settings_that_contradict_it_are_refused():
    model = build("tanh", 5, 4, 6)
    with pytest.raises(ValueError, match="^batch_size: expected 32, because copy-memory has its own way, got 128"):
        train(Supervised(TASK, batch_size=32), model, Settings())
    with pytest.raises(ValueError, match="^loss: permuted-images has targets at its scored steps only"):
        Supervised(PermutedImages(), "every-step")
    with pytest.raises(TypeError, match="^task: expected a Task, got 3"):
        Supervised(3)
    with pytest.raises(ValueError, match="^loss: expected one of scored, every-step, got 'all'"):
        Supervised(TASK, "all")


@pytest.mark.parametrize("what", [None, "copy-memory", nn.Linear(1, 1), Regression])
def test_what_is_neither_task_nor_objective_is_refused(what):
    with pytest.raises(TypeError, match="^task: expected a Task or Objective, got"):
        train(what, Linear())


def test_an_objective_says_itself_what_does_not_fit():
    def check(self, model, settings):
        raise ValueError("model: expected three weights, got more")

    with pytest.raises(ValueError, match="^model: expected three weights"):
        train(changed(check=check), Linear())
