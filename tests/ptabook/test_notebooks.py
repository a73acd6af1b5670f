"""Notebooks read like lectures: short cells, most of them seen, and nothing defined twice."""

import ast
import json
from collections import defaultdict
from pathlib import Path

import pytest

from ptacore.provenance import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HIDING = {"hide-cell", "hide-input", "remove-cell", "remove-input"}


def code(path: Path) -> list[tuple[list[str], set[str]]]:
    """Lines and tags of each code cell."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    return [("".join(c["source"]).splitlines(), set(c["metadata"].get("tags", []))) for c in cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_is_longer_than_a_screen(path):
    assert max(len(lines) for lines, _ in code(path)) <= 40


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if not p.stem.startswith("_")], ids=lambda path: path.stem)
def test_two_thirds_of_the_code_are_seen(path):
    hidden = sum(len(lines) for lines, tags in code(path) if tags & HIDING)
    assert hidden <= sum(len(lines) for lines, _ in code(path)) / 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_one_line_and_publishes_in_one_way(path):
    text = "\n".join(line for lines, _ in code(path) for line in lines)
    assert text.count("page.setup(preset, output_dir)") == 1
    assert "set_num_threads" not in text
    assert "glue(" not in text


def test_no_function_is_defined_twice():
    """The same body under the same name, in one notebook or in two."""
    found = defaultdict(list)
    for path in NOTEBOOKS:
        for lines, tags in code(path):
            if "remove-cell" not in tags:  # shell commands, for Colab
                for node in ast.walk(ast.parse("\n".join(lines))):
                    if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("__"):
                        found[ast.dump(node)].append(f"{path.stem}: {node.name}")
    assert not [places for places in found.values() if len(places) > 1]
