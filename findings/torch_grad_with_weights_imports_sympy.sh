#!/bin/sh
# torch 2.13.0. Seen: torch.autograd.grad(y, x, weights), the first time in a process, imports SymPy: some 420 modules, 0.4
# CPU s, a quarter of `import torch`. The same gradient to the bit, torch.autograd.grad((y * weights).sum(), x), imports
# none. To check that weights fit y, torch loads its algebra of symbolic shapes, though no shape is symbolic.
# Guess: both are the same work, and SymPy comes with torch.compile.
# It matters to short runs that take one Jacobian: to compile a small C kernel takes about as long.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import sys
from time import process_time

import torch

x, weights = torch.linspace(0, 1, 5, requires_grad=True), torch.linspace(-1, 2, 5)
times, loaded, found = [], [], []
for call in (
    lambda y: torch.autograd.grad((y * weights).sum(), x),
    lambda y: torch.autograd.grad(y, x, weights),
):
    before, start = set(sys.modules), process_time()
    found.append(call(x.sin())[0])
    times.append(process_time() - start)
    loaded.append({name for name in set(sys.modules) - before if name.split(".")[0] == "sympy"})
print("torch", torch.__version__, *(f"{t:.2f} CPU s and {len(m)} modules of SymPy;" for t, m in zip(times, loaded)))
assert torch.equal(*found) and not loaded[0] and len(loaded[1]) > 100, "the behaviour has changed"
PY
