#!/bin/sh
# torch 2.13.0. Seen: making an optimizer, torch.optim.SGD of one number, imports torch._dynamo and some 800 more
# modules, which takes about as much CPU time as `import torch` did. Nothing is compiled.
# Guess: an optimizer stores its parameters and options, in microseconds; the compiler comes with torch.compile.
# It matters to short runs, one in a process: the first training of a notebook, or of a test, starts that much later.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import sys
from time import process_time

start = process_time()
import torch

imported, before = process_time() - start, set(sys.modules)
parameter = torch.nn.Parameter(torch.zeros(1))
start = process_time()
torch.optim.SGD([parameter], lr=0.1)
made, new = process_time() - start, set(sys.modules) - before
print("torch", torch.__version__, f"import {imported:.2f} CPU s; first optimizer {made:.2f} s and {len(new)} modules")
assert "torch._dynamo" not in before and "torch._dynamo" in new and len(new) > 100, "the behaviour has changed"
PY
