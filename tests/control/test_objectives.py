import copy
import itertools
import math

import pytest
import torch

from ptacore.control import (
    Agent,
    DoubleIntegrator,
    Imitation,
    Pendulum,
    PointMass,
    RankOneAgent,
    Regulation,
    Tracking,
    TrackingImitation,
    rollout,
)
from ptacore.control.objectives import equal_moments, open_loop
from ptacore.control.theory import roots
from ptacore.training import Settings, read_run, train

SGD = dict(optimizer="sgd", lr=0.01, decay=1.0, patience=10**6)
TASK = Tracking(((0.1,), (0.3,)), duration=4.0, batch=9)


def loss_and_gradients(objective, agent):
    torch.manual_seed(0)
    agent.zero_grad()
    loss = next(objective.losses(agent, 1))
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in agent.parameters()])


# ---- a batch by its second moments


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_few_rows_have_the_moments_of_all(batch):
    x = torch.randn(batch, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = equal_moments(x)
    assert len(few) == min(batch, 3)
    assert torch.allclose(few.mT @ few / len(few), x.mT @ x / batch, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"effort": 2.0, "total": True}])
def test_two_starts_have_cost_and_gradient_of_a_hundred(options, monkeypatch):
    objective, agent = Regulation(**options), RankOneAgent.drawn(30, seed=1)
    few = loss_and_gradients(objective, agent)
    monkeypatch.setattr("ptacore.control.objectives.equal_moments", lambda x: x)
    every = loss_and_gradients(objective, agent)
    assert few[0] == pytest.approx(every[0], rel=1e-10)
    assert torch.allclose(few[1], every[1], rtol=1e-8)


def test_the_responses_to_sinusoids_have_cost_and_gradient_of_all_trials(monkeypatch):
    agent = Agent.tracker(12, dtype=torch.float64)
    few = loss_and_gradients(TASK, agent)
    monkeypatch.setattr(Tracking, "alone", lambda *_: None)
    every = loss_and_gradients(TASK, agent)
    assert few[0] == pytest.approx(every[0], rel=1e-10)
    assert torch.allclose(few[1], every[1], rtol=1e-8)


def test_trials_that_hit_the_walls_are_followed_as_they_are():
    """An agent that pushes away from the origin: the loss with walls is that of a plain loop, and bounded."""
    agent = Agent(
        torch.zeros(2, 2), [[9.0, 0, 0, 0], [0, 9.0, 1.0, 0]], torch.eye(2), "identity", 0.5, dtype=torch.float64
    )
    task = Tracking(((0.1,), (0.3,)), duration=4.0, batch=9, plant=PointMass(bound=3.0))
    loss, _ = loss_and_gradients(task, agent)
    torch.manual_seed(0)
    targets = task.coefficients(9) @ task.responses(torch.float64)
    x = rollout(agent, task.plant, torch.zeros(9, 4), 40, targets[1:]).x
    assert x.abs().max() == 3
    assert loss == pytest.approx(
        float(0.1 * (x[1:, :, ::2] - targets[:-1]).detach().square().sum(-1).mean()), rel=1e-10
    )


# ---- what the costs are


def test_the_cost_is_that_of_the_papers_two_protocols():
    x = torch.randn(6, 4, 2, generator=torch.Generator().manual_seed(0))
    u = torch.randn(5, 4, 1, generator=torch.Generator().manual_seed(1))
    from ptacore.control import Rollout

    found = Rollout(x, u)
    assert float(Regulation(effort=0.5).cost(found)) == pytest.approx(
        float(x[:5].square().mean() + 0.5 * u.square().sum(0).mean())
    )
    summed = sum((x[t] ** 2).mean() + 0.005 * (u[t] ** 2).sum() for t in range(5))
    assert float(Regulation(effort=0.005 * 4, total=True).cost(found)) == pytest.approx(float(summed))


def test_targets_are_ramped_sinusoids_of_random_phase():
    torch.manual_seed(3)
    phases = 2 * math.pi * torch.rand(5, 2, dtype=torch.float64)
    torch.manual_seed(3)
    found = TASK.coefficients(5) @ TASK.responses(torch.float64)  # (T + 1, 5, 2)
    t = 0.1 * torch.arange(41, dtype=torch.float64)[:, None]
    for axis, f in enumerate((0.1, 0.3)):
        wanted = 2.31 * t.clamp(max=1) * (2 * math.pi * f * t + phases[:, axis]).cos()
        assert torch.allclose(found[..., axis], wanted)


def test_the_loss_of_a_sinusoid_alone_is_its_mean_over_phases():
    agent = Agent.tracker(12, dtype=torch.float64)
    with torch.no_grad():
        found = TASK.evaluate(agent, "test")
        phases = torch.linspace(0, 2 * math.pi, 9, dtype=torch.float64)[:-1]
        zero = torch.zeros_like(phases)
        for k, name in enumerate(("f1", "f2")):
            pair = [phases.cos(), phases.sin()]
            c = torch.stack([*pair, zero, zero] if k == 0 else [zero, zero, *pair], 1)
            assert float(found[name]) == pytest.approx(float(TASK.cost(TASK.errors(agent, c))), rel=1e-8)


def test_an_agent_by_itself_is_followed_from_what_it_is_shown():
    y = torch.randn(7, 3, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for phi, leak in (("tanh", 1.0), ("identity", 0.2)):
        agent = Agent(0.3 * torch.eye(4), torch.ones(4, 1), torch.ones(1, 4), phi, leak, dtype=torch.float64)
        h, wanted = torch.zeros(3, 4, dtype=torch.float64), []
        for t in range(7):
            h = agent.step(h, y[t])
            wanted.append(agent.act(h))
        found = open_loop(agent, y)
        assert torch.allclose(found, torch.stack(wanted), atol=1e-10)
        gradients = [torch.autograd.grad(x.square().sum(), agent.m)[0] for x in (found, torch.stack(wanted))]
        assert torch.allclose(*gradients, atol=1e-8)


def test_a_student_with_the_teachers_weights_has_nothing_to_learn():
    teacher = Agent.regulator(8, seed=1)
    assert next(Imitation(teacher, Regulation(batch=5)).losses(copy.deepcopy(teacher), 1)).item() == 0
    tracker = Agent.tracker(8, seed=1)
    assert next(TrackingImitation(tracker, TASK).losses(copy.deepcopy(tracker), 1)).item() < 1e-12


def test_the_loss_of_imitation_is_that_of_the_trials(monkeypatch):
    """Few moments against all trials: the teacher's plant is driven, the student listens."""
    teacher, student = Agent.tracker(8, seed=1, dtype=torch.float64), Agent.tracker(8, seed=2, dtype=torch.float64)
    objective = TrackingImitation(teacher, TASK)
    torch.manual_seed(0)
    found = next(objective.losses(student, 1)).item()
    torch.manual_seed(0)
    targets = TASK.coefficients(9) @ TASK.responses(torch.float64)
    x, u = rollout(teacher, TASK.plant, torch.zeros(9, 4), 40, targets[1:])
    seen = torch.cat([x[1:, :, ::2], targets[1:]], -1)
    assert found == pytest.approx((open_loop(student, seen)[:-1] - u[1:]).square().mean().item(), rel=1e-8)


# ---- training


def interrupted(folder, objective, make, settings, at):
    """The run with a kill after `at` epochs, resumed."""

    def stop(row):
        if row["epoch"] == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(objective, make(), settings, folder, on_epoch=stop)
    return train(objective, make(), settings, folder)


OBJECTIVES = {
    "regulation": (Regulation(batch=6, steps=9), lambda: Agent.regulator(6)),
    "pendulum": (Regulation(Pendulum(0.2), batch=6, steps=9), lambda: Agent.regulator(6)),
    "rank one": (Regulation(steps=9), lambda: RankOneAgent.drawn(6)),
    "imitation": (Imitation(Agent.regulator(6, seed=1), Regulation(batch=6, steps=9)), lambda: Agent.regulator(6)),
    "tracking": (TASK, lambda: Agent.tracker(6)),
    "tracking imitation": (
        TrackingImitation(Agent.tracker(6, seed=1), TASK),
        lambda: Agent.tracker(6, trained=("W", "m", "z")),
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_run_that_was_killed_goes_on_as_if_nothing_had_happened(name, tmp_path):
    objective, make = OBJECTIVES[name]
    settings = Settings(**SGD, epochs=5, probe_every=2, probe_exponents=3)
    whole = train(objective, make(), settings)
    resumed = interrupted(tmp_path, objective, make, settings, 3)
    assert resumed.history == whole.history
    assert resumed.probes == whole.probes
    assert [p["epoch"] for p in resumed.probes] == [0, 2, 4]
    assert read_run(tmp_path).summary["status"] == "epoch limit"


def test_a_loop_that_leaves_the_numbers_ends_as_diverged_and_keeps_what_was_learned(tmp_path):
    """Without clipping, as the paper's code warns."""
    agent = RankOneAgent.drawn(zm=-0.02)
    settings = Settings(optimizer="sgd", lr=1e-4, clip=None, decay=1.0, patience=10**6, epochs=200)
    run = train(Regulation(), agent, settings, tmp_path)
    assert run.summary["status"] == "diverged"
    assert "epoch" in run.summary["reason"]
    assert len(run.history) < 200
    best = read_run(tmp_path).summary["best_epoch"]
    assert best > 0
    assert all(torch.isfinite(p).all() for p in agent.parameters())  # the weights of that epoch


@pytest.mark.parametrize("seed", range(5))
def test_position_feedback_settles_at_a_small_negative_value(seed):
    agent, way = RankOneAgent.drawn(seed=seed), []
    train(
        Regulation(),
        agent,
        Settings(**SGD, epochs=25, seed=seed),
        on_epoch=lambda _: way.append(agent.order().detach()),
    )
    assert -0.05 <= float(way[-1][0]) <= -0.015
    assert float(roots(way[-1])[0].imag.abs()) > 0.1


def test_short_episodes_bear_a_stronger_feedback():
    found = {}
    for steps, seed in itertools.product((20, 50), range(3)):
        agent = RankOneAgent.drawn(seed=seed)
        train(Regulation(steps=steps), agent, Settings(**SGD, epochs=30, seed=seed))
        found[steps, seed] = float(agent.order()[0].detach())
    assert all(found[20, seed] < found[50, seed] < 0 for seed in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_loop_becomes_stable_after_its_plateau(seed):
    from ptacore.control import stages

    agent, way = RankOneAgent.drawn(seed=seed), []
    train(
        Regulation(),
        agent,
        Settings(**SGD, epochs=400, seed=seed),
        on_epoch=lambda _: way.append(agent.order().detach()),
    )
    found = stages(range(1, 401), roots(torch.stack(way))[:, 0].numpy())
    assert found.oscillates < 20
    assert 60 <= found.stable <= 260


@pytest.mark.slow
def test_imitation_loses_the_loop_on_its_way_and_gains_lie_in_the_stable_wedge():
    """The deployed loss rises above five times its start between epochs 180 and 300, and ends where the teacher is."""
    agent = Agent.regulator(100)
    student, objective = copy.deepcopy(agent), Regulation(box=1.0, effort=0.5, total=True)
    settings = Settings(**SGD, epochs=1000, probe_every=5, probe_exponents=1)
    taught = train(objective, agent, settings)
    loop = [complex(*p["eigenvalues"][0]) for p in taught.probes]
    from ptacore.control import stages

    stable = stages([p["epoch"] for p in taught.probes], loop).stable
    row = taught.history[stable - 1]
    assert row["validation_k2"] < row["validation_k1"] < 0
    deployed = train(Imitation(agent, objective), student, settings).column("validation_deployed")
    assert deployed.max() / deployed[0] > 5
    assert 180 <= deployed.argmax() + 1 <= 300
    assert deployed[-1] == pytest.approx(taught.column("validation_loss")[-1], rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Regulation(steps=0), "steps: expected a whole number at least 1"),
        (lambda: Regulation(batch=0), "batch: expected a whole number at least 1"),
        (lambda: Regulation(box=-1), "box: expected a number in"),
        (lambda: Regulation(effort=-1), "effort: expected a number in"),
        (lambda: Regulation(total=1), "total: expected True or False"),
        (lambda: Regulation("plant"), "plant: expected a Plant"),
        (lambda: Imitation(RankOneAgent.drawn(5), Regulation()), "teacher: expected a"),
        (lambda: Imitation(Agent.regulator(5), "task"), "deployed: expected a Regulation"),
        (lambda: Tracking(((0.1,),)), "frequencies: expected those of two axes"),
        (lambda: Tracking(((), ())), "frequencies: expected different ones, at least one"),
        (lambda: Tracking(((0.1,), (0.1,))), "frequencies: expected different ones"),
        (lambda: Tracking(((0.1,), (6.0,))), "frequencies: expected a number in"),
        (lambda: Tracking(duration=0), "duration: expected a number in"),
        (lambda: Tracking(duration=0.01), "duration: expected a whole number"),
        (lambda: Tracking(batch=0), "batch: expected a whole number"),
        (lambda: Tracking(plant=DoubleIntegrator()), "plant: expected a PointMass"),
        (lambda: train(Regulation(), Agent.tracker(4)), "agent: expected 1 controls"),
        (lambda: train(Tracking(), Agent.regulator(4)), "agent: expected 2 controls"),
        (lambda: train(Regulation(), torch.nn.Linear(2, 2)), "agent: expected a"),
        (lambda: TrackingImitation(Agent.tracker(5), Regulation()), "deployed: expected a Tracking"),
        (
            lambda: TrackingImitation(
                Agent(torch.eye(2), [[9.0, 0, 0, 0], [0, 9.0, 1.0, 0]], torch.eye(2), "identity", 0.5), Tracking()
            ),
            "teacher: expected one that stays off the walls",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
