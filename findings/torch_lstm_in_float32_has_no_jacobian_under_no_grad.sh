#!/bin/sh
# torch 2.13.0, x86-64. Seen: torch.func.jacrev of a single-precision LSTM works, and under torch.no_grad() it raises
# "Expected a proper Tensor but got None ... for argument #22 'workspace'"; jacfwd raises NotImplementedError either way.
# The same LSTM in double precision, LSTMCell, GRU and RNN give the Jacobian all four times.
# Guess: no_grad around a transform does not touch it (the documentation says so), and precision decides of digits only.
# Cause: on such machines a single-precision LSTM is one call of oneDNN, which has no forward mode and keeps what its
# derivative needs only if gradients are on.
# It matters to spectra of trained LSTMs, which are measured under no_grad: take the Jacobian in double precision.
set -eu
case $(uname -m) in x86_64) ;; *) echo "only on x86-64"; exit 0 ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" -W ignore - <<'PY'
from contextlib import nullcontext

import torch
from torch.func import jacfwd, jacrev


def outcome(kind, dtype, jacobian, context):
    torch.manual_seed(0)
    layer, x = kind(3, 3).to(dtype), torch.ones(3, dtype=dtype)
    with context():
        try:
            return "works" if jacobian(lambda x: layer(x[None])[0][0])(x).shape == (3, 3) else "another shape"
        except (RuntimeError, NotImplementedError) as error:
            return type(error).__name__


cases = [(jacobian, context) for jacobian in (jacrev, jacfwd) for context in (nullcontext, torch.no_grad)]
seen = {(kind.__name__, str(dtype)): [outcome(kind, dtype, *case) for case in cases]
        for kind in (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN) for dtype in (torch.float32, torch.float64)}
print("torch", torch.__version__, "jacrev, under no_grad, jacfwd, under no_grad:", seen)
single = seen.pop(("LSTM", "torch.float32"))
assert all(case == ["works"] * 4 for case in seen.values()), "the behaviour has changed: another layer or precision"
assert single == ["works", "RuntimeError", *["NotImplementedError"] * 2], "the behaviour has changed"
PY
