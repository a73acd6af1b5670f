"""Where the book speaks of a row: sections that there are, and that are about it."""

import json

import pytest

from ptabook.claims import ledger as read_claims
from ptabook.claims.places import Reading, anchor, evidence, figures, headings, sections
from ptacore.provenance import ROOT

CLAIMS = read_claims()


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.note], ids=lambda c: c.id)
def test_every_note_is_a_section_of_the_notes(claim):
    assert claim.note in [anchor(title) for title in headings((ROOT / "book" / "notes.md").read_text())]


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.section], ids=lambda c: c.id)
def test_every_section_named_by_hand_is_one_of_its_page(claim):
    assert claim.section in [section.anchor for section in sections(ROOT / "notebooks" / f"{claim.figure}.ipynb")]


def test_anchors_are_those_of_myst():
    myst = pytest.importorskip("myst_parser.mdit_to_docutils.base")
    for title in ("The loop's exponents", "L1: amplitudes, phases — and more", "S2 and Table S1", "Of 50%, a `float`"):
        assert anchor(title) == myst.default_slugify(title.replace("`", "")), title


def notebook(folder, *cells):
    cells = [{"cell_type": kind, "source": [text]} for kind, text in cells]
    (folder / "page.ipynb").write_text(json.dumps({"cells": cells}))
    return folder / "page.ipynb"


def test_the_evidence_is_where_the_prose_names_the_number_else_where_the_code_does(tmp_path, monkeypatch):
    monkeypatch.setattr("ptabook.claims.places.ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    notebook(tmp_path / "notebooks", ("markdown", "# Title\n\nIn short: {glue:text}`slope:.2f`."),
             ("markdown", "## First"), ("code", "show('slope', 1)\nshow(f'rate_{name}', 2)"),
             ("markdown", "Then.\n\n## Second\n\nThe slope is {glue:text}`slope:.2f`."))  # fmt: skip
    assert evidence("page", ["slope"]) == "second"
    assert evidence("page", ["rate_of_one"]) == "first"
    assert evidence("page", ["unheard_of"]) == evidence("page", []) == evidence("none", ["slope"]) == ""


def test_numbers_remember_who_asked():
    numbers = Reading(a=1, b={"c": 2}, d=3)
    assert ("{a}".format_map(numbers), numbers["b"]["c"], numbers.get("e", 5)) == ("1", 2, 5)
    assert numbers.read == {"a", "b", "e"}  # what is not there was asked for as well


def test_a_row_belongs_to_the_figures_that_it_names():
    assert figures("Sec. 2.7, Fig. 4A", "fig6") == ["4"]
    assert figures("Table S1", "fig5c") == ["5"]
    assert figures("Eq. 15", "identities") == []
