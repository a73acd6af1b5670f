"""The page's network and table are those of the notebook."""

import json
from base64 import b64decode

import numpy as np
import pytest

from ptabook.four_or_two import DATA, FIGURE, TABLE, four_or_two_files
from ptabook.notebook import cells_of
from ptacore import models
from ptacore.provenance import ROOT

ROW = {
    "start": [0.5] * 100,
    "printed": [[8.0, 4.0, 1.2, 0.4, -0.8], [8.0, 2.0, 0.4, -4.0, -8.0]],
    "mended": [[10.0, 5.0, 1.5, 0.5, -1.0], [10.0, 2.5, 0.5, -5.0, -10.0]],
    "ours": [[9.0, 2.0, 0.1, -6.0, -12.0], [9.0, 2.0, 0.0, -6.0, -12.0]],
    "reference": [9.0, 2.0, -0.01, -6.0, -12.0],
    "tolerance": [0.5, 0.4, 0.3, 0.2, 0.1],
    "own_tolerance": [1.0] * 5,
    "n_positive": 2,
}


@pytest.fixture
def written(tmp_path):
    """A function that writes the files for parameters of the notebook, and returns where they are by name."""

    def written(**parameters):
        folder = tmp_path / "figures" / FIGURE
        folder.mkdir(parents=True)
        given = {"chaos_seed": 33, "chaos_weights": "", **parameters}
        (folder / "provenance.json").write_text(json.dumps({"parameters": given, "hash": "abc", "commit": "def"}))
        (folder / f"{FIGURE}.json").write_text(json.dumps({"steps_ms": [4, 0.5], "early": 0.2, "row_D": ROW}))
        paths = {name: tmp_path / name for name in four_or_two_files()}
        for name, write in four_or_two_files().items():
            write(tmp_path / "figures", paths[name])
        return paths

    return written


def data(paths):
    return json.loads(paths[DATA].read_text().removeprefix("const fourOrTwo = ").rstrip().removesuffix(";"))


def test_the_weights_are_the_notebooks_to_the_bit(written):
    found = data(written(chaos_seed=5))
    weights = np.frombuffer(b64decode(found["weights"]), "<f8").reshape(found["n"], found["n"])
    network = models.chaos(seed=5)
    np.testing.assert_array_equal(weights, network.W.numpy())
    assert found["tau"] == network.tau
    assert (found["start"], found["reference"], found["hash"]) == (ROW["start"], ROW["reference"], "abc")


def test_own_weights_of_the_notebook_are_the_pages(written, tmp_path):
    own = np.random.default_rng(0).normal(size=(7, 7))
    np.savetxt(tmp_path / "own.csv", own, delimiter=",", fmt="%.17g")
    found = data(written(chaos_weights=str(tmp_path / "own.csv")))
    np.testing.assert_array_equal(np.frombuffer(b64decode(found["weights"]), "<f8").reshape(7, 7), own)


def test_the_notebook_draws_its_network_from_the_parameters_that_the_page_reads():
    source = "\n".join(cell["source"] for cell in cells_of(ROOT / "notebooks" / f"{FIGURE}.ipynb"))
    assert '"row D": models.chaos(seed=chaos_seed, W=W)' in source
    assert 'W = models.read_weights(chaos_weights, "chaos_weights")' in source


def test_the_table_counts_and_rounds(written):
    head, line, *rows = written()[TABLE].read_text().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert {len(row) for row in cells} == {head.count("|") - 1} == {line.count("|") - 1}
    assert cells[0] == ["4", "all of the run", "3", "8.0", "4.0", "1.2", "0.4", "−0.8"]
    assert [row[2] for row in cells] == ["3", "2", "3", "2", "**2**"]
    true = [cell.split("\u00a0±\u00a0") for cell in cells[-1][3:]]  # one line each
    assert true == [["9.0", "0.5"], ["2.0", "0.4"], ["0.0", "0.3"], ["−6.0", "0.2"], ["−12.0", "0.1"]]


def test_the_page_shows_them():
    page = (ROOT / "book" / "four_or_two.md").read_text()
    assert f"../{DATA}" in page
    assert TABLE in page
    assert f"book/{TABLE}" in (ROOT / "_config.yml").read_text()
