"""``ptacore report``: a page on what a checkpoint does with a gradient."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptacore.terminal import UsageError, say, shown


def add_commands(commands) -> None:
    """Add report to the subparsers of a command line."""
    report = commands.add_parser(
        "report", help="write a page on what the recurrent layers of a checkpoint do with a gradient"
    )
    report.add_argument(
        "file",
        metavar="FILE",
        help="weights: .pt, .pth, .safetensors, .npz, .mat, .onnx, .keras, .h5; FILE::NAME for a matrix",
    )
    report.add_argument(
        "--input", default="zero", help="zero (default), noise, a constant, or a file of (T, d) numbers"
    )
    report.add_argument("--output", type=Path, metavar="DIR", help="folder to write to; NAME-report if omitted")
    report.add_argument("--layer", metavar="NAME", help="only this layer")
    report.add_argument("--quick", action="store_true", help="a shorter average: seconds instead of minutes")
    report.add_argument("--seed", type=int, default=0, help="of noise, random starts and directions")
    report.set_defaults(command=_report)


def _report(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore.reports.layers import NotRecurrent
    from ptacore.reports.make import measured, prepared
    from ptacore.reports.words import headline

    try:
        plan = prepared(
            arguments.file,
            arguments.input,
            output=arguments.output,
            layer=arguments.layer,
            quick=arguments.quick,
            seed=arguments.seed,
        )
    except (ValueError, TypeError, FileNotFoundError, ImportError) as error:
        raise UsageError(str(error).removeprefix("object: ")) from error
    try:
        made = measured(plan, sys.stderr.isatty())
    except NotRecurrent as error:
        raise UsageError(str(error).removeprefix("object: ")) from error
    for found in made.layers:
        layer = found.layer
        say(f"{layer.name}: {layer.cell}, {layer.units} units ({layer.library}). {headline(found)}")
        for assumed in layer.assumed:
            say(f"  assumed: {assumed}")
    for refusal in made.refused:
        say(f"{refusal.name}: not taken: {refusal.reason}")
    say(f"Open {shown(made.path.absolute())}")
    return 0
