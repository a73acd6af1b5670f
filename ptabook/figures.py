"""Figures: notebooks that are run with parameters when something that they depend on has changed.

``notebooks/<name>.ipynb`` leaves the executed notebook, its artefacts and a ``provenance.json`` in
``_build/figures/<preset>/<name>/``.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ptabook.files import digest, files_below, hash_files, replace_folder, scratch_folder, sha256, sources, tidy_up
from ptabook.notebook import (
    absolute,
    cells_of,
    check_kind,
    code_of,
    execute,
    file_of,
    largest_child,
    literal,
    papermill_or_error,
    plain,
    read_notebook,
    write_notebook,
)
from ptacore import provenance
from ptacore.provenance import LOADED, ROOT
from ptacore.terminal import UsageError

PRESETS = ("quick", "paper")
PACKAGES = ("ptacore/", "ptabook/")
NOTEBOOKS = "[!_]*.ipynb"  # a name that begins with an underscore is not a page: the template
SET_BY_OPTION = {"preset": "--preset", "output_dir": "--output"}  # parameters that every figure has


@dataclass(frozen=True)
class Figure:
    """One notebook with one set of parameters: what goes in, and the folder that comes out.

    Parameters
    ----------
    root : Path
        The checkout.
    name : str
        The notebook's name without its suffix.
    preset : str
        ``"quick"`` or ``"paper"``.
    given : dict
        Parameters that differ from the notebook's defaults: numbers, texts, lists, dicts with texts for keys, None;
        tuples and arrays become lists, paths texts, which is how the notebook gets them. A text that names an existing
        file, with or without ``::NAME`` of an array in it, counts as that file: it is made absolute, and a change of
        the file's content makes the figure stale.
    output : Path, optional
        Where figures are kept; ``_build/figures/<preset>`` if omitted.

    Examples
    --------
    >>> Figure(Path("/home/me/companion"), "fig3").folder.as_posix()
    '/home/me/companion/_build/figures/quick/fig3'
    """

    root: Path
    name: str
    preset: str = "quick"
    given: dict[str, Any] = field(default_factory=dict)
    output: Path | None = None

    def __post_init__(self) -> None:
        given = {key: absolute(plain(key, value)) for key, value in self.given.items()}
        object.__setattr__(self, "given", given)

    @property
    def source(self) -> Path:
        """The notebook as written, without output."""
        return self.root / "notebooks" / f"{self.name}.ipynb"

    @property
    def folder(self) -> Path:
        """The folder with the executed notebook, its artefacts and its provenance."""
        parent = self.output or self.root / "_build" / "figures" / self.preset
        return parent / (f"{self.name}-{digest(self.given)[:8]}" if self.given else self.name)

    def inputs(self) -> dict[str, str]:
        """Hash what goes into the figure besides modules: code cells, parameters and their files, versions, records."""
        hashes = {
            "the notebook": digest(code_of(self.source)),
            "the parameters": digest({**self.given, "preset": self.preset}),
        }
        hashes |= {
            f"the file of {key}": sha256(Path(file)) for key, text in self.given.items() if (file := file_of(text))
        }
        return hashes | hash_files(self.root, [*self.root.glob("requirements.lock"), *self._records()])

    def _records(self) -> list[Path]:
        """The recorded results below the folder that the notebook's parameter ``records`` names, but the user's own."""
        parameters = "\n".join(cell["source"] for cell in cells_of(self.source) if "parameters" in cell["tags"])
        if not (named := re.search(r"^records = ['\"](.+?)['\"]", parameters, re.M)):
            return []
        folder, own = (self.source.parent / named[1]).resolve(), self.root.resolve() / "results" / "own"
        return [p for p in files_below(folder) if p.suffix in (".json", ".csv") and own not in p.parents]

    def changes(self) -> list[str]:
        """Name the inputs that changed since the figure was made; empty when it is fresh."""
        try:
            recorded = json.loads((self.folder / "provenance.json").read_text())
        except (OSError, ValueError):
            return ["not made yet"]
        if not (self.folder / self.source.name).is_file():
            return ["not made yet"]
        before = recorded.get("inputs", {})
        code = [self.root / key for key in before if key.startswith(PACKAGES)]
        now = self.inputs() | hash_files(self.root, [path for path in code if path.is_file()])
        if recorded.get("hash") == digest(now):
            return []
        return sorted(key for key in now | before if now.get(key) != before.get(key)) or ["the provenance"]


def figure_names(root: Path = ROOT) -> list[str]:
    """List the notebooks that are figures: those with a cell tagged ``parameters``, but for the template."""
    folder = root / "notebooks"
    if not folder.is_dir():
        raise UsageError(f"{folder} does not exist: figures are made in a checkout of the companion's repository")
    return sorted(p.stem for p in folder.glob(NOTEBOOKS) if any("parameters" in c["tags"] for c in cells_of(p)))


def all_parameters(figure: Figure) -> dict[str, Any]:
    """Complete a figure's parameters with the defaults of its notebook.

    Returns
    -------
    dict
        Every parameter but ``output_dir``.

    Raises
    ------
    UsageError
        If the notebook has no parameter of a given name, the value is not of the kind of its default, or the notebook
        lacks ``preset`` or ``output_dir``.
    """
    found = papermill_or_error().inspect_notebook(read_notebook(figure.source))
    if missing := sorted(SET_BY_OPTION.keys() - found.keys()):
        raise UsageError(f"{figure.source}: its parameters cell does not define {' and '.join(missing)}")
    for key in figure.given:
        if key in SET_BY_OPTION:
            raise UsageError(f"{figure.name}: {key} is not set by -p but by {SET_BY_OPTION[key]}")
        if key not in found:
            valid = ", ".join(sorted(found.keys() - SET_BY_OPTION.keys()))
            raise UsageError(f"{figure.name}: unknown parameter {key!r}; its parameters are {valid}")
        check_kind(f"{figure.name}: {key}", figure.given[key], found[key]["default"])
    defaults = {key: literal(item["default"]) for key, item in found.items() if key != "output_dir"}
    return {**defaults, **figure.given, "preset": figure.preset}


def list_parameters(figure: Figure) -> str:
    """The parameters that may be given, one a line, with their defaults and what the notebook says about them."""
    found = papermill_or_error().inspect_notebook(read_notebook(figure.source))
    lines = [f"{figure.name}:"]
    for name, item in found.items():
        if name not in SET_BY_OPTION:
            lines.append(f"  {name} = {literal(item['default'])!r}" + (f"  # {item['help']}" if item["help"] else ""))
    return "\n".join(lines)


def run(figure: Figure) -> Path:
    """Run a figure's notebook through papermill and put its results in place.

    The notebook works in a scratch folder beside the final one, which is replaced only when all went well: an
    error or an interruption leaves the previous results untouched and nothing half-written.

    Returns
    -------
    Path
        The figure's folder.

    Raises
    ------
    FigureError
        If the notebook raises an exception or its kernel dies.
    UsageError
        If a parameter is unknown, or if the folder holds something other than a figure.
    """
    parameters = all_parameters(figure)
    folder = figure.folder
    tidy_up(folder)
    if folder.exists() and not (folder / "provenance.json").is_file():
        raise UsageError(f"{folder} exists and was not written by ptacore; move it away or choose another --output")
    inputs, code = figure.inputs(), hash_files(figure.root, sources(figure.root))  # before the run: an edit
    # meanwhile makes the figure stale
    with scratch_folder(folder) as scratch:
        started, clock, before = datetime.now(UTC), time.perf_counter(), largest_child()
        given = {**figure.given, "preset": figure.preset, "output_dir": str(scratch)}
        write_notebook(execute(figure.source, given), scratch / figure.source.name)
        memory = largest_child()
        record = {
            **_provenance(figure, parameters, inputs | _loaded(scratch / LOADED, code)),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - clock, 1),
            "memory": memory if memory > before else None,  # a larger kernel has run before in this process
        }
        (scratch / "provenance.json").write_text(json.dumps(record, indent=1, default=str) + "\n")
        replace_folder(scratch, folder)
    return folder


def _loaded(told: Path, code: dict[str, str]) -> dict[str, str]:
    """The sources that a notebook depends on: the modules that it loaded, and what is not Python in their folders.

    All of them where the notebook does not tell.
    """
    if not told.is_file():
        return code
    modules = set(json.loads(told.read_text()))
    told.unlink()
    rooms = {os.path.dirname(module) for module in modules}
    return {
        name: found
        for name, found in code.items()
        if name in modules or (not name.endswith(".py") and os.path.dirname(name) in rooms)
    }


def _provenance(figure: Figure, parameters: dict[str, Any], inputs: dict[str, str]) -> dict[str, Any]:
    commit, dirty = provenance.commit(figure.root)
    return {
        "figure": figure.name,
        "hash": digest(inputs),
        "commit": commit,
        "dirty": dirty,
        "preset": figure.preset,
        "seed": parameters.get("seed"),
        "parameters": parameters,
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "inputs": inputs,
    }
