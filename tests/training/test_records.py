import json
import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptacore.models.recurrent import build
from ptacore.tasks import CopyMemory, TemporalOrder
from ptacore.training import RecordError, Settings, read_run, read_runs, records, train

TASK = CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "copy" / "gru"
    model = build("gru", TASK.n_inputs, TASK.n_outputs, 4, torch.Generator().manual_seed(0))
    return train(TASK, model, Settings(epochs=3), folder)


@pytest.fixture
def copy(recorded, tmp_path):
    return shutil.copytree(recorded.folder, tmp_path / "copy")


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_record_is_read_as_it_was_written(recorded):
    run = read_run(recorded.folder)
    for part in ("config", "history", "summary", "provenance", "probes"):
        assert getattr(run, part) == getattr(recorded, part)
    assert [r.folder for r in read_runs(recorded.folder.parents[1])] == [recorded.folder]
    assert read_runs(recorded.folder / "nothing here") == []
    assert {"engine", "commits", "machine", "versions", "seconds", "threads"} <= run.provenance.keys()
    assert run.config["training"]["seed"] == run.seed == 0


def test_a_task_without_targets_at_every_step_has_an_empty_column(tmp_path):
    task = TemporalOrder(sizes=(5, 5, 5))
    run = train(task, build("gru", 6, 4, 4), Settings(epochs=2), tmp_path)
    assert np.isnan(run.column("validation_loss_every_step")).all()
    assert read_run(tmp_path).history == run.history
    assert run.summary["test_loss_every_step"] is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6), st.integers(1, 4))
def test_numbers_come_back_to_the_last_bit(tmp_path, numbers, rows):
    history = [dict(zip(records.COLUMNS, [epoch + 1, 10 * epoch, *numbers], strict=True)) for epoch in range(rows)]
    records.write_history(tmp_path / "history.csv", history)
    assert records._read_history(tmp_path / "history.csv") == history


def test_a_run_under_way_is_unfinished(copy):
    (copy / "summary.json").unlink()
    assert not read_run(copy).finished
    (copy / "history.csv").unlink()
    assert read_run(copy).history == []


@pytest.mark.parametrize("name", ["config.json", "provenance.json", "history.csv"])
def test_a_missing_or_cut_file_is_named(copy, name):
    path = copy / name
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    with pytest.raises(RecordError, match=name.replace(".", r"\.")):
        read_run(copy)
    path.unlink()
    with pytest.raises(RecordError, match=r"config\.json: is missing|provenance\.json: is missing|summary\.json: has"):
        read_run(copy)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.update(status="fine"), "status is 'fine', not epoch limit or early stopping or diverged"),
        (lambda d: d.update(epochs=4), "has 4 epochs, the history 3"),
        (lambda d: d.update(best_epoch=d["best_epoch"] % 3 + 1), "best_epoch is ., by the history ."),
        (lambda d: d.update(test_loss="low"), "test_loss is 'low', not a float"),
        (lambda d: d.update(test_loss=math.nan), "test_loss is nan"),
        (lambda d: d.update(parameters=True), "parameters is True, not a int"),
        (lambda d: d.pop("chance_loss"), "has no 'chance_loss'"),
    ],
)
def test_a_summary_that_cannot_be_is_refused(copy, change, text):
    edit(copy / "summary.json", change)
    with pytest.raises(RecordError, match=f"summary.json: {text}"):
        read_run(copy)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("epoch,", "epoche,", "its first line is not epoch,updates"),
        ("\n2,", "\n7,", "line 3 is of epoch 7 instead of 2"),
        ("\n2,", "\n2.5,", "line 3: epoch is '2.5', which is no number"),
        ("\n2,", "\n2,,", "line 3 has 9 fields instead of 8"),
        ("0.001", "nan", "line 2: lr is nan"),
        ("0.001", "", "line 2: lr is '', which is no number"),
    ],
)
def test_a_history_that_cannot_be_is_refused(copy, before, after, text):
    path = copy / "history.csv"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(RecordError, match=f"history.csv: {text}"):
        read_run(copy)


def test_a_config_without_a_part_and_other_json_are_refused(copy):
    edit(copy / "config.json", lambda d: d.pop("model"))
    with pytest.raises(RecordError, match=r"config\.json: has no 'model'"):
        read_run(copy)
    edit(copy / "config.json", lambda d: d.update(model={"name": "gru"}))
    with pytest.raises(RecordError, match=r"config\.json: has no model\.n_hidden"):
        read_run(copy)
    (copy / "config.json").write_text("[1]")
    with pytest.raises(RecordError, match=r"config\.json: holds a list, not a dict"):
        read_run(copy)


def test_nothing_that_is_no_number_is_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write_json(tmp_path / "x.json", {"loss": math.nan})
    assert not list(tmp_path.iterdir())


def test_columns(recorded):
    assert recorded.column("epoch").tolist() == [1, 2, 3]
    with pytest.raises(KeyError, match="column: expected one of epoch, updates"):
        recorded.column("loss")
