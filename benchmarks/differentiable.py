"""Lyapunov exponents with their gradient (forward and backward) against the exponents alone, in torch and compiled.

    python benchmarks/differentiable.py [--rounds 5]

The loss is the sum of squared exponents, its gradient that by all weights. Goal: at most 4 times the forward in torch.
Memory is the peak of a process that takes one such step, less what it had before, for windows of several lengths; the
number beside it says how many bases of n k numbers that is.
"""

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import timing

# isort: split
import torch
from torch import nn

import ptacore as pta

GOAL = 4.0


class Task(NamedTuple):
    """A system, its size, how many exponents, and steps after a fifth as many of transient."""

    name: str
    n: int
    k: int
    steps: int

    def __str__(self) -> str:
        return f"{self.name}, n = {self.n}, k = {self.k}"


TASKS = [
    Task("tanh map", 100, 10, 1000),
    Task("tanh map", 100, 100, 200),
    Task("tanh map", 250, 250, 60),
    Task("tanh flow", 100, 10, 300),
    Task("tanh flow", 100, 100, 100),
    Task("nn.GRU", 100, 10, 300),
    Task("nn.GRU", 100, 100, 100),
    Task("nn.GRU", 250, 100, 50),
    Task("nn.LSTM", 100, 100, 50),
    Task("Hénon", 2, 2, 400),
    Task("function", 64, 32, 100),
]
LENGTHS = (100, 400, 1600)


def system_of(task: Task):
    """A function that makes it anew from its parameters, as an optimizer would, and the parameters."""
    g = torch.Generator().manual_seed(0)
    W = (1.5 / task.n**0.5 * torch.randn(task.n, task.n, generator=g, dtype=torch.float64)).requires_grad_()
    if task.name.startswith("nn."):
        torch.manual_seed(0)
        module = getattr(nn, task.name[3:])(10, task.n, dtype=torch.float64)
        return lambda: pta.models.ModuleMap(module, differentiable=True), [*module.parameters()]
    if task.name == "Hénon":
        a, b = (torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (1.4, 0.3))
        f = partial(henon, a=a, b=b)
        return lambda: pta.System.from_function(f, 2, "map"), [a, b]
    if task.name == "function":
        return lambda: pta.System.from_function(lambda x: torch.sin(x @ W.T), task.n, "map"), [W]
    kind = {"tanh map": pta.models.TanhMap, "tanh flow": pta.models.TanhFlow}[task.name]
    return lambda: kind(W), [W]


def henon(x, a, b):
    return torch.stack((1 - a * x[..., 0] ** 2 + x[..., 1], b * x[..., 0]), -1)


def prepare(task: Task, backend: str, differentiable: bool):
    make, parameters = system_of(task)
    flow = task.name == "tanh flow"
    dt = 0.1 if flow else None
    times = {"duration": task.steps * (dt or 1), "transient": task.steps / 5 * (dt or 1), "dt": dt, "k": task.k}
    x0 = 0.1 * torch.randn(make().dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def run():
        s = pta.lyapunov_spectrum(make(), x0, **times, backend=backend, differentiable=differentiable)
        if not differentiable:
            return s.exponents.detach()
        for p in parameters:
            p.grad = None
        s.exponents.square().sum().backward()
        return s.exponents.detach()

    return run


def measure(task: Task, rounds: int) -> list[dict]:
    entries = {
        "exponents, torch": ("torch", False),
        "exponents, compiled": ("auto", False),
        "exponents and gradient": ("auto", True),
    }
    contestants = [timing.contestant(name, partial(prepare, task, *how)) for name, how in entries.items()]
    for c in contestants:
        c.run()  # kernels are built, and memory asked for, once
    timing.race(contestants, rounds)
    for c in contestants[1:]:
        c.error = float((c.result - contestants[0].result).abs().max())
    table = timing.rows(contestants)
    table[2]["goal"] = GOAL
    ratio = timing.median(a / b for a, b in zip(contestants[2].seconds, contestants[1].seconds, strict=True))
    table[2]["to_compiled"] = timing.rounded(ratio)
    print(f"goal: {GOAL:g}; to the compiled forward: {ratio:.3g}")
    return table


def peak() -> float:
    """Of this process so far, MB. On Linux ru_maxrss would start from the parent's."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def memories() -> list[dict]:
    rows = []
    for n, k in ((250, 250), (250, 125), (500, 250)):
        for steps in LENGTHS:
            command = [sys.executable, __file__, "--memory", str(n), str(k), str(steps)]
            used = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
            bases = used * 2**20 / (8 * n * k)
            rows.append({"n": n, "k": k, "steps": steps, "MB": timing.rounded(used), "bases": timing.rounded(bases)})
            print("n = {n}, k = {k}, {steps} steps: {MB:.0f} MB, {bases:.0f} bases".format(**rows[-1]), flush=True)
    return rows


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--memory"]:
        n, k, steps = map(int, sys.argv[2:])
        prepare(Task("tanh map", n, k, 2), "auto", True)()
        run, before = prepare(Task("tanh map", n, k, steps), "auto", True), peak()
        run()
        print(peak() - before)
        return
    rounds, tables = timing.rounds(5, __doc__), {}
    for task in TASKS:
        print(f"\n{task}, {task.steps} steps")
        tables[str(task)] = measure(task, rounds)
    timing.save("differentiable", rounds, tables, steps={str(t): t.steps for t in TASKS}, memory=memories())


if __name__ == "__main__":
    main()
