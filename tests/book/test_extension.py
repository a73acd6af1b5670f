"""The book's Sphinx extension, without a build."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "book" / "_ext" / "ptacore_book.py"


@pytest.fixture(scope="module")
def extension():
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("ptacore_book", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_docstrings_may_write_bars_and_references(extension):
    lines = [
        "The norm |v|, not ``a | b``.",
        ">>> a | b",
        "a | b",
        "",
        "As in [R0123456789ab-1]_, |x|:",
        ".. [R0123456789ab-1] Author, Journal.",
    ]
    extension.tidy_docstring(None, "function", "f", None, None, lines)
    assert lines == [
        r"The norm \|v\|, not ``a | b``.",
        ">>> a | b",
        "a | b",
        "",
        r"As in [1], \|x\|:",
        "| [1] Author, Journal.",
    ]
