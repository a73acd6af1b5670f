"""Loss and gradients of an almost-linear RNN (M = 20, P = 5, T = 200, batch 16): the adjoint by hand in C, autograd.

    python benchmarks/almost_linear.py [--rounds 15]

Every 16th step the three observed units are replaced by data. In single precision, and in double.
"""

from functools import partial

import timing

# isort: split
import torch

from ptacore.neighbours import AlmostLinear

UNITS, P, BATCH, STEPS, TAU, GOAL = 20, 5, 16, 200, 16, 10
REPEATS = {"compiled": 40, "autograd": 2}
BOUND = {torch.float32: 1e-4, torch.float64: 1e-9}


def prepare(backend: str, dtype: torch.dtype):
    """A function that makes some updates' gradients and returns the last, all in one vector."""
    network = AlmostLinear(UNITS, P, observed=3, dtype=dtype)
    x = torch.randn(STEPS + 1, BATCH, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    alpha = (torch.arange(1, STEPS + 1) % TAU == 0).to(dtype)

    def updates():
        for _ in range(REPEATS[backend]):
            network.zero_grad()
            seen = network.unroll(network.start(x[0]), x[1:], alpha, backend)
            (seen - x[1:]).square().mean().backward()
        return torch.cat([p.grad.flatten() for p in network.parameters()])

    return updates


def main() -> None:
    torch.set_num_threads(1)
    rounds = timing.rounds(15, __doc__)
    names = {"compiled": "ptacore, the adjoint by hand", "autograd": "a plain loop in torch"}
    tables = {}
    for dtype, bound in BOUND.items():
        contestants = [
            timing.contestant(title, partial(prepare, who, dtype), cases=REPEATS[who]) for who, title in names.items()
        ]
        timing.race(contestants, rounds)
        ours, theirs = (c.result for c in contestants)
        contestants[1].error = float((ours - theirs).norm() / theirs.norm())
        if contestants[1].error > bound:
            raise SystemExit(f"{dtype}: the gradients disagree by {contestants[1].error:.1e}")
        table = timing.rows(contestants)
        table[1]["target"] = GOAL
        tables[f"an update, {str(dtype).removeprefix('torch.')}"] = table
    task = {"units": UNITS, "rectified": P, "batch": BATCH, "steps": STEPS, "tau": TAU}
    timing.save("almost_linear", rounds, tables, task=task)


if __name__ == "__main__":
    main()
