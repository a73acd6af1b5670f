import hashlib
import os

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptacore.training import CheckpointError, checkpoints

STATE = {"weights": torch.arange(5.0), "epoch": 3, "history": [{"loss": 0.1 + 0.2, "none": None}]}
NEWEST, PREVIOUS = checkpoints.NAMES


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    checkpoints.save(folder, "this run", STATE)
    return (folder / NEWEST).read_bytes()


def test_what_was_saved_is_loaded(tmp_path):
    assert checkpoints.load(tmp_path, "this run") is None
    checkpoints.save(tmp_path, "this run", STATE)
    found = checkpoints.load(tmp_path, "this run")
    assert torch.equal(found.pop("weights"), STATE["weights"])
    assert found == {k: v for k, v in STATE.items() if k != "weights"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_cut_or_changed_file_is_refused_and_the_one_before_is_used(tmp_path, sealed, data):
    if data.draw(st.booleans(), label="cut"):
        broken = sealed[: data.draw(st.integers(0, len(sealed) - 1), label="length")]
    else:
        place = data.draw(st.integers(0, len(sealed) - 1), label="place")
        broken = sealed[:place] + bytes([sealed[place] ^ data.draw(st.integers(1, 255))]) + sealed[place + 1 :]
    (tmp_path / NEWEST).write_bytes(broken)
    (tmp_path / PREVIOUS).write_bytes(sealed)
    with pytest.warns(UserWarning, match=f"{NEWEST}: .*; {PREVIOUS} is used, the last good checkpoint"):
        assert checkpoints.load(tmp_path, "this run")["epoch"] == 3
    assert (tmp_path / "checkpoint.refused.pt").read_bytes() == broken
    assert not (tmp_path / NEWEST).exists()  # or the next `save` would put it over the good one
    (tmp_path / NEWEST).write_bytes(broken)
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(CheckpointError, match=f"{NEWEST}.*Remove them from .* to begin the run anew"):
        checkpoints.load(tmp_path, "this run")


def test_a_foreign_file_is_refused_with_the_reason(tmp_path, sealed):
    (tmp_path / NEWEST).write_bytes(sealed)
    with pytest.raises(CheckpointError, match="of another run"):
        checkpoints.load(tmp_path, "that run")
    (tmp_path / NEWEST).write_bytes(b"PK\x03\x04 somebody's weights")
    with pytest.raises(CheckpointError, match="not a checkpoint of ptacore"):
        checkpoints.load(tmp_path, "this run")


def test_a_sealed_file_cannot_run_code(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "pwned"),)

    checkpoints.save(tmp_path, "this run", {"x": Malicious()})
    with pytest.raises(CheckpointError, match="holds more than tensors"):
        checkpoints.load(tmp_path, "this run")
    assert not (tmp_path / "pwned").exists()


def test_the_one_before_is_kept_and_a_kill_between_renames_is_survived(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, "this run", STATE | {"epoch": 1})
    checkpoints.save(tmp_path, "this run", STATE | {"epoch": 2})
    assert checkpoints._read(tmp_path / PREVIOUS, "this run", "cpu")["epoch"] == 1
    monkeypatch.setattr(checkpoints, "write_atomically", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(tmp_path, "this run", STATE)
    assert checkpoints.load(tmp_path, "this run")["epoch"] == 2


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    checkpoints.write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            checkpoints.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_seal_is_the_contents_hash(sealed):
    head, digest, payload = sealed.split(b"\n", 2)
    assert digest.decode() == hashlib.sha256(payload).hexdigest()
    assert head + b"\n" == checkpoints.HEADER


def test_weights_in_half_precision_and_what_does_not_fit_in_single(tmp_path):
    weights = {"a": torch.tensor([1 / 3, -2e-5]), "n": torch.tensor(7)}
    checkpoints.save_weights(tmp_path, weights)
    found = checkpoints.load_weights(tmp_path)
    assert found["n"] == 7
    assert found["a"].dtype == torch.float32
    assert torch.equal(found["a"], weights["a"].half().float())
    large = {"a": torch.tensor([1 / 3, 1e5])}
    checkpoints.save_weights(tmp_path, large)
    assert torch.equal(checkpoints.load_weights(tmp_path)["a"], large["a"])
    path = tmp_path / checkpoints.WEIGHTS
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"weights.npz: cannot be read"):
        checkpoints.load_weights(tmp_path)


def test_weights_come_from_the_newest_file_that_is_good(tmp_path):
    for epoch in (1, 2):
        checkpoints.save(tmp_path, "this run", {"best": {"a": torch.tensor([float(epoch)])}})
    checkpoints.save_weights(tmp_path, {"a": torch.tensor([3.0])})
    assert checkpoints.load_weights(tmp_path)["a"] == 2
    (tmp_path / NEWEST).write_bytes((tmp_path / NEWEST).read_bytes()[:-9])
    with pytest.warns(UserWarning, match=f"{NEWEST}: truncated or damaged.*; {PREVIOUS} is used"):
        assert checkpoints.load_weights(tmp_path)["a"] == 1
    (tmp_path / PREVIOUS).write_bytes(b"")
    with pytest.warns(UserWarning, match=f"{PREVIOUS}: cut off in its first line; {checkpoints.WEIGHTS} is used"):
        assert checkpoints.load_weights(tmp_path)["a"] == 3
    (tmp_path / checkpoints.WEIGHTS).write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=f"{NEWEST}: .*{PREVIOUS}: .*{checkpoints.WEIGHTS}: cannot be read"):
        checkpoints.load_weights(tmp_path)
