"""Lyapunov exponents of torch's recurrent modules, as torch initializes them: ours and those of lyapax (JAX, compiled).

    python benchmarks/modules.py [--rounds 5]

Both start from the same state and the same basis. A driven module gets normally distributed inputs, whose products
JAX has computed before the clock starts. The leading half of the exponents must agree. Between five steps the last ones
of some modules lose their digits: there lyapax is timed a second time, with QRs so near that all exponents agree.
"""

from functools import partial
from typing import NamedTuple

import timing

# isort: split
import numpy as np
import torch
from torch import nn

import ptacore as pta

INPUTS, EVERY = 10, 5  # numbers in an input; steps between two QRs of lyapax


class Task(NamedTuple):
    """A module, how many exponents, and the goal: seconds of ours / lyapax. `exact`: steps between QRs that are as many
    as the last exponents bear, where these are less than EVERY."""

    kind: type[nn.Module]
    units: int
    k: int
    steps: int
    goal: float
    driven: bool = False
    exact: int | None = None

    def __str__(self) -> str:
        return f"nn.{self.kind.__name__}, n = {self.units}, k = {self.k}" + ", driven" * self.driven


TASKS = [
    Task(nn.RNN, 64, 1, 400_000, 1.0),
    Task(nn.RNN, 64, 10, 100_000, 0.45),
    Task(nn.RNN, 250, 1, 40_000, 1.0),
    Task(nn.RNN, 250, 10, 10_000, 0.5),
    Task(nn.RNN, 250, 250, 500, 0.65),
    Task(nn.GRU, 250, 1, 15_000, 1.0),
    Task(nn.GRU, 250, 10, 4000, 0.45),
    Task(nn.GRU, 250, 250, 300, 0.6),
    Task(nn.GRU, 250, 10, 4000, 0.5, driven=True),
    Task(nn.LSTM, 250, 10, 3000, 0.5),
    Task(nn.LSTM, 250, 500, 40, 0.6, exact=2),
    Task(nn.RNN, 1000, 10, 1000, 0.6),
    Task(nn.RNN, 1000, 1000, 50, 1.0, exact=2),
    Task(nn.GRU, 1000, 10, 300, 1.0),
    Task(nn.GRU, 1000, 1000, 50, 0.9),
]


def module_of(task: Task) -> nn.Module:
    torch.manual_seed(0)
    return task.kind(INPUTS, task.units, dtype=torch.float64)


def inputs_of(task: Task) -> torch.Tensor | None:
    if not task.driven:
        return None
    return torch.randn(task.steps, INPUTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def start_of(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """A state, and the start basis of `lyapunov_spectrum`."""
    dim = pta.models.ModuleMap(module_of(task)).dim
    x0 = 0.5 * torch.randn(dim, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    basis = torch.randn(dim, task.k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x0, torch.linalg.qr(basis)[0]


def ours(task: Task):
    module, u, (x0, _) = module_of(task), inputs_of(task), start_of(task)

    def run():
        system, samples = pta.models.ModuleMap(module, u), min(200, max(1, task.steps // EVERY))
        found = pta.lyapunov_spectrum(system, x0, duration=task.steps, transient=0, k=task.k, samples=samples)
        return found.exponents.numpy()

    return run


def jax_step(task: Task):
    """The module's step, (h, a) -> h or (h, c, a) -> (h, c) in one vector, and a = U u + b (T, gates n)."""
    import jax
    import jax.numpy as jnp

    module, u = module_of(task), inputs_of(task)
    U, W, b, c = (jnp.asarray(p.detach().numpy()) for p in module.parameters())
    given = jnp.asarray(np.zeros((1, INPUTS)) if u is None else u.numpy()) @ U.T + b

    def rnn(h, a):
        return jnp.tanh(a + W @ h + c)

    def gru(h, a):
        (ar, az, an), (cr, cz, cn) = jnp.split(a, 3), jnp.split(W @ h + c, 3)
        r, z = jax.nn.sigmoid(ar + cr), jax.nn.sigmoid(az + cz)
        return (1 - z) * jnp.tanh(an + r * cn) + z * h

    def lstm(state, a):
        h, cell = jnp.split(state, 2)
        i, f, g, o = jnp.split(a + W @ h + c, 4)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(cell), cell])

    return {nn.RNN: rnn, nn.GRU: gru, nn.LSTM: lstm}[task.kind], given


def lyapax(task: Task, every: int):
    """Compiled ahead of time; the state of a driven module has the number of the step behind it."""
    import jax
    import jax.numpy as jnp
    from lyapax import LyapunovCheckpoint, lyapunov_spectrum

    jax.config.update("jax_enable_x64", True)
    (one, given), (x0, Q) = jax_step(task), start_of(task)
    if task.driven:
        x0, Q = torch.cat([x0, x0.new_zeros(1)]), torch.cat([Q, Q.new_zeros(1, task.k)])

    def spectrum(x, Q, given):
        def step(x):
            if not task.driven:
                return one(x, given[0])
            t = x[-1]
            return jnp.append(one(x[:-1], given[t.astype(int)]), t + 1)

        start = LyapunovCheckpoint(x, Q, jnp.zeros(task.k), jnp.zeros(()))
        return lyapunov_spectrum(step, x, 1.0, task.steps, k=task.k, renorm_every=every, resume=start).exponents

    arguments = jnp.asarray(x0.numpy()), jnp.asarray(Q.numpy()), given
    compiled = jax.jit(spectrum).lower(*arguments).compile()
    return lambda: np.asarray(compiled(*arguments))


def measure(task: Task, rounds: int) -> list[dict]:
    spacings = [EVERY, *([task.exact] if task.exact else [])]
    theirs = [timing.contestant(f"lyapax, QR every {m} steps", partial(lyapax, task, m)) for m in spacings]
    mine = timing.contestant("ptacore", partial(ours, task))
    timing.race([*theirs, mine], rounds)
    if theirs[0].run:
        _compare(task, mine, theirs[0], (task.k + 1) // 2)
        _compare(task, mine, theirs[-1], task.k if task.exact else (task.k + 1) // 2)
    table = timing.rows([*theirs, mine])
    table[-1]["goal"] = task.goal
    return table


def _compare(task: Task, mine: timing.Contestant, theirs: timing.Contestant, leading: int) -> None:
    mine.error = np.abs(np.sort(mine.result) - np.sort(theirs.result))[-leading:].max()
    if not mine.error < 1e-6:
        raise SystemExit(f"{task}, {theirs.name}: the exponents disagree by {mine.error:.1e}")


def main() -> None:
    rounds, tables = timing.rounds(5, __doc__), {}
    torch.set_num_threads(1)
    for task in TASKS:
        print(f"\n{task} (goal: {task.goal:g})")
        tables[str(task)] = measure(task, rounds)
    facts = {str(task): {"steps": task.steps} for task in TASKS}
    timing.save("modules", rounds, tables, task={"inputs": INPUTS, "every": EVERY, "tasks": facts})


if __name__ == "__main__":
    main()
