"""The archive as an RO-Crate: everything in it is described, and every reference leads somewhere."""

import json
from pathlib import Path

import pytest

from ptabook.crate import crate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def described(tmp_path):
    record = {"preset": "quick", "started": "2026-11-23T10:00:00+00:00"}
    made = {"toy/provenance.json": json.dumps(record), "toy/toy.svg": "<svg/>"}
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    sources = {name: ROOT / name for name in ("CITATION.cff", "requirements.lock", "ptabook/cli.py")}
    sources["notebooks/toy.ipynb"] = ROOT / "notebooks/fig1.ipynb"
    graph = json.loads(crate(ROOT, sources, {name: tmp_path / name for name in made}))["@graph"]
    return {entity["@id"]: entity for entity in graph}, sources, made


def references(value):
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_reference_leads_to_an_entity_and_every_file_is_one(described):
    entities, sources, made = described
    known = {*entities, "https://w3id.org/ro/crate/1.1"}
    assert {target for entity in entities.values() for target in references(entity)} <= known
    files = {name for name, entity in entities.items() if "File" in entity["@type"]}
    assert files == {*sources, *(f"figures/{name}" for name in made)}
    assert entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}


def test_the_whole_says_what_a_repository_asks_for(described):
    whole = described[0]["./"]
    assert whole["@type"] == "Dataset"
    assert all(whole[key] for key in ("name", "description", "datePublished", "license", "author", "version"))
    parts = {part["@id"] for part in whole["hasPart"]}
    assert {"CITATION.cff", "figures/toy/"} <= parts


def test_a_figure_names_the_notebook_and_the_run_that_made_it(described):
    run = described[0]["#run-toy"]
    assert run["@type"] == "CreateAction"
    assert run["instrument"] == {"@id": "notebooks/toy.ipynb"}
    assert {"@id": "figures/toy/toy.svg"} in run["result"]
    assert run["startTime"].startswith("2026-11-23")
