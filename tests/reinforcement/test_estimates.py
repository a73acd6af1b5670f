import pytest
import torch

from ptacore.reinforcement import gae, surrogate


def test_advantages_are_the_hand_computation():
    rewards, values = torch.tensor([1.0, 2.0, -1.0, 0.5]), torch.tensor([0.5, 1.0, 2.0, -1.0])
    coming = torch.tensor([1.0, 7.0, -1.0, 3.0])  # at the cut after the second step the true state was worth 7
    found = gae(rewards, values, coming, torch.tensor([False, True, False, False]), 0.9, 0.5)
    # deltas: 1 + .9 - .5 = 1.4; 2 + 6.3 - 1 = 7.3; -1 - .9 - 2 = -3.9; .5 + 2.7 + 1 = 4.2
    assert torch.allclose(found, torch.tensor([1.4 + 0.45 * 7.3, 7.3, -3.9 + 0.45 * 4.2, 4.2]))


def test_advantages_are_the_sums_that_define_them():
    generator = torch.Generator().manual_seed(0)
    rewards, values, coming = torch.randn(3, 30, 2, generator=generator, dtype=torch.float64)
    ends = torch.rand(30, 2, generator=generator) < 0.15
    found = gae(rewards, values, coming, ends, 0.9, 0.95)
    for i in range(2):
        for t in range(30):
            total, weight = 0.0, 1.0
            for s in range(t, 30):
                total += weight * float(rewards[s, i] + 0.9 * coming[s, i] - values[s, i])
                weight *= 0.9 * 0.95
                if ends[s, i]:
                    break
            assert float(found[t, i]) == pytest.approx(total, abs=1e-12)


def test_with_trace_one_an_advantage_is_the_discounted_return_minus_the_value():
    rewards = torch.ones(50, dtype=torch.float64)
    values = torch.full((50,), 10.0, dtype=torch.float64)  # the value of a reward of 1 for ever, with discount 0.9
    ends = torch.zeros(50, dtype=torch.bool)
    assert gae(rewards, values, values, ends, 0.9, 1.0).abs().max() < 1e-12
    nothing = torch.zeros_like(values)
    last = torch.cat([nothing[1:], values[:1]])
    assert float(gae(rewards, nothing, last, ends, 0.9, 1.0)[0]) == pytest.approx(10.0, rel=1e-12)


def test_where_the_ratio_is_clipped_there_is_no_gradient():
    ratio = torch.tensor([0.5, 0.5, 1.15, 0.85, 1.5, 1.5], requires_grad=True)
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    surrogate(ratio, advantage, 0.2).backward()
    # what has already gone too far in the direction of its advantage gets none; what went astray comes back
    assert torch.allclose(ratio.grad, -torch.tensor([1.0, 0.0, 1.0, -1.0, 0.0, -1.0]) / 6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda one: gae([1.0], one, one, one > 2, 0.9, 0.9), "rewards"),
        (lambda one: gae(one, one[:2], one, one > 2, 0.9, 0.9), "values"),
        (lambda one: gae(one, one, one[:, None], one > 2, 0.9, 0.9), "coming"),
        (lambda one: gae(one, one, one, one, 0.9, 0.9), "ends"),
        (lambda one: gae(one, one, one, one > 2, 1.1, 0.9), "discount"),
        (lambda one: gae(one, one, one, one > 2, 0.9, -1), "trace"),
        (lambda one: surrogate(1.0, one, 0.2), "ratio"),
        (lambda one: surrogate(one, one[:2], 0.2), "advantage"),
        (lambda one: surrogate(one, one, 0), "clip"),
    ],
)
def test_bad_input_is_refused_by_name(call, name):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: expected"):
        call(torch.ones(3))
