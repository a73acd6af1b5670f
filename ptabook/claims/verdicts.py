"""Verdicts: the ledger's statements, decided by the figures' numbers; printed, written, compared with a release."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ptabook.claims import ledger as read_claims
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Claim, Found

VERDICTS = REPRODUCED, DIFFERS, NOT_TESTABLE = "reproduced", "differs", "not testable here"
# until all checks know the three verdicts
WORDS = {
    SUPPORTS: REPRODUCED,
    CONTRADICTS: DIFFERS,
    UNDECIDED: NOT_TESTABLE,
}


@dataclass(frozen=True)
class Entry:
    """A claim with what was found."""

    claim: Claim
    ours: str
    verdict: str


def entries(figures: Path) -> list[Entry]:
    """The ledger, decided by the numbers of the figures in a folder.

    Parameters
    ----------
    figures : Path
        ``_build/figures/<preset>``: one folder a figure, with the JSON file that its notebook saved.

    Raises
    ------
    FileNotFoundError
        If a figure that a claim needs has not been made.

    Examples
    --------
    >>> sum(claim.check is not None for claim in read_claims()) > 15
    True
    """
    numbers, claims = {}, read_claims()
    for name in sorted({claim.figure for claim in claims}):
        path = figures / name / f"{name}.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; make it: ptacore figures {name} --preset {figures.name}")
        numbers[name] = json.loads(path.read_text())
    return [_decide(claim, numbers[claim.figure]) for claim in claims]


def _decide(claim: Claim, numbers: dict) -> Entry:
    if claim.check is None:
        return Entry(claim, "", NOT_TESTABLE)
    found = claim.check(numbers)
    if isinstance(found, Found):
        return Entry(claim, found.ours + f" ({found.reason})" * bool(found.reason), WORDS[found.verdict])
    ours, holds = found
    return Entry(claim, ours, NOT_TESTABLE if holds is None else REPRODUCED if holds else DIFFERS)


def _counts(ledger: list[Entry]) -> list[int]:
    counts = Counter(entry.verdict for entry in ledger)
    return [counts[verdict] for verdict in VERDICTS]


def _summary(ledger: list[Entry]) -> str:
    """Counts for the paper, and for its neighbours."""
    paper = [entry for entry in ledger if not entry.claim.work]
    neighbours = [entry for entry in ledger if entry.claim.work]
    parts = []
    for entries_of, whose in ((paper, "the paper"), (neighbours, "its neighbours")):
        counts = ", ".join(f"{n} {verdict}" for n, verdict in zip(_counts(entries_of), VERDICTS, strict=True))
        parts += [f"{counts} ({len(entries_of)} statements of {whose})"] * bool(entries_of)
    return "; ".join(parts)


def _by_page(ledger: list[Entry]) -> list[str]:
    """Verdicts counted for each page that holds evidence, in the ledger's order."""
    lines = ["| Evidence | " + " | ".join(VERDICTS) + " |", "|---|" + "---:|" * len(VERDICTS)]
    for figure in dict.fromkeys(entry.claim.figure for entry in ledger):
        counts = _counts([entry for entry in ledger if entry.claim.figure == figure])
        lines.append(f"| {{doc}}`../notebooks/{figure}` | " + " | ".join(map(str, counts)) + " |")
    return lines


def write_ledger(figures: Path, out: Path) -> None:
    """Write the ledger as Markdown: a summary, the comment ``<!-- statements -->``, the table.

    Parameters
    ----------
    figures : Path
        As for `entries`.
    out : Path
        File to write.
    """
    ledger = entries(figures)
    lines = [f"**{_summary(ledger)}.**", "", *_by_page(ledger), "", "<!-- statements -->", ""]
    lines += ["| | Where | Statement | Paper | Ours | Agrees if | Verdict |", "|---|---|---|---|---|---|---|"]
    for number, entry in enumerate(ledger, 1):
        c = entry.claim
        verdict = f"{{bdg-{_badge(entry.verdict)}}}`{entry.verdict}`"
        evidence = f"[evidence](../notebooks/{c.figure}.ipynb)"
        cells = (c.where, c.statement, c.paper, entry.ours, c.tolerance, f"{verdict} {evidence}")
        lines.append(f"| {number} | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    out.write_text("\n".join(lines) + "\n")


def _badge(verdict: str) -> str:
    return {REPRODUCED: "success-line", DIFFERS: "danger-line", NOT_TESTABLE: "secondary-line"}[verdict]


def _verdicts(ledger: list[Entry]) -> dict[str, str]:
    return {entry.claim.id: entry.verdict for entry in ledger}


def release(ledger: list[Entry], out: Path, version: str) -> None:
    """Record verdicts as those of a release.

    Parameters
    ----------
    ledger : list of Entry
        As `entries` returns it, of the figures of the preset "quick".
    out : Path
        JSON file to write; ``results/verdicts.json`` in this project.
    version : str
        Version of the release.
    """
    out.write_text(json.dumps({"version": version, "verdicts": _verdicts(ledger)}, indent=1, ensure_ascii=False) + "\n")


def changes(ledger: list[Entry], released: Path) -> list[str]:
    """Statements whose verdict is not that of the last release, or that are gone.

    Parameters
    ----------
    ledger : list of Entry
        As `entries` returns it.
    released : Path
        What `release` wrote.

    Returns
    -------
    list of str
        A line each. Statements that are new since the release are not among them, nor are those that it could not test:
        recording a run that decides one is not news of a fault.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it does not hold verdicts.
    """
    remedy = "write it: ptacore claims --release"
    if not released.is_file():
        raise FileNotFoundError(f"{released} is missing; {remedy}")
    try:
        record = json.loads(released.read_text())
        before, version = record["verdicts"], record["version"]
        if not set(before.values()) <= set(VERDICTS):
            raise ValueError(f"verdicts other than {', '.join(VERDICTS)}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{released}: not a record of verdicts ({error}); {remedy}") from error
    now, words = _verdicts(ledger), {e.claim.id: f"{e.claim.where}: {e.claim.statement}" for e in ledger}
    found = ((statement, verdict, now.get(statement, "gone")) for statement, verdict in before.items())
    told = ((s, old, new) for s, old, new in found if old != new and (old != NOT_TESTABLE or new == "gone"))
    return [f"{words.get(s, s)} {old} in {version}, now {new}" for s, old, new in told]


def print_ledger(figures: Path) -> list[Entry]:
    """Print the ledger, and return it."""
    ledger = entries(figures)
    for number, entry in enumerate(ledger, 1):
        print(f"{number:3d}  {entry.verdict:17s}  {entry.claim.where}: {entry.claim.statement}")
        print(f"     paper: {entry.claim.paper}; ours: {entry.ours or '-'}")
    print(_summary(ledger))
    return ledger
