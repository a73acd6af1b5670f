"""Two builds compared: which numbers of the figures moved, by how much, and what a reader should know of it.

A trajectory that is chaotic, or trained, differs between two processors in all digits. So a number that moved is
reported with its size, and only the ledger's verdicts decide whether two builds disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN_TIME = re.compile(r"(^|[._])(seconds|minutes)(\[|$)")  # how long a run took is not a result
ROUNDING = 1e-9  # differences below, such as those of residues, are those of the arithmetic
SIZES = (1e-6, 1e-3, 1e-1)
SHOWN = 20  # of each figure


@dataclass(frozen=True)
class Move:
    """A number that differs.

    Attributes
    ----------
    figure, number : str
        Where it is: the notebook, and its path in the notebook's JSON file.
    before, now : object
        Its values; `now` is "gone" where there is none.
    size : float
        Difference relative to the larger of both; infinite where one is not a number.
    """

    figure: str
    number: str
    before: Any
    now: Any
    size: float


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Every number that the figures in a folder saved.

    Parameters
    ----------
    folder : Path
        One folder a figure, with the JSON file that its notebook saved: ``_build/figures/<preset>``, or a release's
        archive of numbers, unpacked.

    Returns
    -------
    dict
        From a figure's name to its numbers by path, run times left out.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    files = sorted(path for path in folder.glob("*/*.json") if path.stem == path.parent.name)
    if not files:
        raise FileNotFoundError(f"{folder}: no numbers of figures; expected files such as {folder / 'fig3/fig3.json'}")
    found = {path.stem: dict(_leaves(json.loads(path.read_text()))) for path in files}
    return {name: {key: v for key, v in row.items() if not RUN_TIME.search(key)} for name, row in found.items()}


def moves(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[Move]:
    """What differs between two builds, as `read` returns them, largest first; what is new is left out.

    Examples
    --------
    >>> [move.size for move in moves({"fig3": {"rate": 2.0, "n": 4}}, {"fig3": {"rate": 1.0, "n": 4, "new": 1}})]
    [0.5]
    """
    found = [
        Move(figure, key, old, new, size)
        for figure, row in before.items()
        if figure in now
        for key, old in row.items()
        if (size := _size(old, new := now[figure].get(key, "gone"))) > 0
    ]
    found += [
        Move(figure, "all", len(row), "gone", float("inf")) for figure, row in before.items() if figure not in now
    ]
    return sorted(found, key=lambda move: -move.size)


def report(found: Sequence[Move], verdicts: Sequence[str], total: int, tolerance: float) -> str:
    """Tell what moved, in Markdown: verdicts, counts by size, and the numbers beyond the tolerance.

    Parameters
    ----------
    found : sequence of Move
        As `moves` returns them.
    verdicts : sequence of str
        As `ptabook.claims.verdicts.changes` returns them.
    total : int
        How many numbers were compared.
    tolerance : float
        A relative size; moves beyond are listed.
    """
    beyond = [move for move in found if move.size > tolerance]
    counts = f"{len(verdicts)} verdicts changed; {len(beyond)} of {total} numbers moved"
    lines = [f"**{counts} by more than {tolerance:g} of their size.**", *(f"\n- {line}" for line in verdicts)]
    if found:
        lines += ["", "| Figure | " + " | ".join(f"moved by > {size:g}" for size in SIZES) + " |"]
        lines += ["|---|" + "---:|" * len(SIZES)]
    for figure in sorted({move.figure for move in found}):
        counts = (sum(move.figure == figure and move.size > size for move in found) for size in SIZES)
        lines.append(f"| {figure} | " + " | ".join(map(str, counts)) + " |")
    for figure in sorted({move.figure for move in beyond}):
        lines += _largest(figure, [move for move in beyond if move.figure == figure])
    return "\n".join(lines)


def _largest(figure: str, found: Sequence[Move]) -> Iterator[str]:
    yield from ("", f"{figure}, the largest {min(SHOWN, len(found))} of {len(found)}:", "")
    yield from ("| Number | Before | Now | Moved by |", "|---|---:|---:|---:|")
    for move in found[:SHOWN]:
        yield f"| `{move.number}` | {_text(move.before)} | {_text(move.now)} | {move.size:.2g} |"


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _leaves(value, f"{path}[{i}]")
    else:
        yield path, node


def _size(old: Any, new: Any) -> float:
    if old == new or (old != old and new != new):  # the latter: NaN, as JSON files of Python hold it
        return 0.0
    if not all(type(value) in (int, float) and abs(value) < float("inf") for value in (old, new)):
        return float("inf")
    difference = abs(old - new)
    return difference / max(abs(old), abs(new)) if difference > ROUNDING else 0.0


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|")[:40]
