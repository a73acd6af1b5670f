"""The plan of the recorded runs, and what is read off a run."""

import math

import pytest

from ptacore.features import runs
from ptacore.provenance import ROOT

RECORDS = ROOT / "results" / "grokking_scaling"


def test_no_two_planned_runs_share_a_folder():
    folders = [planned.folder for planned in runs.plan()]
    assert len(folders) == len(set(folders)) > 100


def test_a_run_is_recorded_once_and_read_again(tmp_path, monkeypatch):
    small = runs.Plan(part="phase", group="Z5", share=0.6, K=16, limit=40, steps=20, probes=True)
    monkeypatch.setattr(runs, "plan", lambda: iter([small]))
    said = []
    runs.record(tmp_path, said.append)
    runs.record(tmp_path, said.append)
    (run,) = runs.recorded(tmp_path, "phase")
    assert said == [f"{small.folder}: epoch limit after 40 steps"]
    assert run.column("updates").tolist() == [20, 40]
    assert run.config["task"]["group"] == "Z5"
    assert len(run.probes) == 2
    assert not list(tmp_path.rglob("*.pt"))
    assert runs.steps_to(run, 0.0) == 20
    assert math.isinf(runs.steps_to(run, 1.1))


@pytest.mark.parametrize(("name", "order"), [("Z12", 12), ("D6", 12), ("Z3 x D4 x Z2", 48)])
def test_groups_have_names(name, order):
    group = runs.parse_group(name)
    assert group.order == order
    assert group.name == name


@pytest.mark.parametrize("name", ["Q8", "Z", "Z3xZ4", "", None])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="name: expected a group such as"):
        runs.parse_group(name)


def test_every_record_is_of_the_plan():
    planned = {p.folder: p for p in runs.plan()}
    for path in RECORDS.rglob("config.json"):
        assert path.parent.relative_to(RECORDS).as_posix() in planned
