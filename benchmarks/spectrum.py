"""Lyapunov exponents of the chaotic network of 100 units over 20 s in steps of 1 ms: all of them, and the first six.

    python benchmarks/spectrum.py [--rounds 5]

Peers that are not installed are left out. Before they are timed, all compute the exponents of a short window
from the same start and the same basis, where chaos has not yet amplified what they do differently.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import timing

# isort: split
import numpy as np
import peers
import torch

import ptacore as pta
from ptacore.kernels import build as compiler
from ptacore.kernels import tangents as compiled

SEED = 33  # of the weights: the network of Figure 3D
SECONDS, STEP, BATCH = 20.0, 1e-3, 16
SHORT = 0.05  # seconds, of the comparison
PART = 10  # slow contestants take this part of the window


@dataclass(frozen=True)
class Entry:
    name: str
    prepare: Callable[[peers.Problem], peers.Run]
    part: int = 1  # 1 / part of the window is timed
    cases: int = 1  # trajectories at once
    same_steps: bool = True  # RK4 for state and tangents: must agree with ours but for rounding


def ours(p: peers.Problem, backend: str, batch: int = 1) -> peers.Run:
    system, x0, k = pta.models.TanhFlow(p.W, tau=p.tau), torch.tensor(p.x0), p.basis.shape[1]
    if batch > 1:
        apart = 1e-4 * torch.randn(batch, len(x0), generator=torch.Generator().manual_seed(1), dtype=x0.dtype)
        x0 = x0 + apart.index_fill(0, torch.tensor([0]), 0.0)

    def run():
        s = pta.lyapunov_spectrum(system, x0, duration=p.seconds, transient=0.0, dt=p.step, k=k, backend=backend)
        return s.exponents.reshape(-1, k)[0].numpy()

    return run


ENTRIES = [
    Entry("ptacore, compiled", partial(ours, backend="compiled")),
    Entry("lyapax, QR every 5 steps", partial(peers.lyapax, every=5)),
    Entry("lyapax, QR every 50 steps", partial(peers.lyapax, every=50)),  # its fastest
    Entry("numba, Gram-Schmidt every 5 steps", partial(peers.numba, every=5)),
    Entry("ptacore, torch", partial(ours, backend="torch")),
    Entry(f"ptacore, torch, batch of {BATCH}", partial(ours, backend="torch", batch=BATCH), PART, BATCH),
    Entry("lyapynov", peers.lyapynov, PART, same_steps=False),
    *(
        Entry(f"SciPy {method} to 1e-{digits}", partial(peers.scipy, method=method, rtol=10.0**-digits), PART, 1, False)
        for method in ("RK45", "DOP853")
        for digits in (4, 6)
    ),
    Entry("matrix products alone (NumPy)", peers.products, same_steps=False),
]


def basis(n: int, k: int) -> np.ndarray:
    """The start basis of `lyapunov_spectrum`."""
    start = torch.randn(n, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.linalg.qr(start)[0].numpy()


def errors(p: peers.Problem, entries: list[Entry]) -> list[float | None]:
    """Largest distance from the exponents of the short window that DOP853 finds with a tolerance of 1e-11."""
    p = replace(p, seconds=SHORT)
    n, k = p.basis.shape
    truth = np.sort(peers.scipy(p, "DOP853", 1e-11)())
    truth_of_identity = np.sort(peers.scipy(replace(p, basis=np.eye(n, k)), "DOP853", 1e-11)())
    first, distances = np.sort(ENTRIES[0].prepare(p)()), []
    for entry in entries:
        if entry.prepare is peers.products:
            distances.append(None)
            continue
        exponents = np.sort(entry.prepare(p)())
        if entry.same_steps and not np.allclose(exponents, first, rtol=0, atol=1e-7):
            raise SystemExit(f"{entry.name}: other exponents than ours, by {np.abs(exponents - first).max():.1e}")
        distances.append(np.abs(exponents - (truth_of_identity if entry.prepare is peers.lyapynov else truth)).max())
    return distances


def check_whole_window(p: peers.Problem, contestants: list[timing.Contestant]) -> None:
    """The first six exponents agree within their statistical errors."""
    system, k = pta.models.TanhFlow(p.W, tau=p.tau), p.basis.shape[1]
    s = pta.lyapunov_spectrum(system, p.x0, duration=p.seconds, transient=0.0, dt=p.step, k=k)
    for c in contestants:
        if c.seconds and c.part == 1 and c.error is not None:
            off = np.sort(c.result)[::-1][:6] - s.exponents[:6].numpy()
            off = np.abs(off / s.standard_error[:6].numpy()).max() / 2**0.5
            print(f"{c.name}: within {off:.1f} standard errors of ours over the whole window")
            if off > 5:
                raise SystemExit("that is too far")


def measure(p: peers.Problem, rounds: int) -> list[dict]:
    contestants = [
        timing.contestant(
            e.name, partial(e.prepare, replace(p, seconds=p.seconds / e.part)), part=e.part, cases=e.cases
        )
        for e in ENTRIES
    ]
    contestants[0].once = building()
    present = [(c, e) for c, e in zip(contestants, ENTRIES, strict=True) if c.run]
    for (c, _), error in zip(present, errors(p, [e for _, e in present]), strict=True):
        c.error = error
    timing.race(contestants, rounds)
    check_whole_window(p, contestants)
    return timing.rows(contestants)


def building() -> float:
    """CPU seconds of building the kernels, once for a machine."""
    usual = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        start = timing.cpu_seconds()
        compiler.build(compiled.SOURCE)
        seconds = timing.cpu_seconds() - start
    del os.environ["XDG_CACHE_HOME"]
    if usual is not None:
        os.environ["XDG_CACHE_HOME"] = usual
    return seconds


def main() -> None:
    rounds, tables = timing.rounds(5, __doc__), {}
    torch.set_num_threads(1)
    peers.load()
    system = pta.models.chaos(seed=SEED)
    n = system.dim
    x0 = torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x0 = pta.trajectory(system, x0, duration=2.0, dt=STEP)[1][-1]  # on the attractor
    for name, k in (("all 100", n), ("first 6", 6)):
        print(f"\n{name} exponents")
        p = peers.Problem(system.W.numpy(), system.tau, STEP, x0.numpy(), basis(n, k), SECONDS)
        tables[name] = measure(p, rounds)
    task = {"units": n, "seed": SEED, "tau": system.tau, "seconds": SECONDS, "step": STEP, "error_window": SHORT}
    timing.save("spectrum", rounds, tables, task=task)


if __name__ == "__main__":
    main()
