import os
import platform
import subprocess

import pytest
import torch

from ptacore import provenance


@pytest.fixture
def checkout(tmp_path):
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *command], check=True)
    return tmp_path


def test_a_commit_is_told_with_what_differs_from_it(checkout):
    head = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert provenance.commit(checkout) == (head, False)
    (checkout / "elsewhere").write_text("new")
    assert provenance.commit(checkout) == (head, True)
    assert provenance.commit(checkout, "ptacore") == (head, False)


def test_a_folder_inside_somebody_elses_checkout_has_no_commit(checkout, tmp_path):
    (checkout / "site-packages").mkdir()
    assert provenance.commit(checkout / "site-packages") == ("unknown", None)


def test_no_git_no_commit(tmp_path, monkeypatch):
    assert provenance.commit(tmp_path) == ("unknown", None)
    monkeypatch.setenv("PATH", "")
    assert provenance.commit(tmp_path) == ("unknown", None)


def test_machine_and_versions():
    assert provenance.machine()["cores"] == os.cpu_count()
    assert provenance.machine()["cpu"]
    found = provenance.versions()
    assert (found["python"], found["torch"]) == (platform.python_version(), torch.__version__)
    assert None not in found.values()
