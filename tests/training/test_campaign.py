import signal
import sys

import pytest

from ptacore import cli
from ptacore.training import read_campaign, run_campaign


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """In the place of the interpreter: notes its arguments, then does what the first one says."""
    script = tmp_path / "stub"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nshift 3\neval "$1"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return lambda: (tmp_path / "calls").read_text().splitlines()


def test_a_list_is_read_without_comments_and_blank_lines(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# first\n\ncopy-memory gru --seed 1  # best\ncopy-memory lem --set 'delay=[1, 2]'\n")
    assert read_campaign(path) == [
        ["copy-memory", "gru", "--seed", "1"],
        ["copy-memory", "lem", "--set", "delay=[1, 2]"],
    ]


@pytest.mark.parametrize(
    ("text", "message"), [("a b\n\na  b # again", "line 3: the same run as in line 1"), ("a 'b", "line 1: No closing")]
)
def test_a_list_that_cannot_be_is_refused(tmp_path, text, message):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_campaign(path)


def test_runs_are_made_in_order_and_a_failed_or_killed_one_stops_no_other(stub):
    codes = run_campaign([["exit 0"], ["exit 2"], ["kill -9 $$"], ["true", "--seed", "4"]], ["--output", "here"])
    assert codes == [0, 2, -9, 0]
    assert stub()[0] == "-m ptacore train exit 0 --output here"
    assert stub()[3] == "-m ptacore train true --seed 4 --output here"


def test_no_more_than_jobs_run_at_a_time(stub, tmp_path):
    one = f'mkdir {tmp_path}/$$; n=$(ls -d {tmp_path}/[0-9]* | wc -l); sleep .1; rmdir {tmp_path}/$$; exit "$n"'
    assert max(run_campaign([[one + f" # {i}"] for i in range(6)], jobs=2)) <= 2


def test_an_interruption_ends_the_runs_and_begins_no_other(stub, tmp_path, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(KeyboardInterrupt):
        run_campaign([[f"kill -INT $PPID; sleep 3 && touch {tmp_path}/waited_for"], ["true"], ["true 2"]])
    assert len(stub()) == 1
    assert not (tmp_path / "waited_for").exists()


def test_the_command_line_names_the_runs_that_failed(stub, tmp_path, capsys):
    path = tmp_path / "campaign.txt"
    path.write_text("'exit 0'\n'exit 1' --seed 3\n")
    assert cli.main(["campaign", str(path)], tmp_path) == 1
    assert "1 of 2 runs failed: exit 1 --seed 3" in capsys.readouterr().err
    assert stub()[0].endswith(f"--output {tmp_path}")
    assert cli.main(["campaign", str(tmp_path / "nothing")], tmp_path) == 2
    assert "No such file" in capsys.readouterr().err
    assert cli.main(["campaign", str(path), "--jobs", "0"], tmp_path) == 2
