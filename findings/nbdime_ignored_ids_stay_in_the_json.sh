#!/bin/sh
# nbdime 4.0.4. Seen: of two notebooks that differ in the id of a cell alone, `nbdiff --ignore-id` prints no change, and
# `nbdiff --ignore-id --out FILE` writes the change of the id to the file.
# Guess: what is ignored is in neither.
# It matters to a program that asks whether a notebook has changed: ids differ whenever a notebook is made anew, so by
# the file it always has. Ask by what is printed, or leave "id" out yourself.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet nbdime==4.0.4 nbformat==5.11.1
cd "$folder"
venv/bin/python - <<'PY'
import nbformat

for name in ("one", "two"):
    cell = nbformat.v4.new_code_cell("x = 1", id=name)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), f"{name}.ipynb")
PY
printed=$(venv/bin/nbdiff --no-color --ignore-id one.ipynb two.ipynb)
venv/bin/nbdiff --ignore-id --out changes.json one.ipynb two.ipynb
PRINTED=$printed venv/bin/python - <<'PY'
import json
import os

import nbdime

written = json.load(open("changes.json"))
print("nbdime", nbdime.__version__, "printed", repr(os.environ["PRINTED"]), "written", written)
assert "cells" not in os.environ["PRINTED"], "the behaviour has changed: ids are printed"
assert [change["key"] for change in written[0]["diff"][0]["diff"]] == ["id"], "the behaviour has changed"
PY
