#!/bin/sh
# All that wants a CUDA device, in less than eight minutes: the tests marked cuda, then benchmarks/device.py, which
# writes benchmarks/results/device.json for the Speed page. PYTHON chooses the interpreter; it has the package.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
if "$PYTHON" -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then
    "$PYTHON" -m pytest -q -m cuda
    "$PYTHON" benchmarks/device.py
    "$PYTHON" benchmarks/report.py
else
    echo "no CUDA device here: its tests are skipped, and the Speed page keeps what it says"
fi
