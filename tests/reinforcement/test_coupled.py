import math

import numpy as np
import pytest
import torch

import ptacore as pta
from ptacore.reinforcement import Controller, swing
from ptacore.reinforcement.coupled import ControlledPendulum, driven, held, resting, upright_multiplier
from ptacore.reinforcement.episodes import play, starts

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def agent(size=1.0, **options):
    """A small agent whose torque is as large as is asked for; 0 leaves the pendulum to itself."""
    made = Controller(units=6, start="default", seed=3, **options)
    with torch.no_grad():
        made.policy[2].weight.mul_(100 * size)
        made.policy[2].bias.add_(0.1 * size)
        made.b.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return made


@pytest.mark.parametrize("observed", ["partial", "full"])
@pytest.mark.parametrize("raw_angle", [False, True])
def test_episodes_and_the_coupled_map_are_steps_of_agent_and_pendulum_with_their_derivative(observed, raw_angle):
    made = agent(0.3, observed=observed, raw_angle=raw_angle)
    loop, begun = ControlledPendulum(made), starts(4, spread="plane")
    episodes, agent_itself = play(made, begun, 12), made.double().requires_grad_(False)
    x, h = torch.from_numpy(begun), torch.zeros(4, 6, dtype=DOUBLE)
    for t in range(12):
        assert np.allclose(episodes.x[t], x, atol=1e-12)
        s, h = torch.cat([x, h], 1), agent_itself.step(h, agent_itself.observe(x))
        u = agent_itself.torque(h)
        x, reward = swing(x, u)
        assert torch.allclose(loop(s), torch.cat([x, h], 1), atol=1e-12)
        assert torch.allclose(loop.jacobian(s)[1], torch.autograd.functional.jacobian(loop, s[1]), atol=1e-10)
        assert np.allclose(episodes.h[t], h, atol=1e-12)
        assert np.allclose(episodes.torque[t], u.clamp(-2, 2), atol=1e-12)
        assert np.allclose(episodes.reward[t], reward, atol=1e-12)


def test_without_torque_the_pendulum_preserves_area():
    """The two exponents of a swinging pendulum sum to zero; the agent, which only looks on, adds negative ones."""
    loop = ControlledPendulum(agent(0.0))
    begun = torch.cat([torch.tensor([2.0, 0.0], dtype=DOUBLE), torch.zeros(6, dtype=DOUBLE)])
    spectrum = pta.lyapunov_spectrum(loop, begun, duration=3000, transient=200)
    two, others = spectrum.exponents[:2], spectrum.exponents[2:]
    assert abs(two.sum()) < 1e-3  # over a finite time, what is left of the first direction
    assert others.max() < -0.1
    s = torch.cat([draw(5, 2), draw(5, 6).tanh()], 1)
    assert torch.allclose(torch.linalg.det(loop.jacobian(s)[:, :2, :2]), torch.ones(5, dtype=DOUBLE))


def test_without_torque_upright_and_hanging_have_the_multipliers_of_the_pendulum():
    made = agent(0.0)
    up, down = (resting(made, posture, np.zeros((3, 6)), coupled=True) for posture in ("upright", "hanging"))
    assert up.point[:2] == pytest.approx([0, 0], abs=1e-9)
    assert down.point[:2] == pytest.approx([math.pi, 0], abs=1e-9)
    s = 15 * 0.05**2
    assert up.radius == pytest.approx(np.abs(np.roots([1, -(2 + s), 1])).max()) == pytest.approx(upright_multiplier())
    assert down.radius == pytest.approx(1)  # it swings for ever
    assert not up.stable
    assert not down.stable


def test_a_planted_feedback_makes_upright_stable_and_hanging_unstable():
    """Torque -a sin(theta) - b velocity, seen at once: u pulls to the top as linear algebra says it does."""
    made = Controller("full", units=6, start="default")
    with torch.no_grad():
        for weight in (made.W_h, made.W_x, made.policy[0].weight, made.policy[2].weight):
            weight.zero_()
        made.W_x[0, 1] = made.W_x[1, 2] = 1e-3  # in the linear range: sin(theta), velocity / 8
        made.policy[0].weight[0, 0] = made.policy[0].weight[1, 1] = 1.0
        made.policy[2].weight[0, :2] = torch.tensor([-1e3 * 4.0, -1e3 * 4.0])  # u = -8 sin(theta) - velocity
    A = np.array([[1 + 0.05 * 0.05 * (15 - 24), 0.05 * (1 - 0.05 * 3)], [0.05 * (15 - 24), 1 - 0.05 * 3]])
    up = resting(made, "upright", np.zeros((3, 6)), coupled=True)
    down = resting(made, "hanging", np.zeros((3, 6)), coupled=True)
    assert up.stable
    assert up.radius == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), abs=1e-4)
    assert down.radius > 1
    assert up.point[:2] == pytest.approx([0, 0], abs=1e-9)


def test_a_fixed_point_behind_a_place_where_newton_stops_is_found_where_the_steps_lead():
    """One unit, h' = tanh(2 h + 0.52): just past the birth of two fixed points near h = -0.7, which |F| remembers."""
    made = Controller(units=2, start="default")
    with torch.no_grad():
        made.W_h.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
        made.W_x.zero_()
        made.b.copy_(torch.tensor([0.54, 0.0]))
    from_there = torch.tensor([[-0.9, 0.0]], dtype=DOUBLE)
    assert len(pta.fixed_points(held(made), from_there)) == 0
    found = resting(made, "upright", from_there)
    assert found.stable
    assert found.point[0] == pytest.approx(math.tanh(2 * found.point[0] + 0.54))


@pytest.mark.parametrize("posture", ["upright", "hanging", "none"])
def test_a_held_agent_rests_where_its_own_steps_end(posture):
    """A contraction: iteration ends at the fixed point, at the rate of its leading eigenvalue."""
    made = agent()
    with torch.no_grad():
        made.W_h.mul_(0.5)
    found = resting(made, posture, np.zeros((2, 6)))
    angle = {"upright": 0.0, "hanging": math.pi, "none": None}[posture]
    twin = Controller(units=6).double()
    twin.load_state_dict(made.state_dict())
    seen = torch.zeros(2, dtype=DOUBLE) if angle is None else twin.observe(torch.tensor([angle, 0.0], dtype=DOUBLE))
    h = torch.zeros(6, dtype=DOUBLE)
    with torch.no_grad():
        for _ in range(400):
            h = twin.step(h, seen)
    assert found.point == pytest.approx(h.numpy(), abs=1e-9)
    J = (1 - h[:, None] ** 2) * twin.W_h
    assert found.radius == pytest.approx(float(torch.linalg.eigvals(J).abs().max().detach()))
    assert found.stable
    assert found.count == 1
    assert held(made, posture)(h).sub(h).abs().max() < 1e-12


def test_conditional_exponents_are_those_of_the_matrices_along_the_path():
    made = agent()
    episode = play(made, starts(1, seed=2), 800)
    system = driven(made, episode.x[:, 0])
    spectrum = pta.lyapunov_spectrum(system, torch.zeros(6), duration=799, transient=1, k=2)
    Q, total = np.eye(6)[:, :2], 0.0
    W = made.W_h.detach().double().numpy()
    for h in episode.h[1:, 0]:
        Q, R = np.linalg.qr((1 - h**2)[:, None] * W @ Q)
        total += np.log(np.abs(np.diag(R)))
    assert spectrum.exponents.numpy() == pytest.approx(total / 799, abs=0.02)  # both forget where they began
    assert spectrum.exponents[0] < 0


def test_episodes_start_where_they_are_told_to_and_sum_their_rewards():
    begun = starts(3)
    assert np.abs(begun[:, 1]).max() <= 1
    found = play(agent(0.0), begun, 50)
    assert np.array_equal(found.x[0], begun)
    wrapped = np.angle(np.exp(1j * found.x[..., 0]))
    assert np.allclose(found.reward, -(wrapped**2) - 0.1 * found.x[..., 1] ** 2)
    assert found.every(10).h.shape == (15, 6)
    assert np.array_equal(found.every(10).x[3], found.x[10, 0])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ControlledPendulum(torch.nn.Linear(2, 2)), "controller"),
        (lambda: ControlledPendulum(agent(), torch.int32), "dtype"),
        (lambda: resting(agent(), "sideways", np.zeros((1, 6))), "posture"),
        (lambda: resting(agent(), "none", np.zeros((1, 6)), coupled=True), "posture"),
        (lambda: resting(agent(), "upright", np.zeros(6)), "states"),
        (lambda: held(None), "controller"),
        (lambda: driven(agent(), np.zeros(2)), "x"),
        (lambda: play(agent(), np.zeros(2)), "starts"),
        (lambda: play(agent(), np.zeros((1, 2)), 0), "steps"),
        (lambda: starts(0), "count"),
        (lambda: starts(1, spread="everywhere"), "spread"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises((ValueError, TypeError), match=f"^{name}:"):
        call()
