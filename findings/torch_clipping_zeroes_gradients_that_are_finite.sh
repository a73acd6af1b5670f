#!/bin/sh
# torch 2.13.0. Seen: clip_grad_norm_ makes finite gradients of 1e20 exactly zero; the norm that it returns is
# infinite. error_if_nonfinite raises, but is off by default. At the other end the norm of a thousand float32 numbers
# of 1e-23 is 0, and that of one such number is right.
# Guess: finite gradients are scaled to the norm asked for, and a norm is right wherever its numbers are.
# Cause: squares are added in float32, which ends at 3e38 and at 1e-45; 1e20 has its square outside, 1e-23 below.
# It matters to long backpropagation: an exploded gradient is a step that does not happen, without NaN and without a
# message, and an adjoint seems to vanish at 1e-23, halfway to where float32 ends. Look at the norm that is returned;
# take norms in float64.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import torch

parameters = [torch.nn.Parameter(torch.zeros(1000)) for _ in range(2)]
for parameter in parameters:
    parameter.grad = torch.full((1000,), 1e20)
finite = all(parameter.grad.isfinite().all() for parameter in parameters)
returned = torch.nn.utils.clip_grad_norm_(parameters, 1.0).item()
largest = max(parameter.grad.abs().max().item() for parameter in parameters)
small = torch.full((1000,), 1e-23)
norms = small.norm().item(), small[:1].norm().item(), small.double().norm().item()
print("torch", torch.__version__, "norm returned", returned, "largest gradient after clipping to 1:", largest)
print("norms of 1,000 numbers of 1e-23, of one, of 1,000 in float64:", norms)
assert finite and returned == float("inf") and largest == 0, "the behaviour has changed"
assert norms[0] == 0 and norms[1] > 9e-24 and norms[2] > 3e-22, "the behaviour has changed"
PY
