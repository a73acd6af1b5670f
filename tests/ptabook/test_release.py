"""Versions that agree, in this checkout and in a small one, and archives that do not depend on when they are made."""

import hashlib
import json
import subprocess
import tarfile
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from toy import make_checkout

import ptacore
from ptabook import cli, release
from ptacore.terminal import UsageError

ROOT = Path(__file__).resolve().parents[2]
META = {"version": "1.2.3", "datePublished": "2026-11-23", "description": "Toy", "license": "MIT", "keywords": ["toy"],
        "url": "https://example.org/", "author": [{"@type": "Person", "name": "Somebody"}],
        "referencePublication": {"@type": "ScholarlyArticle", "url": "https://example.org/paper"}}  # fmt: skip


def git(root, *command):
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", "-C", root, *identity, *command], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path):
    """A checkout of version 1.2.3, committed, with its book made."""
    root = make_checkout(tmp_path / "checkout")
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (root / "CITATION.cff").write_text("title: toy\nlicense: MIT\nversion: 1.2.3\ndate-released: 2026-11-23\n")
    (root / "codemeta.json").write_text(json.dumps(META))
    (root / "results/verdicts.json").write_text('{"version": "1.2.3"}')
    (root / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [1.2.3] - 2026-11-23\n\n- New.\n\n## [1.2.2] - 2026\n\n- Old.\n"
    )
    (root / ".gitignore").write_text("_build/\n")
    made = {"html/index.html": "site", "html/_static/a.css": "", "figures/quick/toy/toy.json": "{}",
            "figures/quick/toy/toy.svg": "<svg/>", "figures/quick/toy/provenance.json": "{}"}  # fmt: skip
    for name, text in made.items():
        (root / "_build" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "_build" / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_this_checkout_states_one_version_everywhere():
    assert release.check(ROOT, f"v{ptacore.__version__}") == ptacore.__version__
    assert release.notes(ROOT).startswith("### ")


def test_the_records_for_citation_agree_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    meta = json.loads((ROOT / "codemeta.json").read_text())
    assert meta["name"] == project["name"] == citation["title"].split(":")[0]
    assert meta["description"] == project["description"]
    assert meta["license"].rpartition("/")[2] == project["license"] == citation["license"]
    assert meta["keywords"] == project["keywords"] == citation["keywords"]
    assert meta["codeRepository"] == citation["repository-code"]
    assert [author["name"] for author in meta["author"]] == [author["name"] for author in citation["authors"]]
    archive = json.loads((ROOT / ".zenodo.json").read_text())
    assert archive["title"] == citation["title"]
    assert project["description"] in archive["description"]
    assert archive["keywords"] == project["keywords"]
    assert archive["license"] == project["license"]
    assert [author["name"] for author in archive["creators"]] == [author["name"] for author in citation["authors"]]
    assert [related["identifier"] for related in archive["related_identifiers"]] == [
        meta["referencePublication"]["identifier"], citation["url"]
    ]  # fmt: skip
    paper, reference = meta["referencePublication"], citation["references"][0]
    assert (paper["name"], paper["url"]) == (reference["title"], reference["url"])
    assert [a["familyName"] for a in paper["author"]] == [a["family-names"] for a in reference["authors"]]
    assert set(meta["softwareRequirements"]) <= {line.split(">")[0] for line in project["dependencies"]}


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("pyproject.toml", "1.2.3", "1.2.4", "one version expected.*1.2.4 in pyproject.toml"),
        ("CITATION.cff", "1.2.3", "1.2", "1.2 in CITATION.cff"),
        ("CITATION.cff", "version: 1.2.3\n", "", "None in CITATION.cff"),
        ("CITATION.cff", "-23", "-24", "one date expected.*2026-11-24 in CITATION.cff"),
        ("codemeta.json", "1.2.3", "1.2.4", "1.2.4 in codemeta.json"),
        ("codemeta.json", "-23", "-24", "2026-11-24 in codemeta.json"),
        ("results/verdicts.json", "1.2.3", "1.2.2", "1.2.2 in results/verdicts.json"),
        ("CHANGELOG.md", "[1.2.3]", "[1.3.0]", "1.3.0 in CHANGELOG.md"),
        ("CHANGELOG.md", "] - 2026-11-23", "] (unreleased)", r"expected a heading such as: ## \[1.2.3\] - 2026"),
    ],
)
def test_a_file_that_disagrees_is_named(root, file, old, new, message):
    (root / file).write_text((root / file).read_text().replace(old, new))
    with pytest.raises(UsageError, match=message):
        release.check(root)


def test_the_tag_is_the_version_after_a_v(root, capsys):
    assert release.check(root, "v1.2.3") == "1.2.3"
    for tag in ("v1.2.4", "1.2.3"):
        assert cli.main(["release", "--check", "--tag", tag], root) == 2
        assert f"in tag {tag}" in capsys.readouterr().err


def names(archive):
    with tarfile.open(archive) as tar:
        return [entry.name for entry in tar]


def test_a_release_has_site_numbers_and_everything_for_an_archive(root):
    assert cli.main(["release", "--tag", "v1.2.3"], root) == 0
    out = root / "_build/dist"
    site, numbers, archive = (f"ptacore-1.2.3-{kind}" for kind in ("site", "numbers", "archive"))
    assert {path.name for path in out.iterdir()} == {
        f"{site}.tar.gz", f"{numbers}.tar.gz", f"{archive}.tar.gz", "SHA256SUMS", "NOTES.md"
    }  # fmt: skip
    assert names(out / f"{site}.tar.gz") == [f"{site}/_static/a.css", f"{site}/index.html"]
    assert names(out / f"{numbers}.tar.gz") == [f"{numbers}/toy/toy.json"]
    found = names(out / f"{archive}.tar.gz")
    assert {f"{archive}/CITATION.cff", f"{archive}/codemeta.json", f"{archive}/notebooks/toy.ipynb"} < set(found)
    assert {f"{archive}/figures/toy/{name}" for name in ("toy.json", "toy.svg", "provenance.json")} < set(found)
    assert f"{archive}/ro-crate-metadata.json" in found
    assert not any("_build" in name for name in found)
    assert (out / "NOTES.md").read_text() == "- New.\n"
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out, check=True, capture_output=True)
    assert not list(root.glob("_build/.dist*"))


def test_the_same_files_give_the_same_bytes(root, tmp_path, monkeypatch):
    def sums(root):
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in release.build(root).iterdir()}

    first = sums(root)
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "copy"
    subprocess.run(["cp", "-r", root, again], check=True)  # other times of modification, another place
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert sums(again) == first
    (again / "_build/html/index.html").write_text("other")
    assert {name for name, value in sums(again).items() if first[name] != value} == {
        "ptacore-1.2.3-site.tar.gz", "SHA256SUMS"
    }  # fmt: skip


def test_programs_in_the_archive_can_still_be_run(root):
    (root / "postBuild").write_text("#!/bin/sh\n")
    (root / "postBuild").chmod(0o700)
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "second")
    with tarfile.open(release.build(root) / "ptacore-1.2.3-archive.tar.gz") as tar:
        modes = {entry.name.rpartition("/")[2]: entry.mode for entry in tar}
    assert (modes["postBuild"], modes["CITATION.cff"]) == (0o755, 0o644)


def test_nothing_is_packed_from_changed_sources_or_without_the_book(root, capsys):
    page = root / "_build/html/index.html"
    page.unlink()
    assert cli.main(["release"], root) == 2
    assert "index.html is missing: make book" in capsys.readouterr().err
    page.write_text("site")
    (root / "new.py").write_text("")
    assert cli.main(["release"], root) == 2
    assert "a release is made of a commit" in capsys.readouterr().err
    assert not (root / "_build/dist").exists()
