"""The book: a mirror of its sources with executed notebooks, rendered to HTML.

It is rendered from ``_build/source/``, in which every notebook is replaced by its executed copy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ptabook.figures import NOTEBOOKS, figure_names
from ptabook.files import (
    digest,
    files_below,
    hash_files,
    mirror,
    named,
    replace_folder,
    scratch_folder,
    sources,
    tidy_up,
)
from ptabook.notebook import renewed
from ptacore.provenance import ROOT
from ptacore.terminal import CommandError, UsageError


class BookError(CommandError):
    """Jupyter Book found an error or a warning."""


def stage(root: Path, preset: str, written: dict[str, Callable[[Path, Path], object]] | None = None) -> Path:
    """Mirror the book's sources into ``_build/source/``, with every figure's notebook in its executed state.

    Files whose content is unchanged are left alone; files that vanished from the sources are removed.

    Parameters
    ----------
    root : Path
        The checkout; its figures of this preset have been made.
    preset : str
        Which figures to show.
    written : dict of str to callable, optional
        Files of the book that are written from the figures: their name in ``book/``, and what is called with the
        folder of the figures and the file to write. Its attribute ``reads``, if it has one, names files of the checkout
        that it is written from, too.

    Returns
    -------
    Path
        The staged tree.
    """
    build = root / "_build"
    figures = build / "figures" / preset
    made: dict[str, Path] = {}
    for name in figure_names(root):
        tidy_up(figures / name)
        for path in files_below(figures / name):
            target = f"notebooks/{_artefact_name(name, path)}"
            if target in made:
                raise UsageError(f"{path} and {made[target]} would both become {target}: rename one")
            made[target] = path
        if (executed := made.get(target := f"notebooks/{name}.ipynb")) is not None:
            made[target] = renewed(executed, root / target, build / "renewed")
    files = {name: root / name for name in ("_config.yml", "_toc.yml", "CITATION.cff")}
    files |= {path.relative_to(root).as_posix(): path for path in files_below(root / "book")}
    files |= {f"notebooks/{path.name}": path for path in (root / "notebooks").glob(NOTEBOOKS)} | made
    files |= {f"book/{name}": path for name, path in _written(root, figures, written or {}).items()}
    mirror(files, build / "source")
    return build / "source"


def _written(root: Path, figures: Path, written: dict[str, Callable[[Path, Path], object]]) -> dict[str, Path]:
    """Write these files, unless nothing they are written from has changed: numbers of figures, notebooks, code."""
    if not written:
        return {}
    folder = root / "_build" / "written"
    paths, stamp = {name: folder / name for name in written}, folder / "sources.sha256"
    told = {root / name for write in written.values() for name in getattr(write, "reads", ())}
    read = [root / "_toc.yml", *sorted((root / "notebooks").glob("*.ipynb")), *sorted(figures.glob("*/*.json"))]
    read += sorted(path for path in told if path.is_file())
    state = digest([sorted(paths), hash_files(root, [*sources(root), *read])])
    if stamp.is_file() and stamp.read_text() == state and all(path.is_file() for path in paths.values()):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)  # until all of them are written again
    for name, write in written.items():
        with named(paths[name]):
            write(figures, paths[name])
    with named(stamp):
        stamp.write_text(state)
    return paths


def build_book(root: Path = ROOT) -> Path:
    """Render the staged sources to HTML with warnings as errors, unless the last build was of the same.

    The pages of the last build are replaced only when all went well.

    Returns
    -------
    Path
        The book's first page.

    Raises
    ------
    BookError
        If Jupyter Book reports an error or a warning.
    """
    source, pages, stamp = (root / "_build" / name for name in ("source", "html", "book.sha256"))
    tidy_up(pages)
    state = digest(hash_files(root, [*files_below(source), *sources(root), root / "requirements.lock"]))
    if (pages / "index.html").is_file() and stamp.is_file() and stamp.read_text() == state:
        print("book: unchanged", flush=True)
        return pages / "index.html"
    print("book: rendering", flush=True)
    program = Path(sys.executable).with_name("jupyter-book")
    if not program.is_file():
        raise UsageError(f"{program} is missing: pip install 'ptacore[book]'")
    with scratch_folder(pages) as scratch:
        # a partial build exits 0 in spite of warnings, so every build is a full one
        options = ["--path-output", scratch, "--all", "-W", "-n", "--keep-going"]
        done = subprocess.run([program, "build", source, *options], cwd=root, stdin=subprocess.DEVNULL)
        if done.returncode or not (scratch / "_build/html/index.html").is_file():
            raise BookError("the book was not built: see the warnings and errors above; earlier pages are as they were")
        stamp.unlink(missing_ok=True)  # from here on until it is written again, it may be of other pages
        replace_folder(scratch / "_build/html", pages)
        stamp.write_text(state)
    return pages / "index.html"


def _artefact_name(name: str, path: Path) -> str:
    return f"{name}.provenance.json" if path.name == "provenance.json" else path.name
