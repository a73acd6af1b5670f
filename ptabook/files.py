"""Files and folders: hashes, scratch folders that replace what was there only when all went well, mirrors."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def hash_files(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): sha256(path) for path in paths}


def files_below(folder: Path) -> list[Path]:
    """List the files in a folder and its subfolders, without hidden ones and caches."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [p for p in found if not any(s.startswith((".", "__pycache__")) for s in p.relative_to(folder).parts)]


def sources(root: Path) -> list[Path]:
    """List the source files of both packages: Python, C, JavaScript and style sheets."""
    found = [path for package in ("ptacore", "ptabook") for path in files_below(root / package)]
    return [path for path in found if path.suffix in (".py", ".c", ".h", ".js", ".css")]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give errors of the system the name of what could not be written, which those of a full disk lack."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def scratch_folder(final: Path) -> Iterator[Path]:
    """A folder to work in beside the final one, removed in the end."""
    scratch = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        with named(scratch):
            scratch.mkdir(parents=True)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _old(final: Path, process: int) -> Path:
    """Where a process puts what it is about to replace."""
    return final.with_name(f".{final.name}.{process}.old")


def replace_folder(new: Path, final: Path) -> None:
    """Put a folder in the place of another, which comes back if that fails."""
    old = _old(final, os.getpid())
    try:
        if final.exists():
            os.replace(final, old)
        os.replace(new, final)
    except BaseException:
        if old.exists() and not final.exists():
            os.replace(old, final)
        raise
    if old.exists():
        shutil.rmtree(old, ignore_errors=True)


def tidy_up(final: Path) -> None:
    """Remove what killed processes have left beside a folder or a variant of it; what they had put aside comes back."""
    ours = re.compile(rf"\.({re.escape(final.name)}(?:-[0-9a-f]{{8}})?)\.(\d+)(\.old)?")
    for left in sorted(final.parent.glob(".*")):
        found = ours.fullmatch(left.name)
        if found is None or not left.is_dir() or _runs(int(found[2])):
            continue
        if found[3] and not left.with_name(found[1]).exists():
            os.replace(left, left.with_name(found[1]))
        else:
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether there is a process of this number, other than this one."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def mirror(files: dict[str, Path], target: Path) -> None:
    """Make a folder hold exactly these files (relative name -> source), touching only those that differ."""
    for name, path in files.items():
        copy = target / name
        if not (copy.is_file() and copy.read_bytes() == path.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for path in sorted(target.rglob("*"), reverse=True):  # children before their folders
        if path.is_file() and path.relative_to(target).as_posix() not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
