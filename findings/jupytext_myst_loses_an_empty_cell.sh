#!/bin/sh
# jupytext 1.19.6. Seen: a notebook that goes to md:myst and back has lost an empty text cell, and a text cell with a
# line "+++" in it has become two. Nothing is said. py:percent keeps both.
# Guess: what was written comes back, or is refused: MyST has "+++" between cells, so text with it must be marked.
# It matters to notebooks that are kept as text for the sake of reviews: cells move against their numbers, and what is
# said of "cell 5" is of another. `jupytext --test --to md:myst` finds it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet jupytext==1.19.6 nbformat==5.11.1
"$folder/venv/bin/python" - <<'PY'
import jupytext
from nbformat import v4


def back(texts, form):
    book = v4.new_notebook(cells=[v4.new_markdown_cell(text) for text in texts])
    return [cell.source for cell in jupytext.reads(jupytext.writes(book, form), form).cells]


empty, plus = ["one", "", "two"], ["one\n\n+++\n\ntwo"]
seen = {form: (back(empty, form), back(plus, form)) for form in ("md:myst", "py:percent")}
print("jupytext", jupytext.__version__, seen)
assert seen["py:percent"] == (empty, plus), "the behaviour has changed: py:percent"
assert seen["md:myst"] == (["one", "two"], ["one", "two"]), "the behaviour has changed"
PY
