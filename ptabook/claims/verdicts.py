"""Verdicts: the ledger's statements, decided by the figures' numbers; printed, written, compared with a release."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ptabook.claims import ledger as read_claims
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, VERDICTS, Claim, Found
from ptabook.claims.evidence import holm

BEFORE = {"reproduced": SUPPORTS, "differs": CONTRADICTS, "not testable here": UNDECIDED}
"""The words of releases up to 0.2.0, which gave a verdict by a point and a threshold."""

BADGES = {SUPPORTS: "success-line", CONTRADICTS: "danger-line", UNDECIDED: "secondary-line"}


@dataclass(frozen=True)
class Entry:
    """A claim with what was found."""

    claim: Claim
    ours: str
    verdict: str
    reason: str = ""


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
    found = [_find(claim, numbers[claim.figure]) for claim in claims]
    for name in numbers:  # the rows of a page are a family
        family = [i for i, claim in enumerate(claims) if claim.figure == name]
        for i, row in zip(family, holm([found[i] for i in family]), strict=True):
            found[i] = row
    return [Entry(claim, row.ours, row.verdict, row.reason) for claim, row in zip(claims, found, strict=True)]


def _find(claim: Claim, numbers: dict) -> Found:
    if claim.check is None:
        return Found("", UNDECIDED, "no computation here can decide it")
    found = claim.check(numbers)
    return found if isinstance(found, Found) else Found(found[0], SUPPORTS if found[1] else CONTRADICTS)


def _counts(ledger: list[Entry]) -> list[int]:
    """How many rows have each verdict, and how many are true by construction, which have none of these."""
    counts = Counter(entry.verdict for entry in ledger if not entry.claim.by_construction)
    return [*(counts[verdict] for verdict in VERDICTS), sum(entry.claim.by_construction for entry in ledger)]


def _summary(ledger: list[Entry]) -> str:
    """Counts for the paper, and for its neighbours; what is true by construction is beside them."""
    parts = []
    for works, whose in ((False, "the paper"), (True, "its neighbours")):
        *counts, made = _counts([entry for entry in ledger if bool(entry.claim.work) == works])
        if sum(counts) + made:
            words = (f"{sum(counts)} statements of {whose}: {counts[0]} supported, {counts[1]} contradicted, "
                     f"{counts[2]} undecided")  # fmt: skip
            parts.append(words + f" (and {made} true by construction, not counted)" * bool(made))
    return "; ".join(parts)


def _by_page(ledger: list[Entry]) -> list[str]:
    """Verdicts counted for each page that holds evidence, in the ledger's order."""
    columns = (*VERDICTS, "by construction")
    lines = ["| Evidence | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for figure in dict.fromkeys(entry.claim.figure for entry in ledger):
        counts = _counts([entry for entry in ledger if entry.claim.figure == figure])
        lines.append(f"| {{doc}}`../notebooks/{figure}` | " + " | ".join(map(str, counts)) + " |")
    return lines


def write_ledger(figures: Path, out: Path) -> None:
    """Write the ledger as Markdown: a headline, ``<!-- pages -->``, counts, ``<!-- statements -->``, the table.

    Parameters
    ----------
    figures : Path
        As for `entries`.
    out : Path
        File to write.
    """
    ledger = entries(figures)
    lines = [f"**{_summary(ledger)}.**", "", "<!-- pages -->", "", *_by_page(ledger), "", "<!-- statements -->", ""]
    lines += ["| | Where | Statement | Paper | Ours | Holds if | Verdict |", "|---|---|---|---|---|---|---|"]
    for number, entry in enumerate(ledger, 1):
        c = entry.claim
        word = "by construction" if c.by_construction and entry.verdict == SUPPORTS else entry.verdict
        verdict = f"{{bdg-{BADGES[entry.verdict]}}}`{word}`" + f" {entry.reason}" * bool(entry.reason)
        evidence = f"[evidence](../notebooks/{c.figure}.ipynb)"
        cells = (c.where, c.statement, c.paper, entry.ours, c.tolerance, f"{verdict} {evidence}")
        lines.append(f"| {number} | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    out.write_text("\n".join(lines) + "\n")


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
        What `release` wrote, of this version or of one up to 0.2.0, whose words are translated.

    Returns
    -------
    list of str
        A line each. Statements that are new since the release are not among them, nor are those that were undecided:
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
        before = {name: BEFORE.get(verdict, verdict) for name, verdict in before.items()}
        if not set(before.values()) <= set(VERDICTS):
            raise ValueError(f"verdicts other than {', '.join(VERDICTS)}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{released}: not a record of verdicts ({error}); {remedy}") from error
    now, words = _verdicts(ledger), {e.claim.id: f"{e.claim.where}: {e.claim.statement}" for e in ledger}
    found = ((statement, verdict, now.get(statement, "gone")) for statement, verdict in before.items())
    told = ((s, old, new) for s, old, new in found if old != new and (old != UNDECIDED or new == "gone"))
    return [f"{words.get(s, s)} {old} in {version}, now {new}" for s, old, new in told]


def print_ledger(figures: Path) -> list[Entry]:
    """Print the ledger, and return it."""
    ledger = entries(figures)
    for number, entry in enumerate(ledger, 1):
        mark = "; by construction" * entry.claim.by_construction
        print(f"{number:3d}  {entry.verdict + mark:17s}  {entry.claim.where}: {entry.claim.statement}")
        why = f"; undecided: {entry.reason}" * bool(entry.reason)
        print(f"     paper: {entry.claim.paper}; ours: {entry.ours or '-'}{why}")
    print(_summary(ledger))
    return ledger
