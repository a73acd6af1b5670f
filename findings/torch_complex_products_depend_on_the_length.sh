#!/bin/sh
# torch 2.13.0, on x86-64 with AVX2. Seen: the product of two complex numbers depends on how many others are multiplied
# with them: (a * b)[:22] and a[:22] * b[:22] differ in the last bit. Real products do not differ.
# Guess: an elementwise operation rounds an element as it would round it alone.
# Cause: whole vectors round both terms before they are added; the numbers left over have them fused.
# It matters to runs that are to be the same to the bit with another batch or width: complex recurrences such as the LRU.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import torch

torch.set_num_threads(1)


def moved(dtype):
    """Which of the first 22 products are others where 64 numbers are multiplied at once."""
    a, b = torch.randn(2, 64, dtype=dtype, generator=torch.Generator().manual_seed(0))
    return ((a * b)[:22] != a[:22].clone() * b[:22].clone()).nonzero().flatten().tolist()


seen = {str(dtype): moved(dtype) for dtype in (torch.complex64, torch.complex128, torch.float32, torch.float64)}
capability = torch.backends.cpu.get_cpu_capability()
print("torch", torch.__version__, capability, "products that are others:", seen)
assert capability in ("AVX2", "AVX512"), "seen on processors with AVX2 only"
assert seen["torch.complex64"] and seen["torch.complex128"], "the behaviour has changed"
assert not seen["torch.float32"] and not seen["torch.float64"], "the behaviour has changed"
PY
