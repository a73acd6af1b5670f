"""The programs that readers copy, run from the first line of their page to the last."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(path: Path) -> int:
    """Run a page's blocks of Python in one interpreter; their number."""
    text, names = path.read_text(), {"__name__": path.stem}
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    for block in blocks:
        lines_before = "\n" * text[: block.start(1)].count("\n")  # so that errors name the page's own lines
        exec(compile(lines_before + block[1], path, "exec"), names)
    return len(blocks)


@pytest.mark.slow
def test_the_recipes_run_as_they_stand(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they save files
    assert run(ROOT / "book" / "recipes.md") >= 17
    out = capsys.readouterr().out
    assert "32 oscillators" in out
    assert "nan" not in out


@pytest.mark.slow
def test_the_solutions_assert_what_they_claim():
    page = ROOT / "book" / "exercises.md"
    exercises = re.findall(r"^### (\d+)\.", page.read_text(), re.MULTILINE)
    assert [int(number) for number in exercises] == list(range(1, 19))
    assert run(page) == len(exercises) + 1  # each has a program, and all share a start
    assert all("assert " in solution for solution in page.read_text().split(":::{dropdown}")[1:])


def test_the_remedies_do_what_they_say():
    assert run(ROOT / "book" / "troubleshooting.md") == 2


@pytest.mark.slow
def test_the_readme_keeps_its_word(capsys):
    assert run(ROOT / "README.md") >= 1
    assert capsys.readouterr().out.startswith("tensor(125) ")


@pytest.mark.slow
def test_what_it_takes_is_taken_and_the_rest_refused():
    """The page's programs assert what they show, and fail where something that should be refused is taken."""
    page = ROOT / "book" / "what_it_takes.md"
    assert run(page) >= 8
    assert page.read_text().count("refused(") >= 8


def test_your_network_is_reported_on(capsys):
    assert run(ROOT / "book" / "your_network.md") == 2
    assert "float32 loses a gradient in a sum after" in capsys.readouterr().out


def test_ten_lines_keep_their_word(capsys):
    page = ROOT / "book" / "start.md"
    (program,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(program.replace("\n\n", "\n").splitlines()) == 10
    assert run(page) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert 0 < float(first.split()[4]) < 10
    assert second == "32 zero exponents, 0 positive"
