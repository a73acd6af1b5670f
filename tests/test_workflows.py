"""The workflows, as far as they can be checked without the service that runs them, and the scripts that they call."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_follow_their_schema(schema, files):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_little_for_a_limited_time_and_runs_only_what_it_names(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for step in steps:
        assert "uses" not in step or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert not step.get("uses", "").startswith("actions/checkout@") or step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", "")  # what others can name comes in by variables


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_calls_exists(path):
    commands = re.findall(r"^\s+(?:run: )?((?:make|\.ci/|\.venv/bin/ptacore) ?[^\n]*)", path.read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert commands
    for command in commands:
        first, *rest = command.split()
        if first == "make":
            assert f"\n{rest[0]}:" in makefile
        elif first.startswith(".ci/"):
            assert os.access(ROOT / first, os.X_OK)
        else:
            subprocess.run([sys.executable, "-m", "ptacore", rest[0], "--help"], check=True, capture_output=True)


def test_tags_that_release_are_versions():
    (pattern,) = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())[True]["push"]["tags"]
    assert pattern == "v[0-9]+.[0-9]+.[0-9]+"  # here + repeats and . is a dot, unlike in a shell's pattern


def test_binders_environment_installs_what_is_pinned_in_the_python_that_is_tested():
    (python,) = (line for line in ENVIRONMENT if str(line).startswith("python="))
    (pip,) = (line["pip"] for line in ENVIRONMENT if isinstance(line, dict))
    assert pip[-2:] == ["-r requirements.lock", "-e ."]
    build = yaml.safe_load((ROOT / ".github/workflows/build.yml").read_text())
    versions = [step["with"]["python-version"] for step in build["jobs"]["build"]["steps"] if "python" in str(step)]
    assert versions[:1] == [python.removeprefix("python=")]
    assert os.access(ROOT / "postBuild", os.X_OK)


GH = """\
#!/bin/sh
echo "$@" >> calls
case "$1 $2" in "issue list") echo "$OPEN";; esac
while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cp "$2" body; shift; done
"""


@pytest.fixture
def tell(tmp_path):
    """Run `.ci/report` with a stand-in for gh; returns the calls and the issue's text."""
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "reports").mkdir()

    def tell(outcome, issue="", **reports):
        for name, text in reports.items():
            (tmp_path / "reports" / f"report-{name}.md").write_text(text)
        command = [ROOT / ".ci" / "report", outcome, "https://example.org/run", "reports"]
        variables = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OPEN": issue}
        subprocess.run(command, cwd=tmp_path, env=variables, check=True, capture_output=True)
        calls, body = tmp_path / "calls", tmp_path / "body"
        return calls.read_text().splitlines() if calls.exists() else [], body.read_text() if body.exists() else ""

    return tell


def test_nothing_is_reported_when_nothing_moved(tell):
    assert tell("success") == ([], "")


def test_an_issue_is_opened_with_every_report(tell):
    calls, body = tell("success", pinned="2 numbers moved", newest="5 numbers moved")
    assert calls[-1].startswith("issue create --title Weekly run: numbers moved or a notebook failed --label weekly")
    assert "[weekly run](https://example.org/run) ended with: success." in body
    assert "## pinned\n\n2 numbers moved" in body
    assert "## newest\n\n5 numbers moved" in body


def test_an_open_issue_is_updated_and_a_failure_told_without_reports(tell):
    calls, body = tell("failure", issue="17")
    assert calls[-1].startswith("issue edit 17 --body-file")
    assert not any("issue create" in call for call in calls)
    assert body == "The [weekly run](https://example.org/run) ended with: failure.\n"


def test_findings_that_changed_are_reported(tmp_path):
    for folder in (".ci", "findings"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / ".ci" / "findings", tmp_path / ".ci")
    (tmp_path / "findings" / "kept.sh").write_text("echo seen\n")
    (tmp_path / "findings" / "mended.sh").write_text("echo another number; exit 1\n")
    subprocess.run([tmp_path / ".ci" / "findings", tmp_path / "report.md"], check=True, capture_output=True)
    assert (tmp_path / "report.md").read_text() == "- `mended.sh`\n\n```text\nanother number\n```\n"


@pytest.mark.parametrize("path", sorted((ROOT / "findings").glob("*.sh")), ids=lambda path: path.stem)
def test_a_finding_states_what_was_guessed_and_pins_what_it_installs(path):
    text = path.read_text()
    assert os.access(path, os.X_OK)
    assert all(f"\n# {part}" in text or f". {part}" in text for part in ("Guess:", "It matters to"))
    (packages,) = re.findall(r"pip install --quiet (.*)", text)
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", package) for package in packages.split())


def test_reports_fit_an_issue(tell):
    _, body = tell("failure", **dict.fromkeys(("findings", "newest", "pinned"), "x" * 200_000))
    assert len(body) < 65_536
    assert all(f"## {name}\n" in body for name in ("findings", "newest", "pinned"))


SPHINX = """\
#!/bin/sh
case "$0 $*" in
*ptacore*) mkdir -p _build/source ;;
*jupyter-book*) echo "extensions = ['myst_nb', 'jupyter_book', 'icons']" > "$3/conf.py" ;;
*) cp "$9/conf.py" .; echo "book/a.md: WARNING: unknown document: 'b'"; exit $STATUS ;;
esac
"""


@pytest.mark.parametrize("status", [0, 1])
def test_what_keeps_plain_sphinx_from_building_the_book_is_told(tmp_path, status):
    for name in ("ptacore", "jupyter-book", "python"):
        program = tmp_path / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(SPHINX)
        program.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "sphinx", tmp_path / ".ci" / "sphinx")
    variables = os.environ | {"PYTHON": str(tmp_path / ".venv/bin/python"), "STATUS": str(status)}
    subprocess.run([".ci/sphinx", "report.md"], cwd=tmp_path, env=variables, check=True, capture_output=True)
    assert (tmp_path / "conf.py").read_text() == "extensions = ['myst_nb', 'icons']\n"
    report = tmp_path / "report.md"
    assert report.exists() == bool(status)
    assert not status or "unknown document: 'b'" in report.read_text()
