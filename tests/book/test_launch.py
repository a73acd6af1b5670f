"""A notebook's ways out of the book: its buttons, and its first cell, by which Colab finds the rest."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from ptabook.figures import figure_names

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
REPOSITORY, BRANCH = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def source(path):
    return "".join(code_cells(path)[0]["source"])


def links(page):
    """Where a page's launch and download buttons lead."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<a href="([^"]+)"[^>]*\btitle="(Launch on \w+|Download [^"]+)"', text)
    return {title: target for target, title in found}


def test_every_notebooks_page_leads_to_the_notebook_on_binder_and_colab_and_gives_it_away(html):
    owner = REPOSITORY.removeprefix("https://github.com/")
    for name in figure_names(ROOT):
        path = ROOT / "notebooks" / f"{name}.ipynb"
        page = html / "notebooks" / f"{path.stem}.html"
        inside = path.relative_to(ROOT).as_posix()
        buttons = links(page)
        assert buttons == {
            "Launch on Binder": f"https://mybinder.org/v2/gh/{owner}/{BRANCH}?urlpath=lab/tree/{inside}",
            "Launch on Colab": f"https://colab.research.google.com/github/{owner}/blob/{BRANCH}/{inside}",
            "Download source file": f"../_sources/{inside}",
        }
        notebook = nbformat.read(page.parent / buttons["Download source file"], as_version=4)
        nbformat.validate(notebook)
        assert any(cell.get("outputs") for cell in notebook.cells)  # as it was run


def test_other_pages_offer_nothing_to_run(html):
    pages = [page for page in html.rglob("*.html") if page.parent.name != "notebooks"]
    assert len(pages) > 8
    for page in pages:
        assert not [title for title in links(page) if title.startswith("Launch")], page


def test_no_page_shows_the_cell_for_colab(html):
    assert [page.name for page in html.rglob("notebooks/*.html") if "google.colab" in page.read_text()] == []


def test_every_notebook_begins_with_the_same_hidden_cell_and_then_its_parameters():
    assert len({source(path) for path in NOTEBOOKS}) == 1
    for path in NOTEBOOKS:
        first, second, *_ = code_cells(path)
        assert (first["id"], first["metadata"]) == ("colab", {"tags": ["remove-cell"]}), path
        assert "parameters" in second["metadata"]["tags"], path


@pytest.fixture
def execute():
    """Execute the cell as IPython would, and return what it asks of the shell and of IPython."""

    def execute():
        asked = []
        shell = SimpleNamespace(system=asked.append, run_line_magic=lambda *magic: asked.append(" ".join(magic)))
        exec(TransformerManager().transform_cell(source(NOTEBOOKS[0])), {"get_ipython": lambda: shell})
        return asked

    return execute


def test_the_cell_does_nothing_elsewhere(execute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute() == []
    assert list(tmp_path.iterdir()) == []


def test_on_colab_the_cell_fetches_and_installs_this_repository_and_goes_to_the_notebooks(execute, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    clone, install, go = execute()
    assert clone == f"[ -d /content/ptacore ] || git clone -q --depth 1 {REPOSITORY} /content/ptacore"
    extra = re.fullmatch(r"pip install -q '/content/ptacore\[(\w+)\]'", install)[1]
    assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert go == "cd -q /content/ptacore/notebooks"


def test_the_extra_for_colab_has_what_notebooks_import_and_no_kernel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["notebooks"]]
    had = {re.match(r"[\w-]+", line)[0] for line in lines}
    assert "ptacore[spiking]" in lines
    assert not had & {"ipykernel", "papermill", "jupyter-client"}  # another kernel would end Colab's
    manager, used = TransformerManager(), set()
    for path in NOTEBOOKS:
        for cell in code_cells(path):
            for node in ast.walk(ast.parse(manager.transform_cell("".join(cell["source"])))):
                if isinstance(node, ast.Import):
                    used |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    used.add(node.module.partition(".")[0])
    owners = packages_distributions()
    foreign = used - set(sys.stdlib_module_names) - {"IPython", "ptacore"}
    assert {"torch", "matplotlib"} <= foreign
    assert {name: owners[name] for name in foreign if not had & set(owners[name])} == {}
