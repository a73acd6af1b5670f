"""A training step (forward and backward) of 250 units, batch 128, float32: ptacore's networks, torch's, plain loops.

    python benchmarks/recurrent.py [--rounds 5]

Copy memory's input (one of ten symbols a step), a linear readout of every step. T = 120 for all networks; T = 2,020
for tanh and GRU. A plain loop takes step after step in torch, with the weights composed once. Memory is the peak
of a process that takes one training step, less what it had before.
"""

import subprocess
import sys
from functools import partial
from unittest import mock

import timing

# isort: split
import torch
from torch import nn

from ptacore.networks import bptt as fused
from ptacore.networks import lru
from ptacore.networks.registry import build

UNITS, BATCH, SYMBOLS = 250, 128, 10
PEERS = {"tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
LOOPS = ("antisymmetric", "cornn", "lipschitz", "lem")
GOALS = {  # (network, T): how many times faster than its peer
    ("tanh", 120): 1.6,
    ("gru", 120): 1.6,
    ("tanh", 2020): 2.0,
    ("gru", 2020): 2.0,
    **{(name, 120): 2.5 for name in LOOPS},
}


class Torch(nn.Module):
    """Torch's own module and the same readout."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.recurrent, self.readout = model.recurrent, model.readout

    def forward(self, inputs):
        return self.readout(self.recurrent(inputs)[0])


class PlainLoop(nn.Module):
    """The same cell and the same readout, a step at a time."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, inputs):
        m, hidden = self.model, []
        weight_in, bias, weights = m.operands()
        state = (inputs.new_zeros(BATCH, UNITS),) * m.cell.states
        for x in inputs.unbind(0):
            state = m.cell.step(fused.project(m.cell, x, weight_in, bias), state, weights, m.constants)
            hidden.append(state[0])
        return m.readout(torch.stack(hidden))


class PlainScan(nn.Module):
    """The LRU with its recurrence a step at a time."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, inputs):
        with mock.patch.object(lru, "scan", plain_scan):
            return self.model(inputs)


def plain_scan(decay, u, start):
    hidden = []
    for now in u.unbind(0):
        start = decay * start + now
        hidden.append(start)
    return torch.stack(hidden)


def prepare(name: str, T: int, who: str):
    """A function that takes one step and returns the gradients, all in one vector."""
    model = build(name, SYMBOLS, SYMBOLS, UNITS, torch.Generator().manual_seed(0))
    plain = PlainScan if name == "lru" else PlainLoop
    network = {"torch": Torch, "plain": plain}[who](model) if who in ("torch", "plain") else model
    symbols = torch.randint(SYMBOLS, (T, BATCH), generator=torch.Generator().manual_seed(1))
    inputs = nn.functional.one_hot(symbols, SYMBOLS).float()

    def step():
        model.zero_grad()
        nn.functional.cross_entropy(network(inputs).flatten(0, 1), symbols.flatten()).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    return step


def peers_of(name: str) -> dict[str, str]:
    if name in PEERS:
        return {"torch": f"nn.{PEERS[name].__name__}"}
    return {"plain": f"{name}, plain loop"}


def measure(name: str, T: int, rounds: int) -> list[dict]:
    entries = {"ours": f"ptacore, {name}"} | peers_of(name)
    contestants = [timing.contestant(title, partial(prepare, name, T, who)) for who, title in entries.items()]
    for c in contestants:
        c.run()  # kernels are built, and memory asked for, once
    timing.race(contestants, rounds)
    for c in contestants[1:]:
        c.error = float((contestants[0].result - c.result).norm() / c.result.norm())
    if max(c.error for c in contestants[1:]) > 1e-4:
        raise SystemExit("the gradients disagree")
    table = timing.rows(contestants)
    if (name, T) in GOALS:
        table[1]["target"] = GOALS[name, T]
        print(f"goal: {GOALS[name, T]:g} times as fast as {table[1]['name']}")
    return table


def memory(name: str, T: int, who: str) -> float:
    """MB that a step needs beyond what there was, in a process of its own."""
    command = [sys.executable, __file__, "--memory", name, str(T), who]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def memories(name: str, T: int) -> dict:
    ((who, title),) = peers_of(name).items()
    row = {"name": name, "T": T, "ours": timing.rounded(memory(name, T, "ours")), "peer": title}
    row["theirs"] = timing.rounded(memory(name, T, who))
    row["ratio"] = timing.rounded(row["ours"] / row["theirs"])
    print("{name}, T = {T}: {ours:.0f} MB; {peer}: {theirs:.0f} MB; ratio {ratio:.2f}".format(**row), flush=True)
    return row


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--memory"]:
        name, T, who = sys.argv[2:]
        step, before = prepare(name, int(T), who), timing.peak()
        step()
        print(timing.peak() - before)
        return
    rounds, tables = timing.rounds(5, __doc__), {}
    for name in (*PEERS, *LOOPS, "lru"):
        print(f"\n{name}, T = 120")
        tables[f"{name}, T = 120"] = measure(name, 120, rounds)
    for name in ("tanh", "gru"):
        print(f"\n{name}, T = 2020")
        tables[f"{name}, T = 2020"] = measure(name, 2020, rounds)
    print()
    used = [memories(name, T) for name in ("tanh", "gru") for T in (120, 2020)]
    task = {"units": UNITS, "batch": BATCH, "symbols": SYMBOLS, "dtype": "float32"}
    timing.save("recurrent", rounds, tables, task=task, memory=used)


if __name__ == "__main__":
    main()
