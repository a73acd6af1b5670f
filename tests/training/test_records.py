import json
import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptacore import provenance
from ptacore.networks.registry import build
from ptacore.tasks import CopyMemory, TemporalOrder
from ptacore.training import RecordError, Settings, faults, objective, read_run, read_runs, records, train

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
        (lambda d: d.update(test_accuracy=7), "test_accuracy is 7, not a number from 0 to 1"),
        (lambda d: d.update(test_accuracy=1.0000001), "test_accuracy is 1.0000001, not"),
        (lambda d: d.update(test_loss=-5), "test_loss is -5, not a number at least 0"),
        (lambda d: d.update(test_loss=10**400), "test_loss is 10+, not a number at least 0"),
        (lambda d: d.update(test_loss=math.inf), "test_loss is inf"),
        (lambda d: d.update(test_loss=None), "test_loss is None, although the history has such losses"),
        (lambda d: d.update(test_loss_every_step=None), "test_loss_every_step is None, although"),
        (lambda d: d.update(chance_loss=-1.0), "chance_loss is -1.0"),
        (lambda d: d.update(parameters=-3), "parameters is -3"),
        (lambda d: d.update(epochs=3.0), "epochs is 3.0, not a int"),
        (lambda d: d.update(updates=1), "has 1 updates, the history 3"),
        (lambda d: d.update(status="early stopping"), "status is 'early stopping' after 3 epochs.*'epoch limit'"),
        (lambda d: d.update(status="diverged"), "status is 'diverged' after 3 epochs"),
        (lambda d: d.update(status=["epoch limit"]), "status is .*, not a str"),
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
        ("\n2,", "\n2.5,", "line 3: epoch is '2.5', which is not a number"),
        ("\n2,", "\n2,,", "line 3 has 9 fields instead of 8"),
        ("0.001", "nan", "line 2: lr is nan"),
        ("0.001", "", "line 2: lr is '', which is not a number"),
        ("0.001", "0.002", "line 2: lr is 0.002, by the settings 0.001"),
        ("0.001", "1e400", "line 2: lr is 1e400"),
        ("\n1,1", "\n1,40", "line 2: has 40 updates, 1 epochs have 1"),
        ("\n1,1,", "\n1,0,", "line 2: has 0 updates, 1 epochs have 1"),
        ("\n2,2,", "\n2,1,", "line 3: has 1 updates, 2 epochs have 2"),
    ],
)
def test_a_history_that_cannot_be_is_refused(copy, before, after, text):
    path = copy / "history.csv"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(RecordError, match=f"history.csv: {text}"):
        read_run(copy)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("train_loss", -1e-3, "is -0.001, not a number at least 0"),
        ("gradient_norm", -1.0, "is -1.0, not a number at least 0"),
        ("validation_loss", -0.5, "is -0.5"),
        ("validation_loss_every_step", -0.5, "is -0.5"),
        ("validation_loss_every_step", None, "is given in some lines only"),
        ("validation_accuracy", 1.5, "is 1.5, not a number from 0 to 1"),
        ("lr", 2e-3, "lr is 0.002, by the settings 0.001"),  # it never rises
        ("lr", 5e-4, "lr is 0.0005, by the settings 0.001"),  # nor falls without a reason
    ],
)
def test_a_history_out_of_range_is_refused(copy, column, value, text):
    history = read_run(copy).history
    history[1][column] = value
    records.write_history(copy / "history.csv", history)
    with pytest.raises(RecordError, match=rf"history\.csv: (line 3: )?({column} )?{text}"):
        read_run(copy)


def test_more_epochs_than_the_settings_allow_are_refused(copy):
    history = read_run(copy).history
    (copy / "summary.json").unlink()
    records.write_history(copy / "history.csv", [*history, history[-1] | {"epoch": 4, "updates": 4}])
    with pytest.raises(RecordError, match=r"history\.csv: line 5: is of epoch 4, before which training has ended"):
        read_run(copy)


@settings(max_examples=25)
@given(
    losses=st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=12),
    wait=st.integers(1, 3),
    patience=st.integers(1, 5),
)
def test_what_the_loop_makes_of_any_losses_is_consistent(losses, wait, patience):
    told = iter(losses)
    scripted = {"loss_every_step": None, "accuracy": 0.5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "evaluate", lambda model, split: scripted | {"loss": next(told, 0.1)})
        limits = Settings(lr=0.3, decay=0.7, decay_wait=wait, patience=patience, epochs=len(losses))
        run = train(TASK, build("tanh", TASK.n_inputs, TASK.n_outputs, 2), limits)
    assert not list(faults.of_config(run.config))
    assert not list(faults.of_history(run.history, run.config))
    assert not list(faults.of_summary(run.summary, run.history, run.config))
    assert not list(faults.of_provenance(run.provenance))


def test_all_parts_that_a_configuration_lacks_are_told():
    assert list(faults.of_config({"model": {}, "training": 1})) == ["has no 'task'", "has no 'training'"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.update(engine="2"), "engine is '2', not a int"),
        (lambda d: d.update(engine=0), "engine is 0"),
        (lambda d: d.update(engine=True), "engine is True"),
        (lambda d: d.update(commits="abc"), "commits is 'abc', not a list"),
        (lambda d: d.update(commits=[]), r"commits is \[\], not a list of texts"),
        (lambda d: d.update(machine=None), "machine is None, not a dict"),
        (lambda d: d.update(versions=[]), r"versions is \[\], not a dict"),
        (lambda d: d.update(seconds=-1), "seconds is -1"),
        (lambda d: d.update(seconds=math.nan), "seconds is nan"),
        (lambda d: d.update(threads=0), "threads is 0, not a number at least 1"),
        (lambda d: d.update(sessions="1"), "sessions is '1', not a int"),
        (lambda d: d.update(finished="yesterday"), "finished is 'yesterday', not a time"),
        (lambda d: d.pop("machine"), "has no 'machine'"),
        (lambda d: d.update(seal=None), "its seal is not that of the files"),
        (lambda d: d.update(seconds=d["seconds"] + 1), "its seal is not that of the files"),
    ],
)
def test_a_provenance_that_cannot_be_is_refused(copy, change, text):
    edit(copy / "provenance.json", change)
    with pytest.raises(RecordError, match=rf"provenance\.json: {text}"):
        read_run(copy)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [("training", "lr", "0.1"), ("training", "lr", -1), ("training", "epochs", 2.5), ("training", "seed", None)],
)
def test_settings_that_cannot_be_are_refused(copy, part, name, value):
    edit(copy / "config.json", lambda d: d[part].update({name: value}))
    with pytest.raises(RecordError, match=rf"config\.json: {part}\.{name}: "):
        read_run(copy)


@pytest.mark.parametrize("probes", [[1], [{}], [{"epoch": "0"}], [{"epoch": 0}, {"epoch": 0}], [{"epoch": 4}], {}])
def test_probes_that_cannot_be_are_refused(copy, probes):
    (copy / "probes.json").write_text(json.dumps(probes))
    with pytest.raises(RecordError, match=r"probes\.json: (probe \d is of epoch|holds a dict)"):
        read_run(copy)


@pytest.mark.parametrize("name", ["config.json", "provenance.json", "summary.json", "history.csv", "probes.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"3", b'"text"', b"\xff\xfe\x00\x01", b"\x00" * 100, b"{", b"[" * 100_000, b'{"a": NaN}'],
    ids=["empty", "list", "null", "number", "text", "binary", "zeros", "half", "deep", "nan"],
)
def test_a_file_that_holds_something_else_is_named(copy, name, content):
    if (name, content) == ("probes.json", b"[]"):
        pytest.skip("no probes: the record says so")
    (copy / name).write_bytes(content)
    with pytest.raises(RecordError, match=rf"{name}: ".replace(".", r"\.")):
        read_run(copy)
    (copy / name).unlink()
    (copy / name).mkdir()
    with pytest.raises(RecordError, match=rf"{name}: ".replace(".", r"\.")):
        read_run(copy)


# ---- the seal


CHANGES = {
    "a history's losses by a thousandth": lambda copy: records.write_history(
        copy / "history.csv",
        [row | {"validation_loss": 1.001 * row["validation_loss"]} for row in read_run(copy).history],
    ),
    "a training loss": lambda copy: records.write_history(
        copy / "history.csv", [row | {"train_loss": 1.0} for row in read_run(copy).history]
    ),
    "the test's loss": lambda copy: edit(copy / "summary.json", lambda d: d.update(test_loss=0.99 * d["test_loss"])),
    "the number of parameters": lambda copy: edit(copy / "summary.json", lambda d: d.update(parameters=1)),
    "the engine": lambda copy: edit(copy / "provenance.json", lambda d: d.update(engine=1)),
    "the network": lambda copy: edit(copy / "config.json", lambda d: d["model"].update(name="pta")),
    "a probe more": lambda copy: (copy / "probes.json").write_text('[{"epoch": 0, "exponents": []}]'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_after_the_end_breaks_the_seal(copy, change):
    CHANGES[change](copy)
    with pytest.raises(RecordError, match=r"provenance\.json: its seal is not that of the files"):
        read_run(copy)
    edit(copy / "provenance.json", lambda d: d.pop("seal"))
    assert read_run(copy).finished  # a record of an earlier version, which has none


def test_the_seal_is_of_what_is_said_not_of_how_it_is_written(copy, recorded):
    for path in copy.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    path = copy / "history.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as some checkouts have it
    assert read_run(copy).seal == recorded.seal == recorded.provenance["seal"]


def test_the_recorded_runs_of_the_repository_can_be_read():
    runs = read_runs(provenance.ROOT / "results")
    assert len(runs) >= 391
    assert all(run.finished for run in runs)


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
