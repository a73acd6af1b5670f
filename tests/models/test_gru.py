import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference_systems import random

from ptacore import lyapunov_spectrum, models
from ptacore.models import GRUFlow, GRUMap, TanhRateFlow

SIZES, SEEDS = st.integers(1, 6), st.integers(0, 1000)


def gru(kind, n, seed):
    W, W_r, W_z = (random((n, n), seed + i, 2.0) for i in range(3))
    b, b_r, b_z = (random((n,), seed + 3 + i) for i in range(3))
    return kind(W, b, W_r, W_z, b_r, b_z)


@given(n=SIZES, seed=SEEDS)
def test_map_is_torchs_unit_without_input(n, seed):
    system = gru(GRUMap, n, seed)
    cell = torch.nn.GRUCell(1, n, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_hh.copy_(torch.cat([system.W_r, system.W_z, system.W]))
        cell.bias_ih.copy_(torch.cat([system.b_r, system.b_z, system.b]))
        cell.bias_hh.zero_()
    h = random((5, n), seed + 9)
    expected = cell(torch.zeros(5, 1, dtype=torch.float64), h).detach()
    torch.testing.assert_close(system(h), expected, rtol=1e-13, atol=1e-14)


@given(n=SIZES, seed=SEEDS)
def test_flow_is_equation_of_jordan_et_al(n, seed):
    system, h = gru(GRUFlow, n, seed), random((n,), seed + 9)
    r = 1 / (1 + torch.exp(-(system.W_r @ h + system.b_r)))
    z = 1 / (1 + torch.exp(-(system.W_z @ h + system.b_z)))
    expected = (z - 1) * (h - torch.tanh(system.W @ (r * h) + system.b))
    torch.testing.assert_close(system(h), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", [GRUMap, GRUFlow])
@given(n=SIZES, seed=SEEDS)
def test_jacobian_is_that_of_automatic_differentiation(kind, n, seed):
    system, h = gru(kind, n, seed), random((n,), seed + 9)
    expected = torch.autograd.functional.jacobian(system, h)
    torch.testing.assert_close(system.jacobian(h), expected, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(system.jacobian(h.expand(3, n))[1], expected, rtol=1e-11, atol=1e-12)


@given(n=SIZES, seed=SEEDS)
def test_half_open_gates_make_a_tanh_network(n, seed):
    # zero gate weights: the flow has half the gain and half the speed, the map is its Euler step of length one
    W, h = random((n, n), seed, 3.0), random((4, n), seed + 1)
    tanh = TanhRateFlow(W / 2)
    torch.testing.assert_close(GRUFlow(W)(h), tanh(h) / 2, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(GRUMap(W)(h), h + tanh(h) / 2, rtol=1e-13, atol=1e-15)
    assert GRUMap(W, W_r=0 * W).gates_are_constant
    assert GRUMap(W, W_r=W).gates_are_constant == bool((W == 0).all())


def test_spectrum_is_that_of_the_module():
    system = gru(GRUMap, 3, 7)
    module = torch.nn.GRU(1, 3, dtype=torch.float64)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.cat([system.W_r, system.W_z, system.W]))
        module.bias_ih_l0.copy_(torch.cat([system.b_r, system.b_z, system.b]))
        module.bias_hh_l0.zero_()
    ours = lyapunov_spectrum(system, [0.1, 0.2, 0.3], duration=200).exponents
    torch.testing.assert_close(ours, lyapunov_spectrum(module, [0.1, 0.2, 0.3], duration=200).exponents)


def test_batched_weights_act_row_by_row():
    W = random((5, 2, 2), 3, 2.0)
    h = random((5, 2), 4)
    for kind in (GRUMap, GRUFlow):
        torch.testing.assert_close(kind(W, W_r=W)(h)[3], kind(W[3], W_r=W[3])(h[3]))


@pytest.mark.parametrize("kind", [models.GRUMap, models.GRUFlow])
def test_wrong_arguments_are_named(kind):
    with pytest.raises(ValueError, match=r"^W: expected a square"):
        kind([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"^W_r: expected shape"):
        kind([[1.0]], W_r=[[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"^b_z: expected shape"):
        kind([[1.0]], b_z=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"^W_z: entries must be finite"):
        kind([[1.0]], W_z=[[float("nan")]])


@pytest.mark.parametrize("network", [models.GRUMap, models.GRUFlow])
def test_a_unit_keeps_its_biases_when_the_users_change(network):
    b, x = torch.ones(3, 2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    system = network(torch.eye(2), b[0], b_r=b[1], b_z=b[2])
    before = system(x)
    b += 1
    assert torch.equal(system(x), before)
