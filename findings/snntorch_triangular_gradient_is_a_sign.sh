#!/bin/sh
# snntorch 1.0.0, norse 1.1.0. Seen: snntorch's surrogate gradient "triangular" is +1 everywhere below the threshold
# and -1 everywhere above it: not a triangle, of the wrong sign above, and not local. norse's "triangle" is a
# triangle.
# Guess: a triangle around the threshold, 0 at a distance, nowhere negative.
# It matters to a comparison of surrogates, and to gradients in time: neurons far from threshold pass on everything,
# and those that spike push the wrong way.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0 snntorch==1.0.0 norse==1.1.0
"$folder/venv/bin/python" - <<'PY'
import torch
from importlib.metadata import version
from norse.torch.functional.threshold import threshold
from snntorch import surrogate


def gradient(spikes):
    """Its gradient at distances from the threshold."""
    distance = torch.tensor([-4.0, -1.0, -0.5, 0.25, 0.5, 1.0, 4.0], requires_grad=True)
    spikes(distance).sum().backward()
    return distance.grad.tolist()


seen = gradient(surrogate.triangular())
other = gradient(lambda v: threshold(v, "triangle", torch.as_tensor(1.0)))
print("snntorch", version("snntorch"), "at -4, -1, -.5, .25, .5, 1, 4:", seen, "norse", version("norse"), other)
assert seen == [1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0], "the behaviour has changed"
assert min(other) >= 0 and other[0] == other[-1] == 0, "the behaviour has changed"
PY
