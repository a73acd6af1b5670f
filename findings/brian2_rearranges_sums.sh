#!/bin/sh
# Brian2 2.9.0, every target. Seen: in run_regularly the statement c = (u - s) - y is carried out as c = u - (s + y).
# A compensated sum of 7,300 times .1 is off by 1e-10, as a plain sum is, and its correction c is 0 always; the same
# four lines in Python give 730 exactly.
# Guess: a statement is translated as it is written, brackets included.
# Cause: expressions are rewritten by the rules of algebra, which do not hold for rounded numbers.
# It matters to long runs that guard against rounding, and to comparisons with another simulator to the last bit: put
# each difference into a variable of its own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 brian2==2.9.0
"$folder/venv/bin/python" - <<'PY'
from brian2 import NeuronGroup, __version__, ms, prefs, run

prefs.codegen.target = "numpy"
neuron = NeuronGroup(1, "s : 1\nc : 1\ns_split : 1\nc_split : 1")
neuron.run_regularly(
    """
    y = 0.1 - c
    u = s + y
    c = (u - s) - y
    s = u
    y_split = 0.1 - c_split
    u_split = s_split + y_split
    gained = u_split - s_split
    c_split = gained - y_split
    s_split = u_split
    """,
    dt=0.1 * ms,
)
run(730 * ms)
s = c = plain = 0.0
for _ in range(7300):
    y = 0.1 - c
    u = s + y
    c = (u - s) - y
    s = u
    plain += 0.1
seen = [float(value) - 730 for value in (neuron.s[0], neuron.s_split[0], s, plain)]
print("brian2", __version__, "errors of Brian2, of Brian2 with a variable more, of Python, of a plain sum:", seen)
print("last correction of Brian2:", float(neuron.c[0]))
assert seen[0] == seen[3] != 0 and neuron.c[0] == 0 and seen[2] == 0, "the behaviour has changed"
assert seen[1] == 0, "the way round has changed"
PY
