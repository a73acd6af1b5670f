"""The search for hyperparameters: without Ray as far as that goes, then with a real one, whose processes are killed."""

import importlib.util
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from ptabook import cli
from ptacore.experiments import experiment, ranges, read_search, search, search_space, searches, tune
from ptacore.training import read_run, read_runs, records, train

TASK = {"delay": 3, "tokens": 4, "symbols": 3, "sizes": (20, 10, 10)}
BRIEF = TASK | {"epochs": 2}
LONG = TASK | {"epochs": 400, "patience": 1000}  # seconds: long enough to be killed in the middle

needs_optuna = pytest.mark.skipif(
    not importlib.util.find_spec("optuna"), reason="Optuna is not installed: make tune-env"
)
needs_ray = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed: make tune-env")


def begin(root: Path, model: str = "lem", trials: int = 3, seed: int = 0, asha: bool = False, given=BRIEF) -> Path:
    """The folder of a search that has everything but its trials."""
    plan = {"trials": trials} | tune._plan("copy-memory", model, "quick", seed, 4, asha, dict(given))
    folder = root / "copy-memory" / model / f"search-{tune._digest(plan)}"
    folder.mkdir(parents=True, exist_ok=True)
    records.write_json(folder / "search.json", plan)
    return folder


def by_hand(folder: Path, trials: int | None = None) -> list[dict]:
    """Do what Ray does, one trial after the other; what the trials reported last."""
    proposals, told = tune._Proposals(read_search(folder)), []
    for _ in range(proposals.remaining if trials is None else trials):
        reports = []
        trial = proposals.ask()
        tune.run_trial(trial, reports.append)
        proposals.tell(trial)
        told.append(reports[-1])
    return told


def what_happened(folder: Path) -> list[tuple[dict, list[dict]]]:
    return [(trial.settings, trial.run.history) for trial in read_search(folder).trials]


# ---- proposals


@needs_optuna
@pytest.mark.parametrize("model", ["gru", *ranges.OWN])
def test_proposals_lie_in_the_ranges_and_fill_them(model, tmp_path):
    folder = begin(tmp_path, model, trials=60)
    proposals = tune._Proposals(read_search(folder))
    space, seen = search_space(model), {name: [] for name in search_space(model)}
    for number in range(60):  # ten at random, then what TPE makes of a loss that likes small learning rates
        trial = proposals.ask()
        settings = tune.read_trial(trial).settings
        assert set(settings) == set(space)
        for name, value in settings.items():
            seen[name].append(value)
        proposals.study.tell(number, settings["training.lr"])
    for name, domain in space.items():
        values = seen[name]
        if isinstance(domain, ranges.Choice):
            assert set(values) == set(domain.values)
            continue
        assert domain.low <= min(values) < max(values) <= domain.high
        whole = domain.scale == "integer"
        assert all(isinstance(value, int if whole else float) for value in values)
        f = math.log if domain.scale == "log" else float
        middle = (f(domain.low) + f(domain.high)) / 2
        early = [f(value) for value in values[:10]]
        assert min(early) < middle < max(early)  # at random they lie in both halves: all ten in one has p = 2^-9
    late = sorted(seen["training.lr"][30:])
    assert late[len(late) // 2] < 1e-3  # of the prior, the median is 3e-3: TPE has learnt


@needs_optuna
def test_an_interrupted_search_is_that_without_interruption_and_asks_first_for_what_is_unfinished(tmp_path):
    whole, parts = begin(tmp_path / "whole", trials=14), begin(tmp_path / "parts", trials=14)
    by_hand(whole)
    by_hand(parts, 4)
    dropped = tune._Proposals(read_search(parts)).ask()  # proposed, never trained
    assert dropped.name == "trial-0004"
    by_hand(parts, 7)
    by_hand(parts)
    assert what_happened(parts) == what_happened(whole)
    settings = [json.dumps(trial.settings) for trial in read_search(whole).trials]
    assert len(set(settings)) == 14
    assert what_happened(parts)[0] != what_happened(_finished(begin(tmp_path, trials=1, seed=1)))[0]


@needs_optuna
def test_trials_keep_their_numbers_and_settings_when_an_earlier_one_is_unfinished(tmp_path):
    folder = begin(tmp_path)
    proposals = tune._Proposals(read_search(folder))
    first, second = proposals.ask(), proposals.ask()
    tune.run_trial(second, lambda report: None)  # the first is still being trained when all is killed
    settings = tune.read_trial(first).settings
    again = tune._Proposals(read_search(folder))
    assert again.remaining == 2
    assert [again.ask().name, again.ask().name] == ["trial-0000", "trial-0002"]
    assert tune.read_trial(first).settings == settings == again.study.trials[0].params


def _finished(folder: Path) -> Path:
    by_hand(folder)
    return folder


@needs_optuna
def test_a_search_minimizes_the_lowest_validation_loss_of_the_recorded_runs(tmp_path):
    folder = begin(tmp_path, given=TASK | {"epochs": 6, "lr": 0.3})
    told = by_hand(folder)
    lowest = [min(run.column("validation_loss")) for run in read_runs(folder)]
    assert [report["loss"] for report in told] == lowest
    assert all(set(report) == {"epoch", "loss"} for report in told)
    proposals = tune._Proposals(read_search(folder))
    assert [trial.value for trial in proposals.study.trials] == lowest
    found = read_search(folder)
    assert found.ended
    assert found.best.loss == min(lowest)
    assert tune._conclude(found) is found
    best = json.loads((folder / "best.json").read_text())
    assert best["best"]["folder"] == f"trial-{lowest.index(min(lowest)):04}"
    assert best["best"]["settings"] == found.best.settings
    assert best["outcomes"] == {"epoch limit": 3}


@needs_optuna
def test_reports_are_of_the_best_epoch_so_far(tmp_path):
    folder = begin(tmp_path, given=TASK | {"epochs": 30, "lr": 1.0})
    reports = []
    run = tune.run_trial(tune._Proposals(read_search(folder)).ask(), reports.append)
    losses = run.column("validation_loss")
    assert (losses[1:] > losses[:-1]).any()  # or else this shows nothing
    assert [report["loss"] for report in reports[:-1]] == [min(losses[: n + 1]) for n in range(30)]
    assert [report["epoch"] for report in reports] == [*range(1, 31), 30]


@needs_optuna
def test_test_results_have_no_influence(tmp_path):
    honest, forged = begin(tmp_path / "honest", trials=13), begin(tmp_path / "forged", trials=13)
    for folder in (honest, forged):
        by_hand(folder, 12)
    for number, path in enumerate(sorted(forged.glob("trial-*/summary.json"))):
        summary = json.loads(path.read_text())
        names = [name for name in summary if name.startswith("test_") and summary[name] is not None]
        assert {"test_loss", "test_accuracy"} <= set(names)
        records.write_json(path, summary | dict.fromkeys(names, 1e-6 * number))
        origin = records.read_json(path.with_name("provenance.json"))
        records.write_json(path.with_name("provenance.json"), {k: v for k, v in origin.items() if k != "seal"})
    for folder in (honest, forged):
        by_hand(folder)
        tune._conclude(read_search(folder))
    assert what_happened(honest) == what_happened(forged)
    assert (honest / "best.json").read_bytes() == (forged / "best.json").read_bytes()
    assert "test" not in (honest / "best.json").read_text()


@needs_optuna
def test_a_diverged_trial_counts_with_a_finite_loss_that_is_worse_than_all(tmp_path, monkeypatch):
    folder = begin(tmp_path, "tanh", given=TASK | {"epochs": 3, "lr": 1e-2})
    proposals = tune._Proposals(read_search(folder))
    trial = proposals.ask()
    with monkeypatch.context() as patch:
        patch.setattr("ptacore.training.objective.loss_of", lambda outputs, *_: outputs.sum() * math.nan)
        reports = []
        run = tune.run_trial(trial, reports.append)
    assert (run.summary["status"], run.summary["best_epoch"]) == ("diverged", 0)
    assert reports == [{"epoch": 0, "loss": searches.WORST}]
    assert math.isfinite(searches.WORST)
    told = proposals.tell(trial)
    assert (told.status, told.ended, told.loss) == ("diverged", True, searches.WORST)
    assert proposals.study.trials[0].value == searches.WORST
    assert read_search(folder).best is None
    by_hand(folder)
    found = read_search(folder)
    assert found.outcomes == {"diverged": 1, "epoch limit": 2}
    assert found.best.number > 0


# ---- records


@needs_optuna
def test_trials_are_ordinary_runs_without_their_weights(tmp_path):
    folder = begin(tmp_path)
    by_hand(folder)
    trials, runs = read_search(folder).trials, read_runs(folder)
    assert [trial.run.folder for trial in trials] == [run.folder for run in runs]
    for trial in trials:
        made = experiment("copy-memory", "lem", "quick", 0, 4, **BRIEF, **trial.settings)
        assert train(*made).history == trial.run.history
    assert not list(folder.rglob("*.pt"))


@needs_optuna
def test_a_trial_that_was_given_up_is_recorded_as_such_and_is_never_the_best(tmp_path):
    folder = begin(tmp_path, trials=2, asha=True)
    proposals = tune._Proposals(read_search(folder))
    first = proposals.ask()

    def give_up(report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune.run_trial(first, give_up)
    assert tune.read_trial(first).status == "unfinished"
    trial = proposals.tell(first)
    assert (trial.status, trial.ended, trial.finished) == ("stopped", True, False)
    assert read_run(first).summary["status"] == "unfinished"
    assert read_search(folder).best is None
    by_hand(folder)
    found = read_search(folder)
    assert found.outcomes == {"stopped": 1, "epoch limit": 1}
    assert found.best.number == 1


@needs_optuna
def test_an_ended_search_is_returned_without_ray_and_fewer_trials_are_its_first(tmp_path, monkeypatch):
    folder = begin(tmp_path, trials=4)
    by_hand(folder)
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = {"preset": "quick", "units": 4, **BRIEF}
    found = search("copy-memory", "lem", tmp_path, trials=4, **arguments)
    assert (found.folder, len(found.trials), found.ended) == (folder, 4, True)
    assert [t.number for t in search("copy-memory", "lem", tmp_path, trials=2, **arguments).trials] == [0, 1]
    assert json.loads((folder / "best.json").read_text())["trials"] == 2
    with pytest.raises(ImportError):  # a fifth has to be trained
        search("copy-memory", "lem", tmp_path, trials=5, **arguments)


def test_one_search_is_not_run_twice_at_a_time(tmp_path, monkeypatch):
    folder = begin(tmp_path)
    monkeypatch.setattr(tune, "_need_ray", lambda: None)
    monkeypatch.setattr(tune, "_train_with_ray", lambda *_: pytest.fail("it is run twice"))
    monkeypatch.setattr(tune, "_Proposals", lambda found: None)
    with FileLock(folder / ".lock"), pytest.raises(RuntimeError, match="^another process runs the search in .*search-"):
        search("copy-memory", "lem", tmp_path, trials=3, units=4, **BRIEF)


def test_what_distinguishes_searches_and_what_does_not(tmp_path):
    one = begin(tmp_path, trials=3)
    assert begin(tmp_path, trials=5) == one
    assert begin(tmp_path, given=BRIEF | {"batch_size": 32}) == one  # the preset's own
    others = [begin(tmp_path, seed=1), begin(tmp_path, asha=True), begin(tmp_path, given=BRIEF | {"dt": 0.1})]
    assert len({one, *others, begin(tmp_path, given=BRIEF | {"delay": 4})}) == 5


def test_records_are_read_with_suspicion(tmp_path):
    folder = begin(tmp_path)
    with pytest.raises(records.RecordError, match=r"search\.json: is missing"):
        read_search(tmp_path)
    searches.write_trial(folder / "trial-0001", 1, {})
    with pytest.raises(records.RecordError, match="trial-0001: holds trial 1 instead of 0"):
        read_search(folder)
    (folder / "trial-0000").mkdir()
    (folder / "trial-0000/trial.json").write_text('{"number": 0')
    with pytest.raises(records.RecordError, match=r"trial-0000/trial\.json: is not JSON"):
        read_search(folder)


def test_the_default_number_of_trials_is_the_papers(tmp_path, monkeypatch):
    plans = []
    monkeypatch.setattr(tune, "_need_ray", lambda: None)
    monkeypatch.setattr(tune, "_Proposals", lambda found: plans.append(found.plan))
    monkeypatch.setattr(tune, "_train_with_ray", lambda *_: None)
    for task in ("copy-memory", "permuted-images"):
        with pytest.raises(RuntimeError, match=r"^\d+ trials did not end"):
            search(task, "gru", tmp_path)
    assert [plan["trials"] for plan in plans] == [200, 100]


# ---- the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copy", "gru"], "ptacore: task: expected one of copy-memory, "),
        (["copy-memory", "grru"], "ptacore: model: expected one of tanh, "),
        (["copy-memory", "gru", "--preset", "huge"], "ptacore: preset: expected one of quick, paper, got 'huge'\n"),
        (["copy-memory", "gru", "--set", "rate=1"], "ptacore: rate: no such setting."),
        (["copy-memory", "gru", "--set", "lr=-1"], "ptacore: lr: expected "),
        (["copy-memory", "gru", "--set", "lr"], "ptacore: --set: expected KEY=VALUE, got 'lr'\n"),
        (["copy-memory", "gru", "--set", "sizes=[99999, 1, 1]"], "ptacore: sizes: "),
        (["copy-memory", "gru", "--trials", "0"], "ptacore: trials: expected "),
        (["copy-memory", "gru", "--jobs", "0"], "ptacore: jobs: expected "),
        (["copy-memory", "gru", "--trials", "many"], "argument --trials: invalid int value: 'many'\n"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(tune, "_need_ray", lambda: pytest.fail("that would have been searched"))
    small = [f"--set={key}={json.dumps(value)}" for key, value in TASK.items() if key not in arguments[-1]]
    try:
        code = cli.main(["tune", *arguments[:2], *small, *arguments[2:]], tmp_path)
    except SystemExit as error:  # argparse's way
        code = error.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["ray", "optuna"])
def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch, capsys, package):
    for name in ("ray", "optuna"):  # as if installed, if it is not
        monkeypatch.setitem(sys.modules, name, None if name == package else type(sys)(name))
    monkeypatch.setitem(sys.modules, "ray.tune", None if package == "ray" else type(sys)("ray.tune"))
    assert cli.main(["tune", "copy-memory", "gru"], tmp_path) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("ptacore: a search needs Ray and Optuna (")
    assert package in errors
    assert errors.endswith("): pip install 'ptacore[tune]'\n")
    assert not list(tmp_path.iterdir())


def test_the_package_does_not_import_ray_or_optuna():
    code = "import sys, ptabook.cli, ptacore.training; print(*{'ray', 'optuna'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


# ---- with Ray


def command(root: Path, trials: int, given: dict, *more: str, model: str = "lem") -> list[str]:
    code = "import sys, pathlib; from ptabook import cli; sys.exit(cli.main(root=pathlib.Path(sys.argv.pop())))"
    fixed = [f"--set={key}={json.dumps(value)}" for key, value in given.items()]
    options = ["--units=4", f"--trials={trials}", f"--output={root}", *fixed, *more]
    return [sys.executable, "-c", code, "tune", "copy-memory", model, *options, str(root)]


def run(*arguments, **keywords) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments, **keywords), env=ENVIRONMENT, capture_output=True, text=True, timeout=500)


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
ENVIRONMENT |= {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}  # busy machines would starve the workers


def wait_for(condition, process: subprocess.Popen, seconds: float = 300):
    """The first true value of the condition, while the process runs."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
    return value


def in_the_middle(root: Path) -> list[Path]:
    """Folders of the trials that have some epochs behind them and many to come."""
    found = []
    for path in root.rglob("trial-*/history.csv"):
        lines = path.read_text().count("\n")
        if 5 < lines < 350 and not (path.parent / "summary.json").exists():
            found.append(path.parent)
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@needs_ray
def test_a_search_that_is_interrupted_and_then_killed_loses_nothing(tmp_path):
    expected = begin(tmp_path / "whole", trials=4, given=LONG)
    by_hand(expected)
    root, folder = tmp_path / "parts", tmp_path / "parts" / expected.relative_to(tmp_path / "whole")
    finished: dict[Path, dict[str, bytes]] = {}
    for blow in (signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen(
            command(root, 4, LONG, "--jobs=1"),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        before = len(finished)
        wait_for(lambda: len(list(folder.glob("trial-*/summary.json"))) > before and in_the_middle(folder), process)  # noqa: B023
        process.send_signal(blow)
        _, errors = process.communicate(timeout=120)
        if blow == signal.SIGTERM:
            assert process.returncode == 130
            assert errors.endswith("ptacore: interrupted; earlier results are as they were\n")
        finished |= {trial.folder: content(trial.folder) for trial in read_search(folder).trials if trial.ended}
        assert before < len(finished) < 4
    done = run(root, 4, LONG, "--jobs=1")
    assert done.returncode == 0, done.stderr
    found = read_search(folder)
    assert found.ended
    assert found.outcomes == {"epoch limit": 4}
    assert what_happened(folder) == what_happened(expected)
    assert max(trial.run.provenance["sessions"] for trial in found.trials) > 1
    for trial, earlier in finished.items():
        weights = {name for name in earlier if name.endswith(".pt")}
        assert content(trial) == {name: data for name, data in earlier.items() if name not in weights}
    assert not (folder / ".ray").exists()
    told = [int(n) for n in re.findall(r"^trial (\d+): epoch limit after 400 epochs", done.stdout, re.MULTILINE)]
    assert sorted(told) == [n for n in range(4) if folder / f"trial-{n:04}" not in finished]
    again = run(root, 4, LONG, "--jobs=1")
    assert again.stdout.splitlines() == done.stdout.splitlines()[-2:]


@pytest.mark.slow
@needs_ray
def test_an_error_that_no_other_attempt_would_be_spared_ends_the_search_and_is_told(tmp_path):
    folder = begin(tmp_path)
    trial = tune._Proposals(read_search(folder)).ask()
    (trial / "checkpoint.pt").write_bytes(b"no checkpoint")
    done = run(tmp_path, 3, BRIEF, "--jobs=1")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ptacore: {trial}: CheckpointError: ")
    assert last.endswith(f"Remove them from {trial} to begin the run anew")
    (trial / "checkpoint.pt").unlink()
    assert run(tmp_path, 3, BRIEF, "--jobs=1").returncode == 0
    assert read_search(folder).outcomes == {"epoch limit": 3}


@pytest.mark.slow
@needs_ray
def test_asha_gives_up_what_lags_behind_and_remembers_when_it_is_resumed(tmp_path):
    given = TASK | {"epochs": 40, "patience": 1000}
    done = run(tmp_path, 10, given, "--jobs=2", "--asha")
    assert done.returncode == 0, done.stderr
    folder = next(tmp_path.rglob("search.json")).parent
    found = read_search(folder)
    stopped = [trial for trial in found.trials if trial.status == "stopped"]
    assert 0 < len(stopped) < 10
    assert found.outcomes == {"stopped": len(stopped), "epoch limit": 10 - len(stopped)}
    assert {len(trial.run.history) for trial in stopped} <= {2, 8, 32}
    assert found.best.loss <= min(trial.loss for trial in stopped)
    for trial in stopped:  # at the epoch where it was given up, others were better
        epoch = len(trial.run.history)
        rivals = [t for t in found.trials if t is not trial and len(t.run.history) >= epoch]
        assert any(min(t.run.column("validation_loss")[:epoch]) < trial.loss for t in rivals)
    code = """\
import sys
from types import SimpleNamespace
from ptacore.training import read_search
from ptacore.experiments import tune
scheduler = tune._asha(SimpleNamespace(plan=(found := read_search(sys.argv[1])).plan, ended=found.trials))
for loss in (0.0, 1e6):
    newcomer = SimpleNamespace(trial_id=str(loss))
    scheduler.on_trial_add(None, newcomer)
    print([scheduler.on_trial_result(None, newcomer, {"epoch": epoch, "loss": loss}) for epoch in (1, 2)])"""
    verdicts = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, env=ENVIRONMENT)
    assert verdicts.stdout == "['CONTINUE', 'CONTINUE']\n['CONTINUE', 'STOP']\n", verdicts.stderr


CLUSTER = """\
from ray.cluster_utils import Cluster
cluster = Cluster()
cluster.add_node(num_cpus=1, include_dashboard=False, wait=False)
cluster.add_node(num_cpus=1, wait=False)
cluster.wait_for_nodes(timeout=200)  # on busy machines, the usual 30 seconds are few
print(cluster.address, flush=True)
input()
cluster.shutdown()"""


@contextmanager
def cluster():
    """The address of two nodes with one processor each."""
    environment = ENVIRONMENT | tune.QUIET
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([sys.executable, "-c", CLUSTER], env=environment, text=True, **pipes)
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"[\d.]+:\d+", address), process.communicate("\n", timeout=120)[1]
        yield address
    finally:
        if process.poll() is None:
            process.communicate("\n", timeout=120)


def who_trains(folder: Path):
    """The process that holds the lock of a trial."""
    import psutil

    for process in psutil.process_iter():
        try:
            if any(file.path == str(folder / ".lock") for file in process.open_files()):
                return process
        except psutil.Error:  # it ended, or is none of our business
            pass
    return None


@pytest.mark.slow
@needs_ray
def test_a_worker_is_killed_on_a_cluster_of_two_nodes_and_nothing_is_lost(tmp_path):
    with cluster() as address:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = ENVIRONMENT | {"RAY_ADDRESS": address}
        process = subprocess.Popen(command(tmp_path, 4, LONG), env=environment, **pipes)
        both = wait_for(lambda: len(found := in_the_middle(tmp_path)) == 2 and found, process)
        workers = [who_trains(folder) for folder in both]
        assert workers[0].parent() != workers[1].parent()  # each is on a node of its own
        assert process.pid not in {parent.pid for worker in workers for parent in worker.parents()}
        workers[1].kill()
        output, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors
    found = read_search(both[0].parent)
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3]
    assert found.outcomes == {"epoch limit": 4}
    assert output.count("epoch limit after 400 epochs") == 4
    sessions = {trial.folder: trial.run.provenance["sessions"] for trial in found.trials}
    assert sessions == dict.fromkeys(sessions, 1) | {both[1]: 2}  # it went on where it was, and the others went on
    trial = next(trial for trial in found.trials if trial.folder == both[1])
    assert (
        train(*experiment("copy-memory", "lem", "quick", 0, 4, **LONG, **trial.settings)).history == trial.run.history
    )
    assert json.loads((found.folder / "best.json").read_text())["best"]["validation_loss"] == found.best.loss
