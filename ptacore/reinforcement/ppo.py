"""Proximal policy optimization (Schulman et al. 2017) of a recurrent agent that swings the pendulum up."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore.checks import instance, integer, within
from ptacore.networks.bptt import run
from ptacore.networks.registry import Tanh
from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.estimates import gae, surrogate
from ptacore.reinforcement.pendulum import EPISODE, TORQUE, reset, swing
from ptacore.training.objective import Objective

RECENT = 10  # episodes in the mean that is recorded


class Rollout(NamedTuple):
    """What an agent met in T steps of B pendulums, and what that was worth."""

    observations: Tensor  # (T, B, d)
    fresh: Tensor  # (T, B), whether an episode begins with this step: the hidden state before it is zero
    h: Tensor  # (B, units), before the first step
    actions: Tensor  # (T, B), torques in units of the largest, and the logarithms of their densities
    log_densities: Tensor
    advantages: Tensor  # (T, B), by `gae`, of scaled rewards
    returns: Tensor


class PPO(Objective):
    """An agent's return on the pendulum, by proximal policy optimization.

    An epoch of `train` is one update: the agent acts in all environments, and then steps down the clipped surrogate
    and the squared error of its values, on chunks of its sequences. Gradients go through whole chunks; the hidden
    states from which these start are computed anew in each pass, with the weights of its beginning. Episodes are cut
    after 200 steps, where the value of the true next state stands for what would have come.

    Parameters
    ----------
    environments, steps : int
        B, whose first episodes begin in different phases, and T of each for an update, at least the 200 of an episode.
    passes, minibatches : int
        An update takes so many passes through the data, each of them so many steps of the optimizer.
    chunk : int
        Steps of a sequence, a divisor of `steps`.
    discount, trace : float
        gamma and lambda of the advantages.
    clip, value_weight : float
        The ratio of densities counts within 1 -+ clip; weight of the values' mean square error beside this surrogate.
    reward_scale : float
        Factor of the rewards that the agent learns from.
    trials : int
        Episodes, without noise, of an evaluation.
    keep_every : int
        Updates between the weights that are kept; 0 for none. See `kept`.

    Attributes
    ----------
    kept : dict
        Weights in half precision, without those of the value head, by how many updates had been made: 0, keep_every,
        and so on.

    Notes
    -----
    Metrics are "cost", minus the mean return of episodes without noise, and "training_return", the mean of the last 10
    whole episodes in which it learned, None before the first. There is no bonus for entropy. Advantages are normalized
    once for an update.

    Examples
    --------
    >>> from ptacore.training import Settings, train
    >>> run = train(PPO(), Controller(units=8), Settings(epochs=1, clip=0.5))
    >>> run.column("updates"), run.column("validation_cost") > 0
    (array([40.]), array([ True]))
    """

    name, metrics = "pendulum", ("cost", "training_return")

    def __init__(
        self,
        *,
        environments: int = 4,
        steps: int = 256,
        passes: int = 10,
        minibatches: int = 4,
        chunk: int = 64,
        discount: float = 0.9,
        trace: float = 0.95,
        clip: float = 0.2,
        value_weight: float = 0.5,
        reward_scale: float = 0.1,
        trials: int = 20,
        keep_every: int = 0,
    ):
        self.environments, self.steps = integer("environments", environments, 1), integer("steps", steps, EPISODE)
        self.passes, self.chunk = integer("passes", passes, 1), integer("chunk", chunk, 1, self.steps)
        if self.steps % self.chunk:
            raise ValueError(f"chunk: expected a divisor of steps = {self.steps}, got {self.chunk}")
        self.minibatches = integer("minibatches", minibatches, 1, self.environments * self.steps // self.chunk)
        self.discount, self.trace = within("discount", discount, 0, 1, "[)"), within("trace", trace, 0, 1, "[]")
        self.clip, self.value_weight = within("clip", clip, 0, 1), within("value_weight", value_weight, 0, math.inf)
        self.reward_scale = within("reward_scale", reward_scale, 0, math.inf)
        self.trials, self.keep_every = integer("trials", trials, 1), integer("keep_every", keep_every, 0)
        self.world: dict[str, Tensor] = {}  # of the environments, between updates
        self.recent: list[float] = []  # returns of whole episodes
        self.kept: dict[int, dict[str, Tensor]] = {}

    def losses(self, model, epoch):
        if epoch == 1:
            self._begin(model)
        elif not self.world:
            raise ValueError(f"epoch: expected 1, the first of an agent that has not acted yet, got {epoch}")
        data = self.rollout(model)
        advantages = (data.advantages - data.advantages.mean()) / (data.advantages.std() + 1e-8)
        data = data._replace(advantages=advantages)
        pieces = cut(data.fresh, self.chunk)
        for _ in range(self.passes):
            before = states_before(model, data)
            for chunks in torch.randperm(int(pieces[-1, 3]) + 1).tensor_split(self.minibatches):
                yield self.loss(model, data, pieces[torch.isin(pieces[:, 3], chunks)], before)
        if self.keep_every and epoch % self.keep_every == 0:
            self.kept[epoch] = _half(model)

    def loss(self, model: Controller, data: Rollout, pieces: Tensor, before: Tensor) -> Tensor:
        """Surrogate and error of the values on some of the pieces that `cut` gives."""
        begin, end, env, _ = pieces.unbind(-1)
        t = begin + torch.arange(int((end - begin).max()))[:, None]  # (longest, pieces)
        valid = t < end
        inputs = data.observations[t.clamp(max=self.steps - 1), env]
        (h,) = run(Tanh.cell, inputs, model.W_x, model.b, (model.W_h,), (before[begin, env],))[1]
        h, (t, env) = h[valid], (t[valid], env.expand_as(t)[valid])
        ratio = (model.log_density(h, data.actions[t, env]) - data.log_densities[t, env]).exp()
        error = (model.value(h)[..., 0] - data.returns[t, env]).square().mean()
        return surrogate(ratio, data.advantages[t, env], self.clip) + self.value_weight * error

    @torch.no_grad()
    def rollout(self, model: Controller) -> Rollout:
        """Act for T steps in all environments, from where they are."""
        x, h, age, total = (self.world[name] for name in ("x", "h", "age", "return"))
        start, std, ages = h, model.log_std.exp(), age.tolist()
        noise = torch.randn(self.steps, self.environments, dtype=x.dtype)
        fresh = torch.zeros(self.steps, self.environments, dtype=torch.bool)
        observed, states, actions, rewards, cuts = [], [], [], [], []
        for t in range(self.steps):
            fresh[t] = torch.tensor([a == 0 for a in ages]) if 0 in ages else False
            observed.append(model.observe(x))
            h = model.step(h, observed[-1])
            actions.append(model.policy(h)[..., 0] + std * noise[t])
            x, reward = swing(x, TORQUE * actions[-1])
            states.append(h)
            rewards.append(reward)
            total, ages = total + reward, [a + 1 for a in ages]
            for i in [i for i, a in enumerate(ages) if a == EPISODE]:
                cuts.append((t, i, x[i].clone()))
                self.recent += [] if total[i].isnan() else [float(total[i])]
                x[i], h, ages[i] = reset(1, dtype=x.dtype)[0], h.index_fill(0, torch.tensor(i), 0.0), 0
                total[i] = 0.0
        self.world = {"x": x, "h": h, "age": torch.tensor(ages), "return": total}
        self.recent = self.recent[-RECENT:]
        states, actions, observed = torch.stack(states), torch.stack(actions), torch.stack(observed)
        values = model.value(states)[..., 0]
        coming = torch.cat([values[1:], self._value_after(model, h, x)[None]])
        ends = torch.zeros_like(fresh)
        for t, i, last in cuts:
            ends[t, i], coming[t, i] = True, self._value_after(model, states[t, i], last)
        scaled = self.reward_scale * torch.stack(rewards)
        advantages = gae(scaled, values, coming, ends, self.discount, self.trace)
        old = model.log_density(states, actions)
        return Rollout(observed, fresh, start, actions, old, advantages, advantages + values)

    @torch.no_grad()
    def evaluate(self, model, split):
        x, total = reset(self.trials, dtype=model.b.dtype), 0.0
        h = x.new_zeros(self.trials, model.units)
        for _ in range(EPISODE):
            h = model.step(h, model.observe(x))
            x, reward = swing(x, model.torque(h))
            total = total + reward
        learned = sum(self.recent) / len(self.recent) if self.recent else None
        return {"cost": -float(total.mean()), "training_return": learned}

    def _begin(self, model: Controller) -> None:
        count = self.environments
        age = EPISODE * torch.arange(count) // count
        total = torch.where(age == 0, 0.0, torch.nan).to(model.b)  # an episode without its beginning has no return
        h = torch.zeros(count, model.units, dtype=model.b.dtype)
        self.world = {"x": reset(count, dtype=model.b.dtype), "h": h, "age": age, "return": total}
        self.recent, self.kept = [], {0: _half(model)} if self.keep_every else {}

    @staticmethod
    def _value_after(model: Controller, h: Tensor, x: Tensor) -> Tensor:
        return model.value(model.step(h, model.observe(x)))[..., 0]

    def config(self):
        names = ("environments", "steps", "passes", "minibatches", "chunk", "discount", "trace", "clip")
        return {name: getattr(self, name) for name in (*names, "value_weight", "reward_scale", "trials")}

    def check(self, model, settings):
        instance("model", model, Controller)
        if model.b.device.type != "cpu":
            raise ValueError(f"model: expected a controller on the CPU, got one on {model.b.device}")

    def state_dict(self):
        return {"world": self.world, "recent": self.recent, "kept": self.kept, "keep_every": self.keep_every}

    def load_state_dict(self, state):
        if state["keep_every"] != self.keep_every:
            raise ValueError(f"keep_every: expected {state['keep_every']} of the run begun, got {self.keep_every}")
        self.world, self.recent, self.kept = state["world"], state["recent"], state["kept"]


def cut(fresh: Tensor, chunk: int) -> Tensor:
    """Pieces of sequences in which no episode begins but with the first step: rows (begin, end, environment, chunk).

    Examples
    --------
    >>> cut(torch.tensor([[False], [False], [False], [True]]), 2)
    tensor([[0, 2, 0, 0],
            [2, 3, 0, 1],
            [3, 4, 0, 1]])
    """
    steps, count = fresh.shape
    rows, chunks = [], steps // chunk
    for i in range(count):
        begins = sorted({*range(0, steps, chunk), *fresh[:, i].nonzero()[:, 0].tolist()})
        ends = [*begins[1:], steps]
        rows += [(a, b, i, i * chunks + a // chunk) for a, b in zip(begins, ends, strict=True)]
    return torch.tensor(rows)


@torch.no_grad()
def states_before(model: Controller, data: Rollout) -> Tensor:
    """Hidden states before each step with today's weights: (T, B, units)."""
    driven = data.observations @ model.W_x.mT + model.b
    keep, W = (~data.fresh).to(driven)[..., None], model.W_h.mT
    found, h = torch.empty_like(driven), data.h
    for t, drive in enumerate(driven):
        torch.mul(h, keep[t], out=found[t])
        h = torch.addmm(drive, found[t], W).tanh_()
    return found


def _half(model: Controller) -> dict[str, Tensor]:
    return {k: w.detach().half() for k, w in model.state_dict().items() if not k.startswith("value")}
