"""One notebook: what its author wrote, the kinds of its parameters, a run through papermill."""

from __future__ import annotations

import ast
import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any

from ptabook.files import named
from ptacore.terminal import UsageError

INJECTED = "injected-parameters"  # papermill's tag of the cell that it adds


class FigureError(RuntimeError):
    """A notebook raised an exception; its own traceback is the text of the cause."""


def plain(name: str, value: Any) -> Any:
    """The value in the types that papermill writes into a notebook as they are; it makes texts of others."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [plain(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(name, item) for key, item in value.items()}
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise UsageError(f"{name}: expected a number, text, list, dict with texts for keys or None, got {value!r}")
    return value


def check_kind(name: str, value: Any, written: str) -> None:
    """Refuse a value that is of another kind than the default, where the default, as written, says of which."""
    try:
        default = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return
    expected = _kind(default)
    if not _is_of(value, expected):
        raise UsageError(f"{name}: expected {expected}, such as {default!r}, got {value!r}")


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


def file_of(value: Any) -> str | None:
    """The file that a parameter's value names, if it does."""
    names = (value, value.partition("::")[0]) if isinstance(value, str) else ()
    return next((name for name in names if os.path.isfile(name)), None)


def absolute(value: Any) -> Any:
    file = file_of(value)
    return value if file is None else os.path.abspath(file) + value[len(file) :]


def papermill_or_error() -> Any:
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the kernel's debugger warns of nothing of ours
    try:
        import papermill
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'ptacore[figures]'") from error
    return papermill


def cells_of(path: Path) -> list[dict[str, Any]]:
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


def code_of(path: Path) -> list[dict[str, Any]]:
    """The cells that run: what a notebook computes depends on these, and not on its prose."""
    return [cell for cell in cells_of(path) if cell["kind"] == "code"]


def renewed(executed: Path, source: Path, folder: Path) -> Path:
    """The executed copy of a notebook with the prose that is there now: in a folder where it has another, else itself.

    A copy that ran other code is left as it is.
    """
    copy, own = (json.loads(path.read_text(encoding="utf-8")) for path in (executed, source))
    ran = [cell for cell in copy.get("cells", []) if cell["cell_type"] == "code"]
    injected = [cell for cell in ran if INJECTED in cell["metadata"].get("tags", [])]
    ran = [cell for cell in ran if cell not in injected]
    written = [cell for cell in own["cells"] if cell["cell_type"] == "code"]
    if ["".join(cell["source"]) for cell in ran] != ["".join(cell["source"]) for cell in written]:
        return executed
    cells, next_ran = [], iter(ran)
    for cell in own["cells"]:
        cells.append(next(next_ran) if cell["cell_type"] == "code" else cell)
        if "parameters" in cell["metadata"].get("tags", []):
            cells += injected
    if cells == copy["cells"]:
        return executed
    folder.mkdir(parents=True, exist_ok=True)
    with named(path := folder / executed.name):
        path.write_text(json.dumps({**copy, "cells": cells}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_notebook(path: Path) -> Any:
    """Load a notebook to be run by this interpreter, whichever kernel it was saved with."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def write_notebook(notebook: Any, path: Path) -> None:
    import nbformat

    nbformat.write(notebook, path)


def literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _kernel_manager() -> type:
    """Make a kernel manager that knows one kernel, the running interpreter; what else is registered does not count."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(AsyncKernelManager):
        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return KernelSpecManager(kernel_dirs=[])

        def _transport_encryption_default(self) -> str:
            return "auto"

    return ThisInterpreter


def execute(source: Path, parameters: dict[str, Any]) -> Any:
    """Run a notebook in its own folder and return it executed; an exception inside it becomes a FigureError."""
    papermill = papermill_or_error()
    from nbclient.exceptions import DeadKernelError

    try:
        notebook = papermill.execute_notebook(
            read_notebook(source),
            None,  # written by the caller, once tidied
            parameters=parameters,
            cwd=str(source.parent),
            kernel_manager_class=_kernel_manager(),
            shutdown_kernel="immediate",
        )
    except papermill.PapermillExecutionError as error:
        place = f"cell {_cell_number(source, error.cell_index)} of {source}"
        raise FigureError(f"{error.ename}: {error.evalue} (in {place})") from error
    except DeadKernelError as error:
        raise FigureError(f"the kernel died while running {source}; out of memory?") from error
    except RuntimeError as error:  # nbclient's, of a kernel that did not start in time
        raise FigureError(f"no kernel answers for {source} ({error}); is the machine too busy?") from error
    return _tidy(notebook)


def largest_child() -> int:
    """Most memory that any one process which this one started and saw to its end has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _cell_number(source: Path, index: int) -> int:
    """Count a cell of the executed notebook from 1, as in the notebook without papermill's extra cell."""
    parameters = next(i for i, cell in enumerate(cells_of(source)) if "parameters" in cell["tags"])
    return index + 1 if index <= parameters else index


def _tidy(notebook: Any) -> Any:
    """Hide papermill's injected cell; drop what differs from run to run or has no meaning elsewhere."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if INJECTED in cell.metadata.get("tags", []):
            cell.id = INJECTED
            cell.metadata.tags.append("remove-cell")
            lines = cell.source.splitlines(keepends=True)
            cell.source = "".join(line for line in lines if not line.startswith("output_dir ="))
    return notebook
