#!/bin/sh
# snntorch 1.0.0. Seen: the surrogate gradient "sigmoid" at its default slope, 25, is NaN in float32 where a membrane
# is 3.6 or more below its threshold; the spikes themselves are right. One such neuron makes every gradient before it
# NaN.
# Guess: the derivative of a sigmoid far from its middle is 0.
# Cause: exp(25 * 3.6) is infinite in float32, and infinity is divided by infinity.
# It matters to networks with strong inhibition: training is NaN from the first time a neuron is pushed far down.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0 snntorch==1.0.0
"$folder/venv/bin/python" - <<'PY'
import torch
from importlib.metadata import version
from snntorch import Leaky, surrogate

membrane = torch.tensor([-4.0, -3.5, -1.0, 0.0, 1.0, 4.0], requires_grad=True)
spikes = surrogate.sigmoid()(membrane)
spikes.sum().backward()
weight = torch.ones(1, requires_grad=True)
spike, _ = Leaky(beta=0.9, spike_grad=surrogate.sigmoid())(0.1 * weight, torch.tensor([-4.0]))
spike.sum().backward()
print("snntorch", version("snntorch"), "gradients at", membrane.tolist(), "above threshold:", membrane.grad.tolist())
print("gradient of a weight onto a neuron that is 4.6 below:", weight.grad.tolist())
assert membrane.grad[0].isnan() and weight.grad.isnan().all(), "the behaviour has changed"
assert membrane.grad[2:].isfinite().all() and spikes.isfinite().all(), "the behaviour has changed"
PY
