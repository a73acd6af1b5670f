"""The first line of a notebook: its preset checked, one thread, its numbers, and what it loads written down."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from IPython import get_ipython

from ptabook.page.numbers import Numbers
from ptacore.provenance import LOADED, loaded_modules


def setup(preset: str, output_dir: str) -> Numbers:
    """Begin a notebook.

    torch gets one thread, so that the same machine gives the same numbers; and after every cell the notebook's
    folder is told which modules of the project have been loaded, on which the figure then depends.

    Parameters
    ----------
    preset : str
        "quick" or "paper".
    output_dir : str
        Where figure and numbers are saved; "" saves nothing.

    Returns
    -------
    Numbers
        With the preset as its first entry.

    Raises
    ------
    ValueError
        If the preset is another one.

    Examples
    --------
    >>> setup("quick", "")
    {'preset': 'quick'}
    """
    if preset not in ("quick", "paper"):
        raise ValueError(f'preset: expected "quick" or "paper", got {preset!r}')
    torch.set_num_threads(1)
    if output_dir:
        _write_after_every_cell(Path(output_dir) / LOADED)
    return Numbers(preset=preset)


def _write_after_every_cell(path: Path) -> None:
    def write(*_) -> None:
        path.write_text(json.dumps(loaded_modules()))

    get_ipython().events.register("post_run_cell", write)
