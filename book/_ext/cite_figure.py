"""How to cite a figure, and what it stands on: in words, and for BibTeX."""

from __future__ import annotations

import re
from typing import Any

LATEX = {"“": "``", "”": "''", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#"}


def commit_of(record: dict[str, Any]) -> str:
    """The commit of a provenance record in short, and whether that was all."""
    return str(record.get("commit") or "unknown")[:10] + " with uncommitted changes" * bool(record.get("dirty"))


def citation(name: str, title: str, record: dict[str, Any], cff: dict[str, Any]) -> tuple[str, str]:
    """Cite a figure and the papers that its companion names.

    Parameters
    ----------
    name, title : str
        Of the figure: of its files, and the first words of its caption, or "".
    record : dict
        Its provenance.
    cff : dict
        The content of CITATION.cff.

    Returns
    -------
    str, str
        In words, and for BibTeX.
    """
    called = title if title.startswith("Figure") else f"“{title}”" if title else "Figure"
    day, url = record["started"][:10], cff["repository-code"]
    work = f"{called} ({name}), in: {cff['title']}"
    state = f"version {cff['version']}, commit {commit_of(record)}, preset {record['preset']}, made on {day}"
    words = [f"{_named(cff['authors'])} ({day[:4]}). {work}, {state}. {url}"]
    fields = {"author": _listed(cff["authors"]), "title": f"{{{work}}}", "year": day[:4], "note": state, "url": url}
    entries = [_entry("misc", f"ptacore_{name}", fields)]
    for paper in cff["references"]:
        authors, year = paper["authors"], str(paper["year"])
        words.append(f"{_named(authors)} ({year}). {paper['title']}. {paper['journal']}. {paper['url']}")
        fields = {"author": _listed(authors), "title": f"{{{paper['title']}}}", "journal": paper["journal"]}
        entries.append(
            _entry("article", authors[0]["family-names"] + year, fields | {"year": year, "url": paper["url"]})
        )
    return "\n\n".join(words), "\n\n".join(entries)


def _named(authors: list[dict[str, str]]) -> str:
    """Persons and bodies in words."""
    names = [a.get("name") or f"{a['given-names']} {a['family-names']}" for a in authors]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _listed(authors: list[dict[str, str]]) -> str:
    """Persons and bodies for BibTeX."""
    return " and ".join(
        f"{{{a['name']}}}" if "name" in a else f"{a['family-names']}, {a['given-names']}" for a in authors
    )


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    escaped = (text if field == "url" else re.sub(".", _latex, text) for field, text in fields.items())
    lines = (f"  {field} = {{{text}}},\n" for field, text in zip(fields, escaped, strict=True))
    return f"@{kind}{{{key},\n{''.join(lines)}}}"


def _latex(letter: re.Match) -> str:
    return LATEX.get(letter[0], letter[0])
