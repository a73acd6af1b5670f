#!/bin/sh
# torch 2.13.0, on x86-64. Seen: an LSTM in float32 given one sequence returns other states under no_grad than while
# it records gradients: equal at the first step, one rounding apart at the second, and a chaotic one (weights of
# standard deviation 6 / sqrt(64)) has nothing in common after 400 steps. With eight sequences the two are equal to
# the bit.
# Guess: no_grad changes what is kept, not what is computed.
# It matters to comparisons of a network "as it was trained" with the same network evaluated: compare what does not
# depend on the orbit (spectra, losses over many trials), or go over to float64.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import torch

torch.set_num_threads(1)


def apart(sequences, dtype=torch.float32):
    """Largest distance at each step of the states with gradients from those without."""
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 64)
    with torch.no_grad():
        lstm.weight_hh_l0.normal_(0, 6 / 64**0.5)
    lstm, u = lstm.to(dtype), torch.randn(400, sequences, 3).to(dtype)
    recorded = lstm(u)[0].detach()
    with torch.no_grad():
        return (lstm(u)[0] - recorded).abs().amax((1, 2))


one, eight, double = apart(1), apart(8), apart(1, torch.float64)
print("torch", torch.__version__, "one sequence, at steps 1, 2, 50 and 400:", one[[0, 1, 49, 399]].tolist())
print("eight sequences, at most:", eight.max().item(), "; one in float64:", double.max().item())
assert one[0] == 0 < one[1] < 1e-6 and one[-50:].max() > 0.5, "the behaviour has changed"
assert eight.max() == 0 and double.max() == 0, "the behaviour has changed"
PY
