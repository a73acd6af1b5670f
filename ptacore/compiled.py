"""The compiled backend: kernels.c, built once by the machine's C compiler and called through ctypes.

It advances the built-in tanh and ReLU networks, and GRUs whose gates are constant, in double precision on the CPU;
everything else, and machines without a compiler, take the torch backend, which does the same arithmetic.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ptacore.models.gru import GRUFlow, GRUMap
from ptacore.models.networks import ReLUFlow, TanhFlow, TanhMap, TanhRateFlow
from ptacore.models.system import System

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = [
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-shared",
    "-fPIC",
]
FORM = {TanhFlow: 0, TanhRateFlow: 1, ReLUFlow: 1, TanhMap: 2, GRUFlow: 1, GRUMap: 2}  # enum of kernels.c
SMALL = 4  # states up to which networks share the lanes (LARGEST of kernels.c)


def _processor() -> str:
    """What a binary built for this machine depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _build() -> Path:
    """Path of the shared library; built where the cache has none for this source, compiler and processor."""
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise OSError("no C compiler found (looked for $CC, cc, gcc, clang)")
    flags = FLAGS + (["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else [])
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256("\0".join([SOURCE.read_text(), *flags, version, _processor()]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ptacore"
    library = cache / f"kernels-{key}.so"
    if not library.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            new = Path(folder) / library.name
            done = subprocess.run([compiler, *flags, "-o", new, SOURCE, "-lm"], capture_output=True, text=True)
            if done.returncode:
                raise OSError(f"{compiler} failed: {done.stderr.strip()[:500]}")
            os.replace(new, library)
    return library


@functools.cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(_build()))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # RuntimeError: no home folder
        warnings.warn(f"compiled backend not available, torch takes its place, slower: {error}", stacklevel=2)
        return None
    i32, i64, f64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
    arguments = [i32, i32, i64, i32, i32, i64, f64, pointer, i64, pointer, i64, pointer, pointer]
    library.advance_dense.argtypes = arguments
    library.advance_small.argtypes = [*arguments, pointer]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


def _network(system: System, dt: float) -> tuple[int, int, Tensor, Tensor, float] | None:
    """The system as one of the kernels' networks (form, phi, W, b, h); None where it is none of them."""
    form = FORM.get(type(system))
    if form is None or system.dtype != torch.float64 or system.device.type != "cpu":
        return None
    if not isinstance(system, (GRUFlow, GRUMap)):
        return form, int(system.nonlinearity == "tanh"), system.W, system.b, dt / system.tau
    renewed = 1 - torch.sigmoid(system.b_z)
    if not system.gates_are_constant or (renewed != renewed.flatten()[0]).any():
        return None
    r = torch.sigmoid(system.b_r)
    W = r[..., None] * system.W if system.kind == "map" else system.W * r[..., None, :]
    return form, 1, W, system.b, dt * renewed.flatten()[0].item()


def advance_for(
    system: System, dt: float
) -> Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor | None]] | None:
    """The kernel for a system, as a function (x, V, steps) -> (x, V, growth); None where there is none for it.

    x (..., n) and V (..., n, k) are not changed. growth (..., k), where it is not None, says that V has been
    kept orthonormal on the way and by how much (logarithm) its columns have grown.
    """
    network = _network(system, dt)
    if network is None or not available():
        return None
    form, phi, weights, bias, h = network
    n = system.dim

    def shared_or_batched(parameter: Tensor, axes: int, batch: torch.Size) -> tuple[Tensor, int]:
        own = parameter.shape[-axes:]
        if parameter.ndim == axes:
            return parameter.detach().contiguous(), 0
        return parameter.detach().expand(*batch, *own).reshape(-1, *own).contiguous(), own.numel()

    def advance(x: Tensor, V: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor | None]:
        batch, k = x.shape[:-1], V.shape[-1]
        x = x.detach().clone(memory_format=torch.contiguous_format)
        V = V.detach().clone(memory_format=torch.contiguous_format)
        W, W_stride = shared_or_batched(weights, 2, batch)
        b, b_stride = shared_or_batched(bias, 1, batch)
        arguments = (form, phi, batch.numel(), n, k, steps, h, W.data_ptr(), W_stride,
                     b.data_ptr(), b_stride, x.data_ptr(), V.data_ptr())  # fmt: skip
        if n <= SMALL:
            growth = x.new_empty(*batch, k)
            _library().advance_small(*arguments, growth.data_ptr())
            return x, V, growth
        if _library().advance_dense(*arguments):
            raise MemoryError(f"compiled backend: no memory for a network of {n} units and {k} tangent vectors")
        return x, V, None

    return advance
