"""Every message that the page of troubleshooting quotes is provoked, and must still read as quoted."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nbclient.exceptions import DeadKernelError
from torch import nn
from toy import make_checkout

import ptacore as pta
from ptabook import cli, figures, notebook, pages
from ptabook.claims import verdicts as claims
from ptacore.kernels import build as compiler
from ptacore.training import checkpoints

ROOT = Path(__file__).parents[2]
QUOTES = re.findall(r"```text\n(.*?)```", (ROOT / "book" / "troubleshooting.md").read_text(), re.DOTALL)
PROVOKED: dict[str, Callable] = {}  # from a message's start, as quoted, to what provokes it

PYTHON = """#!/bin/sh
case "$1" in
    --version) echo "Python {version}";;
    -c) exit {old};;
    -m) [ "$2" = venv ] && mkdir -p .venv/bin && cp "$0" .venv/bin/python;;  # which then fails, as pip offline
esac"""


def says(start: str) -> Callable:
    """Register what provokes the message that starts so: a function of a place, which returns the message."""

    def register(provoke: Callable) -> Callable:
        PROVOKED[start] = provoke
        return provoke

    return register


def raises(start: str, call: Callable) -> None:
    """Register a call, of a place, that raises the message."""

    def provoke(at):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            call(at)
        return str(caught.value)

    says(start)(provoke)


def warns(start: str, call: Callable) -> None:
    """Register a call, of a place, that warns so."""

    def provoke(at):
        with pytest.warns(UserWarning) as caught:  # noqa: PT030
            call(at)
        return str(caught[0].message)

    says(start)(provoke)


def prints(start: str, *arguments: str, before: Callable = lambda at: None) -> None:
    """Register a command line in a small checkout that prints the message."""

    def provoke(at):
        root = make_checkout(at.folder / "checkout")
        before(SimpleNamespace(**vars(at), root=root))
        cli.main(list(arguments), root)
        return "".join(at.printed())

    says(start)(provoke)


@pytest.mark.parametrize("quote", QUOTES, ids=[quote.split("\n")[0][:50] for quote in QUOTES])
def test_a_quoted_message_is_what_is_said(quote, tmp_path, monkeypatch, capsys):
    (provoke,) = (p for start, p in PROVOKED.items() if quote.startswith(start))
    said = provoke(SimpleNamespace(folder=tmp_path, patch=monkeypatch, printed=capsys.readouterr))
    pattern = r"\s+".join(re.escape(word).replace("…", ".*?") for word in quote.split())
    assert re.search(pattern, said, re.DOTALL), said


def test_nothing_is_provoked_that_is_not_quoted():
    assert [start for start in PROVOKED if not any(quote.startswith(start) for quote in QUOTES)] == []


# ---- installing


def make(at, version: str, old: int) -> str:
    python = at.folder / "python3"
    python.write_text(PYTHON.format(version=version, old=old))
    python.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, at.folder)
    at.patch.setenv("PATH", str(at.folder), prepend=":")
    done = subprocess.run(["make", "figures"], cwd=at.folder, capture_output=True, text=True)
    assert done.returncode
    return done.stdout


says("ptacore needs Python")(lambda at: make(at, "3.9.18", old=1))
says("uv is not to be had")(lambda at: make(at, "3.12.1", old=0))


def without_compiler(at):
    at.patch.delenv("CC", raising=False)
    at.patch.setenv("PATH", str(at.folder))
    compiler.load(Path(compiler.__file__).with_name("tangents.c"))


def without_papermill(at):
    at.patch.setitem(sys.modules, "papermill", None)
    notebook.papermill_or_error()


warns("compiled backend", without_compiler)
raises("papermill is missing", without_papermill)
says("no chromium")(lambda at: (Path(__file__).with_name("conftest.py")).read_text())


# ---- figures and the book


def fresh_once(at):
    """A figure of the name fig3 that was made before lyapunov.py was edited."""
    shutil.copy(at.root / "notebooks/toy.ipynb", at.root / "notebooks/fig3.ipynb")
    figure = figures.Figure(at.root, "fig3")
    figure.folder.mkdir(parents=True)
    (figure.folder / "fig3.ipynb").write_text("{}")
    (figure.folder / "provenance.json").write_text(
        json.dumps({"inputs": figure.inputs() | {"ptacore/dynamics/lyapunov.py": "before"}})
    )
    (at.root / "ptacore/dynamics/lyapunov.py").write_text("x = 2\n")
    at.patch.setattr(figures, "run", lambda figure: figure.folder)


def stopped_by(error: BaseException) -> Callable:
    def stop(*_, **__):
        raise error

    return lambda at: at.patch.setattr(notebook.papermill_or_error(), "execute_notebook", stop)


def changed_verdict(at):
    entry = claims.Entry(
        claims.Claim("one-rests", "Fig. 3A", "One rests.", "", "exact", None, figure="fig3"), "", claims.SUPPORTS
    )
    claims.release([entry], at.root / "results/verdicts.json", "0.1.0")
    at.patch.setattr(claims, "print_ledger", lambda figures: [claims.Entry(entry.claim, "", claims.CONTRADICTS)])


def with_warnings(at):
    """A book whose rendering fails."""
    at.patch.setattr(figures, "run", lambda figure: figure.folder)
    at.patch.setattr(pages, "stage", lambda *_: None)
    at.patch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))


prints("fig3 (quick): running", "figures", "fig3", before=fresh_once)
raises("… does not exist", lambda at: figures.figure_names(at.folder))
prints("ptacore: toy: unknown parameter", "figures", "-p", "sede", "1")
prints("the kernel died", "figures", before=stopped_by(DeadKernelError()))
prints("no kernel answers", "figures", before=stopped_by(RuntimeError("Kernel didn't respond in 60 seconds")))
prints(
    "… exists and was not written",
    "figures",
    before=lambda at: (at.root / "_build/figures/quick/toy").mkdir(parents=True),
)
prints("ptacore: interrupted", "figures", before=stopped_by(KeyboardInterrupt()))
prints("ptacore: …/closed_loop", "claims")
prints("changed: Fig. 3A", "claims", before=changed_verdict)
prints("ptacore: the book was not built", "book", before=with_warnings)


# ---- training

TRAIN = ("train", "copy-memory", "gru", "--units=4", "--set=delay=3", "--set=tokens=2", "--set=symbols=3")
TRAIN += ("--set=sizes=[5,2,2]", "--set=epochs=1")


def two_processes(at):
    with checkpoints.alone_in(at.folder, "another process is training in"):
        checkpoints.alone_in(at.folder, "another process is training in").__enter__()


def twice_without(at, *patterns):
    for _ in range(2):
        cli.main([*TRAIN, "--output", str(at.folder / "runs")], at.folder)
        for path in [path for pattern in patterns for path in (at.folder / "runs").rglob(pattern)]:
            path.unlink()


def checkpoint_cut_off(at):
    checkpoints.save(at.folder, "a run", {"epoch": 1})
    path = at.folder / checkpoints.NEWEST
    path.write_bytes(path.read_bytes()[:-5])
    checkpoints.load(at.folder, "a run")


def run_of_another_rate(at):
    task = pta.tasks.CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
    for lr in (0.01, 0.003):
        model = pta.models.build("tanh", task.n_inputs, task.n_outputs, 4, torch.Generator().manual_seed(0))
        pta.training.train(task, model, pta.training.Settings(lr=lr, epochs=1), at.folder)


raises("another process", two_processes)
raises("folder: … holds another run", run_of_another_rate)
raises("… truncated or damaged", checkpoint_cut_off)
raises("fashion-mnist", lambda at: pta.tasks.load_images("fashion-mnist", folder=at.folder))
prints(
    "diverged",
    *TRAIN,
    before=lambda at: at.patch.setattr(
        "ptacore.training.objective.loss_of", lambda outputs, *_: outputs.sum() * np.nan
    ),
)
warns("… has the run's record", lambda at: twice_without(at, "*.pt", "weights.npz"))
warns("… has its weights in half precision", lambda at: twice_without(at, "*.pt"))
prints("ptacore: --device", *TRAIN, "--device", "abacus")


# ---- own networks and systems


def read(at, W: np.ndarray):
    np.savetxt(at.folder / "W.csv", W, delimiter=",")
    pta.models.chaos(W=at.folder / "W.csv")


def flow(f: Callable) -> pta.System:
    return pta.System.from_function(f, 2, "flow")


def spectrum(system, n: int):
    return pta.lyapunov_spectrum(system, torch.zeros(n), duration=100, transient=0)


raises("module: an LSTM's", lambda at: pta.pta_(nn.LSTM(2, 4)))
raises("target: expected a torch.nn RNN", lambda at: pta.pta_(nn.Linear(4, 4)))
raises("alpha, theta: none", lambda at: pta.pta_(nn.RNN(2, 4), alpha=0.9))
raises("module: expected torch.nn's RNN", lambda at: spectrum(nn.Linear(4, 4), 4))
raises("f: must map", lambda at: flow(lambda x: torch.stack([x[1], -x[0]])))
raises("f: must take", lambda at: flow(lambda x: x @ torch.eye(2)))
raises("W: …/W.csv: expected a square", lambda at: read(at, np.zeros((3, 4))))
raises("W: …/W.csv: entries", lambda at: read(at, np.full((3, 3), np.nan)))
raises(
    "the state is no longer",
    lambda at: pta.trajectory(pta.models.LinearFlow([[-100.0]]), [1.0], duration=50.0, dt=0.1),
)
raises("dt: a flow", lambda at: pta.trajectory(pta.models.LinearFlow([[-1.0]]), [1.0], duration=1.0))
raises("input: has 20", lambda at: spectrum(pta.models.ModuleMap(nn.RNN(2, 4), torch.zeros(20, 2)), 4))
raises(
    "x0 leads to a fixed point",
    lambda at: pta.periodic_orbit(pta.models.LinearFlow([[-1.0]]), [1.0], dt=0.1, transient=100.0, longest=10.0),
)
raises(
    "no periodic orbit found",
    lambda at: pta.periodic_orbit(pta.models.limit_cycle(), torch.ones(20), dt=1e-3, transient=1.0, longest=0.02),
)


def relaxation_in_long_steps(at):
    def van_der_pol(z):
        x, y = z.unbind(-1)
        return torch.stack((y, 20 * (1 - x * x) * y - x), -1)

    pta.periodic_orbit(flow(van_der_pol), [2.0, 0.0], dt=0.03, transient=0.0, longest=40.0)


def adjoint_of_bare_states(at):
    pushed = pta.System.from_function(lambda x, t: -x + t, 1, "flow")
    pta.adjoint(pushed, pta.trajectory(pushed, [0.0], duration=1.0, dt=0.1).x, dt=0.1)


def changed_record(at):
    task = pta.tasks.CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
    model = pta.models.build("tanh", task.n_inputs, task.n_outputs, 4, torch.Generator().manual_seed(0))
    pta.training.train(task, model, pta.training.Settings(epochs=1), at.folder)
    path = at.folder / "summary.json"
    summary = json.loads(path.read_text())
    path.write_text(json.dumps(summary | {"test_loss": summary["test_loss"] * 1.001}))
    pta.training.read_run(at.folder)


raises("dt: the steps", relaxation_in_long_steps)
raises("t0: expected", adjoint_of_bare_states)
raises("… its seal", changed_record)
raises(
    "duration: needs",
    lambda at: pta.trajectory(pta.models.LinearFlow([[-1.0]]), [1.0], duration=1e12, dt=1e-3),
)
