import math
from itertools import pairwise

import pytest
import torch

from ptacore.control import Agent
from ptacore.reinforcement import PPO, Controller, swing
from ptacore.reinforcement.pendulum import EPISODE
from ptacore.reinforcement.ppo import cut, states_before
from ptacore.training import Settings, train

SETTINGS = Settings(epochs=4, clip=0.5, decay=1.0, patience=100)


def acted(objective, model):
    """A rollout from the beginning, as the first update has it."""
    torch.manual_seed(0)
    next(objective.losses(model, 1))
    return objective.rollout(model)  # goes on from where the first one ended


def plain_loss(objective, model, data):
    """The loss of all that was met, by a loop over whole sequences that autograd records."""
    h, states = data.h, []
    for t in range(len(data.observations)):
        h = torch.where(data.fresh[t][:, None], 0.0, h)
        h = torch.tanh(h @ model.W_h.T + data.observations[t] @ model.W_x.T + model.b)
        states.append(h)
    states = torch.stack(states)
    normal = torch.distributions.Normal(model.policy(states)[..., 0], model.log_std.exp())
    ratio = (normal.log_prob(data.actions) - data.log_densities - math.log(1 / math.sqrt(2 * math.pi))).exp()
    clipped = ratio.clamp(1 - objective.clip, 1 + objective.clip)
    gain = torch.minimum(ratio * data.advantages, clipped * data.advantages).mean()
    return 0.5 * (model.value(states)[..., 0] - data.returns).square().mean() - gain


def gradients(loss, model):
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, model.parameters())])


def moved(model):
    """Other weights than those that acted, so that some ratios are clipped."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


def test_whole_sequences_give_the_loss_and_gradient_of_a_plain_loop():
    objective, model = PPO(chunk=256), Controller(units=12).double()
    data = acted(objective, model)
    assert data.fresh[1:].any()  # episodes begin within the sequences
    before = states_before(moved(model), data)
    loss, plain = objective.loss(model, data, cut(data.fresh, 256), before), plain_loss(objective, model, data)
    assert float(loss.detach()) == pytest.approx(float(plain.detach()), rel=1e-12)
    assert torch.allclose(gradients(loss, model), gradients(plain, model), rtol=1e-9, atol=1e-12)


def test_an_agent_that_has_not_acted_has_a_cost_and_no_training_return():
    found = PPO(trials=2).evaluate(Controller(units=4), "validation")
    assert found["cost"] > 0
    assert found["training_return"] is None


def test_an_agent_that_has_not_acted_begins_with_the_first_epoch():
    with pytest.raises(ValueError, match="^epoch: expected 1"):
        next(PPO().losses(Controller(units=4), 2))


def test_minibatches_of_whole_sequences_add_up_to_the_long_sequence():
    objective, model = PPO(chunk=256), Controller("full", units=12).double()
    data = acted(objective, model)
    before, pieces = states_before(moved(model), data), cut(data.fresh, 256)
    parts = [objective.loss(model, data, pieces[pieces[:, 3] == chunk], before) for chunk in range(4)]
    mean = sum(gradients(part, model) for part in parts) / 4
    assert torch.allclose(mean, gradients(plain_loss(objective, model, data), model), rtol=1e-9, atol=1e-12)


def test_chunks_have_the_same_loss_and_cut_the_gradient_through_time_alone():
    objective, model = PPO(chunk=64), Controller(units=12).double()
    data = acted(objective, model)
    before, plain = states_before(moved(model), data), plain_loss(objective, model, data)
    loss = objective.loss(model, data, cut(data.fresh, 64), before)
    assert float(loss.detach()) == pytest.approx(float(plain.detach()), rel=1e-12)
    heads = [p for name, p in model.named_parameters() if name.startswith(("policy", "value", "log_std"))]
    for ours, theirs in zip(torch.autograd.grad(loss, heads), torch.autograd.grad(plain, heads), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_pieces_cover_every_step_once_and_no_episode_begins_within_one():
    fresh = torch.rand(256, 3, generator=torch.Generator().manual_seed(0)) < 0.03
    seen = torch.zeros(256, 3, dtype=torch.int64)
    for begin, end, env, chunk in cut(fresh, 64).tolist():
        seen[begin:end, env] += 1
        assert not fresh[begin + 1 : end, env].any()
        assert chunk == env * 4 + begin // 64 == env * 4 + (end - 1) // 64
    assert (seen == 1).all()


def test_each_pass_takes_every_chunk_once_from_states_of_its_own_weights():
    objective, model, seen = PPO(passes=2, minibatches=3), Controller(units=8), []
    loss = objective.loss

    def watched(model, data, pieces, before):
        seen.append((pieces[:, 3].unique(), data.advantages, before, states_before(model, data)))
        return loss(model, data, pieces, before)

    objective.loss = watched
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.manual_seed(0)
    for value in objective.losses(model, 1):
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    for step in (0, 3):
        chunks, advantages, before, now = zip(*seen[step : step + 3], strict=True)
        assert torch.cat(chunks).sort().values.tolist() == list(range(16))
        assert torch.equal(before[0], now[0])
        assert all(torch.equal(b, before[0]) for b in before)
        assert float(advantages[0].mean()) == pytest.approx(0, abs=1e-6)
        assert float(advantages[0].std()) == pytest.approx(1, rel=1e-5)
    assert len(seen) == 6
    assert not torch.allclose(seen[0][2], seen[3][2])


def test_actions_scatter_as_the_policy_says_and_their_densities_are_kept():
    objective, model = PPO(), Controller(units=8).double()
    model.log_std.data.fill_(-1.0)
    data = acted(objective, model)
    with torch.no_grad():
        h = model.step(states_before(model, data), data.observations)
        apart = (data.actions - model.policy(h)[..., 0]) * math.e
        assert torch.allclose(data.log_densities, model.log_density(h, data.actions), atol=1e-12)
    assert float(apart.mean()) == pytest.approx(0, abs=0.1)
    assert float(apart.std()) == pytest.approx(1, rel=0.1)


def test_recorded_returns_are_those_of_the_last_ten_whole_episodes():
    """Added up from a full observer's record, without the first episodes, whose beginnings nobody met."""
    objective, model, met = PPO(), Controller("full", units=4).double(), []
    rollout = objective.rollout
    objective.rollout = lambda model: met.append(rollout(model)) or met[-1]
    torch.manual_seed(0)
    next(objective.losses(model, 1))
    for _ in range(4):
        rows = zip(*((m.observations, m.fresh, m.actions) for m in met), strict=True)
        observed, fresh, actions = (torch.cat(parts) for parts in rows)
        cosine, sine, rate = observed.unbind(-1)
        reward = swing(torch.stack([torch.atan2(sine, cosine), 8 * rate], -1), 2 * actions)[1]
        whole = []
        for i in range(4):
            begins = fresh[:, i].nonzero()[:, 0].tolist()
            whole += [(b, float(reward[a:b, i].sum())) for a, b in pairwise(begins)]
        assert objective.recent == pytest.approx([total for _, total in sorted(whole)[-10:]], abs=1e-9)
        objective.rollout(model)


def test_where_an_episode_is_cut_the_value_of_the_true_next_state_counts():
    """A full observer's record tells the pendulum's states: each return is held against these."""
    objective, model = PPO(trace=0.0), Controller("full", units=12).double()
    data = acted(objective, model)
    cosine, sine, rate = data.observations.unbind(-1)
    x, reward = swing(torch.stack([torch.atan2(sine, cosine), 8 * rate], -1), 2 * data.actions)
    with torch.no_grad():
        h = model.step(states_before(model, data), data.observations)
        expected = 0.1 * reward + 0.9 * model.value(model.step(h, model.observe(x)))[..., 0]
    assert torch.allclose(data.returns, expected, atol=1e-10)
    begins = data.fresh[1:].nonzero()
    assert len(begins) >= 3
    for t, i in begins:
        assert not torch.allclose(x[t, i], torch.stack([torch.atan2(sine, cosine), 8 * rate], -1)[t + 1, i])


def test_episodes_last_200_steps_and_begin_in_different_phases():
    objective, model = PPO(), Controller(units=4)
    torch.manual_seed(0)
    next(objective.losses(model, 1))
    fresh = torch.cat([objective.rollout(model).fresh for _ in range(4)])
    begins = [column.nonzero()[:, 0] for column in fresh.T]
    assert all((b.diff() == EPISODE).all() and len(b) >= 5 for b in begins)
    assert len({int(b[0]) % EPISODE for b in begins}) == 4
    assert len(objective.recent) == 10
    assert all(-3300 < total < 0 for total in objective.recent)


def test_a_resting_agent_is_worth_what_the_pendulum_gives():
    """Without torque the cost of an episode is that of the free pendulum, which a plain loop adds up."""
    model = Controller(units=4).double()
    with torch.no_grad():
        for p in model.policy.parameters():
            p.zero_()
    objective = PPO(trials=30)
    objective.recent = [-1.0, -2.0]
    torch.manual_seed(5)
    with torch.no_grad():
        found = objective.evaluate(model, "validation")
    torch.manual_seed(5)
    x, total = (2 * torch.rand(30, 2, dtype=torch.float64) - 1) * torch.tensor([math.pi, 1.0], dtype=torch.float64), 0.0
    for _ in range(EPISODE):
        angle = torch.atan2(x[:, 0].sin(), x[:, 0].cos())
        total += (angle**2 + 0.1 * x[:, 1] ** 2).mean()
        rate = (x[:, 1] + 0.75 * x[:, 0].sin()).clamp(-8, 8)
        x = torch.stack([x[:, 0] + 0.05 * rate, rate], -1)
    assert found["cost"] == pytest.approx(float(total), rel=1e-9)
    assert found["training_return"] == -1.5


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_to_the_bit(tmp_path):
    def kill(row):
        if row["epoch"] == 2:
            raise Killed

    whole, model = PPO(keep_every=2), Controller(units=8)
    expected = train(whole, model, SETTINGS)
    with pytest.raises(Killed):
        train(PPO(keep_every=2), Controller(units=8), SETTINGS, tmp_path, on_epoch=kill)
    resumed, again = PPO(keep_every=2), Controller(units=8)
    run = train(resumed, again, SETTINGS, tmp_path)
    assert run.history == expected.history
    assert run.provenance["sessions"] == 2
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert list(resumed.kept) == list(whole.kept) == [0, 2, 4]
    for update, weights in whole.kept.items():
        assert all(torch.equal(w, resumed.kept[update][name]) for name, w in weights.items())


def test_kept_weights_are_those_after_so_many_updates():
    objective, model = PPO(keep_every=1), Controller(units=8)
    start = {name: w.detach().half() for name, w in model.named_parameters()}
    rows = []

    def look(row):
        rows.append({name: w.detach().half() for name, w in model.named_parameters()})

    train(objective, model, Settings(epochs=2, clip=0.5), on_epoch=look)
    for update, weights in enumerate([start, *rows]):
        assert all(torch.equal(objective.kept[update][name], weights[name]) for name in ("W_h", "W_x", "log_std"))
    assert not [name for name in objective.kept[0] if name.startswith("value")]


def test_a_run_is_not_resumed_with_other_weights_to_keep():
    state = PPO(keep_every=2).state_dict()
    with pytest.raises(ValueError, match="keep_every: expected 2 of the run begun, got 0"):
        PPO().load_state_dict(state)


@pytest.mark.slow
def test_an_agent_learns_to_swing_up_in_40_updates():
    run = train(PPO(), Controller("full"), Settings(epochs=40, clip=0.5, decay=1.0, patience=100))
    assert run.column("validation_training_return")[-1] > -500  # -1000 to -1500 without learning


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"environments": 0}, "environments"),
        ({"steps": 199}, "steps"),
        ({"passes": 0}, "passes"),
        ({"minibatches": 17}, "minibatches"),
        ({"chunk": 60}, "chunk"),
        ({"chunk": 512}, "chunk"),
        ({"discount": 1.0}, "discount"),
        ({"trace": 1.5}, "trace"),
        ({"clip": 0}, "clip"),
        ({"value_weight": -1}, "value_weight"),
        ({"reward_scale": math.nan}, "reward_scale"),
        ({"trials": "many"}, "trials"),
        ({"keep_every": -2}, "keep_every"),
    ],
)
def test_bad_options_are_refused_by_name(options, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        PPO(**options)


def test_another_network_is_refused_by_name():
    with pytest.raises(TypeError, match="^model: expected"):
        train(PPO(), Agent.regulator(), SETTINGS)
