import math

import pytest
import torch

from ptacore.control import Agent, EffectiveAgent, RankOneAgent


def test_starts_have_the_scales_of_the_paper():
    n = 2000
    agent = Agent.regulator(n, seed=1).requires_grad_(False)
    assert float(agent.m.std()) == pytest.approx(1 / n, rel=0.1)
    assert float(agent.z.std()) == pytest.approx(1 / n, rel=0.1)
    assert float(agent.W.std()) == pytest.approx(0.1 / math.sqrt(n), rel=0.01)
    tracker = Agent.tracker(n, seed=1).requires_grad_(False)
    assert float(tracker.m.abs().max()) == pytest.approx(1 / math.sqrt(n), rel=0.01)
    assert float(tracker.z.std()) == pytest.approx(1 / math.sqrt(3 * n), rel=0.05)
    assert float(tracker.W.std()) == pytest.approx(0.2 / math.sqrt(n), rel=0.01)
    ranked = RankOneAgent.drawn(n, seed=1).requires_grad_(False)
    assert float(ranked.m.abs().max()) == pytest.approx(1 / math.sqrt(n), rel=0.01)
    assert float(ranked.u.std()) == pytest.approx(1 / math.sqrt(n), rel=0.1)


def test_seeds_give_other_weights_and_the_same_seed_the_same():
    for make in (Agent.regulator, Agent.tracker, RankOneAgent.drawn):
        a, b, c = (make(20, seed=seed).weights()[0] for seed in (0, 0, 1))
        assert torch.equal(a, b)
        assert not torch.allclose(a, c)
    agent = RankOneAgent.drawn(500)
    vectors = torch.stack([agent.m, agent.z, agent.u, agent.v]).detach()
    assert torch.corrcoef(vectors).fill_diagonal_(0).abs().max() < 0.2  # of their own numbers


def test_the_overlap_is_as_told():
    for zm in (-0.2, 0.0, 0.3):
        assert float(RankOneAgent.drawn(zm=zm).order()[0].detach()) == pytest.approx(zm, abs=1e-12)


def test_a_rank_one_network_acts_as_two_units_do():
    """From h = 0 the state is m k1 + u k2: the same controls from the same observations."""
    agent = RankOneAgent.drawn(40, seed=3)
    small = EffectiveAgent(agent.order().detach())
    y = torch.randn(30, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h, k = torch.zeros(40, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for t in range(30):
        h, k = agent.step(h, y[t]), small.step(k, y[t])
        assert torch.allclose(agent.act(h), small.act(k), atol=1e-12)
    assert torch.allclose(h, agent.m * k[0] + agent.u * k[1], atol=1e-12)


def test_a_leaky_step_is_eulers_rule():
    agent = Agent.tracker(10, dtype=torch.float64)
    h, y = torch.ones(10, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    assert torch.allclose(agent.step(h, y), h + 0.1 * (-h + agent.W @ h + agent.m @ y))


def test_only_the_weights_that_are_named_are_trained():
    agent = Agent.tracker(5)
    assert [name for name, _ in agent.named_parameters()] == ["W", "z"]
    assert "m" in agent.state_dict()
    assert sorted(name for name, _ in RankOneAgent.drawn(5).named_parameters()) == ["u", "v", "z"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Agent(torch.eye(3)[:2], torch.ones(2, 1), torch.ones(1, 2)), r"W: expected shape \(2, 2\), got"),
        (
            lambda: Agent(torch.eye(2), torch.ones(3, 1), torch.ones(1, 2)),
            r"m: expected shape \(2, any\), got \(3, 1\)",
        ),
        (lambda: Agent(torch.eye(2), torch.ones(2), torch.ones(1, 2)), r"m: expected shape \(2, any\), got \(2,\)"),
        (lambda: Agent(torch.eye(2), torch.ones(2, 0), torch.ones(1, 2)), "m: expected shape"),
        (lambda: Agent(torch.eye(2), torch.ones(2, 1), torch.ones(2, 1)), r"z: expected shape \(any, 2\)"),
        (lambda: Agent(torch.eye(2), torch.ones(2, 1), torch.ones(1, 2), phi="relu"), "phi: expected one of"),
        (lambda: Agent(torch.eye(2), torch.ones(2, 1), torch.ones(1, 2), leak=0), "leak: expected a number in"),
        (lambda: Agent(torch.eye(2), torch.ones(2, 1), torch.ones(1, 2), trained=("b",)), "trained: expected one of"),
        (lambda: Agent(torch.eye(2) * math.nan, torch.ones(2, 1), torch.ones(1, 2)), "W: expected finite"),
        (lambda: Agent.regulator(0), "units: expected a whole number"),
        (lambda: Agent.regulator(seed=-1), "seed: expected a whole number"),
        (lambda: RankOneAgent(torch.ones(3), torch.ones(3), torch.ones(2), torch.ones(3)), r"u: expected shape \(3,\)"),
        (lambda: EffectiveAgent([1.0, 2.0]), r"order: expected shape \(4,\), got \(2,\)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
