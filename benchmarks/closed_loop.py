"""A training epoch in the closed loop (N = 100, batch 100, T = 50, float32): the scan written by hand, a plain loop.

    python benchmarks/closed_loop.py [--rounds 15]

The tanh network for the double integrator: loss, gradients, and a clipped step of gradient descent. The plain loop
is the same arithmetic, step after step, recorded by autograd.
"""

from functools import partial

import timing

# isort: split
import torch
from torch import nn

from ptacore.control import Agent, DoubleIntegrator, Regulation

UNITS, BATCH, STEPS, REPEATS = 100, 100, 50, 10
GOAL = 2.0  # times as fast as the plain loop


def plain_loss(agent: Agent, x: torch.Tensor, A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """Regulation's cost by a loop that autograd records."""
    h, cost = x.new_zeros(BATCH, UNITS), 0.0
    for _ in range(STEPS):
        u = h @ agent.z.T
        cost = cost + x.square().mean() + 0.5 / BATCH * u.square().sum()
        x = x @ A + u @ B
        h = torch.tanh(h @ agent.W.T + x[:, :1] @ agent.m.T)
    return cost


def prepare(who: str):
    """A function that takes some epochs and returns the gradients of the last, all in one vector."""
    agent, plant = Agent.regulator(UNITS), DoubleIntegrator()
    objective = Regulation(plant, box=1.0, effort=0.5, total=True, batch=BATCH, steps=STEPS)
    A, B = plant.A.T.float(), plant.B.T.float()
    optimizer = torch.optim.SGD(agent.parameters(), lr=1e-6)  # so that all rounds do the same

    def epochs():
        for _ in range(REPEATS):
            torch.manual_seed(0)
            optimizer.zero_grad()
            if who == "ours":
                loss = next(objective.losses(agent, 1))
            else:
                loss = plain_loss(agent, objective.starts(agent, BATCH), A, B)
            loss.backward()
            gradients = torch.cat([p.grad.flatten() for p in agent.parameters()])
            nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
            optimizer.step()
        return gradients

    return epochs


def main() -> None:
    torch.set_num_threads(1)
    rounds = timing.rounds(15, __doc__)
    names = {"ours": "ptacore, the scan", "plain": "a plain loop in torch"}
    contestants = [timing.contestant(title, partial(prepare, who), cases=REPEATS) for who, title in names.items()]
    first, second = (prepare(who)() for who in names)  # before rounds: the same weights
    error = float((first - second).norm() / second.norm())
    if error > 1e-5:
        raise SystemExit(f"the gradients disagree by {error:.1e}")
    timing.race(contestants, rounds)
    contestants[1].error = error
    table = timing.rows(contestants)
    table[1]["target"] = GOAL
    task = {"units": UNITS, "batch": BATCH, "steps": STEPS, "dtype": "float32"}
    timing.save("closed_loop", rounds, {"an epoch": table}, task=task)


if __name__ == "__main__":
    main()
