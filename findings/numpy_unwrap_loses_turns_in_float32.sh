#!/bin/sh
# NumPy 2.3.5. Seen: numpy.unwrap of a float32 phase that turns evenly, eight samples a turn, has a rate of turning
# that is off by 1.5e-4 after 10,000 turns, by 1% after a million, by 2% with the other sign after three. In float64
# it is right.
# Guess: right to float32's precision, 1e-7, since whole turns are counted.
# Cause: the turns are added up in float32, and 2 pi is rounded to the spacing of the sum each time.
# It matters to rotation numbers and periods that are read from phases: unwrap in float64, or count the turns.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import numpy as np


def error(turns, dtype):
    """Relative error of the rate at which the unwrapped phase turns."""
    phase = 2 * np.pi / 8 * np.arange(8 * turns)
    wrapped = np.angle(np.exp(1j * phase)).astype(dtype)
    unwrapped = np.unwrap(wrapped)
    return float((unwrapped[-1] - unwrapped[0]) / (phase[-1] - phase[0]) - 1)


seen = {turns: (error(turns, np.float32), error(turns, np.float64)) for turns in (10_000, 1_000_000, 3_000_000)}
print("numpy", np.__version__, "errors in float32 and float64 by turns:", seen)
assert abs(seen[10_000][0]) > 5e-5 and abs(seen[1_000_000][0]) > 5e-3, "the behaviour has changed"
assert all(abs(double) < 1e-9 for _, double in seen.values()), "the behaviour has changed"
PY
