"""Verdicts: the ledger's statements, decided by the figures' numbers; printed, written, compared with a release."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ptabook.claims import ledger as read_claims
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, VERDICTS, Claim, Found, as_found
from ptabook.claims.evidence import holm
from ptabook.claims.places import Reading, evidence, figures

BEFORE = {"reproduced": SUPPORTS, "differs": CONTRADICTS, "not testable here": UNDECIDED}
"""The words of releases up to 0.2.0, which gave a verdict by a point and a threshold."""

BADGES = {SUPPORTS: "success-line", CONTRADICTS: "danger-line", UNDECIDED: "secondary-line"}
MADE = "by construction"


@dataclass(frozen=True)
class Entry:
    """A claim with what was found, and the section of its page that speaks of the numbers that decided."""

    claim: Claim
    ours: str
    verdict: str
    reason: str = ""
    section: str = ""

    @property
    def word(self) -> str:
        """The verdict as the ledger tells it."""
        return MADE if self.claim.by_construction and self.verdict == SUPPORTS else self.verdict


def entries(folder: Path) -> list[Entry]:
    """The ledger, decided by the numbers of the figures in a folder.

    Parameters
    ----------
    folder : Path
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
        path = folder / name / f"{name}.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; make it: ptacore figures {name} --preset {folder.name}")
        numbers[name] = json.loads(path.read_text())
    readings = [Reading(numbers[claim.figure]) for claim in claims]
    found = [_find(claim, reading) for claim, reading in zip(claims, readings, strict=True)]
    for name in numbers:  # the rows of a page are a family
        family = [i for i, claim in enumerate(claims) if claim.figure == name]
        for i, row in zip(family, holm([found[i] for i in family]), strict=True):
            found[i] = row
    return [
        Entry(claim, row.ours, row.verdict, row.reason, claim.section or evidence(claim.figure, reading.read))
        for claim, row, reading in zip(claims, found, readings, strict=True)
    ]


def _find(claim: Claim, numbers: dict) -> Found:
    if claim.check is None:
        return Found("", UNDECIDED, "no computation here can decide it")
    return as_found(claim.check(numbers))


def _counts(ledger: list[Entry]) -> list[int]:
    """How many rows have each verdict, and how many are true by construction, which have none of these."""
    counts = Counter(entry.verdict for entry in ledger if not entry.claim.by_construction)
    return [*(counts[verdict] for verdict in VERDICTS), sum(entry.claim.by_construction for entry in ledger)]


def _whose(claim: Claim) -> str:
    """What this book says itself is not a statement of the work that it stands beside."""
    if claim.work.startswith("beside "):
        return "this book, beside them"
    return "its neighbours" if claim.work else "the paper"


def _by_whose(ledger: list[Entry]) -> dict[str, list[Entry]]:
    groups = {"the paper": [], "its neighbours": [], "this book, beside them": []}
    for entry in ledger:
        groups[_whose(entry.claim)].append(entry)
    return groups


def _summary(ledger: list[Entry]) -> str:
    """Counts for the paper, for its neighbours and for ours; what is true by construction is beside them."""
    parts = []
    for whose, rows in _by_whose(ledger).items():
        *counts, made = _counts(rows)
        if sum(counts) + made:
            words = (f"{sum(counts)} statement{'s' * (sum(counts) != 1)} of {whose}: "
                     f"{counts[0]} supported, {counts[1]} contradicted, {counts[2]} undecided")  # fmt: skip
            parts.append(words + f" (and {made} true by construction, not counted)" * bool(made))
    return "; ".join(parts)


def _table_of_counts(head: str, last: str, groups: Mapping[str, list[Entry]]) -> list[str]:
    """Verdicts counted, a line for each group that has rows; the last column is of what is true by construction."""
    columns = (*VERDICTS, last)
    lines = [f"| {head} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    counted = {name: _counts(rows) for name, rows in groups.items() if rows}
    return lines + [f"| {name} | " + " | ".join(map(str, counts)) + " |" for name, counts in counted.items()]


def _headline(ledger: list[Entry]) -> list[str]:
    """The counts of `_summary` as a table."""
    groups = {f"of {whose}": rows for whose, rows in _by_whose(ledger).items()}
    return _table_of_counts("Statements", f"{MADE}, not counted", groups)


def _by_page(ledger: list[Entry]) -> list[str]:
    """Verdicts counted for each page that holds evidence, in the ledger's order."""
    groups = {}
    for entry in ledger:
        groups.setdefault(f"{{doc}}`../notebooks/{entry.claim.figure}`", []).append(entry)
    return _table_of_counts("Evidence", MADE, groups)


def write_ledger(folder: Path, out: Path) -> None:
    """Write the ledger as Markdown, in four parts that pages include.

    These are a headline, after ``<!-- pages -->`` the counts by page, after ``<!-- differs -->`` the list of what
    differs, and after ``<!-- statements -->`` the table.

    Parameters
    ----------
    folder : Path
        As for `entries`.
    out : Path
        File to write.
    """
    ledger = entries(folder)
    lines = [*_headline(ledger), "", "<!-- pages -->", "", *_by_page(ledger), ""]
    lines += ["<!-- differs -->", "", *_differs(ledger), "<!-- statements -->", ""]
    lines += ["| Where | Statement | Paper | Ours | Holds if | Verdict |", "|---|---|---|---|---|---|"]
    for entry in ledger:
        c = entry.claim
        verdict = f"{{bdg-{BADGES[entry.verdict]}}}`{entry.word}`" + f" {entry.reason}" * bool(entry.reason)
        cells = (_where(entry), c.statement, c.paper, entry.ours, c.tolerance, f"{verdict} {_links(entry)}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    out.write_text("\n".join(lines) + "\n")


def _where(entry: Entry) -> str:
    """Where the statement stands, and the row's anchor; the span's classes are what the page's filters go by."""
    c = entry.claim
    classes = [f"verdict-{entry.word.replace(' ', '-')}", f"page-{c.figure}"]
    if c.work:
        where = f"[{c.work}]{{.work}}{c.where.removeprefix(c.work)}"
    else:
        where, classes = c.where, classes + [f"figure-{number}" for number in figures(c.where, c.figure)]
    names = " ".join(f".{name}" for name in ("claim", *classes))
    return f"[{where}]{{#claim-{c.id} {names}}} [{c.id}](#claim-{c.id})"


def _links(entry: Entry) -> str:
    """The section that shows the evidence, and the note if there is one."""
    section = f"#{entry.section}" * bool(entry.section)
    note = f" [note](notes.md#{entry.claim.note})" * bool(entry.claim.note)
    return f"[evidence](../notebooks/{entry.claim.figure}.ipynb{section}){note}"


def _differs(ledger: list[Entry]) -> list[str]:
    """What is contradicted, the paper's statements first: each with what was found instead, its row and its note."""
    lines = []
    for whose, rows in _by_whose(ledger).items():
        if rows := [entry for entry in rows if entry.verdict == CONTRADICTS]:
            lines += [f"Of {whose}, {len(rows)}:", ""]
        for entry in rows:
            c = entry.claim
            lines += [f"- **{c.where}.** {c.statement} *Ours:* {entry.ours}. [row](#claim-{c.id}) {_links(entry)}"]
        lines += [""]
    return lines


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


def print_ledger(folder: Path) -> list[Entry]:
    """Print the ledger, and return it."""
    ledger = entries(folder)
    for number, entry in enumerate(ledger, 1):
        mark = "; by construction" * entry.claim.by_construction
        print(f"{number:3d}  {entry.verdict + mark:17s}  {entry.claim.where}: {entry.claim.statement}")
        why = f"; undecided: {entry.reason}" * bool(entry.reason)
        print(f"     paper: {entry.claim.paper}; ours: {entry.ours or '-'}{why}")
    print(_summary(ledger))
    return ledger
