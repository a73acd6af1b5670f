#!/bin/sh
# torch 2.13.0. Seen: forward mode (torch.autograd.forward_ad) of x * 2 takes some fifty times as long as of x + x. An
# operation of a dual tensor with one that is not, or with a number, goes through torch's decompositions in Python, each
# time; its first use imports SymPy, torch._dynamo and some 800 more modules. 1 - x has no such detour, x - 1 has.
# Guess: a dual number costs two or three times as much as a plain one, whatever the operand; a constant costs less.
# It matters to small systems: there two reverse passes, which give the same product, were three times as fast.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import sys
from time import process_time

import torch
from torch.autograd import forward_ad

x, v = torch.ones(5), torch.ones(5)


def microseconds(f, x):
    f(x)
    best = 1e9
    for _ in range(5):
        start = process_time()
        for _ in range(200):
            f(x)
        best = min(best, (process_time() - start) / 200 * 1e6)
    return best


before, took = set(sys.modules), {}
with forward_ad.dual_level():
    dual = forward_ad.make_dual(x, v)
    for name, f in (("x + x", lambda x: x + x), ("1 - x", lambda x: 1 - x), ("x * 2", lambda x: x * 2)):
        took[name] = microseconds(f, dual)
        new = set(sys.modules) - before
        print(f"{name}: dual {took[name]:.1f} us, plain {microseconds(f, x):.1f} us; {len(new)} new modules so far")
        assert ("torch._dynamo" in new) == ("sympy" in new) == (name == "x * 2"), "the behaviour has changed"
assert took["x * 2"] > 8 * took["x + x"], "the behaviour has changed"
print("torch", torch.__version__)
PY
