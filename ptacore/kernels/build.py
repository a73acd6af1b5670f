"""Shared libraries from the package's C sources, built once by the machine's C compiler and loaded by ctypes.

A library's name ends with the hash of its content. What has been cut, emptied or replaced does not have that hash: it
is removed and built again, since a damaged library does not fail to load, but ends the process. Only a folder that
nobody else can write to is trusted as the cache; without one, a library is built for one process, in a temporary
folder.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

HEADERS = Path(__file__).parent  # whose *.h are what the sources share
FLAGS = [
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-shared",
    "-fPIC",
]
LONGEST = 600  # seconds that a build may take; what is left of an older one is of a process that was killed
HINT = "a C compiler can be installed by apt-get install gcc libc6-dev (on macOS: xcode-select --install)"


class CompilerError(OSError):
    """There is no C compiler, or it fails."""


def _processor() -> str:
    """What a binary built for this machine depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _run(command: list[str]) -> str:
    """What a compiler's command prints."""
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=LONGEST
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(f"{shlex.join(command)[:200]}: {error}; {HINT}") from error
    if done.returncode:
        told = done.stderr.strip()[:500] or f"exit code {done.returncode}"
        raise CompilerError(f"{command[0]} failed: {told}; {HINT}")
    return done.stdout


def _compiler() -> list[str]:
    """The compiler's command, split as the shell does: $CC may hold options."""
    try:
        command = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise CompilerError(f"CC: {error}, got {os.environ['CC']!r}") from error
    command = command or list(filter(None, map(shutil.which, ("cc", "gcc", "clang"))))[:1]
    if not command:
        raise CompilerError(f"no C compiler found (looked for $CC, cc, gcc, clang); {HINT}")
    return command


def build(source: Path | str, folder: Path | None = None) -> Path:
    """Path of the shared library; built where the cache has none for this source, compiler and machine.

    Parameters
    ----------
    source : Path or str
        A file in C, or C text.
    folder : Path, optional
        In place of the cache, which is ``$XDG_CACHE_HOME/ptacore`` or ``~/.cache/ptacore``.

    Raises
    ------
    CompilerError
        If there is no compiler, or it fails.
    OSError
        If others can write to the cache, or we cannot.
    RuntimeError
        If there is no home folder.
    """
    compiler = _compiler()
    flags = FLAGS + (["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else [])
    machine = [_run([*compiler, "--version"]), _processor(), *platform.libc_ver()]
    name, text = ("function", source) if isinstance(source, str) else (source.stem, source.read_text())
    text = [text, *(header.read_text() for header in sorted(HEADERS.glob("*.h")))]
    key = hashlib.sha256("\0".join([*text, *compiler, *flags, *machine]).encode()).hexdigest()[:16]
    folder = folder or _cache()
    for library in sorted(folder.glob(f"{name}-{key}-*.so")):
        if _is_whole(library):
            return library
        library.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        new = Path(scratch) / "library.so"
        if isinstance(source, str):
            (source := Path(scratch) / "function.c").write_text(text[0])
        _run([*compiler, *flags, "-I", str(HEADERS), "-o", str(new), str(source), "-lm"])
        try:
            library = folder / f"{name}-{key}-{_hash(new)}.so"
        except FileNotFoundError:
            raise CompilerError(f"{compiler[0]} succeeded and wrote nothing; {HINT}") from None
        new.chmod(0o700)
        os.replace(new, library)
    return library


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_whole(library: Path) -> bool:
    """Whether a cached library is a file of ours with the content that its name says."""
    try:
        regular = stat.S_ISREG(library.lstat().st_mode)
        return regular and not _others_write(library) and library.stem.endswith(f"-{_hash(library)}")
    except OSError:
        return False


def _others_write(path: Path) -> str | None:
    """Why somebody else can write to a file or folder, or could have; None if nobody can."""
    if os.name != "posix":
        return None  # permissions are told otherwise there
    found = path.stat()
    if found.st_uid not in (os.getuid(), 0):
        return f"belongs to another user (id {found.st_uid})"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others (mode {stat.filemode(found.st_mode)}; chmod go-w takes that back)"
    return None


def _cache() -> Path:
    """The folder of the libraries, without what killed builds have left there."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    cache = (base if base.is_absolute() else Path.home() / ".cache") / "ptacore"  # the standard: relative is ignored
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.mkdir(mode=0o700, exist_ok=True)
    if fault := _others_write(cache):
        raise OSError(f"the cache {cache} {fault}")
    for above in cache.resolve().parents:  # who may rename a folder above may put another in its place
        mode = above.stat().st_mode
        if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise OSError(f"the cache {cache} lies in {above}, which everybody can write to")
    for left in cache.glob("tmp*"):
        with suppress(OSError):  # another process was faster
            if left.is_dir() and time.time() - left.stat().st_mtime > LONGEST:
                shutil.rmtree(left)
    return cache


def load(source: Path | str, names: Sequence[str] = (), tell: bool = True) -> ctypes.CDLL | None:
    """The library of a source, with functions of these names; None where that is impossible, and then a warning."""
    try:
        try:
            return _open(build(source), names)
        except CompilerError:
            raise
        except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
            with tempfile.TemporaryDirectory(prefix="ptacore-") as folder:
                library = _open(build(source, Path(folder)), names)
            warnings.warn(f"compiled backend built for this process alone, every time anew: {error}", stacklevel=3)
            return library
    except OSError as error:
        if tell:
            warnings.warn(f"compiled backend not available, torch takes its place, slower: {error}", stacklevel=3)
        return None


def _open(path: Path, names: Sequence[str]) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    if missing := [name for name in names if not hasattr(library, name)]:
        raise OSError(f"{path} has no function {missing[0]}")
    return library
