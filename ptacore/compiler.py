"""Shared libraries from the package's C sources, built once by the machine's C compiler and loaded by ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

HEADER = Path(__file__).with_name("kernels.h")  # what the sources share
FLAGS = [
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-shared",
    "-fPIC",
]


def _processor() -> str:
    """What a binary built for this machine depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def build(source: Path) -> Path:
    """Path of the shared library; built where the cache has none for this source, compiler and processor.

    Raises
    ------
    OSError
        If there is no compiler, or it fails.
    """
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise OSError("no C compiler found (looked for $CC, cc, gcc, clang)")
    flags = FLAGS + (["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else [])
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    text = [source.read_text(), HEADER.read_text()]
    key = hashlib.sha256("\0".join([*text, *flags, version, _processor()]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ptacore"
    library = cache / f"{source.stem}-{key}.so"
    if not library.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            new = Path(folder) / library.name
            done = subprocess.run([compiler, *flags, "-o", new, source, "-lm"], capture_output=True, text=True)
            if done.returncode:
                raise OSError(f"{compiler} failed: {done.stderr.strip()[:500]}")
            os.replace(new, library)
    return library


def load(source: Path) -> ctypes.CDLL | None:
    """The library of a source, built if need be; None, and a warning, where that is impossible."""
    try:
        return ctypes.CDLL(str(build(source)))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # RuntimeError: no home folder
        warnings.warn(f"compiled backend not available, torch takes its place, slower: {error}", stacklevel=3)
        return None
