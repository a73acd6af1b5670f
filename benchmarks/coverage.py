"""Do the intervals of Lyapunov exponents hold the true value as often as they say? Over 200 independent runs each.

    python benchmarks/coverage.py [--again] [--seed 11]

A system that results/coverage.json holds already is not measured again, unless told. The number of waves that
`time_average` takes was chosen on runs of seed 1; seed 11 had no part in it.
"""

import argparse
import json
import sys
from datetime import date

import timing

# isort: split
import torch
from scipy.special import stdtrit

import ptacore as pta
from ptacore.dynamics.time_average import degrees_of_freedom

RUNS = 200
TARGET = timing.RESULTS / "coverage.json"
BATCHES = 20  # of the method to compare with


def lorenz(x, sigma=10.0, rho=28.0, beta=8 / 3):
    a, b, c = x.unbind(-1)
    return torch.stack((sigma * (b - a), a * (rho - c) - b, a * b - beta * c), -1)


def roessler(x, a=0.2, b=0.2, c=5.7):
    u, v, w = x.unbind(-1)
    return torch.stack((-v - w, u + a * v, b + w * (u - c)), -1)


def henon(x, a=1.4, b=0.3):
    return torch.stack((1 - a * x[..., 0] ** 2 + x[..., 1], b * x[..., 0]), -1)


def slopes(f, dim):
    """The Jacobian of a polynomial map of degree two, exactly, from differences: cheaper than autograd."""
    axes = torch.eye(dim, dtype=torch.float64)

    def jacobian(x):
        x = x[..., None, :]
        return ((f(x + axes) - f(x - axes)) / 2).mT

    return jacobian


def system(f, dim, kind):
    return pta.System.from_function(f, dim, kind, slopes(f, dim))


SYSTEMS = {  # system, centre and scale of the starts, arguments
    "Lorenz, T = 100": (system(lorenz, 3, "flow"), (0, 0, 25), 1.0, dict(duration=100.0, transient=20.0, dt=0.01)),
    "Lorenz, T = 400": (system(lorenz, 3, "flow"), (0, 0, 25), 1.0, dict(duration=400.0, transient=20.0, dt=0.01)),
    "Rössler, T = 200": (
        system(roessler, 3, "flow"), (0, -4, 0), 1.0, dict(duration=200.0, transient=200.0, dt=0.04)
    ),
    "Rössler, T = 1,000": (
        system(roessler, 3, "flow"), (0, -4, 0), 1.0, dict(duration=1000.0, transient=200.0, dt=0.04)
    ),
    "Hénon, T = 1,000": (system(henon, 2, "map"), (0, 0), 0.05, dict(duration=1000, transient=200)),
    "Hénon, T = 10,000": (system(henon, 2, "map"), (0, 0), 0.05, dict(duration=10_000, transient=200)),
    "Chaotic network, T = 2 s": (
        pta.models.chaos(seed=4), (0.0,) * 100, 1.0, dict(duration=2.0, transient=1.0, dt=1e-3, k=4)
    ),
    "Chaotic network, T = 8 s": (
        pta.models.chaos(seed=4), (0.0,) * 100, 1.0, dict(duration=8.0, transient=1.0, dt=1e-3, k=4)
    ),
    "Chaotic network, T = 32 s": (
        pta.models.chaos(seed=4), (0.0,) * 100, 1.0, dict(duration=32.0, transient=1.0, dt=1e-3, k=4)
    ),
}  # fmt: skip


def batch_means(s) -> torch.Tensor:
    """Half-widths as by the method of batch means: the standard deviation over 20 consecutive parts."""
    grown = (s.history * s.times.reshape(-1, 1, 1)).diff(dim=0, prepend=torch.zeros_like(s.history[:1]))
    lengths = s.times.diff(prepend=s.times.new_zeros(1))
    parts = torch.arange(len(grown)).tensor_split(BATCHES)
    rates = torch.stack([grown[p].sum(0) / lengths[p].sum() for p in parts])
    return rates.std(0) / BATCHES**0.5 * float(stdtrit(BATCHES - 1, (1 + s.confidence) / 2))


def measure(name: str, seed: int) -> list[dict]:
    field, centre, scale, arguments = SYSTEMS[name]
    normal = torch.randn(RUNS, field.dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    s = pta.lyapunov_spectrum(field, torch.tensor(centre) + scale * normal, **arguments)
    truth = s.exponents.mean(0)  # of all runs: fourteen times as precise as one
    off = (s.exponents - truth).abs()
    needed = off.quantile(s.confidence, dim=0)
    factor = float(stdtrit(degrees_of_freedom(len(s.times)), (1 + s.confidence) / 2))
    found = {"interval": factor * s.standard_error, "counting": s.tolerance, "batch_means": batch_means(s)}
    rows = []
    for i in range(len(truth)):
        row = {"exponent": truth[i].item(), "spread": s.exponents[:, i].std().item(), "needed": needed[i].item()}
        for method, widths in found.items():
            row[method] = {
                "coverage": (off[:, i] <= widths[:, i]).double().mean().item(),
                "width": (widths[:, i].mean() / needed[i]).item(),
            }
        row["drifts"] = int((s.drift[:, i] != 0).sum())
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="measure all, also what there is")
    parser.add_argument("--seed", type=int, default=11, help="of the starts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = {} if options.again or not TARGET.exists() else json.loads(TARGET.read_text())["tables"]
    for name in SYSTEMS:
        if name not in tables:
            start = timing.cpu_seconds()
            tables[name] = measure(name, options.seed)
            print(f"{name}: {timing.cpu_seconds() - start:.0f} CPU s", flush=True)
        for row in tables[name]:
            cells = [
                f"{m} {row[m]['coverage']:.3f} {row[m]['width']:.2f}" for m in ("interval", "counting", "batch_means")
            ]
            print(f"  {row['exponent']:9.4f} spread {row['spread']:.4f}", *cells, row["drifts"], sep="   ", flush=True)
        found = {other: tables[other] for other in SYSTEMS if other in tables}
        record = {"date": date.today().isoformat(), "runs": RUNS, "seed": options.seed, "tables": found}
        TARGET.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
