"""What a spectrum needs beside its system, in processes of their own: the most memory that the call adds.

    python benchmarks/memory.py

The goal is n k + n^2 doubles and 30 MB: the tangent vectors once, and a matrix.
"""

import os
import subprocess
import sys

import timing

# isort: split
import torch
from torch import nn

import ptacore as pta

UNITS, STEPS, BESIDES = 1000, 6, 30  # MB
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # freed memory is no longer the process's, so that it counts once
KINDS = ("tanh flow", "nn.RNN", "nn.GRU", "nn.LSTM", "function")


def system_of(kind: str, units: int):
    torch.manual_seed(0)
    if kind.startswith("nn."):
        return pta.models.ModuleMap(getattr(nn, kind[3:])(10, units, dtype=torch.float64))
    W = 1.5 * torch.randn(units, units, dtype=torch.float64) / units**0.5
    if kind == "tanh flow":
        return pta.models.TanhFlow(W)
    return pta.System.from_function(lambda x: torch.tanh(x @ W.T) - x, units, "flow")


def spectrum(kind: str, units: int, k: int):
    """A call that is ready, and the number of states."""
    system = system_of(kind, units)
    dt = 0.05 if system.kind == "flow" else 1.0
    x0 = torch.full((system.dim,), 0.1, dtype=torch.float64)
    return lambda: pta.lyapunov_spectrum(system, x0, duration=STEPS * dt, transient=0, dt=dt, k=k), system.dim


def measure(kind: str, all_of_them: bool) -> None:
    """Print how many MB the call adds to what the process had, and how many n k + n^2 doubles are."""
    spectrum(kind, 32, 20)[0]()  # what every process needs once
    units = UNITS
    dim = system_of(kind, units).dim
    k = dim if all_of_them else 10
    run, _ = spectrum(kind, units, k)
    before = timing.forget_peak()
    run()
    print(timing.peak() - before, (dim * k + dim**2) * 8 / 2**20)


def main() -> None:
    if sys.argv[1:]:
        measure(sys.argv[1], sys.argv[2] == "all")
        return
    rows = []
    for kind in KINDS:
        for k in ("10", "all"):
            command = [sys.executable, __file__, kind, k]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | GIVEN_BACK)
            used, matrix = map(float, done.stdout.split())
            rows.append({"name": kind, "k": k, "mb": round(used), "goal": round(matrix + BESIDES)})
            print(rows[-1], flush=True)
    timing.save("memory", 1, {}, task={"units": UNITS, "besides": BESIDES}, rows=rows)


if __name__ == "__main__":
    main()
