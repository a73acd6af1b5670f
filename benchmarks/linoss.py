"""A training step of LinOSS in copy memory, k = 100: 250 units, batch 128, float32; the LRU's; plain loops.

    python benchmarks/linoss.py [--rounds 5]

The last ten steps are read, as in training. Goals: at least twice as fast as the network step by step, and at most 1.3
times the LRU's time. The other loop goes step by step through the recurrence alone.
"""

from functools import partial
from unittest import mock

import timing

# isort: split
import torch
from torch import nn

from ptacore.networks import linoss
from ptacore.networks.registry import build
from ptacore.tasks import make_task

UNITS, BATCH, DELAY = 250, 128, 100
FASTER, LRU = 2.0, 1.3


class StepByStep(nn.Module):
    """A network of blocks, a step of the whole of it at a time."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, inputs, since):
        state, outputs = inputs.new_zeros(BATCH, self.model.state_size), []
        for t, x in enumerate(inputs.unbind(0)):
            u, tracks = self.model._run(x[None], state)
            state = torch.cat(tracks, -1)[0]
            outputs += [self.model.readout(u[0])] if t >= since else []
        return torch.stack(outputs)


class RecurrenceStepByStep(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, inputs, since):
        with mock.patch.object(linoss, "oscillate", plain):
            return self.model(inputs, since=since)


def plain(a, c, d, v, q, z):
    track = []
    for now in v.unbind(0):
        z = a * z - c * q + now
        q = q + d * z
        track.append(q)
    return torch.stack(track), z[None]


def prepare(name: str, wrap=None):
    """A function that takes one step and returns the gradients, all in one vector."""
    task = make_task("copy-memory", delay=DELAY, sizes=(BATCH, 1, 1))
    batch = task.split("train").batch(range(BATCH))
    since = int(batch.scored.nonzero()[0, 0])
    model = build(name, task.n_inputs, task.n_outputs, UNITS, torch.Generator().manual_seed(0))
    network, targets = wrap(model) if wrap else model, batch.targets[since:].flatten()

    def step():
        model.zero_grad()
        nn.functional.cross_entropy(network(batch.inputs, since=since).flatten(0, 1), targets).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    return step


def main() -> None:
    torch.set_num_threads(1)
    rounds = timing.rounds(5, __doc__)
    entries = {f"ptacore, {name}": (name, None) for name in ("linoss-im", "linoss-imex", "d-linoss", "lru")}
    loops = {"step by step": StepByStep, "recurrence step by step": RecurrenceStepByStep}
    entries |= {f"linoss-im, {title}": ("linoss-im", wrap) for title, wrap in loops.items()}
    contestants = [timing.contestant(title, partial(prepare, *how)) for title, how in entries.items()]
    for c in contestants:
        c.run()  # kernels are built, and memory asked for, once
    timing.race(contestants, rounds)
    for c in contestants[4:]:
        c.error = float((contestants[0].result - c.result).norm() / c.result.norm())
        if c.error > 1e-4:
            raise SystemExit("the gradients disagree")
    table = timing.rows(contestants)
    print(f"goals: step by step at least {FASTER:g}, the LRU at least {1 / LRU:.2f}")
    task = {"units": UNITS, "batch": BATCH, "delay": DELAY, "faster": FASTER, "lru": LRU}
    timing.save("linoss", rounds, {"copy memory": table}, task=task)


if __name__ == "__main__":
    main()
