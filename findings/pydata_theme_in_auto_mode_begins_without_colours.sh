#!/bin/sh
# pydata-sphinx-theme 0.20.0 (Sphinx 9.0.4). Seen: with `default_mode` "auto", which is also what is taken where none is
# set, each page says data-theme="auto" (or "") before anything is drawn. No rule of the theme's sheets has that value:
# colours are defined for "light", for "dark" and for pages without the attribute. So they are undefined until the
# theme's script, the last of the page, has replaced it.
# Guess: a page that nobody has chosen a mode for is light, or as dark as the system, with its first frame.
# It matters to pages that are read without that script or before it: from an archive, in a frame that admits no script
# from files, or where scripts wait until the text is shown. They are without colours of their own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet sphinx==9.0.4 pydata-sphinx-theme==0.20.0
mkdir "$folder/source"
cat >"$folder/source/index.rst" <<'RST'
Page
====
RST
for mode in unset auto light; do
    echo 'html_theme = "pydata_sphinx_theme"' >"$folder/source/conf.py"
    [ "$mode" = unset ] || echo "html_context = {'default_mode': '$mode'}" >>"$folder/source/conf.py"
    "$folder/venv/bin/python" -m sphinx -q -E -b html "$folder/source" "$folder/$mode"
done
"$folder/venv/bin/python" - "$folder" <<'PY'
import re
import sys
from pathlib import Path

import pydata_sphinx_theme

folder = Path(sys.argv[1])
pages = {mode: (folder / mode / "index.html").read_text() for mode in ("unset", "auto", "light")}
first = {
    mode: re.search(r'dataset\.theme = localStorage\.getItem\("theme"\) \|\| "(\w*)"', page)[1]
    for mode, page in pages.items()
}
sheets = [path.read_text() for path in (folder / "auto" / "_static").rglob("*.css")]
colours = {head for sheet in sheets for head in re.findall(r"([^{}]*)\{[^{}]*--pst-color-background:", sheet)}
named = sorted({found for head in colours for found in re.findall(r'data-theme(?:="?(\w+)"?)?\]', head)})
print("pydata-sphinx-theme", pydata_sphinx_theme.__version__, "first by default_mode", first, "colours of", named)
assert named == ["", "dark", "light"], "the sheets have another form"  # "": :not([data-theme])
assert first == {"unset": "", "auto": "auto", "light": "light"}, "the behaviour has changed"
PY
