"""The command line, on a small checkout."""

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import make_checkout, tree, write_notebook

from ptabook import cli, figures, pages, pdf
from ptabook.claims import verdicts as claims
from ptabook.files import digest
from ptabook.notebook import FigureError
from ptacore import terminal
from ptacore.terminal import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture
def runs(root, monkeypatch) -> list[figures.Figure]:
    """Record the figures that would be run, instead of running them."""
    recorded = []

    def run(figure: figures.Figure) -> Path:
        recorded.append(figure)
        figure.folder.mkdir(parents=True, exist_ok=True)
        (figure.folder / figure.source.name).write_bytes(figure.source.read_bytes())
        record = {"hash": digest(figure.inputs()), "inputs": figure.inputs()}
        (figure.folder / "provenance.json").write_text(json.dumps(record))
        return figure.folder

    monkeypatch.setattr(figures, "run", run)
    return recorded


def test_a_figure_is_run_when_stale_or_forced(root, runs, capsys):
    assert cli.main(["figures"], root) == 0
    assert "toy (quick): running, because of: not made yet" in capsys.readouterr().out
    assert cli.main(["figures", "toy"], root) == 0
    assert "toy (quick): fresh" in capsys.readouterr().out
    assert len(runs) == 1
    assert cli.main(["figures", "toy", "--force"], root) == 0
    (root / "requirements.lock").write_text("numpy==2.4.7\n")
    assert cli.main(["figures", "toy"], root) == 0
    assert "running, because of: requirements.lock" in capsys.readouterr().out
    assert len(runs) == 3


def test_a_report_is_written_and_its_lines_printed(root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"rnn": 0, **torch.nn.RNN(2, 4).state_dict()}, "net.pt")
    assert cli.main(["report", "net.pt", "--quick", "--input", "noise"], root) == 0
    out = capsys.readouterr().out
    assert "weights: RNN, 4 units (torch). Your gradient survives" in out
    assert "assumed: tanh" in out
    assert f"Open {Path('net-report/report.html')}" in out
    assert Path("net-report/report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.pt"], "no file nothing.pt"),
        (["net.pt"], "no recurrent layer"),
        (["net.txt"], "is empty"),
        (["W.npy", "--input", "nosie"], "input: expected zero, noise, a number or a file"),
        (["W.npy", "--layer", "x"], "layer: expected one of 'W', got 'x'"),
        (["W.npy", "--seed", "-1"], "seed: expected"),
    ],
)
def test_a_report_that_cannot_be_made_is_wrong_usage(root, tmp_path, capsys, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    torch.save(torch.nn.Linear(2, 3).state_dict(), "net.pt")
    Path("net.txt").touch()
    np.save("W.npy", np.eye(3) / 2)
    assert cli.main(["report", "--quick", *arguments], root) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("*-report"))


def test_a_fault_in_a_report_is_not_taken_for_wrong_usage(root, tmp_path, monkeypatch, capsys):
    def fails(*_):
        raise TypeError("of the code")

    monkeypatch.chdir(tmp_path)
    np.save("W.npy", np.eye(2) / 2)
    with monkeypatch.context() as patch:
        patch.setattr("ptacore.reports.make.page", fails)
        with pytest.raises(TypeError, match="of the code"):
            cli.main(["report", "--quick", "W.npy"], root)
    np.save("u.npy", np.zeros((9, 5)))  # five inputs of a matrix that takes two
    assert cli.main(["report", "--quick", "W.npy", "--input", "u.npy"], root) == 2
    assert "W.npy" in capsys.readouterr().err


def test_stale_figures_are_named_and_not_run(root, runs, capsys):
    write_notebook(root, "other")
    assert cli.main(["figures", "toy"], root) == 0
    capsys.readouterr()
    assert cli.main(["figures", "--stale"], root) == 0
    assert capsys.readouterr().out == "other\n"
    assert len(runs) == 1


def test_options_reach_the_run(root, runs, tmp_path):
    arguments = ["figures", "toy", "--preset", "paper", "-p", "seed", "3", "-p", "weights", "W.csv"]
    assert cli.main([*arguments, "-o", str(tmp_path / "out")], root) == 0
    (figure,) = runs
    assert (figure.name, figure.preset, figure.given) == ("toy", "paper", {"seed": 3, "weights": "W.csv"})
    assert figure.folder.parent == tmp_path / "out"


def test_the_parameters_are_listed_with_defaults_and_comments(root, runs, capsys):
    assert cli.main(["figures", "toy", "--list"], root) == 0
    assert capsys.readouterr().out == "toy:\n  seed = 0  # of the noise\n  weights = None\n  records = '../results'\n"
    assert not runs


def test_all_figures_are_made_when_none_is_named(root, runs):
    write_notebook(root, "other")
    assert cli.main(["figures"], root) == 0
    assert [figure.name for figure in runs] == ["other", "toy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figures", "fig9"], "ptacore: unknown figure 'fig9'; the figures are toy\n"),
        (["figures", "-p", "sede", "3"], "unknown parameter 'sede'; its parameters are records, seed, weights\n"),
        (["figures", "-p", "seed", "0,7"], "toy: seed: expected a whole number, such as 0, got '0,7'\n"),
        (["figures", "--preset", "huge"], "invalid choice: 'huge'"),
        (["figures", "-p", "seed"], "expected 2 arguments"),
        ([], "COMMAND"),
    ],
)
def test_wrong_usage_exits_with_2_and_lists_what_is_valid(root, runs, capsys, arguments, message):
    try:
        code = cli.main(arguments, root)
    except SystemExit as error:  # argparse's way
        code = error.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert runs == []


def test_a_failing_figure_gives_one_paragraph_and_the_others_are_still_made(root, capsys):
    write_notebook(root, "bad", ("def f():\n    raise ValueError('chaos_weights: not square, (3, 4)')\nf()",))
    write_notebook(root, "good", ("1 + 1",))
    assert cli.main(["figures", "bad", "good"], root) == 1
    output = capsys.readouterr()
    lines = [line for line in output.err.splitlines() if line.startswith("ptacore: ")]
    assert lines[0].startswith("ptacore: bad failed: ValueError: chaos_weights: not square, (3, 4) (in cell 3 of ")
    assert lines[1:] == ["ptacore: failed: bad"]
    assert "----> " not in output.err  # no traceback
    assert [path.name for path in (root / "_build/figures/quick").iterdir()] == ["good"]
    assert cli.main(["figures", "bad", "--verbose"], root) == 1
    assert "----> 3 f()" in capsys.readouterr().err


def test_an_interrupted_run_ends_its_kernel_and_leaves_the_earlier_results(root):
    write_notebook(root, "toy", ("from pathlib import Path\nimport os, time", SLEEPER))
    earlier = root / "_build/figures/quick/toy"
    earlier.mkdir(parents=True)
    (earlier / "provenance.json").write_text("{}")
    code = "import sys, pathlib; from ptabook import cli; sys.exit(cli.main(root=pathlib.Path(sys.argv.pop())))"
    command = [sys.executable, "-c", code, "figures", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    kernel = int(_wait_for(root / "kernel").read_text())
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("ptacore: interrupted; earlier results are as they were\n")
    assert tree(root / "_build") == {"figures/quick/toy/provenance.json": b"{}"}
    assert not any(path.name.startswith(".") for path in earlier.parent.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


SLEEPER = """\
Path(output_dir, "toy.json").write_text("half")
Path("new").write_text(str(os.getpid()))
os.replace("new", "../kernel")
time.sleep(120)"""


def _wait_for(path: Path) -> Path:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.05)
    return path


def test_claims_fail_when_a_verdict_is_not_that_of_the_release(root, monkeypatch, capsys):
    claim = claims.Claim("one-rests", "Fig. 3A", "One rests.", "", "exact", None, figure="fig3")
    now = [claims.Entry(claim, "", claims.SUPPORTS)]
    monkeypatch.setattr(claims, "print_ledger", lambda figures: now)
    (root / "results").mkdir(exist_ok=True)
    assert cli.main(["claims"], root) == 1
    assert "ptacore claims --release" in capsys.readouterr().err
    (root / "results" / "verdicts.json").write_text("[]")
    assert cli.main(["claims"], root) == 1
    assert "not a record of verdicts" in capsys.readouterr().err
    assert cli.main(["claims", "--release"], root) == 0
    assert cli.main(["claims"], root) == 0
    now[0] = claims.Entry(claim, "", claims.CONTRADICTS)
    assert cli.main(["claims"], root) == 1
    assert "One rests. supports in" in capsys.readouterr().out
    assert cli.main(["claims", "--preset", "paper"], root) == 0
    assert cli.main(["claims", "--preset", "paper", "--release"], root) == 2


def test_the_book_is_made_of_fresh_figures_and_ends_by_naming_its_page(root, runs, monkeypatch, capsys):
    staged = []
    monkeypatch.setattr(pages, "stage", lambda root, preset, write_ledger: staged.append(preset))
    monkeypatch.setattr(pages, "build_book", lambda root: root / "_build/html/index.html")
    assert cli.main(["book", "--preset", "paper"], root) == 0
    assert capsys.readouterr().out.endswith(f"Open {root}/_build/html/index.html\n")
    assert staged == ["paper"]
    assert [figure.preset for figure in runs] == ["paper"]


def test_the_pdf_is_printed_from_the_built_book_and_its_tools_are_asked_for_first(root, runs, monkeypatch, capsys):
    steps = []
    monkeypatch.setattr(pages, "stage", lambda *_: None)
    monkeypatch.setattr(pages, "build_book", lambda root: steps.append("built"))
    monkeypatch.setattr(pdf, "check_tools", lambda: steps.append("checked"))
    monkeypatch.setattr(pdf, "print_book", lambda root: steps.append("printed") or root / "_build/ptacore-book.pdf")
    assert cli.main(["book", "--pdf"], root) == 0
    assert steps == ["checked", "built", "printed"]
    assert capsys.readouterr().out.endswith(f"Open {root}/_build/ptacore-book.pdf\n")

    def missing():
        raise UsageError("pypdf is missing")

    monkeypatch.setattr(pdf, "check_tools", missing)
    assert cli.main(["book", "--pdf"], root) == 2
    assert capsys.readouterr() == ("", "ptacore: pypdf is missing\n")


def test_no_book_is_built_from_a_failed_figure_and_a_failed_book_exits_with_1(root, runs, monkeypatch, capsys):
    def fails(*_):
        raise FigureError("ValueError: no")

    staged = []
    monkeypatch.setattr(pages, "stage", lambda *_: staged.append("staged"))
    with monkeypatch.context() as patch:
        patch.setattr(figures, "run", fails)
        assert cli.main(["book"], root) == 1
    assert staged == []

    def warns(*_):
        raise pages.BookError("the book was not built")

    monkeypatch.setattr(pages, "build_book", warns)
    assert cli.main(["book"], root) == 1
    output = capsys.readouterr()
    assert output.err.endswith("ptacore: the book was not built\n")
    assert "Open" not in output.out


def test_a_missing_papermill_is_named_with_its_remedy(root, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert cli.main(["figures"], root) == 2
    assert "papermill is missing: pip install 'ptacore[figures]'" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"ptacore {importlib.metadata.version('ptacore')}\n"


def test_importing_the_command_line_imports_nothing_that_is_slow_and_not_needed():
    slow = {"torch", "numpy", "papermill", "nbformat", "matplotlib", "scipy"}
    code = f"import sys, ptabook.cli; print(*{slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_book_that_has_not_changed_is_told_so_without_torch_and_drawings():
    """What its files are named and made of is asked for each time; what writes them loads what it needs."""
    code = """
import sys
from ptabook import claims, example, four_or_two, pages, runtimes
from ptabook.claims import verdicts
assert {**example.example_files(), **four_or_two.four_or_two_files()}
print(*{"torch", "matplotlib", "scipy"} & set(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("null", None),
        ("[1.0, 1.3]", [1.0, 1.3]),
        ("product", "product"),
        ("W.csv", "W.csv"),
        ("[W].csv", "[W].csv"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("", ""),
        ('"3"', "3"),
    ],
)
def test_values_on_the_command_line(text, value):
    parsed = terminal.parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


TINY = [f"--set={pair}" for pair in ("delay=3", "tokens=2", "symbols=3", "sizes=[5,2,2]", "epochs=2")]
TRAIN = ["train", "copy-memory", "gru", "--units", "4", *TINY]


def test_a_run_is_trained_recorded_and_not_trained_again(root, capsys):
    assert cli.main([*TRAIN, "--set", "lr=1e-2", "--seed", "3", "--dtype", "float64"], root) == 0
    said = capsys.readouterr().out
    (config,) = (root / "results" / "own" / "copy-memory" / "gru").glob("seed-3-*/config.json")
    recorded = json.loads(config.read_text())
    assert (recorded["training"]["lr"], recorded["task"]["delay"], recorded["model"]["dtype"]) == (0.01, 3, "float64")
    assert "epoch limit (2 epochs)" in said
    assert "test: cross-entropy" in said
    before = tree(config.parent)
    assert cli.main([*TRAIN, "--set", "lr=1e-2", "--seed", "3", "--dtype", "float64"], root) == 0
    assert capsys.readouterr().out == said
    assert tree(config.parent) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "copy", "gru"], "task: expected one of copy-memory, random-delay-copy"),
        (["train", "copy-memory", "rnn"], "model: expected one of tanh, tanh-orthogonal"),
        ([*TRAIN, "--preset", "full"], "preset: expected one of quick, paper"),
        ([*TRAIN, "--set", "lr=-1"], "lr: expected a number in (0, 1000], got -1"),
        ([*TRAIN, "--set", "rate=1"], "rate: no such setting"),
        ([*TRAIN, "--set", "lr"], "--set: expected KEY=VALUE, got 'lr'"),
        ([*TRAIN, "--set", "seed=3"], "--set: seed has an argument of its own"),
        ([*TRAIN, "--set", "lr=1", "--set", "lr=2"], "--set: lr is given twice"),
        ([*TRAIN, "--threads", "0"], "--threads: expected a whole number from 1 to"),
        ([*TRAIN, "--threads", "1000000000"], "--threads: expected a whole number from 1 to"),
        (["campaign", "--jobs", "1000000000", os.devnull], "--jobs: expected a whole number from 1 to"),
        ([*TRAIN, "--device", "abacus"], "--device: 'abacus' cannot be used"),
        (["table", "nowhere"], "nowhere does not exist"),
    ],
)
def test_wrong_usage_of_training_is_named(root, capsys, arguments, message):
    assert cli.main(arguments, root) == 2
    assert message in capsys.readouterr().err
    assert not (root / "results" / "own").exists()


@pytest.mark.parametrize("error", [ValueError, TypeError])
def test_a_fault_in_training_is_not_taken_for_wrong_usage(root, monkeypatch, error):
    def fails(*_):
        raise error("of the code")

    monkeypatch.setattr("ptacore.training.objective.loss_of", fails)
    with pytest.raises(error, match="of the code") as raised:
        cli.main(TRAIN, root)
    assert raised.type is error


def test_a_changed_record_and_a_task_that_cannot_be_are_wrong_usage(root, capsys):
    assert cli.main([*TRAIN[:-3], "--set=sizes=[500,2,2]"], root) == 2
    assert "sizes: " in capsys.readouterr().err
    assert cli.main(TRAIN, root) == 0
    (config,) = root.rglob("results/own/**/config.json")
    config.write_text(config.read_text().replace('"initial": "', '"initial": "0'))
    assert cli.main(TRAIN, root) == 2
    assert "seal" in capsys.readouterr().err


def test_a_fault_in_a_search_is_not_taken_for_wrong_usage(root, monkeypatch):
    def fails(*_):
        raise ValueError("of the code")

    monkeypatch.setattr("ptacore.experiments.tune._need_ray", lambda: None)
    monkeypatch.setattr("ptacore.experiments.tune.read_search", fails)
    with pytest.raises(ValueError, match="of the code") as raised:
        cli.main(["tune", "copy-memory", "gru", "--units", "4", "--trials", "1", *TINY], root)
    assert raised.type is ValueError


def test_a_diverged_run_exits_with_1(root, monkeypatch, capsys):
    monkeypatch.setattr("ptacore.training.objective.loss_of", lambda outputs, *_: outputs.sum() * float("nan"))
    assert cli.main(TRAIN, root) == 1
    assert "diverged (loss nan" in capsys.readouterr().out


def test_the_table_says_what_it_left_out_and_refuses_malformed_records(root, capsys):
    cli.main([*TRAIN, "--output", str(root / "mine")], root)
    capsys.readouterr()
    assert cli.main(["table", str(root / "mine")], root) == 0
    text = capsys.readouterr().out
    assert "0.000158" in text  # the paper's PTA
    assert "0 of 1 runs in" in text
    next((root / "mine").rglob("summary.json")).write_text("{}")
    assert cli.main(["table", str(root / "mine")], root) == 1
    assert "summary.json: has no 'status'" in capsys.readouterr().err


def test_runs_are_recorded_in_the_working_folder_without_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(TRAIN, tmp_path / "lib" / "site-packages") == 0
    assert next(tmp_path.rglob("summary.json")).is_relative_to(tmp_path / "results" / "own")


def test_comparing_tells_what_moved_and_fails_only_for_verdicts(root, tmp_path, monkeypatch, capsys):
    old, new, report = tmp_path / "old", root / "_build/figures/quick", tmp_path / "report.md"
    for folder, rate in ((old, 1.0), (new, 2.0)):
        (folder / "toy").mkdir(parents=True)
        (folder / "toy/toy.json").write_text(json.dumps({"rate": rate}))
    claim = claims.Claim("one-rests", "Fig. 3A", "One rests.", "", "exact", None, figure="toy")
    now = [claims.Entry(claim, "", claims.SUPPORTS)]
    monkeypatch.setattr(claims, "entries", lambda folder: now)
    claims.release(now, root / "results/verdicts.json", "1.0.0")
    assert cli.main(["compare", str(new), "--report", str(report)], root) == 0
    assert not report.exists()
    assert cli.main(["compare", str(old), "--tolerance", "0.6", "--report", str(report)], root) == 0
    assert not report.exists()
    assert cli.main(["compare", str(old), "--report", str(report)], root) == 0
    assert "1 of 1 numbers moved" in report.read_text()
    assert report.read_text() in capsys.readouterr().out
    now[0] = claims.Entry(claim, "", claims.CONTRADICTS)
    assert cli.main(["compare", str(new), "--report", str(report)], root) == 1
    assert "- Fig. 3A: One rests. supports in 1.0.0, now contradicts" in report.read_text()
    (root / "results/verdicts.json").unlink()
    assert cli.main(["compare", str(new)], root) == 1
    assert "not decided: " in capsys.readouterr().out
    assert cli.main(["compare", str(tmp_path / "none")], root) == 1
    assert "no numbers of figures" in capsys.readouterr().err
