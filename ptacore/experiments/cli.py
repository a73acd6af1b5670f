"""``python -m ptacore.experiments``: networks trained and tuned, campaigns, the table of the paper."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ptacore.provenance import ROOT
from ptacore.terminal import UsageError, complain, parse_value, run, say, shown


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line of this room alone and return its exit code (`terminal.run`)."""
    parser = argparse.ArgumentParser(prog="python -m ptacore.experiments", description=__doc__.split(": ")[1])
    add_commands(parser.add_subparsers(required=True, metavar="COMMAND"))
    return run(parser, argv, root)


def add_commands(commands) -> None:
    """Add train, tune, campaign and table to the subparsers of a command line."""
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


def _train(arguments: argparse.Namespace, root: Path) -> int:
    import torch

    from ptacore import experiments
    from ptacore.checks import workers
    from ptacore.training.loop import prepared

    try:
        given = _key_values(arguments.given)
        torch.set_num_threads(workers("--threads", arguments.threads))
        experiment = experiments.experiment(
            arguments.task, arguments.model, arguments.preset, arguments.seed, arguments.units, **given
        )
        model = experiment.model
        _move(model, arguments.device, arguments.dtype)
        folder = experiment.folder(arguments.output or _results(root) / "own")
        session = prepared(*experiment, folder)
        experiment.task.split("train")  # which may be impossible
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from error
    say(f"{experiment.task.name}, {model.name} ({model.n_parameters:,} parameters): {shown(folder)}")
    try:
        run = session.train(sys.stderr.isatty(), None)
    except RuntimeError as error:
        return complain(str(error), code=1)
    s, seconds = run.summary, run.provenance["seconds"]
    say(f"{s['status']} ({s['reason']}) after {seconds:,.0f} s; best epoch {s['best_epoch']} of {s['epochs']}")
    if s["best_epoch"]:
        loss, chance = s["test_loss"], s["chance_loss"]
        say(f"test: cross-entropy {loss:.4g} (chance {chance:.4g}), accuracy {s['test_accuracy']:.2%}")
    return int(s["status"] == "diverged")


def _tune(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import experiments
    from ptacore.experiments.tune import carried_out, planned

    def tell(trial: experiments.Trial) -> None:
        loss = f"{trial.loss:.4g}" if trial.run.history else "none"
        say(f"trial {trial.number}: {trial.status} after {len(trial.run.history)} epochs, validation loss {loss}")

    try:
        folder, plan = planned(
            arguments.task,
            arguments.model,
            arguments.output or _results(root) / "own" / "tune",
            trials=arguments.trials,
            preset=arguments.preset,
            seed=arguments.seed,
            units=arguments.units,
            asha=arguments.asha,
            jobs=arguments.jobs,
            **_key_values(arguments.given),
        )
    except (ValueError, TypeError, ImportError) as error:
        raise UsageError(str(error)) from error
    try:
        found = carried_out(folder, plan, arguments.jobs, tell)
    except RuntimeError as error:
        return complain(str(error), code=1)
    outcomes = ", ".join(f"{count} {status}" for status, count in found.outcomes.items())
    say(f"{len(found.trials)} trials ({outcomes}): {shown(found.folder)}")
    if found.best is None:
        return complain("no trial came to the end of its first epoch", code=1)
    settings = " ".join(f"--set {name}={value}" for name, value in found.best.settings.items())
    say(f"best: trial {found.best.number}, validation loss {found.best.loss:.4g}, {settings}")
    return 0


def _campaign(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import experiments
    from ptacore.checks import workers

    path = arguments.file or _results(root) / "campaign.toml"
    try:
        runs = experiments.read_campaign(path)
        workers("--jobs", arguments.jobs)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing; expected a list of runs such as results/campaign.toml") from error
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    output = (arguments.output or path.parent).absolute()
    say(f"{len(runs)} runs in {shown(path)}; looking for those that have not ended, up to a second for each")
    codes = experiments.run_campaign(runs, output, arguments.jobs)
    failed = [f"{run.task} {run.model} (seed {run.seed})" for run, code in zip(runs, codes, strict=True) if code]
    return complain(f"{len(failed)} of {len(runs)} runs failed: {'; '.join(failed)}", code=1) if failed else 0


def _move(model, device: str, dtype: str) -> None:
    import torch

    try:
        model.to(device, getattr(torch, dtype))
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        raise ValueError(f"--device: {device!r} cannot be used: {str(error).splitlines()[0]}") from error


def _table(arguments: argparse.Namespace, root: Path) -> int:
    from ptacore import experiments, training

    folder = arguments.folder or _results(root) / "fig5c"
    if not folder.is_dir():
        raise UsageError(f"{folder} does not exist; ptacore train records runs")
    try:
        runs = training.read_runs(folder)
    except training.RecordError as error:
        return complain(str(error), code=1)
    cells = experiments.table(runs)
    in_table, unfinished = sum(len(cell.runs) for cell in cells), sum(not run.finished for run in runs)
    say(experiments.show(cells))
    say(f"{in_table} of {len(runs)} runs in {shown(folder)} are shown; {unfinished} have not ended.")
    return 0


def _results(root: Path) -> Path:
    """Where runs are recorded: in the checkout, or if the package is installed without one, in the working folder."""
    return (root if (root / "notebooks").is_dir() else Path.cwd()) / "results"


def _key_values(texts: Sequence[str]) -> dict[str, object]:
    """The pairs of --set."""
    pairs, own = [text.partition("=") for text in texts], ("task", "model", "preset", "seed", "units")
    for (key, equals, _), text in zip(pairs, texts, strict=True):
        if not (key and equals):
            raise UsageError(f"--set: expected KEY=VALUE, got {text!r}")
        if key in own:
            raise UsageError(f"--set: {key} has an argument of its own, see --help")
        if sum(key == other for other, _, _ in pairs) > 1:
            raise UsageError(f"--set: {key} is given twice")
    return {key: parse_value(value) for key, _, value in pairs}
