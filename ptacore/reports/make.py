"""A report on a recurrent network: what is found in it, measured, and written."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import nn
from tqdm import tqdm

from ptacore.checks import check_seed, flag, folder, instance
from ptacore.dynamics.integrate import DivergenceError
from ptacore.dynamics.spectrum import plain
from ptacore.models.system import System
from ptacore.provenance import versions
from ptacore.reports import FILES
from ptacore.reports.findings import FULL, QUICK, STAGES, Findings, measure
from ptacore.reports.formats import read
from ptacore.reports.inputs import Input, input_of
from ptacore.reports.layers import Found, NotRecurrent, Refusal, find_layers, layers_of
from ptacore.reports.page import page


@dataclass(frozen=True)
class Report:
    """What `ptacore.report` returns.

    Attributes
    ----------
    path : Path
        The page, report.html; beside it are report.json, exponents.csv, adjoints.csv and convergence.csv.
    layers : tuple of Findings
        What was measured: for each layer its `layer`, `spectrum`, `survival`, `adjoints`, `attractors` and `pta`.
    refused : tuple of Refusal
        Parts that look recurrent and could not be taken, each with its `name` and `reason`.
    """

    path: Path
    layers: tuple[Findings, ...]
    refused: tuple[Refusal, ...]


def report(
    object,
    input="zero",
    *,
    output: str | Path | None = None,
    layer: str | None = None,
    quick: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """A page on what the recurrent layers of a network do with a gradient.

    It has the Lyapunov spectrum with its intervals and convergence, the adjoint's norm step by step, after how many
    steps a gradient is lost in float32 and bfloat16, time constants, attractors without input, and what a start by
    `pta_` would have instead. Each layer is taken by itself.

    Parameters
    ----------
    object : path, torch.nn.Module, System or mapping
        A file of weights: .pt, .pth, .safetensors, .npz, .mat, .onnx, .keras, .h5; trees of Flax, Equinox and Haiku as
        .npz, or as nested mappings of arrays. ``"file.npz::W"`` is one square matrix. Modules are searched for torch's
        recurrent layers; where there are none, they are taken as `models.ModuleMap` takes them. A system is a map.
    input : {"zero", "noise"}, float, array (d,) or (T, d), or path
        What drives the layers: nothing, white noise of variance 1, a constant, or a series, also from a file.
    output : path, optional
        Folder to write to; NAME-report in the working folder by default.
    layer : str, optional
        Only the layer of this name.
    quick : bool
        A shorter average: seconds instead of minutes.
    seed : int
        Of noise, random starts and directions.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If nothing in it is a recurrent map; the message says what it holds, and what was refused for which term.
    TypeError, FileNotFoundError, ImportError
        If an argument is of another kind, a file is missing, or a package that reads it.

    Examples
    --------
    >>> import tempfile
    >>> from torch import nn
    >>> with tempfile.TemporaryDirectory() as place:
    ...     made = report(nn.GRU(3, 8), quick=True, output=place)
    ...     made.path.name, made.layers[0].spectrum.n_positive.item()
    ('report.html', 0)
    """
    return measured(prepared(object, input, output=output, layer=layer, quick=quick, seed=seed), progress)


class Plan(NamedTuple):
    """What a report is to be of, and how, and where."""

    title: str
    found: Found
    input: Input
    quick: bool
    seed: int
    place: Path


def prepared(object, input, *, output: str | Path | None, layer: str | None, quick: bool, seed: int) -> Plan:
    """What `report` begins with: all that is wrong with its arguments is told before anything is measured."""
    seed, quick, given = check_seed(seed), flag("quick", quick), input_of(input, seed)
    if layer is not None:
        instance("layer", layer, str)
    title, found = _title(object), recurrent_layers(object)
    place = folder("output", f"{title.partition('.')[0]}-report" if output is None else output)
    return Plan(title, _of_name(found, layer, title), given, quick, seed, place)


def measured(plan: Plan, progress: bool) -> Report:
    """The report that is `prepared`; a NotRecurrent error if nothing could be measured."""
    title, found, given, quick, seed, place = plan
    effort = QUICK if quick else FULL
    findings, refused = [], list(found.refused)
    with tqdm(total=len(STAGES) * len(found.layers), disable=not progress, unit="stage") as bar:
        for one in found.layers:

            def tell(stage: str, name: str = one.name) -> None:
                bar.set_description(f"{name}: {stage}")
                bar.update()

            try:
                findings.append(measure(one, given, effort, seed, tell))
            except (ValueError, DivergenceError) as error:
                refused.append(Refusal(one.name, str(error)))
    found = Found(found.layers, refused, found.rest)
    if not findings:
        raise NotRecurrent(_nothing(title, found))
    made = {"input": given.said, "effort": "quick" if quick else "full", "seed": seed}
    made |= {f"{f.layer.name}: steps": f"{f.spectrum.times[-1]:.0f}" for f in findings}
    made |= versions(("ptacore", "torch", "numpy"))
    _write(place, {"report.html": page(title, findings, found, made, FILES), **_numbers(title, findings, found, made)})
    return Report(place / "report.html", tuple(findings), tuple(refused))


def recurrent_layers(object) -> Found:
    """The recurrent layers of a network, without measuring them.

    Parameters
    ----------
    object : path, torch.nn.Module, System or mapping
        As for `ptacore.report`.

    Returns
    -------
    Found
        ``layers``, each with its name, cell, units, what was read and assumed, and ``system(input)``, the map of its
        state; ``refused``, each with name and reason; and ``rest``, the shapes of all other arrays.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError, ImportError
        If it is of another kind, or cannot be read.

    Examples
    --------
    >>> from torch import nn
    >>> found = recurrent_layers({"encoder": nn.LSTM(3, 5).state_dict()})
    >>> [(layer.name, layer.cell, layer.system(None).dim) for layer in found.layers]
    [('encoder', 'LSTM', 10)]
    """
    if isinstance(object, (nn.Module, System)):
        return layers_of(object)
    if not isinstance(object, (str, os.PathLike, Mapping)) or object == "":
        raise TypeError(
            f"object: expected a file, a torch.nn.Module, a System or a mapping of arrays, got {type(object).__name__}"
        )
    return find_layers(read(object))


def _title(object) -> str:
    if isinstance(object, (str, os.PathLike)):
        return Path(object).name
    return "weights" if isinstance(object, Mapping) else type(object).__name__


def _of_name(found: Found, name: str | None, title: str) -> Found:
    if name is None:
        if not found.layers:
            raise NotRecurrent(_nothing(title, found))
        return found
    chosen = [layer for layer in found.layers if layer.name == name]
    for refusal in found.refused:
        if refusal.name == name:
            raise NotRecurrent(f"layer: {name} {refusal.reason}")
    if not chosen:
        there = ", ".join(repr(layer.name) for layer in found.layers) or "none"
        raise ValueError(f"layer: expected one of {there}, got {name!r}")
    return Found(chosen, [], found.rest)


def _nothing(title: str, found: Found) -> str:
    if found.refused:
        return f"object: {title}: " + "; ".join(f"{r.name} {r.reason}" for r in found.refused)
    held = [f"{key} {shape}" for key, shape in found.rest.items()]
    more = f" and {len(held) - 8} more" if len(held) > 8 else ""
    return (
        f"object: {title}: no recurrent layer of torch, Keras, ONNX, Flax, Equinox or Haiku, nor a square matrix: "
        f"it holds {'; '.join(held[:8]) or 'no arrays'}{more}"
    )


# ---- files


def _as_dict(f: Findings) -> dict:
    layer, s, a = f.layer, f.spectrum, f.attractors
    cycle = a.cycle and {"period": a.cycle.period, "stable": a.cycle.stable, "multipliers": a.cycle.multipliers}
    return {
        "name": layer.name, "library": layer.library, "cell": layer.cell, "units": layer.units, "inputs": layer.inputs,
        "stacked": layer.depth, "read": layer.read, "assumed": layer.assumed, "input": f.input, "notes": f.notes,
        "exponents": s.exponents, "standard_error": s.standard_error, "tolerance": s.tolerance, "drift": s.drift,
        "n_positive": s.n_positive, "n_zero": s.n_zero, "n_negative": s.n_negative, "confidence": s.confidence,
        "kaplan_yorke_dimension": s.kaplan_yorke_dimension._asdict(), "entropy_rate": s.entropy_rate._asdict(),
        "local": dict(zip(("window", "exponents"), f.local, strict=True)),
        "survival": {v.format: {"rounded": v.rounded, "gone": v.gone} for v in f.survival},
        "adjoint_slope": f.adjoints.slope,
        "attractors": {
            "ends": a.ends, "resting_places": a.places, "cycle": cycle, "fixed_points": a.points.points,
            "eigenvalues": a.points.eigenvalues, "stable": a.points.stable,
        },
        "pta": f.pta and {"exponents": f.pta.exponents, "n_zero": f.pta.n_zero, "n_positive": f.pta.n_positive},
    }  # fmt: skip


def _numbers(title: str, findings: list[Findings], found: Found, made: dict) -> dict[str, str]:
    refused = [{"name": r.name, "reason": r.reason} for r in found.refused]
    whole = {
        "of": title,
        "made": made,
        "layers": [_as_dict(f) for f in findings],
        "refused": refused,
        "rest": found.rest,
    }
    exponents, adjoints, convergence = [], [], []
    for f in findings:
        s, a, name = f.spectrum, f.adjoints, f.layer.name
        columns = (s.exponents, s.standard_error, s.tolerance, s.drift)
        exponents += [(name, i + 1, *row) for i, row in enumerate(np.stack(columns, 1).tolist())]
        adjoints += [
            (name, *row) for row in zip(a.lag.tolist(), *(v.tolist() for v in (a.mean, a.least, a.most)), strict=True)
        ]
        convergence += [(name, t, *row) for t, row in zip(s.times.tolist(), s.history[:, :4].tolist(), strict=True)]
    return {
        "report.json": json.dumps(plain(whole), indent=1, allow_nan=False) + "\n",
        "exponents.csv": _csv(("layer", "index", "exponent", "standard_error", "tolerance", "drift"), exponents),
        "adjoints.csv": _csv(("layer", "lag", "mean", "least", "most"), adjoints),
        "convergence.csv": _csv(("layer", "steps", "first", "second", "third", "fourth"), convergence),
    }


def _csv(heads: tuple[str, ...], rows: list[tuple]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heads, *rows])
    return text.getvalue()


def _write(place: Path, files: dict[str, str]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        place.joinpath(name).write_text(text, encoding="utf-8")
