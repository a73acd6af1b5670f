#!/bin/sh
# Sphinx 9.0.4. Seen: a word of digits alone is in no search index. "seed 1024" and "0.4192" leave only "seed", and a
# page called "Figure 6" leaves only "figur". "tanh256" and "1e" are kept.
# Guess: a number is a word like any other, the rarer the better.
# Cause: SearchLanguage.word_filter drops str.isdigit(); a point separates words, so both sides of it go.
# It matters to a book of numbers: a value, a seed, a version or a figure's number cannot be searched for. A table that
# is to be searched by its values needs a filter of its own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet sphinx==9.0.4
mkdir "$folder/source"
touch "$folder/source/conf.py"
cat >"$folder/source/index.rst" <<'RST'
Figure 6
========

The exponent is 0.4192, the seed 1024, the network tanh256, the step 1e-3.
RST
"$folder/venv/bin/python" -m sphinx -q -b html "$folder/source" "$folder/html"
"$folder/venv/bin/python" - "$folder/html/searchindex.js" <<'PY'
import json
import sys

import sphinx

index = json.loads(open(sys.argv[1]).read().removeprefix("Search.setIndex(").removesuffix(")"))
words, titles = sorted(index["terms"]), sorted(index["titleterms"])
print("sphinx", sphinx.__version__, "terms", words, "of titles", titles)
assert "seed" in words and "tanh256" in words, "the index has another form"
assert titles == ["figur"] and not any(word.isdigit() for word in words), "the behaviour has changed"
PY
