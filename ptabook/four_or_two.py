"""What the page "Four positive exponents, or two" is written from: the network and the spectra of its notebook."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FIGURE = "fig3_step_size"
DATA, TABLE = "_static/four_or_two/data.js", "_four_or_two.md"
SPECTRA = ("printed", "mended", "ours", "reference", "tolerance", "own_tolerance", "start")


def four_or_two_files() -> dict[str, Callable[[Path, Path], None]]:
    """Names of the files in ``book/``, and what writes each, given the folder of the figures and a path."""
    return {DATA: _write_data, TABLE: _write_table}


def _read(figures: Path, name: str) -> dict[str, Any]:
    return json.loads((figures / FIGURE / f"{name}.json").read_text(encoding="utf-8"))


def _write_data(figures: Path, out: Path) -> None:
    from ptabook.drawings.fig3_step_size import POSITIVE  # torch is loaded where files are written, as in `example`
    from ptacore import models

    numbers, made = _read(figures, FIGURE), _read(figures, "provenance")
    given = made["parameters"]
    network = models.chaos(seed=given["chaos_seed"], W=models.read_weights(given["chaos_weights"], "chaos_weights"))
    row = numbers["row_D"]
    data = {
        "figure": FIGURE,
        "hash": made["hash"],
        "commit": made["commit"],
        "n": network.dim,
        "tau": network.tau,
        "early": numbers["early"],
        "threshold": POSITIVE,
        "positive": row["n_positive"],
        "steps_ms": numbers["steps_ms"],
        **{name: row[name] for name in SPECTRA},
        "weights": b64encode(network.W.numpy().astype("<f8").tobytes()).decode("ascii"),  # by rows
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"const fourOrTwo = {json.dumps(data)};\n", encoding="utf-8")


def _write_table(figures: Path, out: Path) -> None:
    out.write_text("\n".join(_lines(_read(figures, FIGURE))) + "\n", encoding="utf-8")


def _lines(numbers: dict[str, Any]) -> Iterator[str]:
    """Exponents by step, as the authors' program divides and as it should be, and those of the network."""
    from ptabook.drawings.fig3_step_size import POSITIVE

    row = numbers["row_D"]
    k = len(row["reference"])
    yield "| Step (ms) | Divided by | Above zero | " + " | ".join(f"λ{chr(ord('₁') + i)}" for i in range(k)) + " |"
    yield "|---|---|---" + "|---:" * k + "|"
    for divisor, name in (("all of the run", "printed"), ("what was averaged", "mended")):
        for ms, values in zip(numbers["steps_ms"], row[name], strict=True):
            above = int((np.array(values) > POSITIVE).sum())
            yield f"| {ms:g} | {divisor} | {above} | " + " | ".join(map(_number, values)) + " |"
    true = (f"{_number(v)}\u00a0±\u00a0{w:.1f}" for v, w in zip(row["reference"], row["tolerance"], strict=True))
    yield f"| **to zero** | what was averaged | **{row['n_positive']}** | " + " | ".join(true) + " |"


def _number(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")
