"""Timing on a machine that is not idle: one thread, CPU seconds, contestants in turn, medians over rounds.

Import this first: it sets every numerical library to one thread, which must happen before they are loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):  # thread pools that ask the system how many processors there are
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

IDLE = 0.001  # CPU seconds in twenty milliseconds
RESULTS = Path(__file__).with_name("results")
PACKAGES = (
    *("torch", "numpy", "scipy", "numba", "jax", "jaxlib"),
    *("lyapax", "lyapynov", "clvlib", "sb3_contrib"),
)
LOAD = os.getloadavg()[0]
compiling: dict[str, float] = {}  # the longest preparation seen under a name: some compile once for a process


def peak() -> float:
    """The most memory that this process has had, MB. On Linux ru_maxrss would start from the parent's."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def forget_peak() -> float:
    """Let `peak` count from now on, where Linux can; the memory that the process has, MB."""
    if sys.platform != "linux":
        raise SystemExit("memory is measured on Linux")
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


@dataclass
class Contestant:
    """One way to do a task: `run` does the part 1 / `part` of it, for several cases at once where that is the point."""

    name: str
    run: Callable[[], object] | None = None  # None: not installed
    part: int = 1
    cases: int = 1
    once: float = 0.0  # CPU seconds of preparation (compiling)
    error: float | None = None  # distance of its answer from the reference
    seconds: list[float] = field(default_factory=list)
    result: object = None  # of the last run


def rounds(default: int, description: str) -> int:
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=default, help=f"{default} unless told")
    return parser.parse_args().rounds


def cpu_seconds() -> float:
    """Used so far by this process and by those that it has started and waited for."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def contestant(name: str, prepare: Callable[[], Callable[[], object]], **properties) -> Contestant:
    """A contestant, with its preparation timed; it has no `run` where a package is missing."""
    start = cpu_seconds()
    try:
        run = prepare()
    except ImportError as error:
        print(f"{name}: not installed ({error})")
        return Contestant(name, **properties)
    compiling[name] = max(cpu_seconds() - start, compiling.get(name, 0.0))
    return Contestant(name, run, once=compiling[name], **properties)


def settled() -> float:
    """CPU seconds once no thread does anything any more: JAX gives memory back after its result is ready, for one."""
    for _ in range(100):
        before = cpu_seconds()
        time.sleep(0.02)
        if cpu_seconds() - before < IDLE:
            return before
    raise SystemExit("a thread works on for seconds after the result: its time belongs to nobody")


def race(contestants: list[Contestant], rounds: int) -> None:
    """Let everyone run once a round, in an order that rotates."""
    running = [c for c in contestants if c.run]
    for r in range(rounds):
        for c in running[r % len(running) :] + running[: r % len(running)]:
            start = cpu_seconds()
            c.result = c.run()
            c.seconds.append((settled() - start) * c.part / c.cases)
        print(f"round {r + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", flush=True)


def rounded(value: float, digits: int = 3) -> float:
    return float(f"{value:.{digits}g}")


def rows(contestants: list[Contestant]) -> list[dict]:
    """What was measured, for the JSON file, and printed. Ratios are taken round by round, to the first contestant."""
    print(f"{'':46}{'CPU s':>8}{'range':>18}{'ratio':>7}{'range':>16}{'once':>7}{'error':>9}")
    return [_row(c, contestants[0].seconds) for c in contestants]


def _row(c: Contestant, reference: list[float]) -> dict:
    row = {"name": c.name, "part": c.part, "cases": c.cases}
    if not c.seconds:
        print(f"{c.name:46}{'not installed':>20}")
        return row | {"missing": "not installed"}
    ratios = [s / r for s, r in zip(c.seconds, reference, strict=True)]
    row |= {
        "seconds": rounded(median(c.seconds)),
        "seconds_range": [rounded(min(c.seconds)), rounded(max(c.seconds))],
        "ratio": rounded(median(ratios)),
        "ratio_range": [rounded(min(ratios)), rounded(max(ratios))],
        "once": rounded(c.once, 2),
        "error": None if c.error is None else rounded(c.error, 2),
    }
    spans = ["{:.3g} to {:.3g}".format(*row[key]) for key in ("seconds_range", "ratio_range")]
    error = "" if c.error is None else f"{c.error:.0e}"
    print(f"{c.name:46}{row['seconds']:8.3g}{spans[0]:>18}{row['ratio']:7.3g}{spans[1]:>16}{c.once:7.2f}{error:>9}")
    return row


def save(name: str, rounds: int, tables: dict[str, list[dict]], **facts) -> None:
    """Write results/NAME.json."""
    from ptacore import provenance  # not above: threads are limited before torch is loaded

    machine = provenance.machine()
    record = {
        "date": date.today().isoformat(),
        "machine": {"cpu": machine["cpu"], "cores": machine["cores"], "system": platform.system()},
        "load": {"start": rounded(LOAD), "end": rounded(os.getloadavg()[0])},
        "versions": provenance.versions(PACKAGES),
        "rounds": rounds,
        **facts,
        "tables": tables,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"wrote benchmarks/results/{name}.json")
