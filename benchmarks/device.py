"""Spectra in batches and training steps on a CUDA device, next to one CPU core and to torch's own modules.

    python benchmarks/device.py [--rounds 3] [--device cuda] [--units 4096]

Wall time, since a device has no CPU time; the CPU's is one thread's. A spectrum of n units is that of the flow
-x + W tanh(x), ten exponents, for as many starts as fill 2^20 numbers of tangent vectors. `--device cpu` with few
`--units` tries the program where there is no device, and writes nothing.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import timing

# isort: split
import torch
from torch import nn

import ptacore as pta

K, STEPS, DT, NUMBERS = 10, 60, 0.05, 2**20
UNITS, T, BATCH, SYMBOLS = 250, 784, 128, 10
MODULES = {"tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def seconds(run: Callable[[], object], device: str, rounds: int) -> float:
    run()  # kernels are built and memory is taken
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return median(found)


def spectra(n: int, device: str, rounds: int) -> dict:
    """Seconds of a step of one trajectory, on the device in a batch and on a core one at a time."""
    generator = torch.Generator().manual_seed(0)
    system = pta.models.TanhFlow(1.5 * torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5)
    batch = max(1, NUMBERS // (n * K))
    x0 = torch.randn(batch, n, generator=generator, dtype=torch.float64)
    took, exponents = {}, {}
    for place, starts in (("cpu", x0[:1]), (device, x0)):
        moved = system.to(place)

        def run(moved=moved, starts=starts):
            return pta.lyapunov_spectrum(moved, starts, duration=STEPS * DT, transient=0.0, dt=DT, k=K)

        took[place] = seconds(run, place, rounds) / STEPS / len(starts)
        exponents[place] = run().exponents[0].cpu()
    torch.testing.assert_close(exponents[device], exponents["cpu"], rtol=1e-6, atol=1e-6)
    return {"units": n, "batch": batch, "core": took["cpu"], "device": took[device]}


class Own(nn.Module):
    """Torch's own module and a linear readout."""

    def __init__(self, module: type[nn.Module]):
        super().__init__()
        self.recurrent, self.readout = module(SYMBOLS, UNITS), nn.Linear(UNITS, SYMBOLS)

    def forward(self, inputs):
        return self.readout(self.recurrent(inputs)[0])


def training_step(name: str, device: str, rounds: int) -> dict:
    """Seconds of forward and backward: our network, torch's module where there is one, and ours on a core."""
    inputs = torch.randn(T, BATCH, SYMBOLS, generator=torch.Generator().manual_seed(1))
    models = {"ours": pta.models.build(name, SYMBOLS, SYMBOLS, UNITS)}
    if name in MODULES:
        models["torch"] = Own(MODULES[name])
    took = {}
    for label, model in models.items():
        for place in (device,) if label == "torch" or device == "cpu" else (device, "cpu"):
            moved, data = model.to(place), inputs.to(place)

            def run(moved=moved, data=data):
                moved.zero_grad()
                moved(data).square().mean().backward()

            took[label if place == device else "core"] = seconds(run, place, rounds)
    return {"name": name, **took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--units", type=int, default=4096, help="of the largest network")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("no CUDA device here; --device cpu --units 64 tries the program")
    torch.set_num_threads(1)
    sizes = [n for n in (64, 256, 1024, 4096) if n <= options.units]
    tables = {"spectra": [spectra(n, options.device, options.rounds) for n in sizes]}
    tables["training"] = [training_step(name, options.device, options.rounds) for name in (*MODULES, "tanh-pta")]
    for rows in tables.values():
        for row in rows:
            print({key: f"{value:.3g}" if isinstance(value, float) else value for key, value in row.items()})
    if options.device == "cuda":
        timing.save("device", options.rounds, tables, device=torch.cuda.get_device_name())


if __name__ == "__main__":
    main()
