#!/bin/sh
# torch 2.13.0. Seen: inside no_grad(), `with torch.inference_mode(False):` records gradients again.
# Guess: leaving inference mode changes nothing where it was not entered, so that no_grad() still holds.
# It matters to code that must work under inference mode and under no_grad: it has to set both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import torch

x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    before = torch.is_grad_enabled()
    with torch.inference_mode(False):
        inside, recorded = torch.is_grad_enabled(), (2 * x).requires_grad
    after = torch.is_grad_enabled()
seen = (before, inside, recorded, after)
print("torch", torch.__version__, "in no_grad, with inference_mode(False), its product records, afterwards:", seen)
assert seen == (False, True, True, False), "the behaviour has changed"
PY
