"""The example in the book is a report on the network that is recorded."""

import json
from pathlib import Path

import pytest

from ptabook import example
from ptabook.pages import stage
from ptacore.provenance import ROOT


def test_what_it_is_made_from_is_recorded():
    config = json.loads((ROOT / example.WEIGHTS).with_name("config.json").read_text())
    assert config["task"]["task"] == "random-delay-copy"
    assert (config["task"]["delay"], config["task"]["symbols"], config["task"]["tokens"]) == ([100, 120], 8, 10)
    assert "book/_example_report.md" in (ROOT / "_config.yml").read_text()
    page = (ROOT / "book" / "your_network.md").read_text()
    assert f"{example.FOLDER}/report.html" in page
    assert "_example_report.md" in page


def test_files_are_staged_where_the_book_links_to_them(tmp_path, monkeypatch):
    (tmp_path / "_build/figures/quick").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml", "CITATION.cff"):
        (tmp_path / name).write_text("")
    (tmp_path / "notebooks").mkdir()
    content = {name: name.encode() for name in ("report.html", *example.FILES, "headline")}
    monkeypatch.setattr(example, "_example", lambda root: content if root == tmp_path else pytest.fail("another root"))
    staged = stage(tmp_path, "quick", example.example_files())
    assert (staged / f"book/{example.FOLDER}/report.html").read_text() == "report.html"
    assert (staged / "book/_example_report.md").read_text() == "headline"


@pytest.mark.parametrize("name", [example.WEIGHTS, "ptacore/reports/page.css"])
def test_files_are_written_again_when_what_they_are_made_from_has_changed(tmp_path, monkeypatch, name):
    (tmp_path / "_build/figures/quick").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    for made in ("_config.yml", "_toc.yml", "CITATION.cff", name):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).write_text("")
    content = {name: b"" for name in ("report.html", *example.FILES, "headline")}
    monkeypatch.setattr(example, "_example", lambda root: content)
    stage(tmp_path, "quick", example.example_files())
    content["headline"] = b"new"
    assert (stage(tmp_path, "quick", example.example_files()) / "book/_example_report.md").read_text() == ""
    (tmp_path / name).write_text("changed")
    assert (stage(tmp_path, "quick", example.example_files()) / "book/_example_report.md").read_text() == "new"


@pytest.mark.slow
def test_the_example_has_one_driven_layer(tmp_path):
    for name, write in example.example_files().items():
        write(ROOT / "_build/figures/quick", tmp_path / name)
    whole = json.loads((tmp_path / example.FOLDER / "report.json").read_text())
    (layer,) = whole["layers"]
    assert (layer["cell"], layer["units"], layer["inputs"]) == ("RNN", 250, 10)
    assert "steps of input" in layer["input"]
    assert "250 units" in (tmp_path / "_example_report.md").read_text()
    assert Path(tmp_path / example.FOLDER / "exponents.csv").read_text().count("\n") == 251
