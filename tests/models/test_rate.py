import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference_systems import random

from ptacore import models


@given(n=st.integers(1, 12), seed=st.integers(0, 2**32 - 1), tau=st.floats(1e-3, 1e3))
def test_fields_are_the_papers_equations(n, seed, tau):
    rng = np.random.default_rng(seed)
    W, b, x = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n)
    t = torch.as_tensor(x)
    expected = {
        models.ReLUFlow: (-x + np.maximum(W @ x + b, 0)) / tau,  # S1
        models.TanhFlow: (-x + W @ np.tanh(x) + b) / tau,  # S2
        models.TanhRateFlow: (-x + np.tanh(W @ x + b)) / tau,  # 20
    }
    for network, field in expected.items():
        np.testing.assert_allclose(network(W, b, tau=tau)(t), field, rtol=1e-12, atol=1e-12 / tau)
    np.testing.assert_allclose(models.TanhMap(W, b)(t), np.tanh(W @ x + b), rtol=1e-12)  # 21
    np.testing.assert_allclose(models.LinearFlow(W, b)(t), W @ x + b, rtol=1e-12, atol=1e-12)  # 12


@pytest.mark.parametrize("network", [models.ReLUFlow, models.TanhFlow, models.TanhRateFlow, models.TanhMap])
def test_batched_weights_are_many_networks(network):
    W, b, x = random((5, 3, 3), 0), random((5, 3), 1), random((5, 3), 2)
    many = network(W, b)
    for i in range(5):
        one = network(W[i], b[i])
        torch.testing.assert_close(many(x)[i], one(x[i]))
        torch.testing.assert_close(many.jacobian(x)[i], one.jacobian(x[i]))


@pytest.mark.parametrize(
    "network", [models.LinearFlow, models.ReLUFlow, models.TanhFlow, models.TanhRateFlow, models.TanhMap]
)
@pytest.mark.parametrize("take", [np.asarray, torch.as_tensor])
def test_a_system_keeps_its_parameters_when_the_users_change(network, take):
    W, b, x = take(np.eye(3)), take(np.ones(3)), torch.ones(3, dtype=torch.float64)
    system = network(W, b)
    before = system(x)
    W *= 2
    b += 1
    assert torch.equal(system(x), before)


def test_gradients_reach_the_users_bias():
    b = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    models.TanhMap(np.eye(2), b)(torch.zeros(2, dtype=torch.float64)).sum().backward()
    assert b.grad.tolist() == [1, 1]  # tanh'(0) = 1


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: models.TanhFlow(np.zeros((2, 3))), "W"),
        (lambda: models.TanhFlow(np.zeros(4)), "W"),
        (lambda: models.TanhMap([[math.nan]]), "W"),
        (lambda: models.ReLUFlow(np.eye(3), b=np.ones(2)), "b"),
        (lambda: models.ReLUFlow(np.eye(3), b=math.inf), "b"),
        (lambda: models.LinearFlow(np.zeros((1, 2))), "A"),
        (lambda: models.TanhFlow(np.eye(3), tau=0.0), "tau"),
        (lambda: models.TanhFlow(np.eye(3), tau=-1.0), "tau"),
        (lambda: models.TanhFlow(np.eye(3), tau=math.nan), "tau"),
    ],
)
def test_bad_parameters_are_named(make, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        make()
