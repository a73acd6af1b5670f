"""What a step of a spectrum costs for networks of 64 to 4,000 units: next to lyapax, and to what the machine can do.

    python benchmarks/sizes.py [--rounds 3]

The flow -x + W tanh(x), in steps of Runge-Kutta, in double and single precision, and nn.GRU. The machine's yardstick of
a step is the longer of two times: to stream the weights once a stage from where they fit, and to do the arithmetic of
the products at the rate of torch's product of matrices that fit the cache.
"""

import time
from functools import partial

import peers
import timing

# isort: split
import numpy as np
import torch
from torch import nn

import ptacore as pta

STEP = 0.05
EVERY = 5  # steps between two QRs of lyapax, and between two points of our history
GOALS = {(1000, 10): 0.5, (2000, 10): 0.7, (500, 500): 0.9, (1000, 1000): 0.9}  # of lyapax's time
SIZES = (64, 128, 250, 500, 1000, 2000, 4000)
WORK = 1e10  # operations of a measurement, at least


def weights(n: int) -> torch.Tensor:
    return 1.5 * torch.randn(n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / n**0.5


def problem(n: int, k: int) -> peers.Problem:
    steps = max(40, min(4000, int(WORK / (8 * n**2 * (k + 1))) // 5 * 5))
    x0 = torch.randn(n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    basis = torch.randn(n, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return peers.Problem(weights(n).numpy(), 1.0, STEP, x0.numpy(), torch.linalg.qr(basis)[0].numpy(), steps * STEP)


def ours(p: peers.Problem):
    system, x0 = pta.models.TanhFlow(p.W), torch.tensor(p.x0)
    rest = {"dt": p.step, "k": p.basis.shape[1], "samples": p.steps // EVERY}

    def run():
        s = pta.lyapunov_spectrum(system, x0, duration=p.seconds, transient=0, **rest)
        return s.exponents.numpy()

    return run


def against_lyapax(n: int, k: int, rounds: int) -> list[dict]:
    p = problem(n, k)
    theirs, mine = contestants = [
        timing.contestant(f"lyapax, QR every {EVERY} steps", partial(peers.lyapax, p, EVERY)),
        timing.contestant("ptacore", partial(ours, p)),
    ]
    timing.race(contestants, rounds)
    if theirs.run:
        mine.error = np.abs(np.sort(mine.result) - np.sort(theirs.result)).max()
        if not mine.error < 1e-6:
            raise SystemExit(f"n = {n}, k = {k}: the exponents disagree by {mine.error:.1e}")
    rows = timing.rows(contestants)
    rows[1]["goal"] = GOALS[n, k]
    return rows


def fastest(run, rounds: int) -> float:
    run()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


def machine(n: int, dtype: torch.dtype, rounds: int) -> tuple[float, float]:
    """Bytes a second that n x n weights stream with, and operations a second of products in the cache."""
    W, A = torch.ones(n, n, dtype=dtype), torch.ones(256, 256, dtype=dtype)
    repeats = max(1, int(5e7 / W.numel()))
    stream = fastest(lambda: [W.sum() for _ in range(repeats)], rounds) / repeats
    product = fastest(lambda: [A @ A for _ in range(30)], rounds) / 30
    return W.numel() * W.element_size() / stream, 2 * 256**3 / product


def cost(n: int, k: int, kind: str, rounds: int) -> dict:
    """Seconds of a step, and the bound."""
    dtype = torch.float32 if kind == "flow, float32" else torch.float64
    if kind == "nn.GRU":
        torch.manual_seed(0)
        system, products = pta.models.ModuleMap(nn.GRU(10, n)), 3
    else:
        system, products = pta.models.TanhFlow(weights(n).to(dtype), dtype=dtype), 4
    steps = max(4, int(WORK / (2 * products * n**2 * (k + 1))))
    advance = system.kernel(1.0 if system.kind == "map" else STEP)
    x = torch.randn(n, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    V = torch.linalg.qr(torch.randn(n, k, generator=torch.Generator().manual_seed(2), dtype=torch.float64))[0].to(dtype)
    seconds = fastest(lambda: advance(x, V, steps), rounds) / steps
    bandwidth, rate = machine(n, dtype, rounds)
    pairs = products * (k + 1)  # multiplications for each pair of units
    if kind == "nn.GRU":
        pairs = min(pairs, products + products + k)  # the state's gates, the Jacobian, and its product
    bound = max(products * n**2 * dtype.itemsize / bandwidth, 2 * pairs * n**2 / rate)
    row = {"kind": kind, "n": n, "k": k, "seconds": timing.rounded(seconds), "bound": timing.rounded(bound)}
    print(row, flush=True)
    return row


def main() -> None:
    rounds = timing.rounds(3, __doc__)
    torch.set_num_threads(1)
    peers.load()
    tables = {}
    for n, k in GOALS:
        print(f"\nn = {n}, k = {k} (goal: {GOALS[n, k]:g})")
        tables[f"the flow, n = {n:,}, k = {k:,}"] = against_lyapax(n, k, rounds)
    curves = [
        cost(n, k, kind, rounds)
        for kind in ("flow", "flow, float32", "nn.GRU")
        for n in SIZES
        for k in (1, 10, n)
        if n <= 1000 or k < n
    ]
    timing.save("sizes", rounds, tables, curves=curves)


if __name__ == "__main__":
    main()
