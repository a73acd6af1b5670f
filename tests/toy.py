"""A small checkout to make figures in: one notebook, a package of three files, a book of one page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

PARAMETERS = "preset = 'quick'\nseed = 0  # of the noise\nweights = None\nrecords = '../results'\noutput_dir = '.'"
WORK = """\
import json, sys
from pathlib import Path
made = {"seed": seed, "preset": preset, "python": sys.executable}
Path(output_dir, "toy.json").write_text(json.dumps(made))"""
CHECK = "if seed < 0:\n    raise ValueError(f'seed: must not be negative, got {seed}')"


def make_checkout(root: Path) -> Path:
    for folder in ("notebooks", "ptacore/dynamics", "ptacore/models", "ptacore/plotting", "book", "results/toy"):
        (root / folder).mkdir(parents=True)
    write_notebook(root)
    (root / "ptacore/dynamics/lyapunov.py").write_text("x = 1\n")
    (root / "ptacore/models/kernels.c").write_text("int x = 1;\n")
    (root / "ptacore/models/kernels.h").write_text("#define Y 1\n")
    (root / "ptacore/plotting/picture.js").write_text("const x = 1;\n")
    (root / "requirements.lock").write_text("numpy==2.4.6\n")
    (root / "results/toy/run.json").write_text("{}")
    (root / "_config.yml").write_text("title: Toy\nexecute: {execute_notebooks: 'off'}\n")
    (root / "CITATION.cff").write_text("cff-version: 1.2.0\n")
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/toy\n")
    (root / "book/index.md").write_text("# Toy book\n\nA page.\n")
    return root


def write_notebook(root: Path, name: str = "toy", cells: tuple[str, ...] = (WORK, CHECK)) -> Path:
    notebook = nbformat.v4.new_notebook()
    notebook.cells.append(nbformat.v4.new_markdown_cell(f"# {name}"))
    notebook.cells.append(nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = root / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def edit_notebook(path: Path, edit: Callable[[nbformat.NotebookNode], object]) -> None:
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_own_thread(call: Callable, *arguments):
    """Where Chromium is started while, in this thread, that of the book's tests may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *arguments).result()
