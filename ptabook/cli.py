"""``ptacore`` on the command line: the book, figures, claims, releases; networks trained, tuned, reported on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import ptacore
from ptabook import figures, pages
from ptabook.figures import Figure
from ptabook.notebook import FigureError
from ptacore.experiments import cli as experiments
from ptacore.provenance import ROOT
from ptacore.reports import cli as reports
from ptacore.terminal import UsageError, complain, parse_value, run, say, shown


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line and return its exit code (`ptacore.terminal.run`)."""
    return run(_parser(), argv, root)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ptacore", description=__doc__.replace("``", ""))
    parser.add_argument("--version", action="version", version=f"ptacore {ptacore.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--preset", choices=figures.PRESETS, default="quick", help="sizes of the runs")
    common.add_argument("--verbose", action="store_true", help="show the traceback of a failing notebook")

    figure = commands.add_parser("figures", parents=[common], help="run notebooks whose figures are stale")
    figure.add_argument("names", nargs="*", metavar="NAME", help="notebooks/NAME.ipynb; all of them if omitted")
    figure.add_argument(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="set a parameter of the notebook, such as: -p seed 3",
    )
    figure.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write DIR/NAME/ instead of _build/figures/..."
    )
    figure.add_argument("--list", action="store_true", help="print the parameters and their defaults, run nothing")
    figure.add_argument("--stale", action="store_true", help="print the names of those that are stale, run nothing")
    figure.add_argument("--force", action="store_true", help="run fresh figures too")
    figure.set_defaults(command=_figures)

    book = commands.add_parser("book", parents=[common], help="make stale figures, then the HTML book")
    book.add_argument("--pdf", action="store_true", help="print it, too, to _build/ptacore-book.pdf; needs Chromium")
    book.set_defaults(command=_book)
    claims = commands.add_parser(
        "claims", help="print the paper's claims with their verdicts; fail if one changed since the release"
    )
    claims.add_argument("--preset", choices=figures.PRESETS, default="quick", help="sizes of the runs")
    claims.add_argument("--release", action="store_true", help="record these verdicts as those of this version")
    claims.set_defaults(command=_claims)

    compare = commands.add_parser(
        "compare", help="print which numbers moved between two builds; fail if a verdict is not the release's"
    )
    compare.add_argument("old", type=Path, help="folder of figures: of another build, or a release's numbers, unpacked")
    compare.add_argument("new", type=Path, nargs="?", help="_build/figures/quick if omitted")
    compare.add_argument("--tolerance", type=float, default=1e-3, help="relative; larger moves are listed (0.001)")
    compare.add_argument("--report", type=Path, metavar="FILE", help="write it there too, if something is to be told")
    compare.set_defaults(command=_compare)

    release = commands.add_parser("release", help="pack site, numbers and sources with figures into _build/dist")
    release.add_argument("--tag", help="v1.2.3, which must be the version that the files state")
    release.add_argument("--check", action="store_true", help="check that versions agree, and no more")
    release.add_argument(
        "--earlier",
        type=Path,
        metavar="DIR",
        help="put the sites of earlier releases, as archives in DIR, below the new one in _build/html, and no more",
    )
    release.set_defaults(command=_release)

    experiments.add_commands(commands)
    reports.add_commands(commands)
    return parser


def _figures(arguments: argparse.Namespace, root: Path) -> int:
    known = figures.figure_names(root)
    if unknown := [name for name in arguments.names if name not in known]:
        raise UsageError(f"unknown figure {unknown[0]!r}; the figures are {', '.join(known)}")
    given = {key: parse_value(text) for key, text in arguments.given}
    output = arguments.output and arguments.output.absolute()
    wanted = [Figure(root, name, arguments.preset, given, output) for name in arguments.names or known]
    if arguments.list:
        say("\n".join(map(figures.list_parameters, wanted)))
        return 0
    for figure in wanted if given else []:
        figures.all_parameters(figure)  # all names are checked before the first long run
    if arguments.stale:
        for figure in wanted:
            if arguments.force or figure.changes():
                say(figure.name)
        return 0
    return _make(wanted, arguments.force, arguments.verbose)


def _make(wanted: Sequence[Figure], force: bool, verbose: bool) -> int:
    """Run the figures that are stale; 1 if one of them failed."""
    failed = []
    for figure in wanted:
        changes = ["--force"] if force else figure.changes()
        if not changes:
            say(f"{figure.name} ({figure.preset}): fresh, in {shown(figure.folder)}")
            continue
        why = ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
        say(f"{figure.name} ({figure.preset}): running, because of: {why}")
        try:
            say(f"{figure.name} ({figure.preset}): done, in {shown(figures.run(figure))}")
        except FigureError as error:
            failed.append(figure.name)
            complain(f"{figure.name} failed: {error}", code=1)
            if verbose:
                print(error.__cause__, file=sys.stderr)
    return complain(f"failed: {', '.join(failed)}", code=1) if failed else 0


def _book(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook import pdf

    if arguments.pdf:
        pdf.check_tools()  # before the long work
    wanted = [Figure(root, name, arguments.preset) for name in figures.figure_names(root)]
    if code := _make(wanted, force=False, verbose=arguments.verbose):
        return code
    from ptabook.claims.verdicts import write_ledger
    from ptabook.example import example_files
    from ptabook.four_or_two import four_or_two_files
    from ptabook.runtimes import write_runtimes

    written = {"_ledger.md": write_ledger, "_runtimes.md": write_runtimes, **example_files(), **four_or_two_files()}
    pages.stage(root, arguments.preset, written)
    page = pages.build_book(root)
    say(f"Open {pdf.print_book(root) if arguments.pdf else page}")
    return 0


def _claims(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook.claims import verdicts as claims

    if arguments.release and arguments.preset != "quick":
        return complain(f"--release: expected the preset quick, which CI makes, got {arguments.preset}", code=2)
    ledger = claims.print_ledger(root / "_build" / "figures" / arguments.preset)
    released = root / "results" / "verdicts.json"
    if arguments.release:
        claims.release(ledger, released, ptacore.__version__)
        say(f"Recorded in {released}")
        return 0
    if arguments.preset != "quick":
        return 0  # the release's verdicts are of the figures that CI makes
    try:
        changed = claims.changes(ledger, released)
    except ValueError as error:
        return complain(str(error), code=1)
    for line in changed:
        print(f"changed: {line}")
    return 1 if changed else 0


def _compare(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook import compare
    from ptabook.claims import verdicts as claims
    from ptacore import provenance

    new = arguments.new or root / "_build" / "figures" / "quick"
    before, now = compare.read(arguments.old), compare.read(new)
    try:
        verdicts = claims.changes(claims.entries(new), root / "results" / "verdicts.json")
    except (FileNotFoundError, ValueError) as error:
        verdicts = [f"not decided: {error}"]
    found = compare.moves(before, now)
    text = compare.report(found, verdicts, sum(map(len, before.values())), arguments.tolerance)
    text = ", ".join(f"{name} {version}" for name, version in provenance.versions().items()) + "\n\n" + text
    say(text)
    if arguments.report and (verdicts or any(move.size > arguments.tolerance for move in found)):
        arguments.report.write_text(text + "\n", encoding="utf-8")
    return int(bool(verdicts))


def _release(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook import release, versions

    if arguments.check:
        say(f"version {release.check(root, arguments.tag)} everywhere")
    elif arguments.earlier:
        archives = sorted(arguments.earlier.glob("*.tar.gz"))
        site, version = root / "_build" / "html", release.check(root, arguments.tag)
        say(f"versions in {shown(site)}: {', '.join(versions.assemble(site, version, archives))}")
    else:
        say(f"Packed in {shown(release.build(root, arguments.tag))}")
    return 0
