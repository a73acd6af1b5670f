#!/bin/sh
# torch 2.13.0, against SciPy 1.17.1. Seen: matrix_exp of [[-1, c], [0, -2]] has relative errors of 1e-12 at c = 1e4,
# 1e-10 at 1e6 and 1e-8 at 1e8, in the diagonal too, where the answer does not depend on c. SciPy's expm has all
# digits.
# Guess: 1e-15 in a triangular matrix of two rows, as in SciPy.
# Cause: the matrix is halved until its norm, here c, is small, and each squaring back doubles the rounding.
# It matters to propagators of networks whose modes feed each other (feedforward chains): their exponents stand on the
# diagonal. Take SciPy's function, or check the determinant against exp(trace).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 scipy==1.17.1 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import scipy
import torch


def errors(c):
    """Largest relative errors of torch and SciPy, on the diagonal only."""
    matrix, exact = np.array([[-1.0, c], [0.0, -2.0]]), np.exp([-1.0, -2.0])
    of_torch = torch.matrix_exp(torch.from_numpy(matrix)).diagonal().numpy()
    return [float(abs(found / exact - 1).max()) for found in (of_torch, np.diag(scipy.linalg.expm(matrix)))]


seen = {c: errors(c) for c in (1e2, 1e4, 1e6, 1e8)}
print("torch", torch.__version__, "scipy", scipy.__version__, "errors on the diagonal by c:", seen)
assert seen[1e2][0] < 1e-13 and seen[1e6][0] > 1e-11 and seen[1e8][0] > 1e-9, "the behaviour has changed"
assert max(scipy_s for _, scipy_s in seen.values()) < 1e-13, "the behaviour has changed"
PY
