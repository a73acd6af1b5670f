"""A campaign: a list of runs, the most valuable first, made side by side and taken up again where they were left."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def read_campaign(path: str | Path) -> list[list[str]]:
    """Read the list of runs.

    Parameters
    ----------
    path : str or Path
        A text file: the arguments of ``ptacore train`` for one run on each line, such as
        ``copy-memory tanh-pta --seed 1 --set lr=3e-4``; what follows a # is a comment.

    Returns
    -------
    list of list of str

    Raises
    ------
    ValueError
        If a line cannot be split into arguments, or is there twice; the message has its number.
    """
    runs, seen = [], {}
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        try:
            arguments = shlex.split(line, comments=True)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if tuple(arguments) in seen:
            raise ValueError(f"{path}, line {number}: the same run as in line {seen[tuple(arguments)]}")
        if arguments:
            seen[tuple(arguments)] = number
            runs.append(arguments)
    return runs


def run_campaign(runs: list[list[str]], common: Sequence[str] = (), jobs: int = 1) -> list[int]:
    """Make runs side by side, each by ``ptacore train`` in a process of its own.

    Runs that have ended are not made again, and those that were interrupted go on. A run that fails, or whose process
    is killed, does not keep the others from being made.

    Parameters
    ----------
    runs : list of list of str
        The arguments of each, the first ones first.
    common : sequence of str
        Arguments that all have.
    jobs : int
        How many at a time.

    Returns
    -------
    list of int
        The exit codes, in the order of the runs.
    """
    processes, stopped, starting = [], threading.Event(), threading.Lock()

    def make(arguments: list[str]) -> int:
        with starting:
            if stopped.is_set():
                return 130
            process = subprocess.Popen([sys.executable, "-m", "ptacore", "train", *arguments, *common])
            processes.append(process)
        return process.wait()

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(make, runs))
        except BaseException:
            with starting:
                stopped.set()
                for process in processes:
                    process.terminate()  # it ends as on Ctrl-C, with its last epoch recorded
            raise
