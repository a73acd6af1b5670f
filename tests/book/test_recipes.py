"""Code that readers copy runs from the first line of its page to the last, as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(page: Path, least: int) -> None:
    """Run a page's blocks of Python one after the other; what they assert must hold."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) >= least
    names = {"__name__": page.stem}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.slow
def test_the_recipes_run_as_they_stand(capsys):
    run(ROOT / "book" / "recipes.md", least=9)
    out = capsys.readouterr().out
    assert "32 oscillators" in out
    assert "nan" not in out


@pytest.mark.slow
def test_solutions_of_exercises_find_what_they_state():
    run(ROOT / "book" / "exercises.md", least=14)


def test_there_are_a_dozen_exercises_with_solutions():
    exercises = re.split(r"^### ", (ROOT / "book" / "exercises.md").read_text(), flags=re.MULTILINE)[1:]
    assert len([text for text in exercises if "{dropdown} Solution" in text]) >= 12
    assert all("{dropdown}" in text for text in exercises)


@pytest.mark.slow
def test_the_readme_keeps_its_word(capsys):
    run(ROOT / "README.md", least=1)
    zeros = int(re.match(r"tensor\((\d+)\)", capsys.readouterr().out)[1])
    assert 125 <= zeros <= 128  # half of 250, and decays too slow to be told from none in 500 steps
