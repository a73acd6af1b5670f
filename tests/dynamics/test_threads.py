"""Short products take one thread, whatever torch's setting is, and leave the setting as it was."""

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
