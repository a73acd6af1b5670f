#!/bin/sh
# NumPy 2.3.5 and Numba 0.68.1. Seen: the mean over time of 50 million float32 numbers, all 0.1, is 0.1 where time is
# the last axis, .084 where it is the first of two (NumPy), and .042 in compiled code (Numba, for every layout).
# Guess: the same mean, right to 1e-6, by sums in pairs.
# Cause: along other axes, and in Numba, a sum is carried in float32 one number at a time; once it is large, what is
# added is rounded to its spacing.
# It matters to exponents, which are means of logarithms over time, kept as (steps, exponents): add in float64.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 numba==0.68.1
"$folder/venv/bin/python" - <<'PY'
import numba
import numpy as np

steps = 50_000_000
mean = numba.njit(lambda x: np.mean(x))
last, first = np.full((1, steps), 0.1, np.float32), np.full((steps // 2, 2), 0.1, np.float32)
seen = {
    "NumPy, last axis": last.mean(-1)[0],
    "NumPy, first axis": first.mean(0)[0],
    "NumPy, first axis, added in float64": first.mean(0, dtype=np.float64)[0],
    "Numba": mean(last[0]),
}
print("numpy", np.__version__, "numba", numba.__version__, {how: round(float(value), 6) for how, value in seen.items()})
right, off, double, compiled = seen.values()
assert abs(right - 0.1) < 1e-6 and abs(double - 0.1) < 1e-6, "the behaviour has changed"
assert abs(off - 0.1) > 0.01 and abs(compiled - 0.1) > 0.05, "the behaviour has changed"
PY
