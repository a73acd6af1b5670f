import signal
import sys
from pathlib import Path

import pytest

from ptabook import cli
from ptacore.training import Planned, experiment, read_campaign, read_run, run_campaign, train


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """In the place of the interpreter: notes its arguments, then does what the task (its fourth) says."""
    script = tmp_path / "stub"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nshift 3\neval "$1"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return lambda: (tmp_path / "calls").read_text().splitlines()


class Does(Planned):
    """Whose task is a command of the shell."""

    def ended(self, root):
        return False


def does(command, seed=0, **more):
    return Does("folder", command, "network", seed, **more)


def written(tmp_path, text):
    path = tmp_path / "campaign.toml"
    path.write_text(text)
    return path


def test_an_entry_stands_for_all_combinations_of_networks_grid_and_seeds(tmp_path):
    text = """
    [[runs]]
    folder = "a"
    task = "copy-memory"
    models = ["gru-pta", "tanh-pta"]
    seeds = [0, 7]
    units = 128
    settings = { epochs = 8, probe_exponents = "none" }
    grid = { alpha = [[1, 1.2], [1, 3]], lr = [1e-3] }

    [[runs]]
    folder = "b"
    task = "temporal-order"
    models = ["lem"]
    preset = "quick"
    lr_from = "copy-memory"
    """
    runs = read_campaign(written(tmp_path, text))
    assert len(runs) == 2 * 2 * 2 + 1
    assert [(r.model, r.settings["alpha"], r.seed) for r in runs[:5]] == [
        ("gru-pta", [1, 1.2], 0),
        ("gru-pta", [1, 1.2], 7),
        ("gru-pta", [1, 3], 0),
        ("gru-pta", [1, 3], 7),
        ("tanh-pta", [1, 1.2], 0),
    ]
    assert runs[0].settings == {"epochs": 8, "probe_exponents": None, "alpha": [1, 1.2], "lr": 1e-3}
    assert runs[-1] == Planned("b", "temporal-order", "lem", 0, "quick", lr_from="copy-memory")
    given = [
        "--set",
        "epochs=8",
        "--set",
        "probe_exponents=none",
        "--set",
        "alpha=[1, 1.2]",
        "--set",
        "lr=0.001",
        "--output",
        str(tmp_path / "a"),
    ]
    head = ["copy-memory", "gru-pta", "--preset", "paper", "--seed", "7", "--units", "128"]
    assert runs[1].arguments(tmp_path) == head + given


ENTRY = '[[runs]]\nfolder = "a"\ntask = "copy-memory"\nmodels = ["gru"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[runs]", "campaign.toml: "),
        ('[[runs]]\ntask = "copy-memory"\n', "entry 1: lacks folder, models"),
        (ENTRY + "seed = [0]", "entry 1: seed: expected about, .*seeds"),
        (ENTRY + ENTRY, "entry 2: gru, seed 0, is in entry 1 already"),
        (ENTRY + "settings = { speed = 3 }", "entry 1: speed: no such setting"),
        (ENTRY + 'preset = "huge"', "entry 1: preset: expected one of quick, paper, got 'huge'"),
        (ENTRY.replace("gru", "guru"), "entry 1: model: expected one of tanh, .*got 'guru'"),
        (ENTRY.replace("copy", "coffee"), "entry 1: task: expected one of copy-memory, .*got 'coffee-memory'"),
    ],
)
def test_a_list_that_cannot_be_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_campaign(written(tmp_path, text))


def test_the_campaign_of_this_project_can_be_made():
    assert len(read_campaign(Path(__file__).parents[2] / "results" / "campaign.toml")) > 100


def test_runs_are_made_in_order_and_a_failed_or_killed_one_stops_no_other(stub, tmp_path):
    runs = [does("exit 0"), does("exit 2"), does("kill -9 $$"), does("true", seed=4)]
    assert run_campaign(runs, tmp_path) == [0, 2, -9, 0]
    assert stub()[3] == f"-m ptacore.experiments train true network --preset paper --seed 4 --output {tmp_path}/folder"


def test_no_more_than_jobs_run_at_a_time(stub, tmp_path):
    one = f'mkdir {tmp_path}/$$; n=$(ls -d {tmp_path}/[0-9]* | wc -l); sleep .1; rmdir {tmp_path}/$$; exit "$n"'
    assert max(run_campaign([does(one, seed) for seed in range(6)], tmp_path, jobs=2)) <= 2


def test_an_interruption_ends_the_runs_and_begins_no_other(stub, tmp_path, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    runs = [does(f"kill -INT $PPID; sleep 60 && touch {tmp_path}/waited_for"), does("true"), does("true", seed=2)]
    with pytest.raises(KeyboardInterrupt):
        run_campaign(runs, tmp_path)
    assert len(stub()) == 1
    assert not (tmp_path / "waited_for").exists()


@pytest.mark.slow
def test_a_rate_is_the_one_of_lowest_validation_loss_once_all_were_tried(tmp_path, monkeypatch):
    short = {"sizes": (64, 32, 32), "delay": 5, "tokens": 3, "epochs": 3}
    runs = [
        Planned("tuning", "copy-memory", "tanh-rotation", 0, "quick", 8, short | {"lr": lr})
        for lr in (1e-4, 1e-2, 1e-3)
    ]
    last = Planned("end", "copy-memory", "tanh-rotation", 1, "quick", 8, short, lr_from="copy-memory")
    with pytest.raises(ValueError, match="has no runs, so no learning rate"):
        last.with_rate(tmp_path)
    assert run_campaign([*runs, last], tmp_path, jobs=4) == [0, 0, 0, 0]  # the last waits, whatever the jobs
    (tuned,) = map(read_run, (tmp_path / "end").glob("*/*/*"))
    tried = {r.config["training"]["lr"]: r for r in map(read_run, (tmp_path / "tuning").glob("*/*/*"))}
    assert len(tried) == 3
    assert tuned.config["training"]["lr"] == min(tried, key=lambda lr: tried[lr].best_loss) == 1e-2

    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere")
        assert run_campaign([*runs, last], tmp_path) == [0, 0, 0, 0]  # ended: none is started again
    assert not Planned("end", "copy-memory", "tanh-rotation", 2, "quick", 8, short | {"lr": 0.1}).ended(tmp_path)

    class Interrupted(Exception):
        pass

    def stop(row):
        raise Interrupted

    more = experiment("copy-memory", "tanh-rotation", "quick", 0, 8, **short, lr=1.0)
    with pytest.raises(Interrupted):
        train(*more, more.folder(tmp_path / "tuning"), on_epoch=stop)
    with pytest.raises(ValueError, match="has unfinished runs"):
        last.with_rate(tmp_path)


def test_the_command_line_names_the_runs_that_failed(stub, tmp_path, capsys):
    path = written(tmp_path, ENTRY + "seeds = [3]\n" + ENTRY.replace("gru", "lem"))
    stub_script = tmp_path / "stub"
    stub_script.write_text(stub_script.read_text() + '[ "$2" != gru ]\n')
    assert cli.main(["campaign", str(path)], tmp_path) == 1
    assert "1 of 2 runs failed: copy-memory gru (seed 3)" in capsys.readouterr().err
    assert stub()[0].endswith(f"--output {tmp_path}/a")
    assert cli.main(["campaign", str(tmp_path / "nothing")], tmp_path) == 2
    assert "nothing is missing; expected a list of runs" in capsys.readouterr().err
    assert cli.main(["campaign", str(path), "--jobs", "0"], tmp_path) == 2
