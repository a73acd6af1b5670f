import math
import warnings

import pytest
import torch

from ptacore.reinforcement import Controller, observation, reset, swing, swing_jacobians, wrap
from ptacore.reinforcement.pendulum import EPISODE, SPEED, TORQUE


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_steps_are_those_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")
    env = gymnasium.make("Pendulum-v1", disable_env_checker=True)
    drawn = 3 * torch.randn(1000, generator=generator(), dtype=torch.float64)
    drawn[300:600] = 2.5 * torch.sign(torch.sin(torch.arange(300) / 12))  # pumped up to the limit of the speed
    age, fastest, cuts, met = EPISODE, 0.0, 0, []
    for u in drawn:
        if age == EPISODE:
            env.reset(seed=cuts)
            x, age, cuts = torch.tensor(env.unwrapped.state, dtype=torch.float64), 0, cuts + 1
        met.append(x)
        x, reward = swing(x, u)
        seen, theirs, terminated, truncated, _ = env.step(u.numpy()[None])
        age += 1
        assert torch.allclose(x, torch.tensor(env.unwrapped.state, dtype=torch.float64), rtol=0, atol=1e-12)
        assert float(reward) == pytest.approx(float(theirs), abs=1e-12)
        assert torch.allclose(
            observation(x, "full").float() * torch.tensor([1, 1, SPEED]), torch.tensor(seen), atol=1e-6
        )
        assert not terminated
        assert truncated == (age == EPISODE)
        fastest = max(fastest, float(x[1].abs()))
        met.append(x)
    assert (cuts, fastest) == (5, SPEED)  # resets, truncations and both limits were met
    assert (drawn.abs() > TORQUE).any()
    before, after = torch.stack(met).unflatten(0, (-1, 2)).unbind(1)
    assert torch.allclose(swing(before, drawn)[0], after, rtol=0, atol=1e-12)  # all at once


def test_resets_are_drawn_as_in_gymnasium():
    x = reset(20_000, generator(), torch.float64)
    for column, bound in zip(x.T, (math.pi, 1.0), strict=True):
        assert column.abs().max() <= bound
        assert column.mean().abs() < 4 * bound / math.sqrt(3 * len(x))
        assert float(column.square().mean()) == pytest.approx(bound**2 / 3, rel=0.03)
    assert torch.equal(reset(2, generator(1)), reset(2, generator(1)))


def test_jacobians_are_the_derivatives_also_beyond_the_limits():
    x = reset(200, generator(), torch.float64) * torch.tensor([1.0, 12.0])
    u = 4 * torch.rand(200, generator=generator(1), dtype=torch.float64) - 2 + torch.tensor([1.5, -1.5]).repeat(100)
    of_x, of_u = swing_jacobians(x, u)
    for k in range(len(x)):
        by_x, by_u = torch.autograd.functional.jacobian(lambda *given: swing(*given)[0], (x[k], u[k]))
        assert torch.allclose(of_x[k], by_x, atol=1e-14)
        assert torch.allclose(of_u[k], by_u, atol=1e-14)
    assert 0 < (of_u[:, 1] == 0).sum() < len(x)


def test_the_step_preserves_area_below_the_limit():
    x = reset(50, generator(), torch.float64)
    of_x, _ = swing_jacobians(x, torch.zeros(50, dtype=torch.float64))
    assert torch.allclose(torch.linalg.det(of_x), torch.ones(50, dtype=torch.float64), atol=1e-14)


def test_full_turns_change_nothing_that_is_seen_or_paid():
    x, u = reset(50, generator(), torch.float64), torch.zeros(50, dtype=torch.float64)
    turned = x + torch.tensor([6 * math.pi, 0.0])
    assert torch.allclose(swing(x, u)[1], swing(turned, u)[1], atol=1e-12)
    for observed in ("partial", "full"):
        for raw in (False, True):
            seen = observation(x, observed, raw)
            assert torch.allclose(seen, observation(turned, observed, raw), atol=1e-12)
            assert torch.equal(seen, Controller(observed, raw_angle=raw).observe(x))
    assert torch.allclose(wrap(x[:, 0]), x[:, 0], atol=1e-14)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: swing([0.0, 0.0], torch.tensor(0.0)), "x"),
        (lambda: swing(torch.zeros(3), torch.tensor(0.0)), "x"),
        (lambda: swing(torch.zeros(2, dtype=torch.int64), torch.tensor(0.0)), "x"),
        (lambda: swing(torch.zeros(4, 2), torch.zeros(3)), "u"),
        (lambda: swing_jacobians(torch.zeros(4, 2), 0.0), "u"),
        (lambda: observation(torch.zeros(2), "angle"), "observed"),
        (lambda: observation(torch.zeros(2), raw_angle=None), "raw_angle"),
        (lambda: reset(0), "count"),
        (lambda: reset(1, 3), "generator"),
        (lambda: reset(1, None, torch.int64), "dtype"),
        (lambda: wrap(1.0), "theta"),
    ],
)
def test_bad_input_is_refused_by_name(call, name):
    with warnings.catch_warnings(action="error"), pytest.raises((TypeError, ValueError), match=f"^{name}: expected"):
        call()
