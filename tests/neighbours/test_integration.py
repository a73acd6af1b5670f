"""A linear network that learns a filter: closed forms of its loss, its outlier, its plateau."""

import math

import numpy as np
import pytest
import torch

import ptacore as pta
from ptacore.models import System
from ptacore.neighbours import Impulse, Linear, integration
from ptacore.training import Settings, train

DESCENT = dict(optimizer="sgd", clip=None, decay=1.0, patience=10**6)


def test_the_adjoint_by_hand_is_that_of_autograd():
    network, objective = Linear.drawn(6, 0.8, seed=3), Impulse(integration.leaky(0.9, 25))
    objective._losses(network).backward()
    W = network.W.detach().clone().requires_grad_()
    h, loss = torch.eye(6, dtype=torch.float64)[0], 0.0
    for wanted in objective.filter:
        loss, h = loss + (h[0] - wanted).square() / 2, W @ h
    loss.backward()
    torch.testing.assert_close(network.W.grad, W.grad, rtol=1e-12, atol=1e-14)


def test_the_filter_stays_when_the_users_changes():
    filter = np.ones(3)
    objective = Impulse(filter)
    filter += 1
    assert objective.filter.tolist() == [1, 1, 1]


def test_networks_side_by_side_learn_as_each_alone_and_units_without_weights_stay_silent():
    large, settings = Linear.drawn(6, 0.3), Settings(**DESCENT, lr=1e-2, epochs=3, probe_every=1, probe_exponents=2)
    small = large.reduced()
    both = Linear(torch.stack([large.W, torch.nn.functional.pad(small.W, (0, 4, 0, 4))]).detach())
    objective = Impulse(integration.ringing(0.9, 0.3, 40))
    *alone, beside = (train(objective, network, settings).probes for network in (large, small, both))
    torch.testing.assert_close(both.W[0], large.W)
    torch.testing.assert_close(both.W[1, :2, :2], small.W)
    assert not both.W[1, 2:].any()
    assert not both.W[1, :, 2:].any()
    for i, probes in enumerate(alone):
        for one, of_two in zip(probes, beside, strict=True):
            assert of_two["loss"][i] == pytest.approx(one["loss"], rel=1e-12)
            moduli = [np.linalg.norm(found, axis=-1) for found in (of_two["eigenvalues"][i], one["eigenvalues"])]
            np.testing.assert_allclose(*moduli, rtol=1e-9)


@pytest.mark.parametrize("s", [0.5, 0.9])
def test_closed_forms_of_the_outlier(s):
    """Pull and curvature are derivatives of the loss, a sum over steps."""
    outlier = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    t = torch.arange(2000, dtype=torch.float64)

    def loss(x):
        return (x**t - s**t).square().sum() / 2

    (slope,) = torch.autograd.grad(loss(outlier), outlier)
    assert math.isclose(-slope.item(), integration.pull_on_outlier(0.7, s), rel_tol=1e-12)
    at_end = torch.tensor(s, dtype=torch.float64)
    second = torch.autograd.functional.hessian(loss, at_end)
    assert math.isclose(second.item(), integration.curvature(s), rel_tol=1e-6)


def test_one_outlier_learns_to_integrate():
    s, rate = 0.9, 0.5 / integration.curvature(0.9)
    network = Linear.drawn(32, 0.01)
    outlier, ode = network.W[0, 0].item(), []
    settings = Settings(**DESCENT, lr=rate, epochs=81, probe_every=1, probe_exponents=1)
    run = train(Impulse(integration.leaky(s, 120), updates=10), network, settings)
    outliers = [probe["eigenvalues"][0][0] for probe in run.probes]
    for step in range(801):
        if step % 10 == 0:
            ode.append(outlier)
        outlier += rate * integration.pull_on_outlier(outlier, s)
    assert abs(outliers[-1] - s) < 1e-3
    assert np.abs(np.array(outliers) - ode).max() < 0.01
    W = network.W.detach()
    system = System.from_function(lambda h: h @ W.T, len(W), "map")
    spectrum = pta.lyapunov_spectrum(system, torch.ones(len(W)).double(), duration=2000, transient=200, k=1)
    expected = torch.linalg.eigvals(W).abs().max().log()
    assert abs(spectrum.exponents[0] - expected) < 1e-9


def test_stability_of_descent_ends_at_two_over_the_curvature():
    s = 0.9
    for share, stays in ((0.9, True), (1.1, False)):
        network, objective = Linear([[s + 1e-4]]), Impulse(integration.leaky(s, 400), updates=50)
        first = objective._losses(network).item()
        for loss in objective.losses(network, 1):
            (gradient,) = torch.autograd.grad(loss, network.W)
            with torch.no_grad():
                network.W -= share * 2 / integration.curvature(s) * gradient
        assert (objective._losses(network).item() < first) == stays


def test_the_plateau_of_a_damped_oscillation():
    p, loss, rate = integration.plateau(integration.ringing(0.9, 0.3, 90))
    assert abs(p - 0.65392) < 1e-4
    assert abs(loss - 0.47611) < 1e-4
    assert abs(math.log(10) / (3e-3 * rate) - 1453) < 1


def test_the_second_direction_grows_as_the_plateau_says():
    """Near W = p u u' the entries beside u, q above and b below, change by -G times each other: q - b grows by |G|."""
    filter = integration.ringing(0.9, 0.3, 90)
    p, _, rate = integration.plateau(filter)
    q, b, h = 2e-4, 1e-4, 1e-6
    network = Linear([[p, q], [b, 0.0]])
    Impulse(filter)._losses(network).backward()
    (_, dq), (db, _) = (-network.W.grad).tolist()
    assert (dq - db) / (q - b) == pytest.approx(rate, rel=1e-3)
    assert (dq + db) / (q + b) == pytest.approx(-rate, rel=1e-3)
    flat = Impulse(filter)._losses(Linear([[p + h]])) - Impulse(filter)._losses(Linear([[p - h]]))
    assert abs(flat) < 1e-9


def test_two_units_of_a_network_of_two_are_the_network():
    network = Linear([[0.3, 0.2], [-0.4, 0.1]])
    torch.testing.assert_close(network.reduced().response(9), network.response(9))
    with pytest.raises(ValueError, match="^W: expected a first column that is not the first row"):
        Linear([[0.5, 0.1], [0.1, 0.2]]).reduced()


@pytest.mark.slow
def test_a_pair_is_born_from_a_real_pole_and_a_smaller_start_delays_it():
    filter = integration.ringing(0.9, 0.3, 90)
    below, losses = {}, {}
    for gain in (0.01, 0.001):
        for units in (48, 2):
            network = Linear.drawn(48, gain)
            network = network if units == 48 else network.reduced()
            settings = Settings(**DESCENT, lr=3e-3, epochs=801, probe_every=1, probe_exponents=2)
            run = train(Impulse(filter), network, settings)
            losses[gain, units] = np.array([probe["loss"] for probe in run.probes])
            value = complex(*run.probes[-1]["eigenvalues"][0])
            assert abs(abs(value) - 0.9) < 1e-3
            assert abs(abs(np.angle(value)) - 0.3) < 1e-3
            below[gain, units] = 10 * int(np.argmax(losses[gain, units] < 0.1))
    assert np.abs(losses[0.001, 48] - 0.47611).min() < 1e-3
    assert abs(below[0.001, 48] - below[0.01, 48] - 1453) < 145
    large, small = losses[0.001, 48], losses[0.001, 2]
    assert (np.abs(large / small - 1)[small > 1e-3]).max() < 0.02


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: integration.curvature(1.0), "s"),
        (lambda: integration.pull_on_outlier(1.0, 0.9), "outlier"),
        (lambda: integration.pull_on_outlier(0.5, math.nan), "s"),
        (lambda: integration.plateau(torch.ones(2)), "filter"),
        (lambda: integration.plateau([1.0, math.nan, 0.0]), "filter"),
    ],
)
def test_closed_forms_are_told_where_they_hold(call, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        call()
