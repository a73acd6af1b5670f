"""Memory, reckoned before it is taken: what cannot fit is refused at its start, with what it would need."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

LARGE = 2**22  # bytes, two large pages of most machines: less gains nothing by them


def foretell(name: str, needed: float, hint: str) -> None:
    """Refuse a computation that needs more memory than there is.

    Parameters
    ----------
    name : str
        The argument that makes it so large.
    needed : float
        Bytes that will be held at the same time.
    hint : str
        How to have less, as an order: "take a shorter duration".

    Raises
    ------
    MemoryError
        If the memory that is available, as far as the system tells, is less.

    Examples
    --------
    >>> foretell("duration", 1e3, "take a shorter one")
    >>> foretell("duration", 1.6e20, "take a shorter one")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    MemoryError: duration: needs 160 EB of memory, and ... available; take a shorter one
    """
    here = available()
    if here is not None and needed > here:
        raise MemoryError(f"{name}: needs {_in_words(needed)} of memory, and {_in_words(here)} are available; {hint}")


def available() -> int | None:
    """Bytes that this process can still take, swap included; None where the system does not tell."""
    told = [_of_the_machine(), _of_the_container(), _of_the_process()]
    return min((size for size in told if size is not None), default=None)


def on_large_pages(address: int, size: int) -> None:
    """Ask the system for large pages where much will be written for the first time: they take half as long to fill."""
    if size >= LARGE and hasattr(mmap, "MADV_HUGEPAGE"):  # Linux
        first = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
        length = ctypes.c_size_t(address + size - first)
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), length, mmap.MADV_HUGEPAGE)


def _of_the_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}  # kB
        return 1024 * (sizes["MemAvailable"] + sizes["SwapFree"])
    except (OSError, ValueError, KeyError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # all that there is, taken or not
    except (AttributeError, ValueError, OSError):
        return None


def _of_the_container(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What the control group leaves; None without one, or without a limit."""
    for limit, taken, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, used = (int((root / name).read_text()) for name in (limit, taken))
            lines = (root / limit).with_name("memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # "max": no limit
            continue
        reclaimed = sum(int(line.split()[1]) for line in lines if line.startswith(f"{cache} "))
        return max(0, most - used + reclaimed)
    return None


def _of_the_process() -> int | None:
    try:
        import resource  # not everywhere

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None
    return None if most == resource.RLIM_INFINITY else max(0, most - taken)


def _in_words(size: float) -> str:
    """A number of bytes, to be read.

    Examples
    --------
    >>> _in_words(1.6e14), _in_words(999), _in_words(2.5e9)
    ('160 TB', '999 bytes', '2.5 GB')
    """
    for unit, name in ((1e18, "EB"), (1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"
