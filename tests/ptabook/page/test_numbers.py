"""Numbers, tables and the first line of a notebook."""

import json

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from ptabook import page
from ptacore.provenance import LOADED


def test_a_number_that_is_shown_is_kept_as_what_it_is():
    numbers = page.setup("quick", "")
    for key, value, kept in (("n", 3, 3), ("x", torch.tensor(0.5), 0.5), ("k", torch.tensor(4), 4), ("w", "no", "no")):
        numbers.show(key, value)
        assert numbers[key] == kept
        assert type(numbers[key]) is type(kept)
    assert json.loads(json.dumps(numbers))["preset"] == "quick"


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="rows: expected 2 cells each, got"):
        page.table(["a", "b"], [["1", "2"], ["3"]])


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match='preset: expected "quick" or "paper", got \'fast\''):
        page.setup("fast", "")


def test_after_each_cell_the_folder_is_told_what_has_been_loaded(tmp_path):
    shell = InteractiveShell.instance()
    try:
        page.setup("quick", str(tmp_path))
        shell.run_cell("1")
        told = json.loads((tmp_path / LOADED).read_text())
        assert {"ptabook/page/setup.py", "ptacore/provenance.py"} <= set(told)
        assert not [name for name in told if not name.startswith(("ptacore/", "ptabook/"))]
    finally:
        InteractiveShell.clear_instance()
