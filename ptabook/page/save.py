"""A figure's files: pictures for screen and paper, what is plotted, the numbers of the text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch

from ptabook.page.points import table


def _plain(value):
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"cannot write {type(value).__name__} to JSON")


def save(name: str, output_dir: str, fig=None, numbers: dict | None = None) -> None:
    """Write a figure's files to a folder, nothing where the folder is "".

    ``name.svg``, ``name.png`` and ``name.pdf`` are the picture, ``name.csv`` what is plotted (`points.table`),
    ``name.json`` the numbers.

    Parameters
    ----------
    name : str
        Name of the files.
    output_dir : str
        Folder; "" when a notebook is run by hand.
    fig : matplotlib figure, optional
        The figure.
    numbers : dict, optional
        Every number that the prose or the ledger uses.

    Raises
    ------
    ValueError
        If a number is not finite, or something is not a number, text, list or mapping of such.

    Examples
    --------
    >>> save("fig0", "", numbers={"answer": 42})
    """
    if numbers is not None:
        text = json.dumps(numbers, default=_plain, allow_nan=False, indent=1)
    if not output_dir:
        return
    folder = Path(output_dir)
    if fig is not None:
        fig.savefig(folder / f"{name}.svg", metadata={"Date": None})
        fig.set_layout_engine("none")  # what has found its place keeps it: finding it takes half of the time
        fig.savefig(folder / f"{name}.png", dpi=200)
        fig.savefig(folder / f"{name}.pdf", dpi=300, metadata={"CreationDate": None})
        _write(folder / f"{name}.csv", table(fig))
    if numbers is not None:
        _write(folder / f"{name}.json", text + "\n")


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.part")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
