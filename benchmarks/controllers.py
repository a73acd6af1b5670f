"""An update of proximal policy optimization on the pendulum: 64 units, 4 x 256 steps, 10 passes of 4 minibatches.

    python benchmarks/controllers.py [--rounds 9]

The same update by RecurrentPPO of sb3-contrib 2.9.2 (pip install sb3-contrib==2.9.2 gymnasium==1.4.0), which has LSTM
units, no others, and steps gymnasium's environments one after the other. Both see the velocity, with one hidden layer
of 64 in each head; acting and learning count, evaluations do not.
"""

import timing

# isort: split
import torch
from torch import nn

from ptacore.reinforcement import PPO, Controller

UNITS, ENVIRONMENTS, STEPS, PASSES, MINIBATCHES = 64, 4, 256, 10, 4
REPEATS = 2
GOAL = 2.0  # times as fast as RecurrentPPO


def ours():
    agent, objective = Controller("full", UNITS), PPO(passes=PASSES, minibatches=MINIBATCHES)
    optimizer, done = torch.optim.Adam(agent.parameters(), lr=1e-3, foreach=True), iter(range(1, 10**6))

    def updates() -> int:
        steps = 0
        for _ in range(REPEATS):
            for loss in objective.losses(agent, next(done)):
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
                steps += 1
        return steps

    return updates


def recurrent_ppo():
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.env_util import make_vec_env

    shape = {"lstm_hidden_size": UNITS, "shared_lstm": True, "enable_critic_lstm": False}
    learner = RecurrentPPO(
        "MlpLstmPolicy",
        make_vec_env("Pendulum-v1", n_envs=ENVIRONMENTS, seed=0),
        n_steps=STEPS,
        batch_size=ENVIRONMENTS * STEPS // MINIBATCHES,
        n_epochs=PASSES,
        learning_rate=1e-3,
        gamma=0.9,
        policy_kwargs=shape | {"net_arch": {"pi": [UNITS], "vf": [UNITS]}},
        seed=0,
        device="cpu",
    )

    def updates() -> int:
        before = learner.policy.optimizer.state_dict()["state"].get(0, {"step": torch.zeros(())})["step"].clone()
        learner.learn(REPEATS * ENVIRONMENTS * STEPS, reset_num_timesteps=False)
        return int(learner.policy.optimizer.state_dict()["state"][0]["step"] - before)

    return updates


def main() -> None:
    torch.set_num_threads(1)
    rounds = timing.rounds(9, __doc__)
    contestants = [
        timing.contestant("ptacore, vanilla units", ours, cases=REPEATS),
        timing.contestant("RecurrentPPO, LSTM units", recurrent_ppo, cases=REPEATS),
    ]
    timing.race(contestants, rounds)
    taken = {c.name: c.result for c in contestants if c.run}
    if set(taken.values()) != {REPEATS * PASSES * MINIBATCHES}:
        raise SystemExit(f"the optimizer made different numbers of steps: {taken}")
    table = timing.rows(contestants)
    table[1]["target"] = GOAL
    task = {"units": UNITS, "environments": ENVIRONMENTS, "steps": STEPS, "passes": PASSES, "minibatches": MINIBATCHES}
    timing.save("controllers", rounds, {"an update": table}, task=task | {"dtype": "float32"})


if __name__ == "__main__":
    main()
