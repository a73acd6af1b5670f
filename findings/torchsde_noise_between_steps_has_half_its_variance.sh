#!/bin/sh
# torchsde 0.2.6. Seen: Brownian motion with steps of 1, asked for at .5, 1, 1.5 and 2, has the variances .25, 1, 1.25
# and 2, where they are .5, 1, 1.5 and 2. Nothing is said.
# Guess: the solver steps on the times that are asked for, or draws the noise between two steps as a bridge.
# Cause: states are joined by straight lines, and a mean of two states has less noise than a state.
# It matters to noisy networks sampled on a grid of their own: variances and spectra get a ripple with the period of
# the step. Ask at multiples of dt only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 scipy==1.17.1 torch==2.13.0 torchsde==0.2.6
"$folder/venv/bin/python" - <<'PY'
import torch
from importlib.metadata import version
from torchsde import sdeint


class Brownian(torch.nn.Module):
    noise_type, sde_type = "diagonal", "ito"

    def f(self, t, y):
        return torch.zeros_like(y)

    def g(self, t, y):
        return torch.ones_like(y)


torch.manual_seed(0)
t = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0])
seen = sdeint(Brownian(), torch.zeros(100_000, 1), t, dt=1.0, method="euler").var(1).flatten()
print("torchsde", version("torchsde"), "variances at", t.tolist(), "are", [round(v, 3) for v in seen.tolist()])
assert (seen - torch.tensor([0.0, 0.25, 1.0, 1.25, 2.0])).abs().max() < 0.03, "the behaviour has changed"
PY
