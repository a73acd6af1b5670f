"""``ptacore`` on the command line: figures, the book, claims, comparisons, releases; networks trained and tuned."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ptacore import __version__, reproduce
from ptacore.checks import workers
from ptacore.reproduce import Figure


def main(argv: Sequence[str] | None = None, root: Path = reproduce.ROOT) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if omitted.
    root : Path
        The checkout to work in.

    Returns
    -------
    int
        0 when all went well, 1 when a figure or the book failed, 2 on wrong usage, 130 on an interruption.
    """
    if argv is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as on Ctrl-C: leave nothing half-written
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments, root)
    except reproduce.UsageError as error:
        return _complain(str(error), code=2)
    except (reproduce.BookError, OSError, MemoryError) as error:
        return _complain(str(error), code=1)
    except KeyboardInterrupt:
        return _complain("interrupted; earlier results are as they were", code=130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ptacore", description=__doc__.replace("``", ""))
    parser.add_argument("--version", action="version", version=f"ptacore {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--preset", choices=reproduce.PRESETS, default="quick", help="sizes of the runs")
    common.add_argument("--verbose", action="store_true", help="show the traceback of a failing notebook")

    figures = commands.add_parser("figures", parents=[common], help="run notebooks whose figures are stale")
    figures.add_argument("names", nargs="*", metavar="NAME", help="notebooks/NAME.ipynb; all of them if omitted")
    figures.add_argument(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="set a parameter of the notebook, such as: -p seed 3",
    )
    figures.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write DIR/NAME/ instead of _build/figures/..."
    )
    figures.add_argument("--list", action="store_true", help="print the parameters and their defaults, run nothing")
    figures.add_argument("--force", action="store_true", help="run fresh figures too")
    figures.set_defaults(command=_figures)

    book = commands.add_parser("book", parents=[common], help="make stale figures, then the HTML book")
    book.add_argument("--pdf", action="store_true", help="print it, too, to _build/ptacore-book.pdf; needs Chromium")
    book.set_defaults(command=_book)
    claims = commands.add_parser(
        "claims", help="print the paper's claims with their verdicts; fail if one changed since the release"
    )
    claims.add_argument("--preset", choices=reproduce.PRESETS, default="quick", help="sizes of the runs")
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
    release.set_defaults(command=_release)

    experiment = argparse.ArgumentParser(add_help=False)
    experiment.add_argument("task", metavar="TASK", help="such as copy-memory")
    experiment.add_argument("model", metavar="MODEL", help="such as tanh-pta")
    experiment.add_argument("--preset", default="quick", help="quick (64 units, minutes) or paper (250 units, hours)")
    experiment.add_argument("--seed", type=int, default=0, help="of weights, order of the sequences and dropout")
    experiment.add_argument("--units", type=int, help="hidden units, instead of the preset's")
    experiment.add_argument(
        "--set",
        dest="given",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of training, task or network, such as: --set lr=3e-4 --set delay=200 --set model.dt=0.1",
    )
    experiment.add_argument(
        "--output", type=Path, metavar="DIR", help="record in DIR/TASK/MODEL/... instead of results/own/..."
    )

    train = commands.add_parser(
        "train", parents=[experiment], help="train a network on a task, or resume where it was interrupted"
    )
    train.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1")
    train.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    train.add_argument(
        "--threads", type=int, default=1, help="of the processor; two runs side by side beat two threads"
    )
    train.set_defaults(command=_train)

    tune = commands.add_parser("tune", parents=[experiment], help="search for hyperparameters, or resume a search")
    tune.add_argument("--trials", type=int, help="200 if omitted, 100 for images")
    tune.add_argument("--asha", action="store_true", help="give up early on trials that lag behind")
    tune.add_argument("--jobs", type=int, help="trials at a time, one core each; all cores if omitted")
    tune.set_defaults(command=_tune)

    campaign = commands.add_parser("campaign", help="make a list of training runs; ended ones are not made again")
    campaign.add_argument("file", nargs="?", type=Path, help="list of runs, TOML; results/campaign.toml unless given")
    campaign.add_argument("--jobs", type=int, default=1, help="runs at a time, each on one processor core")
    campaign.add_argument("--output", type=Path, metavar="DIR", help="record there instead of beside the file")
    campaign.set_defaults(command=_campaign)

    table = commands.add_parser("table", help="print Table S1: the paper's numbers, and those of recorded runs")
    table.add_argument("folder", nargs="?", type=Path, help="where the runs are; results/fig5c if omitted")
    table.set_defaults(command=_table)
    return parser


def _figures(arguments: argparse.Namespace, root: Path) -> int:
    known = reproduce.figure_names(root)
    if unknown := [name for name in arguments.names if name not in known]:
        raise reproduce.UsageError(f"unknown figure {unknown[0]!r}; the figures are {', '.join(known)}")
    given = {key: reproduce.parse_value(text) for key, text in arguments.given}
    output = arguments.output and arguments.output.absolute()
    figures = [Figure(root, name, arguments.preset, given, output) for name in arguments.names or known]
    if arguments.list:
        _say("\n".join(map(reproduce.list_parameters, figures)))
        return 0
    for figure in figures if given else []:
        reproduce.all_parameters(figure)  # all names are checked before the first long run
    return _make(figures, arguments.force, arguments.verbose)


def _make(figures: Sequence[Figure], force: bool, verbose: bool) -> int:
    """Run the figures that are stale; 1 if one of them failed."""
    failed = []
    for figure in figures:
        changes = ["--force"] if force else figure.changes()
        if not changes:
            _say(f"{figure.name} ({figure.preset}): fresh, in {_shown(figure.folder)}")
            continue
        why = ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
        _say(f"{figure.name} ({figure.preset}): running, because of: {why}")
        try:
            _say(f"{figure.name} ({figure.preset}): done, in {_shown(reproduce.run(figure))}")
        except reproduce.FigureError as error:
            failed.append(figure.name)
            _complain(f"{figure.name} failed: {error}", code=1)
            if verbose:
                print(error.__cause__, file=sys.stderr)
    return _complain(f"failed: {', '.join(failed)}", code=1) if failed else 0


def _book(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import pdf

    if arguments.pdf:
        pdf.check_tools()  # before the long work
    figures = [Figure(root, name, arguments.preset) for name in reproduce.figure_names(root)]
    if code := _make(figures, force=False, verbose=arguments.verbose):
        return code
    from ptabook.claims.verdicts import write_ledger
    from ptacore.runtimes import write_runtimes

    reproduce.stage(root, arguments.preset, {"_ledger.md": write_ledger, "_runtimes.md": write_runtimes})
    page = reproduce.build_book(root)
    _say(f"Open {pdf.print_book(root) if arguments.pdf else page}")
    return 0


def _claims(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook.claims import verdicts as claims

    if arguments.release and arguments.preset != "quick":
        return _complain(f"--release: expected the preset quick, which CI makes, got {arguments.preset}", code=2)
    ledger = claims.print_ledger(root / "_build" / "figures" / arguments.preset)
    released = root / "results" / "verdicts.json"
    if arguments.release:
        claims.release(ledger, released, __version__)
        _say(f"Recorded in {released}")
        return 0
    if arguments.preset != "quick":
        return 0  # the release's verdicts are of the figures that CI makes
    try:
        changed = claims.changes(ledger, released)
    except ValueError as error:
        return _complain(str(error), code=1)
    for line in changed:
        print(f"changed: {line}")
    return 1 if changed else 0


def _compare(arguments: argparse.Namespace, root: Path) -> int:
    from ptabook.claims import verdicts as claims
    from ptacore import compare, provenance

    new = arguments.new or root / "_build" / "figures" / "quick"
    before, now = compare.read(arguments.old), compare.read(new)
    try:
        verdicts = claims.changes(claims.entries(new), root / "results" / "verdicts.json")
    except (FileNotFoundError, ValueError) as error:
        verdicts = [f"not decided: {error}"]
    found = compare.moves(before, now)
    text = compare.report(found, verdicts, sum(map(len, before.values())), arguments.tolerance)
    text = ", ".join(f"{name} {version}" for name, version in provenance.versions().items()) + "\n\n" + text
    _say(text)
    if arguments.report and (verdicts or any(move.size > arguments.tolerance for move in found)):
        arguments.report.write_text(text + "\n", encoding="utf-8")
    return int(bool(verdicts))


def _release(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import release

    if arguments.check:
        _say(f"version {release.check(root, arguments.tag)} everywhere")
    else:
        _say(f"Packed in {_shown(release.build(root, arguments.tag))}")
    return 0


def _train(arguments: argparse.Namespace, root: Path) -> int:
    import torch

    from ptacore import training

    try:
        given = _key_values(arguments.given)
        torch.set_num_threads(workers("--threads", arguments.threads))
        experiment = training.experiment(
            arguments.task, arguments.model, arguments.preset, arguments.seed, arguments.units, **given
        )
        model = experiment.model
        _move(model, arguments.device, arguments.dtype)
        folder = experiment.folder(arguments.output or _results(root) / "own")
        _say(f"{experiment.task.name}, {model.name} ({model.n_parameters:,} parameters): {_shown(folder)}")
        run = training.train(*experiment, folder, progress=sys.stderr.isatty())
    except (ValueError, TypeError) as error:
        raise reproduce.UsageError(str(error)) from error
    except RuntimeError as error:
        return _complain(str(error), code=1)
    s, seconds = run.summary, run.provenance["seconds"]
    _say(f"{s['status']} ({s['reason']}) after {seconds:,.0f} s; best epoch {s['best_epoch']} of {s['epochs']}")
    if s["best_epoch"]:
        loss, chance = s["test_loss"], s["chance_loss"]
        _say(f"test: cross-entropy {loss:.4g} (chance {chance:.4g}), accuracy {s['test_accuracy']:.2%}")
    return int(s["status"] == "diverged")


def _tune(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import training

    def tell(trial: training.Trial) -> None:
        loss = f"{trial.loss:.4g}" if trial.run.history else "none"
        _say(f"trial {trial.number}: {trial.status} after {len(trial.run.history)} epochs, validation loss {loss}")

    try:
        found = training.search(
            arguments.task,
            arguments.model,
            arguments.output or _results(root) / "own" / "tune",
            trials=arguments.trials,
            preset=arguments.preset,
            seed=arguments.seed,
            units=arguments.units,
            asha=arguments.asha,
            jobs=arguments.jobs,
            on_trial=tell,
            **_key_values(arguments.given),
        )
    except (ValueError, TypeError, ImportError) as error:
        raise reproduce.UsageError(str(error)) from error
    except RuntimeError as error:
        return _complain(str(error), code=1)
    outcomes = ", ".join(f"{count} {status}" for status, count in found.outcomes.items())
    _say(f"{len(found.trials)} trials ({outcomes}): {_shown(found.folder)}")
    if found.best is None:
        return _complain("no trial came to the end of its first epoch", code=1)
    settings = " ".join(f"--set {name}={value}" for name, value in found.best.settings.items())
    _say(f"best: trial {found.best.number}, validation loss {found.best.loss:.4g}, {settings}")
    return 0


def _campaign(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import training

    path = arguments.file or _results(root) / "campaign.toml"
    try:
        runs = training.read_campaign(path)
        workers("--jobs", arguments.jobs)
    except FileNotFoundError as error:
        raise reproduce.UsageError(
            f"{path} is missing; expected a list of runs such as results/campaign.toml"
        ) from error
    except (OSError, ValueError) as error:
        raise reproduce.UsageError(str(error)) from error
    output = (arguments.output or path.parent).absolute()
    _say(f"{len(runs)} runs in {_shown(path)}; looking for those that have not ended, up to a second for each")
    codes = training.run_campaign(runs, output, arguments.jobs)
    failed = [f"{run.task} {run.model} (seed {run.seed})" for run, code in zip(runs, codes, strict=True) if code]
    return _complain(f"{len(failed)} of {len(runs)} runs failed: {'; '.join(failed)}", code=1) if failed else 0


def _move(model, device: str, dtype: str) -> None:
    import torch

    try:
        model.to(device, getattr(torch, dtype))
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        raise ValueError(f"--device: {device!r} cannot be used: {str(error).splitlines()[0]}") from error


def _table(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import training

    folder = arguments.folder or _results(root) / "fig5c"
    if not folder.is_dir():
        raise reproduce.UsageError(f"{folder} does not exist; ptacore train records runs")
    try:
        runs = training.read_runs(folder)
    except training.RecordError as error:
        return _complain(str(error), code=1)
    cells = training.table(runs)
    shown, unfinished = sum(len(cell.runs) for cell in cells), sum(not run.finished for run in runs)
    _say(training.show(cells))
    _say(f"{shown} of {len(runs)} runs in {_shown(folder)} are shown; {unfinished} have not ended.")
    return 0


def _results(root: Path) -> Path:
    """Where runs are recorded: in the checkout, or if the package is installed without one, in the working folder."""
    return (root if (root / "notebooks").is_dir() else Path.cwd()) / "results"


def _key_values(texts: Sequence[str]) -> dict[str, object]:
    """The pairs of --set."""
    pairs, own = [text.partition("=") for text in texts], ("task", "model", "preset", "seed", "units")
    for (key, equals, _), text in zip(pairs, texts, strict=True):
        if not (key and equals):
            raise reproduce.UsageError(f"--set: expected KEY=VALUE, got {text!r}")
        if key in own:
            raise reproduce.UsageError(f"--set: {key} has an argument of its own, see --help")
        if sum(key == other for other, _, _ in pairs) > 1:
            raise reproduce.UsageError(f"--set: {key} is given twice")
    return {key: reproduce.parse_value(value) for key, _, value in pairs}


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str, code: int) -> int:
    print(f"ptacore: {text}", file=sys.stderr, flush=True)
    return code
