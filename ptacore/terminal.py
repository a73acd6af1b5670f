"""What every command shares: its errors and exit codes, what it prints, how it reads a value."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class UsageError(ValueError):
    """The request cannot be carried out as it was put: an unknown figure, parameter or folder."""


class CommandError(RuntimeError):
    """The request was right, and could not be carried out."""


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None, root: Path) -> int:
    """Carry out a command line.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Its commands set ``command``, a function of the parsed arguments and the root that returns an exit code.
    argv : sequence of str, optional
        The arguments; those of the process if omitted.
    root : Path
        The checkout to work in.

    Returns
    -------
    int
        0 when all went well, 1 when something failed, 2 on wrong usage, 130 on an interruption.
    """
    if argv is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as on Ctrl-C: leave nothing half-written
    arguments = parser.parse_args(argv)
    try:
        return arguments.command(arguments, root)
    except UsageError as error:
        return complain(str(error), code=2)
    except (CommandError, OSError, MemoryError) as error:
        return complain(str(error), code=1)
    except KeyboardInterrupt:
        return complain("interrupted; earlier results are as they were", code=130)


def parse_value(text: str) -> Any:
    """Read a parameter's value from the command line: a number, true, false, null, JSON, or else text.

    Examples
    --------
    >>> [parse_value(text) for text in ("3", "1e-3", "true", "null", "[1, 2]", "W.csv")]
    [3, 0.001, True, None, [1, 2], 'W.csv']
    """
    words = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, float, json.loads):
        try:
            return read(text)
        except ValueError:
            pass
    return text


def shown(path: Path) -> Path:
    """A path as the user would write it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def say(text: str) -> None:
    print(text, flush=True)


def complain(text: str, code: int) -> int:
    """Print an error, and hand on the exit code."""
    print(f"ptacore: {text}", file=sys.stderr, flush=True)
    return code
