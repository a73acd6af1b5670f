"""Covariant vectors of the chaotic network of 100 units, all 100 of them: ours and clvlib's.

    python benchmarks/covariant.py [--rounds 5]

Both integrate the same steps with the same scheme. clvlib returns vectors for the whole run, of which the ends have not
aligned; ours leaves these out as transients, a quarter of the run at each end, or returns them too. clvlib pairs each
triangular factor with the wrong step, so that only its first vector is covariant; the error is how far the image of a
vector is from the line of its successor (sine of the angle), the largest in the middle of the run.
"""

import contextlib
import io
import resource
import subprocess
import sys
from pathlib import Path

import timing

# isort: split
import numpy as np
import torch

import ptacore as pta
from ptacore.dynamics.integrate import step_tangent

SEED, STEP, STEPS, APART = 33, 1e-3, 1000, 20
GOAL, MEMORY = 5.0, 0.5  # times as fast, and the share of the memory
RUNS = {  # name of the task: steps from one vector to the next, transients of ours at each end
    "vectors of the middle half, at every step": (1, STEPS // 4),
    "vectors of the whole run, at every step": (1, 0),
    f"vectors of the middle half, every {APART} steps": (APART, STEPS // 4),
}


def start() -> tuple[pta.System, torch.Tensor]:
    system = pta.models.chaos(seed=SEED)
    x0 = torch.randn(system.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return system, pta.trajectory(system, x0, duration=2.0, dt=STEP)[1][-1]


def ours(apart: int, ends: int, steps: int = STEPS):
    system, x0 = start()
    ends = ends * steps // STEPS

    def run():
        window, transient = (steps - 2 * ends) * STEP, ends * STEP
        found = pta.covariant_vectors(
            system, x0, duration=window, transient=transient, dt=STEP, samples=(steps - 2 * ends) // apart
        )
        return found.states, found.vectors

    return run


def clvlib(apart: int, ends: int, steps: int = STEPS):
    from clvlib.numpy import lyap_analysis, lyap_analysis_from_ic

    system, x0 = start()
    W, tau, one, times = system.W.numpy(), system.tau, np.eye(system.dim), np.arange(steps + 1) * STEP

    def f(t, x):
        return (W @ np.tanh(x) - x) / tau

    def jacobian(t, x):
        return (W * (1 - np.tanh(x) ** 2) - one) / tau

    orbit = pta.trajectory(system, x0, duration=steps * STEP, dt=STEP)[1]

    def run():
        with contextlib.redirect_stderr(io.StringIO()):  # its bars
            if apart == 1:
                vectors = lyap_analysis_from_ic(f, jacobian, x0.numpy(), times)[4]
            else:  # from a state it raises IndexError where it does not decompose at every step
                vectors = lyap_analysis(f, jacobian, orbit.numpy(), times, k_step=apart)[4]
        return orbit[::apart], torch.from_numpy(vectors)

    return run


def error(states: torch.Tensor, vectors: torch.Tensor, apart: int) -> float:
    system, worst = start()[0], 0.0
    for i in range(len(states) // 3, 2 * len(states) // 3, max(1, len(states) // 30)):
        x, V = states[i], vectors[i]
        for _ in range(apart):
            x, V = step_tangent(system, x, V, 0.0, STEP)
        V, line = torch.nn.functional.normalize(V, dim=0), vectors[i + 1]
        worst = max(worst, (V - (V * line).sum(0) * line).norm(dim=0).max().item())
    return worst


def measure(name: str, rounds: int) -> list[dict]:
    apart, ends = RUNS[name]
    contestants = [
        timing.contestant("ptacore", lambda: ours(apart, ends)),
        timing.contestant("clvlib", lambda: clvlib(apart, ends)),
    ]
    for c in contestants:
        if c.run:
            c.error = error(*c.run(), apart)  # kernels are built, and memory asked for, once
    timing.race(contestants, rounds)
    for c in contestants:
        c.result = None
    return timing.rows(contestants)


def peak() -> float:
    """Of this process so far, MB. On Linux ru_maxrss would start from the parent's."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def memory(name: str, who: str) -> float:
    """MB that a run needs beyond what a short one has left, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--memory", name, who], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--memory"]:
        name, who = sys.argv[2:]
        prepare = {"ours": ours, "theirs": clvlib}[who]
        prepare(*RUNS[name], 60)()  # libraries are loaded
        run, before = prepare(*RUNS[name]), peak()
        run()
        print(peak() - before)
        return
    rounds, tables, used = timing.rounds(5, __doc__), {}, []
    for name in RUNS:
        print(f"\n{name}")
        tables[name] = measure(name, rounds)
        if "missing" not in tables[name][1]:
            row = {"name": name, **{who: timing.rounded(memory(name, who)) for who in ("ours", "theirs")}}
            used.append(row | {"ratio": timing.rounded(row["ours"] / row["theirs"])})
            print("{ours:.0f} MB; clvlib: {theirs:.0f} MB; ratio {ratio:.2f}".format(**used[-1]), flush=True)
    task = {"units": 100, "seed": SEED, "step": STEP, "steps": STEPS, "goal": GOAL, "memory_goal": MEMORY}
    timing.save("covariant", rounds, tables, task=task, memory=used)


if __name__ == "__main__":
    main()
