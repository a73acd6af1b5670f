"""From notebooks to figures to the book: papermill runs, staleness, provenance, staging.

``notebooks/<name>.ipynb`` is run with parameters and leaves the executed notebook, its artefacts and a
``provenance.json`` in ``_build/figures/<preset>/<name>/``. A figure is made again only when the hash over
all that can change it differs from the one in its provenance. The book is rendered from
``_build/source/``, a mirror of the book's sources in which every notebook is replaced by its executed copy.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ptacore import provenance
from ptacore.provenance import ROOT

PRESETS = ("quick", "paper")
# what follows the figures and changes none
AFTER = ("ptacore/compare.py", "ptacore/pdf.py", "ptacore/release.py", "ptacore/runtimes.py")
SET_BY_OPTION = {"preset": "--preset", "output_dir": "--output"}  # parameters that every figure has


class UsageError(ValueError):
    """The request cannot be carried out as it was put: an unknown figure, parameter or folder."""


class FigureError(RuntimeError):
    """A notebook raised an exception; its own traceback is the text of the cause."""


class BookError(RuntimeError):
    """Jupyter Book found an error or a warning."""


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
        given = {key: _absolute(_plain(key, value)) for key, value in self.given.items()}
        object.__setattr__(self, "given", given)

    @property
    def source(self) -> Path:
        """The notebook as written, without output."""
        return self.root / "notebooks" / f"{self.name}.ipynb"

    @property
    def folder(self) -> Path:
        """The folder with the executed notebook, its artefacts and its provenance."""
        parent = self.output or self.root / "_build" / "figures" / self.preset
        return parent / (f"{self.name}-{_digest(self.given)[:8]}" if self.given else self.name)

    def inputs(self) -> dict[str, str]:
        """Hash everything that can change the figure.

        Returns
        -------
        dict
            From an input's name to its sha256: the notebook's cells, the parameters, the files that
            parameters name, every source file of the package but those that read figures and are read by none
            (`AFTER`), the pinned versions, the recorded results.
        """
        hashes = {
            "the notebook": _digest(_cells(self.source)),
            "the parameters": _digest({**self.given, "preset": self.preset}),
        }
        hashes |= {
            f"the file of {key}": _sha256(Path(file)) for key, text in self.given.items() if (file := _file(text))
        }
        package = [path for path in _package_files(self.root) if path.relative_to(self.root).as_posix() not in AFTER]
        return hashes | _hash_files(self.root, [*package, *self._records()])

    def _records(self) -> list[Path]:
        """The recorded results, without the user's own, if the notebook has a parameter ``records`` for them."""
        parameters = (cell["source"] for cell in _cells(self.source) if "parameters" in cell["tags"])
        if not any(line.startswith("records =") for source in parameters for line in source.splitlines()):
            return []
        results = self.root / "results"
        collections = [folder for folder in results.glob("*/") if folder.name != "own"]
        return [p for folder in collections for p in _files_below(folder) if p.suffix in (".json", ".csv")]

    def changes(self) -> list[str]:
        """Name the inputs that changed since the figure was made; empty when it is fresh."""
        try:
            recorded = json.loads((self.folder / "provenance.json").read_text())
        except (OSError, ValueError):
            return ["not made yet"]
        if not (self.folder / self.source.name).is_file():
            return ["not made yet"]
        now = self.inputs()
        if recorded.get("hash") == _digest(now):
            return []
        before = recorded.get("inputs", {})
        return sorted(key for key in now | before if now.get(key) != before.get(key)) or ["the provenance"]


def figure_names(root: Path = ROOT) -> list[str]:
    """List the notebooks that are figures: those with a cell tagged ``parameters``."""
    folder = root / "notebooks"
    if not folder.is_dir():
        raise UsageError(f"{folder} does not exist: figures are made in a checkout of the companion's repository")
    return sorted(p.stem for p in folder.glob("*.ipynb") if any("parameters" in c["tags"] for c in _cells(p)))


def parse_value(text: str) -> Any:
    """Read a parameter's value from the command line: a number, true, false, null, JSON, or else text.

    Examples
    --------
    >>> [parse_value(text) for text in ("3", "1e-3", "true", "null", "[1, 2]", "W.csv")]
    [3, 0.001, True, None, [1, 2], 'W.csv']
    """
    words = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, float, json.loads):
        try:
            return read(text)
        except ValueError:
            pass
    return text


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
    found = _papermill().inspect_notebook(_read_notebook(figure.source))
    if missing := sorted(SET_BY_OPTION.keys() - found.keys()):
        raise UsageError(f"{figure.source}: its parameters cell does not define {' and '.join(missing)}")
    for key in figure.given:
        if key in SET_BY_OPTION:
            raise UsageError(f"{figure.name}: {key} is not set by -p but by {SET_BY_OPTION[key]}")
        if key not in found:
            valid = ", ".join(sorted(found.keys() - SET_BY_OPTION.keys()))
            raise UsageError(f"{figure.name}: unknown parameter {key!r}; its parameters are {valid}")
        _check_kind(figure, key, found[key]["default"])
    defaults = {key: _literal(item["default"]) for key, item in found.items() if key != "output_dir"}
    return {**defaults, **figure.given, "preset": figure.preset}


def list_parameters(figure: Figure) -> str:
    """The parameters that may be given, one a line, with their defaults and what the notebook says of them."""
    found = _papermill().inspect_notebook(_read_notebook(figure.source))
    lines = [f"{figure.name}:"]
    for name, item in found.items():
        if name not in SET_BY_OPTION:
            lines.append(f"  {name} = {_literal(item['default'])!r}" + (f"  # {item['help']}" if item["help"] else ""))
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
    _tidy_up(folder)
    if folder.exists() and not (folder / "provenance.json").is_file():
        raise UsageError(f"{folder} exists and was not written by ptacore; move it away or choose another --output")
    inputs = figure.inputs()  # before the run: what is edited meanwhile makes the figure stale
    with _scratch(folder) as scratch:
        started, clock, before = datetime.now(UTC), time.perf_counter(), _largest_child()
        _write_notebook(_execute(figure, scratch), scratch / figure.source.name)
        memory = _largest_child()
        record = {
            **_provenance(figure, parameters, inputs),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - clock, 1),
            "memory": memory if memory > before else None,  # a larger kernel has run before in this process
        }
        (scratch / "provenance.json").write_text(json.dumps(record, indent=1, default=str) + "\n")
        _replace_folder(scratch, folder)
    return folder


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
        folder of the figures and the file to write.

    Returns
    -------
    Path
        The staged tree.
    """
    build = root / "_build"
    figures = build / "figures" / preset
    made: dict[str, Path] = {}
    for name in figure_names(root):
        _tidy_up(figures / name)
        for path in _files_below(figures / name):
            target = f"notebooks/{_artefact_name(name, path)}"
            if target in made:
                raise UsageError(f"{path} and {made[target]} would both become {target}: rename one")
            made[target] = path
    files = {name: root / name for name in ("_config.yml", "_toc.yml", "CITATION.cff")}
    files |= {path.relative_to(root).as_posix(): path for path in _files_below(root / "book")}
    files |= {f"notebooks/{path.name}": path for path in (root / "notebooks").glob("*.ipynb")} | made
    for name, write in (written or {}).items():
        (build / "written").mkdir(exist_ok=True)
        with _named(build / "written" / name):
            write(figures, build / "written" / name)
        files[f"book/{name}"] = build / "written" / name
    _mirror(files, build / "source")
    return build / "source"


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
    _tidy_up(pages)
    state = _digest(_hash_files(root, [*_files_below(source), *_package_files(root)]))
    if (pages / "index.html").is_file() and stamp.is_file() and stamp.read_text() == state:
        print("book: unchanged", flush=True)
        return pages / "index.html"
    print("book: rendering", flush=True)
    program = Path(sys.executable).with_name("jupyter-book")
    if not program.is_file():
        raise UsageError(f"{program} is missing: pip install 'ptacore[book]'")
    with _scratch(pages) as scratch:
        # a partial build exits 0 in spite of warnings, so every build is a full one
        options = ["--path-output", scratch, "--all", "-W", "-n", "--keep-going"]
        done = subprocess.run([program, "build", source, *options], cwd=root, stdin=subprocess.DEVNULL)
        if done.returncode or not (scratch / "_build/html/index.html").is_file():
            raise BookError("the book was not built: see the warnings and errors above; earlier pages are as they were")
        stamp.unlink(missing_ok=True)  # from here on until it is written again, it may be of other pages
        _replace_folder(scratch / "_build/html", pages)
        stamp.write_text(state)
    return pages / "index.html"


# ---- hashing -------------------------------------------------------------------------------------


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _hash_files(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): _sha256(path) for path in paths}


def _files_below(folder: Path) -> list[Path]:
    """List the files in a folder and its subfolders, without hidden ones and caches."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [p for p in found if not any(s.startswith((".", "__pycache__")) for s in p.relative_to(folder).parts)]


def _package_files(root: Path) -> list[Path]:
    sources = [path for path in _files_below(root / "ptacore") if path.suffix in (".py", ".c", ".h", ".js")]
    return [*sources, *root.glob("requirements.lock")]


# ---- parameters ----------------------------------------------------------------------------------


def _plain(name: str, value: Any) -> Any:
    """The value in the types that papermill writes into a notebook as they are; it makes texts of others."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [_plain(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, item) for key, item in value.items()}
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise UsageError(f"{name}: expected a number, text, list, dict with texts for keys or None, got {value!r}")
    return value


def _check_kind(figure: Figure, name: str, written: str) -> None:
    """Refuse a given value that is of another kind than the default, where the default says of which."""
    try:
        default = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return
    value, expected = figure.given[name], _kind(default)
    if not _is_of(value, expected):
        raise UsageError(f"{figure.name}: {name}: expected {expected}, such as {default!r}, got {value!r}")


def _kind(default: Any) -> str:
    if isinstance(default, (list, tuple)) and default and all(_is_of(item, "a number") for item in default):
        return "a list of numbers"
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return kinds.get(type(default), "anything")


def _is_of(value: Any, kind: str) -> bool:
    if kind == "a list of numbers":
        return isinstance(value, list) and all(_is_of(item, "a number") for item in value)
    if kind == "a number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    types = {"true or false": bool, "a whole number": int, "a text": str}
    return kind == "anything" or type(value) is types[kind]


def _file(value: Any) -> str | None:
    """The file that a parameter's value names, if it does."""
    names = (value, value.partition("::")[0]) if isinstance(value, str) else ()
    return next((name for name in names if os.path.isfile(name)), None)


def _absolute(value: Any) -> Any:
    file = _file(value)
    return value if file is None else os.path.abspath(file) + value[len(file) :]


# ---- notebooks -----------------------------------------------------------------------------------


def _papermill() -> Any:
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the kernel's debugger warns of nothing of ours
    try:
        import papermill
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'ptacore[figures]'") from error
    return papermill


def _cells(path: Path) -> list[dict[str, Any]]:
    """Reduce a notebook to what its author wrote: kind, source and tags of each cell."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            {
                "kind": cell["cell_type"],
                "source": "".join(cell["source"]),
                "tags": sorted(cell.get("metadata", {}).get("tags", [])),
            }
            for cell in cells
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a notebook of format 4 ({error!r})") from error


def _read_notebook(path: Path) -> Any:
    """Load a notebook to be run by this interpreter, whichever kernel it was saved with."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def _write_notebook(notebook: Any, path: Path) -> None:
    import nbformat

    nbformat.write(notebook, path)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _kernel_manager() -> type:
    """Make a kernel manager that knows one kernel, the running interpreter, whatever else is registered."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(AsyncKernelManager):
        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return KernelSpecManager(kernel_dirs=[])

        def _transport_encryption_default(self) -> str:
            return "auto"

    return ThisInterpreter


def _execute(figure: Figure, output_dir: Path) -> Any:
    """Run the notebook and return it executed; an exception inside it becomes a FigureError."""
    papermill = _papermill()
    from nbclient.exceptions import DeadKernelError

    try:
        notebook = papermill.execute_notebook(
            _read_notebook(figure.source),
            None,  # written by the caller, once tidied
            parameters={**figure.given, "preset": figure.preset, "output_dir": str(output_dir)},
            cwd=str(figure.source.parent),
            kernel_manager_class=_kernel_manager(),
            shutdown_kernel="immediate",
        )
    except papermill.PapermillExecutionError as error:
        place = f"cell {_cell_number(figure, error.cell_index)} of {figure.source}"
        raise FigureError(f"{error.ename}: {error.evalue} (in {place})") from error
    except DeadKernelError as error:
        raise FigureError(f"the kernel died while running {figure.source}; out of memory?") from error
    except RuntimeError as error:  # nbclient's, of a kernel that did not start in time
        raise FigureError(f"no kernel answers for {figure.source} ({error}); is the machine too busy?") from error
    return _tidy(notebook)


def _largest_child() -> int:
    """Most memory that any one process which this one started and saw to its end has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _cell_number(figure: Figure, index: int) -> int:
    """Count a cell of the executed notebook from 1, as in the notebook without papermill's extra cell."""
    parameters = next(i for i, cell in enumerate(_cells(figure.source)) if "parameters" in cell["tags"])
    return index + 1 if index <= parameters else index


def _tidy(notebook: Any) -> Any:
    """Hide papermill's injected cell; drop what differs from run to run or has no meaning elsewhere."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.metadata.tags.append("remove-cell")
            lines = cell.source.splitlines(keepends=True)
            cell.source = "".join(line for line in lines if not line.startswith("output_dir ="))
    return notebook


# ---- provenance ----------------------------------------------------------------------------------


def _provenance(figure: Figure, parameters: dict[str, Any], inputs: dict[str, str]) -> dict[str, Any]:
    commit, dirty = provenance.commit(figure.root)
    return {
        "figure": figure.name,
        "hash": _digest(inputs),
        "commit": commit,
        "dirty": dirty,
        "preset": figure.preset,
        "seed": parameters.get("seed"),
        "parameters": parameters,
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "inputs": inputs,
    }


# ---- files ---------------------------------------------------------------------------------------


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give errors of the system the name of what could not be written, which those of a full disk lack."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def _scratch(final: Path) -> Iterator[Path]:
    """A folder to work in beside the final one, removed in the end."""
    scratch = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        with _named(scratch):
            scratch.mkdir(parents=True)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _old(final: Path, process: int) -> Path:
    """Where a process puts what it is about to replace."""
    return final.with_name(f".{final.name}.{process}.old")


def _replace_folder(new: Path, final: Path) -> None:
    """Put a folder in the place of another, which comes back if that fails."""
    old = _old(final, os.getpid())
    try:
        if final.exists():
            os.replace(final, old)
        os.replace(new, final)
    except BaseException:
        if old.exists() and not final.exists():
            os.replace(old, final)
        raise
    if old.exists():
        shutil.rmtree(old, ignore_errors=True)


def _tidy_up(final: Path) -> None:
    """Remove what killed processes have left beside a folder or a variant of it; what they had put aside comes back."""
    ours = re.compile(rf"\.({re.escape(final.name)}(?:-[0-9a-f]{{8}})?)\.(\d+)(\.old)?")
    for left in sorted(final.parent.glob(".*")):
        found = ours.fullmatch(left.name)
        if found is None or not left.is_dir() or _runs(int(found[2])):
            continue
        if found[3] and not left.with_name(found[1]).exists():
            os.replace(left, left.with_name(found[1]))
        else:
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether there is a process of this number, other than this one."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def _artefact_name(name: str, path: Path) -> str:
    return f"{name}.provenance.json" if path.name == "provenance.json" else path.name


def _mirror(files: dict[str, Path], target: Path) -> None:
    """Make a folder hold exactly these files (relative name -> source), touching only those that differ."""
    for name, path in files.items():
        copy = target / name
        if not (copy.is_file() and copy.read_bytes() == path.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for path in sorted(target.rglob("*"), reverse=True):  # children before their folders
        if path.is_file() and path.relative_to(target).as_posix() not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
