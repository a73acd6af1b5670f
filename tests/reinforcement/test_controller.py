import math

import pytest
import torch

from ptacore.reinforcement import Controller
from ptacore.reinforcement.controller import STARTS


def test_the_step_is_the_equation_in_any_shape():
    agent = Controller("full", units=6, seed=3).double()
    agent.requires_grad_(False)
    h, x = torch.randn(4, 3, 6, dtype=torch.float64), torch.randn(4, 3, 2, dtype=torch.float64)
    new = agent.step(h, agent.observe(x))
    one = torch.tanh(agent.W_h @ h[1, 2] + agent.W_x @ agent.observe(x[1, 2]) + agent.b)
    assert torch.allclose(new[1, 2], one, atol=1e-14)
    first, last = agent.policy[0], agent.policy[2]
    mean = last.weight[0] @ torch.tanh(first.weight @ one + first.bias) + last.bias[0]
    assert float(agent.torque(new)[1, 2]) == pytest.approx(2 * float(mean), abs=1e-12)


def test_the_density_is_that_of_a_gaussian():
    agent = Controller(units=4).double()
    agent.log_std.data += 0.3
    h, action = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    normal = torch.distributions.Normal(agent.policy(h)[..., 0], agent.log_std.exp())
    shift = normal.log_prob(action) - agent.log_density(h, action)
    assert torch.allclose(shift, torch.full_like(shift, -0.5 * math.log(2 * math.pi)), atol=1e-12)


def test_starts_differ_by_the_recurrent_matrix_alone():
    agents = {start: Controller(start=start, seed=2) for start in STARTS}
    for name, w in agents["orthogonal"].named_parameters():
        same = [torch.equal(w, dict(agent.named_parameters())[name]) for agent in agents.values()]
        assert all(same[1:]) == (name != "W_h")
    W = {start: agent.W_h.detach().double() for start, agent in agents.items()}
    one = torch.eye(64, dtype=torch.float64)
    for start in ("orthogonal", "rotations"):
        assert torch.allclose(W[start] @ W[start].T, one, atol=1e-5)
    assert float(W["default"].var()) == pytest.approx(1 / 64, rel=0.1)
    blocks = torch.block_diag(*[torch.ones(2, 2)] * 32).bool()
    for start in ("rotations", "pta"):
        assert not W[start][~blocks].any()
    assert torch.linalg.eigvals(W["pta"]).abs().min() > 1  # every block oscillates


def test_weights_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    first, second, other = Controller(seed=1), Controller(seed=1), Controller(seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.W_h, other.W_h)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"observed": "angle"}, "observed"),
        ({"units": 0}, "units"),
        ({"units": 5, "start": "pta"}, "units"),
        ({"units": 5, "start": "rotations"}, "units"),
        ({"start": "zero"}, "start"),
        ({"raw_angle": 1}, "raw_angle"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_options_are_refused_by_name(options, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Controller(**options)
