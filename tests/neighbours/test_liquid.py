"""Liquid time constants: bounds that the fused step keeps for any step size, closed forms of one unit."""

import math

import pytest
import torch

import ptacore as pta
from ptacore.neighbours import CuedSign, Liquid, runs
from ptacore.provenance import ROOT
from ptacore.training import Settings, train

RECORDS = ROOT / "results" / "neighbours"


@pytest.mark.parametrize("dt", [0.1, 1.0, 10.0])
def test_no_state_leaves_the_sharp_bound(dt):
    worst = 0.0
    for gain in (1.0, 5.0, 20.0):
        for seed in range(20):
            network = Liquid(10, gain, F=5.0, amplitude=2.0, seed=seed, dtype=torch.float64)
            x = network.bounds() * torch.rand(10, generator=torch.Generator().manual_seed(seed)).double()
            for _ in range(200):
                with torch.no_grad():
                    x = network.step(x, dt)
                share = x / network.bounds()
                worst = max(worst, share.max().item(), 1 - share.min().item() if share.min() < 0 else 0.0)
    assert worst <= 1 + 1e-12


def test_a_unit_whose_gate_is_open_rests_at_the_bound():
    network = Liquid(4, 1.0, F=3.0, amplitude=2.0, tau=0.5, dtype=torch.float64)
    with torch.no_grad():
        network.W.zero_()
        network.b.fill_(50.0)
        x = network.step(network.bounds(), 0.7)
    torch.testing.assert_close(x, network.bounds())
    torch.testing.assert_close(network.bounds().abs(), torch.full((4,), 2 * 0.5 * 3 / (1 + 0.5 * 3)).double())


def test_explicit_euler_leaves_it():
    network = Liquid(10, 5.0, F=5.0, amplitude=2.0, dtype=torch.float64)
    flow, x = network.flow(), network.bounds() / 2
    for _ in range(200):
        x = x + 1.0 * flow(x)
    assert (x / network.bounds()).abs().max() > 1.2


def test_one_frozen_unit_decays_by_its_time_constant():
    """With W = 0, f is a constant: the exponent is -1/tau_sys, between -(1/tau + F) and -1/tau."""
    network = Liquid(1, 1.0, F=3.0, tau=2.0)
    with torch.no_grad():
        network.W.zero_()
        network.b.fill_(0.7)
    f = 3 / (1 + math.exp(-0.7))
    spectrum = pta.lyapunov_spectrum(network.flow(), [0.0], duration=50.0, transient=10.0, dt=0.01)
    assert abs(spectrum.exponents[0] + (1 / 2 + f)) < 1e-5
    assert abs(1 / (1 / 2 + f) - 2 / (1 + 2 * f)) < 1e-12


def test_the_fused_step_and_the_flow_agree_for_small_steps():
    network = Liquid(6, 3.0, F=2.0, tau=0.7, seed=2, dtype=torch.float64)
    x = network.bounds() / 3
    for dt in (1e-3, 1e-4):
        off = (network.step(x, dt) - x) / dt - network.flow()(x)
        assert off.abs().max() < 20 * dt


def test_a_network_without_bound_on_its_exponents():
    """Two units that inhibit each other have a direction that grows, though all time constants are at most tau."""
    network = Liquid(2, 1.0, F=4.0, amplitude=1.0, dtype=torch.float64)
    with torch.no_grad():
        network.A.copy_(torch.ones(2))
        network.W.copy_(torch.tensor([[0.0, -12.0], [-12.0, 0.0]]))
        network.b.fill_(6.0)
    flow = network.flow()
    middle = torch.full((2,), 0.5, dtype=torch.float64)
    for _ in range(200):
        middle = middle + 0.02 * flow(middle)
    assert torch.linalg.eigvals(flow.jacobian(middle)).real.max() > 0
    assert pta.fixed_points(flow).stable.sum() == 2


def test_pulses_say_their_sign_and_training_lowers_the_loss():
    objective = CuedSign(1.0, updates=150)
    pulse = objective._pulses(200)
    assert 0.8 <= pulse.abs().min() < 0.9
    assert 1.1 < pulse.abs().max() <= 1.2
    run = train(objective, Liquid(8, 2.0, 1.0), Settings(lr=1e-2, clip=None, epochs=2))
    assert run.column("validation_loss")[-1] < 0.5
    assert run.column("validation_accuracy")[-1] == 1


def test_accuracy_is_told_at_the_delay_and_at_two_and_ten_of_it():
    """The state is held; what counts is how many steps are taken, of the pulse and behind it."""
    objective, network, told = CuedSign(2.0, dt=0.2), Liquid(3, 1.0, 1.0), []
    network.step = lambda x, dt, pulse=None: told.append(pulse is None) or (x if pulse is None else pulse.expand(-1, 3))
    with torch.no_grad():
        network.R.copy_(torch.tensor([1.0, 0.0, 0.0]))
        found = objective.evaluate(network, "validation")
    assert [found[f"accuracy{times}"] for times in ("", "_2", "_10")] == [1, 1, 1]
    assert (told.count(False), told.count(True)) == (5, 100)  # a pulse of five steps, then ten delays of ten


def test_probe_finds_one_fixed_point_of_a_network_without_recurrence():
    network = Liquid(4, 1.0, 1.0)
    with torch.no_grad():
        network.W.zero_()
    found = CuedSign(2.0).probe(network, 2)
    assert (found["points"], found["stable"]) == (1, 1)
    assert abs(found["exponents"][0][0] + 1.5) < 1e-3
    assert abs(found["reach"] + 2 * 1.5) < 1e-3  # the adjoint decays by the same rate over the delay


@pytest.mark.parametrize(("name", "value"), [("units", 0), ("gain", 0), ("F", -1), ("tau", math.nan), ("seed", -1)])
def test_what_does_not_fit_is_named(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name}"):
        Liquid(**{"units": 4, "gain": 1.0, "F": 1.0} | {name: value})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda network: network.step(torch.zeros(4), 0.0), "dt"),
        (lambda network: CuedSign(1.0).state(network, torch.ones(3)), "pulse"),
    ],
)
def test_steps_and_pulses_that_do_not_fit_are_named(call, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        call(Liquid(4, 1.0, 1.0))


@pytest.mark.slow
def test_recorded_networks_hold_a_sign_in_two_states_slower_than_any_time_constant():
    for seed in range(3):
        network = runs.trained(RECORDS, f"liquid/long-wide-seed{seed}")
        if network is None:
            pytest.skip("not recorded")
        torch.manual_seed(0)
        found = CuedSign(10.0).probe(network, 1)
        assert found["stable"] == 2
        assert all(-1 < leading < 0 for (leading,) in found["exponents"])
        with torch.no_grad():
            accuracy = CuedSign(10.0).evaluate(network, "validation")
        assert accuracy["accuracy_10"] == 1
