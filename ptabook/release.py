"""A release: one version in every file that states it, and archives that come out the same byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

from ptabook.crate import crate
from ptabook.figures import figure_names
from ptabook.files import files_below, replace_folder, scratch_folder
from ptacore import provenance
from ptacore.terminal import UsageError

HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)


def stated(root: Path) -> dict[str, tuple[str, str | None]]:
    """Version and date as each file of a checkout states them.

    Returns
    -------
    dict
        From a file's name to its version and, where the file has one, the date of the release.
    """
    import yaml

    def text(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    citation, meta = yaml.safe_load(text("CITATION.cff")), json.loads(text("codemeta.json"))
    heading = HEADING.search(text("CHANGELOG.md"))
    if heading is None:
        raise UsageError("CHANGELOG.md: expected a heading such as: ## [1.2.3] - 2026-11-23")
    return {
        "pyproject.toml": (tomllib.loads(text("pyproject.toml"))["project"]["version"], None),
        "CITATION.cff": (str(citation.get("version")), str(citation.get("date-released"))),
        "codemeta.json": (meta.get("version"), str(meta.get("datePublished"))),
        "CHANGELOG.md": (heading[1], heading[2]),
        "results/verdicts.json": (json.loads(text("results/verdicts.json"))["version"], None),
    }


def check(root: Path, tag: str | None = None) -> str:
    """The version of a checkout, on which its files and the tag agree.

    Parameters
    ----------
    root : Path
        The checkout.
    tag : str, optional
        Such as ``"v1.2.3"``.

    Raises
    ------
    UsageError
        If they do not agree on version or date.
    """
    found = stated(root)
    said = {name: version for name, (version, _) in found.items()} | ({f"tag {tag}": tag[1:]} if tag else {})
    dates = {name: date for name, (_, date) in found.items() if date}
    for kind, values in (("version", said), ("date", dates)):
        if len(set(values.values())) > 1:
            raise UsageError(f"one {kind} expected, found {', '.join(f'{v} in {name}' for name, v in values.items())}")
    return said["pyproject.toml"]


def notes(root: Path) -> str:
    """What the changelog says of its newest version."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return text[HEADING.search(text).end() :].partition("\n## ")[0].strip() + "\n"


def build(root: Path, tag: str | None = None) -> Path:
    """Pack a release from a clean checkout in which the book has been made.

    Parameters
    ----------
    root : Path
        The checkout.
    tag : str, optional
        As in `check`.

    Returns
    -------
    Path
        ``_build/dist``, with the site, the numbers of the figures, and for a lasting archive sources, figures and
        provenance together, described as an RO-Crate; their ``SHA256SUMS``; and ``NOTES.md``, from the changelog.
        Times in the archives are that of the commit, so that the same files give the same bytes.

    Raises
    ------
    UsageError
        If versions disagree, the checkout differs from its commit, or a figure or the book has not been made.
    """
    version = check(root, tag)
    if provenance.commit(root)[1] is not False:
        raise UsageError(f"{root}: a release is made of a commit; commit or remove what `git status` lists")
    figures, site = root / "_build/figures/quick", root / "_build/html"
    made = {p.relative_to(figures).as_posix(): p for name in figure_names(root) for p in files_below(figures / name)}
    numbers = {f"{name}/{name}.json": figures / name / f"{name}.json" for name in figure_names(root)}
    if missing := [path for path in (*numbers.values(), site / "index.html") if not path.is_file()]:
        raise UsageError(f"{missing[0]} is missing: make book")
    sources = {name: root / name for name in _git(root, "ls-files", "-z").split("\0") if name}
    described = root / "_build/ro-crate-metadata.json"
    described.write_text(crate(root, sources, made), encoding="utf-8")
    contents = {
        "site": {p.relative_to(site).as_posix(): p for p in sorted(site.rglob("*")) if p.is_file()},
        "numbers": numbers,
        "archive": sources | {f"figures/{name}": path for name, path in made.items()} | {described.name: described},
    }
    out = root / "_build/dist"
    with scratch_folder(out) as scratch:
        for kind, files in contents.items():
            _pack(scratch / f"ptacore-{version}-{kind}.tar.gz", files, int(_git(root, "log", "-1", "--format=%ct")))
        (scratch / "NOTES.md").write_text(notes(root), encoding="utf-8")
        sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(scratch.glob("*.gz"))]
        (scratch / "SHA256SUMS").write_text("".join(sums))
        replace_folder(scratch, out)
    return out


def _git(root: Path, *command: str) -> str:
    return subprocess.run(["git", "-C", root, *command], capture_output=True, text=True, check=True).stdout


def _pack(archive: Path, files: dict[str, Path], time: int) -> None:
    """Write a .tar.gz with one folder of its name, and nothing in it that depends on when, where or by whom."""
    folder = archive.name.removesuffix(".tar.gz")
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=time) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = path.stat().st_size, time
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)
