#!/bin/sh
# torch 2.13.0. Seen: a weight with a row of zeros, assigned through parametrizations.weight_norm, reads back as NaN in
# that row; nothing is raised or warned of.
# Guess: zeros are stored as zeros, or the assignment is refused.
# It matters to every initialization that is block diagonal or sparse and is written through a parametrization.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" -W error - <<'PY'
import torch
from torch import nn
from torch.nn.utils import parametrizations

layer = parametrizations.weight_norm(nn.Linear(2, 2))
layer.weight = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
seen = layer.weight.detach()
print("torch", torch.__version__, "weight norm holds", seen.tolist(), "for [[0, 0], [3, 4]]")
assert seen[0].isnan().all(), "the behaviour has changed"
assert torch.allclose(seen[1], torch.tensor([3.0, 4.0])), "the behaviour has changed"
PY
