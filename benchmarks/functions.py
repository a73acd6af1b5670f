"""Spectra of systems that a user writes as a function, `System.from_function` against `lyapax`.

    python benchmarks/functions.py [--rounds 7]

Both get the same equations, start, tangent vectors and steps; lyapax (JAX, compiled ahead of time) takes a QR every 5
steps, ptacore as many as it finds needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import timing

# isort: split
import numpy as np
import torch

import ptacore as pta

TRANSIENT = 0.2  # of the steps


@dataclass(frozen=True)
class Task:
    """A vector field in terms of a numerical library, which torch and jax.numpy both are."""

    field: Callable  # library, weights, x (..., n) -> (..., n)
    n: int
    k: int
    dt: float
    steps: int
    goal: float  # CPU time, ours / theirs
    batch: int = 1
    weights: float = 0.0  # standard deviation times sqrt(n) of a random matrix, where there is one


def lorenz(xp, W, x):
    a, b, c = x[..., 0], x[..., 1], x[..., 2]
    return xp.stack((10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c), -1)


def neurons(xp, W, x):
    """Two rate neurons, one exciting and one inhibiting the other."""
    a, b = x[..., 0], x[..., 1]
    return xp.stack((-a + xp.tanh(1.5 * a - 2.0 * b + 0.1), -b + xp.tanh(2.0 * a + 0.5 * b)), -1)


def fitzhugh_nagumo(xp, W, x):
    """A ring of units that are coupled by diffusion."""
    v, w = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    coupling = xp.roll(v, 1, -1) + xp.roll(v, -1, -1) - 2 * v
    return (xp.cat if xp is torch else xp.concatenate)(
        (v - v**3 / 3 - w + 0.5 + 0.1 * coupling, 0.08 * (v + 0.7 - 0.8 * w)), -1
    )


def lorenz_96(xp, W, x):
    return (xp.roll(x, -1, -1) - xp.roll(x, 2, -1)) * xp.roll(x, 1, -1) - x + 8.0


def dense(xp, W, x):
    return -x + xp.tanh(x) @ W.T


TASKS = {
    "Lorenz": Task(lorenz, 3, 3, 0.01, 2_000_000, 0.2),
    "two neurons": Task(neurons, 2, 2, 0.05, 1_000_000, 0.35),
    "20 FitzHugh-Nagumo units, k = 10": Task(fitzhugh_nagumo, 40, 10, 0.05, 400_000, 0.4),
    "20 FitzHugh-Nagumo units, k = 40": Task(fitzhugh_nagumo, 40, 40, 0.05, 80_000, 0.4),
    "Lorenz-96, n = 40, k = 10": Task(lorenz_96, 40, 10, 0.01, 100_000, 0.15),
    "Lorenz-96, n = 40, k = 40": Task(lorenz_96, 40, 40, 0.01, 20_000, 0.25),
    "dense tanh, n = 100, k = 10": Task(dense, 100, 10, 0.05, 20_000, 0.8, weights=1.5),
    "dense tanh, n = 100, k = 100": Task(dense, 100, 100, 0.05, 4_000, 1.2, weights=1.5),
    "1,000 Lorenz systems": Task(lorenz, 3, 3, 0.01, 10_000, 0.15, batch=1000),
    "1,000 pairs of neurons": Task(neurons, 2, 2, 0.05, 20_000, 0.3, batch=1000),
}


def start(task: Task) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights (n, n), states (batch, n) and tangent vectors (n, k), those of `lyapunov_spectrum`."""
    generator = torch.Generator().manual_seed(1)
    W = torch.randn(task.n, task.n, generator=generator, dtype=torch.float64) * task.weights / task.n**0.5
    x0 = torch.randn(task.batch, task.n, generator=generator, dtype=torch.float64)
    basis = torch.randn(task.n, task.k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return W, x0 if task.batch > 1 else x0[0], torch.linalg.qr(basis)[0]


def ours(task: Task, backend: str = "compiled", part: int = 1):
    W, x0, _ = start(task)
    steps = task.steps // part
    system = pta.System.from_function(partial(task.field, torch, W), task.n, "flow")
    times = {"transient": TRANSIENT * steps * task.dt, "duration": (1 - TRANSIENT) * steps * task.dt, "dt": task.dt}

    def run():
        return pta.lyapunov_spectrum(system, x0, k=task.k, backend=backend, **times).exponents.numpy()

    if backend == "compiled":
        system.kernel(task.dt)
        if task.batch > 1:
            system.kernel(task.dt).together
    return run


def lyapax(task: Task, every: int = 5):
    import jax
    import jax.numpy as jnp
    from lyapax import LyapunovCheckpoint, lyapunov_spectrum, ode_step

    jax.config.update("jax_enable_x64", True)
    W, x0, basis = (jnp.asarray(a.numpy()) for a in start(task))
    nothing = {"cum_log_growth": jnp.zeros(task.k), "elapsed_time": jnp.zeros(())}

    def exponents(W, x, Q):
        advance = ode_step(partial(task.field, jnp, W), task.dt)
        go_on = partial(lyapunov_spectrum, advance, x, task.dt, k=task.k, renorm_every=every)
        skipped = round(TRANSIENT * task.steps)
        settled = go_on(n_steps=skipped, resume=LyapunovCheckpoint(x, Q, **nothing)).checkpoint
        return go_on(n_steps=task.steps - skipped, resume=settled._replace(**nothing)).exponents

    if task.batch > 1:
        exponents = jax.vmap(exponents, (None, 0, None))
    compiled = jax.jit(exponents).lower(W, x0, basis).compile()
    return lambda: np.asarray(compiled(W, x0, basis))


def measure(task: Task, rounds: int) -> list[dict]:
    contestants = [
        timing.contestant("lyapax, QR every 5 steps", partial(lyapax, task)),
        timing.contestant("ptacore, compiled", partial(ours, task)),
    ]
    timing.race(contestants, rounds)
    theirs, mine = contestants
    if theirs.run:
        mine.error = float(np.abs(np.sort(theirs.result) - np.sort(mine.result)).mean())
    table = timing.rows(contestants)
    print(f"goal: at most {task.goal:g} of lyapax's time")
    table[1]["target"] = task.goal
    return table


def main() -> None:
    rounds, tables = timing.rounds(7, __doc__), {}
    torch.set_num_threads(1)
    for name, task in TASKS.items():
        print(f"\n{name}")
        tables[name] = measure(task, rounds)
    tasks = {
        name: {"n": t.n, "k": t.k, "dt": t.dt, "steps": t.steps, "batch": t.batch, "goal": t.goal}
        for name, t in TASKS.items()
    }
    timing.save("functions", rounds, tables, tasks=tasks)


if __name__ == "__main__":
    main()
