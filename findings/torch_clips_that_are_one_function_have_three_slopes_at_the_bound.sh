#!/bin/sh
# torch 2.13.0. Seen: hardtanh, clamp and minimum of maximum give the same numbers, and three slopes where what they take
# is exactly the bound: 0, 1 and 1/2. An integrator that waits on its bound for 100 steps passes back nothing, all, or
# 2^-100 of a gradient; as a map it has the exponents minus infinity, 0 and log 1/2 there.
# Guess: a clip has one derivative, at the kink too; any choice there is met by no real state, since it has measure zero.
# It matters to bounded accumulators, clipped controls and saturated units: they come to lie exactly on the bound.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import torch
from torch.nn.functional import hardtanh

one = torch.tensor(1.0, dtype=torch.float64)
clips = {
    "hardtanh": hardtanh,
    "clamp": lambda x: x.clamp(-1, 1),
    "minimum of maximum": lambda x: torch.minimum(torch.maximum(x, -one), one),
}
x = torch.linspace(-3, 3, 6001, dtype=torch.float64)
assert all((clip(x) == hardtanh(x)).all() for clip in clips.values())

passed = {}
for name, clip in clips.items():
    waiting = clip(torch.tensor(5.4, dtype=torch.float64)).requires_grad_()  # driven to the bound
    state = waiting
    for _ in range(100):
        state = clip(state + 0.0)
    assert state.item() == 1.0
    (gradient,) = torch.autograd.grad(state, waiting)
    passed[name] = gradient.item()
    print("torch", torch.__version__, f"{name}: {passed[name]:.3g} of a gradient over 100 steps on the bound")
assert list(passed.values()) == [0.0, 1.0, 0.5**100], "the behaviour has changed"
PY
