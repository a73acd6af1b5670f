"""Where a result comes from: commit, machine and versions."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout that this package is run from."""

LOADED = ".loaded.json"
"""What a notebook calls the list of `loaded_modules` in its output folder."""

PACKAGES = ("ptacore", "torch", "numpy", "scipy", "matplotlib", "papermill", "ray", "optuna")


def commit(root: Path, *paths: str) -> tuple[str, bool | None]:
    """The commit of a checkout and whether files (below these paths) differ; ("unknown", None) if `root` is none."""
    if Path(_git(root, "rev-parse", "--show-toplevel") or "/").resolve() != root.resolve():
        return "unknown", None  # the commit of a project in which the package is merely installed
    head = _git(root, "rev-parse", "HEAD")
    return (head, bool(_git(root, "status", "--porcelain", "--", *paths))) if head else ("unknown", None)


def package_commit() -> str:
    """The commit of this package in words, with what differs from it in its sources."""
    head, changed = commit(ROOT, "ptacore")
    return head + " with changes" * bool(changed)


def origin() -> dict[str, object]:
    """Commit of this package, machine and versions, as records keep them."""
    return {"commit": package_commit(), "machine": machine(), "versions": versions()}


def loaded_modules() -> list[str]:
    """The modules of this checkout that this process has loaded, as paths below it.

    Examples
    --------
    >>> "ptacore/provenance.py" in loaded_modules()
    True
    """
    names = [name for name in list(sys.modules) if name.partition(".")[0] in ("ptacore", "ptabook")]
    ours = map(sys.modules.get, names)  # not items(): a thread may import while their pairs are made
    files = {Path(module.__file__) for module in ours if getattr(module, "__file__", None)}
    return sorted(file.relative_to(ROOT).as_posix() for file in files if file.is_relative_to(ROOT))


def machine() -> dict[str, str | int | None]:
    """Processor, number of cores and operating system."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "os": platform.platform()}


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    return {"python": platform.python_version()} | {name: v for name in packages if (v := _version(name))}


def _git(root: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", root, *command], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    if name == "torch" and (torch := importlib.util.find_spec(name)):  # metadata may lack the build, such as +cu130,
        text = Path(torch.origin).with_name("version.py").read_text()  # and to import it takes long
        return re.search(r"__version__ = ['\"](.+?)['\"]", text)[1]
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
