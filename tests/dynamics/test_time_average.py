import math

import pytest
import torch
from reference_systems import random
from scipy.special import stdtrit

from ptacore.dynamics.time_average import degrees_of_freedom, error_and_drift

M, RUNS = 200, 2000
LENGTHS = torch.full((M,), 0.5, dtype=torch.float64)
WIDTH = float(stdtrit(degrees_of_freedom(M), 0.995))


def covered_and_width(growth):
    """Share of 99% intervals that hold the mean 0, and their mean width over the needed one."""
    error, _ = error_and_drift(growth, LENGTHS, 20.0)
    off = growth.sum(0).abs() / LENGTHS.sum()
    return (off <= WIDTH * error).double().mean().item(), (WIDTH * error.mean() / off.quantile(0.99)).item()


def with_memory(memory):
    """Autoregressive: its correlation time is memory stretches."""
    keep, noise = math.exp(-1 / memory), random((M + 100, RUNS), 3)
    x = [noise[0] / math.sqrt(1 - keep**2)]
    for e in noise[1:]:
        x.append(keep * x[-1] + e)
    return torch.stack(x[100:])


@pytest.mark.parametrize(
    "growth",
    [
        random((M, RUNS), 0),
        with_memory(2),
        random((M + 1, RUNS), 1).diff(dim=0),  # a swing: what one stretch gains, the next gives back
        random((M, RUNS), 2) + 3 * random((M + 1, RUNS), 4).diff(dim=0),
        random((M, RUNS), 5).exp() - math.exp(0.5),  # skew
    ],
    ids=["white", "memory", "swing", "both", "skew"],
)
def test_intervals_hold_the_mean_as_often_as_they_say_and_are_not_wide(growth):
    covered, width = covered_and_width(growth)
    assert covered > 0.975
    assert 0.8 < width < 2.0


@pytest.mark.parametrize("settled", [0.0, 2.0, 20.0, 100.0, 150.0])
@pytest.mark.parametrize("m", [-5, 1, 2, 5])
def test_logarithmic_growth_is_covered(m, settled):
    ends = LENGTHS.cumsum(0)
    level = m * torch.log((settled + ends).clamp_min(1.0))
    growth = level.diff(prepend=level.new_tensor([m * math.log(max(settled, 1.0))]))[:, None] + 0.3 * LENGTHS[:, None]
    error, drift = error_and_drift(growth, LENGTHS, settled)
    off = growth.sum(0) / LENGTHS.sum() - 0.3
    resolution = math.log(10) / 100
    assert (off.abs() <= (WIDTH * error).clamp_min(resolution)).all()
    assert settled < 20 or (drift / m > 0).all()


def test_a_rate_that_is_settled_has_no_drift():
    _, drift = error_and_drift(
        torch.cat([random((M, RUNS), 6), random((M + 1, RUNS), 7).diff(dim=0)], 1), LENGTHS, 20.0
    )
    assert (drift != 0).double().mean() < 0.02
    constant = torch.full((M, 1), 0.25, dtype=torch.float64)
    error, drift = error_and_drift(constant, LENGTHS, 20.0)
    assert error < 1e-15
    assert drift == 0


def test_one_stretch_tells_nothing_and_two_little():
    error, drift = error_and_drift(random((1, 3), 0), LENGTHS[:1], 0.0)
    assert error.isinf().all()
    assert (drift == 0).all()
    for m in (2, 3, 4, 7):
        error = error_and_drift(random((m, 3), 0), LENGTHS[:m], 0.0)[0]
        assert error.isfinite().all()
        assert (error > 0).all()
