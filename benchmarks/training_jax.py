"""A training step (forward and backward) of tanh and GRU networks, batch 128, float32: ptacore's and JAX's (jit, scan).

    python benchmarks/training_jax.py [--rounds 5]

Copy memory's input (one of ten symbols a step), a linear readout of every step, cross-entropy at every step, ptacore's
by the loss of its training loop; some steps one after the other, as in training. Both have the same weights and must
find the same gradients. JAX projects the whole input ahead of its scan.
"""

from functools import partial
from typing import NamedTuple

import timing

# isort: split
import numpy as np
import torch
from torch import nn

from ptacore.networks.registry import build
from ptacore.tasks.task import Batch
from ptacore.training import loss_of

BATCH, SYMBOLS = 128, 10


class Task(NamedTuple):
    """A network, its units, a length, and the goal: how many times as fast as JAX."""

    name: str
    units: int
    T: int
    goal: float

    @property
    def steps(self) -> int:
        """So many that all together take some tenths of a second."""
        return max(2, 2**24 // (self.units * self.T * BATCH))

    def __str__(self) -> str:
        return f"{self.name}, {self.units} units, T = {self.T}"


TASKS = [Task(name, 250, T, 2.5) for name in ("tanh", "gru") for T in (120, 784)] + [
    Task("tanh", 64, T, 1.5) for T in (120, 784)
]


def model_of(task: Task) -> nn.Module:
    return build(task.name, SYMBOLS, SYMBOLS, task.units, torch.Generator().manual_seed(0))


def symbols_of(task: Task) -> torch.Tensor:
    return torch.randint(SYMBOLS, (task.T, BATCH), generator=torch.Generator().manual_seed(1))


def ours(task: Task):
    model, symbols = model_of(task), symbols_of(task)
    every = torch.ones_like(symbols, dtype=torch.bool)
    batch = Batch(nn.functional.one_hot(symbols, SYMBOLS).float(), symbols, every, every)

    def step():
        model.zero_grad()
        loss_of(model(batch.inputs), batch, "every-step").backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()]).numpy()

    return step


def jax_peer(task: Task):
    """The same network of the same parameters, compiled before the clock starts."""
    import jax
    import jax.numpy as jnp

    model, symbols = model_of(task), jnp.asarray(symbols_of(task).numpy())
    names = [name for name, _ in model.named_parameters()]
    parameters = {name: jnp.asarray(p.detach().numpy()) for name, p in model.named_parameters()}
    inputs = jax.nn.one_hot(symbols, SYMBOLS)
    prefix = "recurrent."

    def tanh(h, a, p):
        return jnp.tanh(a + h @ p[prefix + "weight_hh_l0"].T + p[prefix + "bias_hh_l0"])

    def gru(h, a, p):
        (ar, az, an) = jnp.split(a, 3, -1)
        (cr, cz, cn) = jnp.split(h @ p[prefix + "weight_hh_l0"].T + p[prefix + "bias_hh_l0"], 3, -1)
        r, z = jax.nn.sigmoid(ar + cr), jax.nn.sigmoid(az + cz)
        return (1 - z) * jnp.tanh(an + r * cn) + z * h

    cell = {"tanh": tanh, "gru": gru}[task.name]

    def loss(p):
        given = inputs @ p[prefix + "weight_ih_l0"].T + p[prefix + "bias_ih_l0"]

        def step(h, a):
            h = cell(h, a, p)
            return h, h

        hidden = jax.lax.scan(step, jnp.zeros((BATCH, task.units)), given)[1]
        logits = jax.nn.log_softmax(hidden @ p["readout.weight"].T + p["readout.bias"])
        return -jnp.take_along_axis(logits, symbols[..., None], -1).mean()

    compiled = jax.jit(jax.grad(loss)).lower(parameters).compile()

    def step():
        gradient = jax.block_until_ready(compiled(parameters))
        return np.concatenate([np.asarray(gradient[name]).ravel() for name in names])

    return step


def repeated(prepare, task: Task):
    step = prepare(task)
    return lambda: [step() for _ in range(task.steps)][-1]


def measure(task: Task, rounds: int) -> list[dict]:
    contestants = [
        timing.contestant("ptacore", partial(repeated, ours, task), cases=task.steps),
        timing.contestant("JAX, jit and scan", partial(repeated, jax_peer, task), cases=task.steps),
    ]
    for c in contestants:
        if c.run:
            c.run()
    timing.race(contestants, rounds)
    mine, peer = contestants
    if peer.run:
        peer.error = float(np.linalg.norm(mine.result - peer.result) / np.linalg.norm(peer.result))
        if peer.error > 1e-4:
            raise SystemExit(f"{task}: the gradients disagree by {peer.error:.1e}")
    table = timing.rows(contestants)
    table[1]["target"] = task.goal
    return table


def main() -> None:
    rounds, tables = timing.rounds(5, __doc__), {}
    torch.set_num_threads(1)
    for task in TASKS:
        print(f"\n{task} (goal: {task.goal:g} times as fast as JAX)")
        tables[str(task)] = measure(task, rounds)
    timing.save("training_jax", rounds, tables, task={"batch": BATCH, "symbols": SYMBOLS, "dtype": "float32"})


if __name__ == "__main__":
    main()
