"""The page of recipes, run from its first line to its last as a reader would."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "book" / "recipes.md"


@pytest.mark.slow
def test_the_recipes_run_as_they_stand(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 9
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {"__name__": "recipes"})
    out = capsys.readouterr().out
    assert "32 oscillators" in out
    assert "nan" not in out
