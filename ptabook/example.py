"""The report that the book shows as an example: of a recorded network, driven by the sequences of its task."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ptacore.reports import FILES

WEIGHTS = "results/audit/random-delay-copy/tanh-pta/seed-0-a8220079/weights.npz"
FOLDER = "_static/example-report"
SEQUENCES = 20


def example_files() -> dict[str, Callable[[Path, Path], None]]:
    """Names of the example's files in ``book/``, and what writes each, given the folder of the figures and a path."""
    names = {f"{FOLDER}/{name}": name for name in ("report.html", *FILES)} | {"_example_report.md": "headline"}
    return {path: _writer(name) for path, name in names.items()}


def _writer(name: str) -> Callable[[Path, Path], None]:
    def write(figures: Path, out: Path) -> None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(_example(figures.parents[2])[name])

    write.reads = [WEIGHTS]
    return write


@cache
def _example(root: Path) -> dict[str, bytes]:
    """The content of all files, made once."""
    from ptacore.reports import report  # torch is loaded where the report is written, not where its name is asked for
    from ptacore.reports.words import headline
    from ptacore.tasks import RandomDelayCopy

    task = RandomDelayCopy(delay=(100, 120), symbols=8, tokens=10, sizes=(10, 10, SEQUENCES))
    sequences = task.split("test").batch().inputs  # (T, sequences, inputs)
    stream = sequences.transpose(0, 1).flatten(0, 1)
    with tempfile.TemporaryDirectory() as folder:
        made = report(root / WEIGHTS, stream, output=folder)
        content = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    (f,) = made.layers
    found = f"It found `{f.layer.name}`, a layer of {f.layer.units} units ({f.layer.cell})."
    return content | {"headline": f"{found} Its heading says: *{headline(f)}*\n".encode()}
