"""The site with its earlier versions below it: the newest at the root, each other one in ``versions/X.Y.Z/``.

A page tells its readers of the other versions by ``_static/versions.js``. A book that is built by itself knows its own
version; when a release is put online, every version's file is written anew.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from ptacore.terminal import UsageError

SITE = re.compile(r"ptacore-(\d+\.\d+\.\d+)-site\.tar\.gz")
FOLDER = "versions"


def assemble(site: Path, version: str, archives: Iterable[Path]) -> list[str]:
    """Put earlier versions of the site below the newest, and tell each of all.

    Parameters
    ----------
    site : Path
        The pages of the newest version.
    version : str
        Which that is.
    archives : iterable of Path
        ``ptacore-X.Y.Z-site.tar.gz`` of releases; one of the newest version itself is passed over.

    Returns
    -------
    list of str
        All versions, the newest first.
    """
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    folders = {version: ""}
    for archive in archives:
        match = SITE.fullmatch(archive.name)
        if match is None:
            raise UsageError(f"{archive}: expected ptacore-X.Y.Z-site.tar.gz")
        if match[1] != version:
            folders[match[1]] = f"{FOLDER}/{match[1]}/"
            _unpack(archive, site / FOLDER / match[1])
    order = sorted(folders, key=lambda name: [int(part) for part in name.split(".")], reverse=True)
    pages = {v: _pages(site / folders[v]) for v in order}
    for v in order:
        up = "../../" if folders[v] else ""
        known = [{"version": w, "folder": up + folders[w], "pages": pages[w]} for w in order]
        write(site / folders[v], v, known)
    return order


def write(site: Path, version: str, known: list[dict[str, object]]) -> None:
    """Tell the pages of a site which version they are, and of which others there are."""
    data = json.dumps({"here": version, "known": known}, separators=(",", ":"))
    (site / "_static" / "versions.js").write_text(f"const VERSIONS = {data};\n", encoding="utf-8")


def _pages(site: Path) -> list[str]:
    found = (path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html")))
    return [name for name in found if not name.startswith((f"{FOLDER}/", "_static/"))]


def _unpack(archive: Path, target: Path) -> None:
    """Unpack the files of the one folder of an archive into another, and nothing outside of it."""
    with tarfile.open(archive) as tar:
        for entry in tar:
            path = target / entry.name.partition("/")[2]
            if not path.resolve().is_relative_to(target.resolve()):
                raise UsageError(f"{archive}: expected files of one folder, got {entry.name}")
            if entry.isfile():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tar.extractfile(entry).read())
    (target / "_static").mkdir(parents=True, exist_ok=True)
