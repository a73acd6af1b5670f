"""Sums of exponentials and tanh networks that fit memories: exponents in closed form, what a gap costs."""

import math

import pytest
import torch

import ptacore as pta
from ptacore.models import LinearFlow
from ptacore.neighbours import Exponentials, Functional, MemoryFit, Residual, curse
from ptacore.training import Settings, train

FULL_BATCH = dict(clip=None, decay=1.0, patience=10**6)


def test_all_parametrizations_begin_with_the_same_kernel():
    sums, t = Exponentials(8, seeds=3), torch.arange(1, 50, dtype=torch.float64)
    k = sums(t)
    torch.testing.assert_close(k, k[:1].expand_as(k))
    by_hand = (sums.c[0, 1, :, None] * torch.exp(-sums.rates()[0, 1, :, None] * t)).sum(0)
    torch.testing.assert_close(k[2, 1], by_hand)


def test_the_leading_exponent_is_the_slowest_rate():
    rates = Exponentials(5).rates()[0, 0].detach()
    flow = LinearFlow(-torch.diag(rates))
    spectrum = pta.lyapunov_spectrum(flow, torch.ones(5).double(), duration=400.0, transient=200.0, dt=0.05, k=1)
    assert abs(spectrum.exponents[0] + rates.min()) < 1e-4


def test_a_long_memory_is_a_gamma_mixture_without_a_gap():
    """(1 + t)^-p is the mean of e^(-s t) over s with the density s^(p-1) e^-s / Gamma(p)."""
    p, t = 1.1, torch.tensor([0.0, 1.0, 10.0, 100.0], dtype=torch.float64)
    s = torch.logspace(-9, 2, 40001, dtype=torch.float64)
    density = s ** (p - 1) * torch.exp(-s) / math.gamma(p)
    mixed = torch.trapezoid(density * torch.exp(-s * t[:, None]), s)
    torch.testing.assert_close(mixed, curse.KERNELS["(1+t)^-1.1"](t), rtol=1e-4, atol=1e-6)


def test_perturbations_of_size_zero_change_nothing_and_direct_rates_may_explode():
    sums, t = Exponentials(8, seeds=2), torch.arange(1, 1001, dtype=torch.float64)
    target = sums(t).detach()[0]
    assert sums.perturbed_error(0.0, t, target).max() < 1e-9
    with torch.no_grad():
        sums.w[0] = sums.w[0].abs() * 0.05  # slowest rates of about 0.01, moved by 0.1
        sums.w[1] = sums.w[0].log()
    worst = sums.perturbed_error(0.1, t, torch.zeros(1000).double())
    assert (worst[0] > 1e6).all()
    assert (worst[1] < 1e4).all()


def test_perturbations_have_the_norm_that_is_asked_for(monkeypatch):
    """Of rates' weights and coefficients together, for each parametrization and start; the worst draw counts."""
    sums, moved = Exponentials(4, seeds=2), []
    w, c = sums.w.detach().clone(), sums.c.detach().clone()

    def seen(rates, coefficients, t):
        moved.append(((rates - w)[0].square().sum(-1) + (coefficients - c)[0].square().sum(-1)).sqrt())
        return torch.full((4, 2, len(t)), float(len(moved)), dtype=torch.float64)

    monkeypatch.setattr(curse, "kernel", seen)
    worst = sums.perturbed_error(0.3, torch.arange(5.0).double(), torch.zeros(5).double(), draws=6)
    torch.testing.assert_close(torch.stack(moved), torch.full((6, 2), 0.3).double())
    assert (worst == 30).all()


def test_errors_are_those_at_the_times_from_one_to_the_horizon():
    objective, sums = MemoryFit("0.9^t", 7), Exponentials(1, seeds=1)
    with torch.no_grad():
        sums.c.fill_(2.0)
    a = sums.rates()[0, 0, 0].item()
    expected = sum((2 * math.exp(-a * t) - 0.9**t) ** 2 for t in range(1, 8)) / 7
    torch.testing.assert_close(objective.errors(sums), torch.full((4, 1), expected).double())


def test_driven_exponents_are_per_unit_of_time_and_the_jacobian_is_the_derivative():
    """Without drive and weights near -1 the network is at rest at 0, with exponents ln(1 + dt eig W) / dt."""
    network = Residual(3, dt=0.2, scale=0.3, seed=4)
    driven = network.driven(torch.randn(3, 1))
    h = torch.randn(3, dtype=torch.float64)
    for t in range(3):
        here = driven.at(t)
        torch.testing.assert_close(here.jacobian(h), torch.autograd.functional.jacobian(here, h))
    with torch.no_grad():
        network.weight_ih.zero_()
    found = Functional("e^-t").probe(network, 1)
    values = torch.linalg.eigvals(network.weight_hh.detach().double())
    assert found["exponents"][0] == pytest.approx((1 + 0.2 * values).abs().log().max().item() / 0.1, abs=1e-3)
    assert found["abscissa"] == pytest.approx(values.real.max().item(), abs=1e-5)


def test_an_exponential_memory_is_found_with_its_rate():
    objective, sums = MemoryFit("0.9^t", 100), Exponentials(8, seeds=1)
    train(objective, sums, Settings(**FULL_BATCH, lr=1e-2, epochs=20))
    assert (sums.rates().amin(-1) < 0.2).all()
    assert objective.errors(sums).max() < 1e-4


def test_the_residual_network_takes_the_steps_that_its_map_takes():
    network, x = Residual(6, seed=1), torch.randn(30, 1, generator=torch.Generator().manual_seed(0))
    hidden = network.hidden(x[:, None])[:, 0]
    driven, h = network.driven(x), torch.zeros(6, dtype=torch.float64)
    for t in range(30):
        h = driven.at(t)(h)
    torch.testing.assert_close(h.float(), hidden[-1], rtol=1e-4, atol=1e-6)


def test_the_functional_is_the_convolution():
    objective = Functional("(1+t)^-1.5", steps=20)
    x = torch.randn(20)
    lags = torch.arange(20)
    k = 0.1 * (1 + 0.1 * lags) ** -1.5
    by_hand = torch.stack([(k[: t + 1].flip(0) * x[: t + 1]).sum() for t in range(20)])
    torch.testing.assert_close(objective.response @ x, by_hand)


@pytest.mark.slow
def test_polynomial_memory_has_its_slowest_rate_at_the_horizon():
    slowest = {}
    for target, horizon in (("0.9^t", 100), ("(1+t)^-1.1", 100), ("(1+t)^-1.1", 300)):
        sums, objective = Exponentials(8, seeds=1), MemoryFit(target, horizon)
        train(objective, sums, Settings(**FULL_BATCH, lr=1e-2, epochs=100))
        slowest[target, horizon] = sums.rates().amin(-1)[:, 0].detach()
        if target != "0.9^t" and horizon == 100:
            far = torch.arange(1, 1001, dtype=torch.float64)
            worst = sums.perturbed_error(0.1, far, curse.KERNELS[target](far))[:, 0]
            assert worst[0] > 1e6
            assert worst[1] < 10
    assert ((slowest["0.9^t", 100] > 0.1) & (slowest["0.9^t", 100] < 0.107)).all()
    assert (slowest["(1+t)^-1.1", 300] < 0.6 * slowest["(1+t)^-1.1", 100]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MemoryFit("t", 100), "target: expected"),
        (lambda: MemoryFit("0.9^t", 0), "horizon"),
        (lambda: Exponentials(0), "terms"),
        (lambda: Functional("e^-t", dt=0), "dt"),
        (lambda: Residual(4, dt=-1), "dt"),
        (lambda: Residual(4).driven(torch.ones(5)), "inputs: expected shape"),
        (lambda: Residual(4).driven(torch.full((5, 1), math.nan)), "inputs: expected finite"),
        (lambda: Residual(4).driven(torch.ones(5, 1)).at(5)(torch.zeros(4).double()), "inputs: has 5 steps"),
        (lambda: Exponentials(3).perturbed_error(0.1, torch.ones(4), torch.ones(5)), "target: expected the shape"),
        (lambda: Exponentials(3).perturbed_error(0.1, torch.ones(4), torch.full((4,), math.nan)), "target: expected f"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
