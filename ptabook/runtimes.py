"""What the figures cost: a table of seconds and memory for the book, from their provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_runtimes(figures: Path, out: Path) -> None:
    """Write what each figure of a folder took as Markdown: a table, and what all of them ran on.

    Parameters
    ----------
    figures : Path
        Folder with a folder for each figure, as `ptabook.figures.run` leaves it.
    out : Path
        File to write.

    Raises
    ------
    FileNotFoundError
        If no figure has been made there.
    """
    made = sorted(figures.glob("*/provenance.json"))
    records = [
        json.loads(path.read_text()) for path in made if path.parent.name.isidentifier()
    ]  # without the user's own
    if not records:
        raise FileNotFoundError(f"{figures} holds no figures: ptacore figures makes them")
    lines = ["| Notebook | seconds | memory (MB) | made | on |", "|---|---:|---:|---|---|"]
    for record in sorted(records, key=lambda record: -record["seconds"]):
        memory = f"{record['memory'] / 1e6:,.0f}" if record.get("memory") else "–"
        link = f"[{record['figure']}](../notebooks/{record['figure']}.ipynb)"
        lines.append(f"| {link} | {record['seconds']:.0f} | {memory} | {record['started'][:10]} | {_machine(record)} |")
    total = sum(record["seconds"] for record in records)
    lines += ["", f"Together {total / 60:.0f} minutes, preset `{records[0]['preset']}`.", ""]
    versions = {", ".join(f"{name} {v}" for name, v in record["versions"].items()) for record in records}
    lines += [f"- {text}" for text in sorted(versions)]
    out.write_text("\n".join(lines) + "\n")


def _machine(record: dict[str, Any]) -> str:
    machine = record["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['os'].split('-')[0]}"
