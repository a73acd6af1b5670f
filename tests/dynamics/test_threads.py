"""Short products take one thread, whatever torch's setting is, and leave the setting as it was."""

import os
import subprocess
import sys

import pytest
import torch

from ptacore import System, adjoint, lyapunov_spectrum, trajectory
from ptacore.dynamics.threads import LONG, threads_that_pay


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_long_products_keep_their_threads():
    with threads_that_pay(2 * LONG):
        assert torch.get_num_threads() == 2
    with threads_that_pay(LONG / 2):
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyError), threads_that_pay(0):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("follow", ["spectrum", "trajectory", "adjoint"])
def test_what_follows_a_small_system_takes_one_thread(follow):
    seen = []

    def watched(x):
        seen.append(torch.get_num_threads())
        return -x

    system, path = System.from_function(watched, dim=3, kind="flow"), torch.ones(20, 3)
    seen.clear()
    if follow == "spectrum":
        lyapunov_spectrum(system, torch.ones(3), duration=1.0, dt=0.1, backend="torch")
    elif follow == "trajectory":
        trajectory(system, torch.ones(3), duration=1.0, dt=0.1)
    else:
        adjoint(system, path, dt=0.1)
    assert seen.count(1) > 30
    assert seen.count(2) <= 2  # a first look at the shape of what comes
    assert torch.get_num_threads() == 2


SPECTRUM = "pta.lyapunov_spectrum(pta.models.ModuleMap(torch.nn.GRU(2, 16)), torch.zeros(16), duration=50)"
POINTS = "pta.fixed_points(pta.models.ModuleMap(torch.nn.RNN(2, 250, dtype=torch.float64)), 0.5 * torch.randn(8, 250))"


@pytest.mark.parametrize(
    "program",
    [f"{SPECTRUM}; torch.linalg.inv(torch.randn(4, 250, 250).double())", f"torch.set_num_threads(2); {POINTS}"],
    ids=["of ours leaves batches as they were", "of ours is not kept from its end by a number of threads"],
)
def test_nothing(program):
    """By programs of their own: what torch does with its threads depends on what was asked of it before."""
    free = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, "-c", f"import torch, ptacore as pta; torch.manual_seed(0); {program}; print('ended')"]
    told = subprocess.run(command, env=free, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "ended\n"
    assert "ERROR" not in told.stdout + told.stderr
