"""Versions of the site, one below the other."""

import json
import tarfile

import pytest

from ptabook import versions
from ptacore.terminal import UsageError


def site(folder, *pages):
    for page in (*pages, "_static/a.css"):
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(page)
    return folder


def archive(folder, version, *pages):
    path = folder / f"ptacore-{version}-site.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(site(folder / version, *pages), f"ptacore-{version}-site")
    return path


def told(folder):
    return json.loads((folder / "_static/versions.js").read_text().removeprefix("const VERSIONS = ").rstrip(";\n"))


def test_each_version_finds_the_pages_of_all_others(tmp_path):
    new = site(tmp_path / "html", "index.html", "book/a.html", "book/new.html")
    old = [archive(tmp_path, "0.9.0", "index.html", "book/a.html"), archive(tmp_path, "0.10.0", "index.html")]
    for _ in range(2):  # the second time it is all there
        assert versions.assemble(new, "1.0.0", old) == ["1.0.0", "0.10.0", "0.9.0"]
        for folder in (new, new / "versions/0.9.0", new / "versions/0.10.0"):
            found = told(folder)
            for other in found["known"]:
                there = folder / other["folder"]
                assert other["pages"]
                assert all((there / page).is_file() for page in other["pages"])
                assert told(there)["here"] == other["version"]
            assert [other["version"] for other in found["known"]] == ["1.0.0", "0.10.0", "0.9.0"]
    assert told(new)["known"][0]["pages"] == ["book/a.html", "book/new.html", "index.html"]


def test_the_archive_of_the_newest_is_passed_over_and_a_strange_one_named(tmp_path):
    new = site(tmp_path / "html", "index.html")
    assert versions.assemble(new, "1.0.0", [archive(tmp_path, "1.0.0", "other.html")]) == ["1.0.0"]
    assert not (new / "versions").exists()
    with pytest.raises(UsageError, match="x.tar.gz: expected ptacore-X.Y.Z-site.tar.gz"):
        versions.assemble(new, "1.0.0", [tmp_path / "x.tar.gz"])


def test_an_archive_writes_nothing_outside_its_folder(tmp_path):
    path = tmp_path / "ptacore-0.1.0-site.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(site(tmp_path / "x", "index.html") / "index.html", "ptacore-0.1.0-site/../../../out.html")
    with pytest.raises(UsageError, match="expected files of one folder, got ptacore-0.1.0-site/../../../out.html"):
        versions.assemble(site(tmp_path / "html", "index.html"), "1.0.0", [path])
    assert not (tmp_path / "out.html").exists()
