"""Streaming parity: the automaton by hand, states counted, driven exponents of networks that are known."""

import math

import pytest
import torch

from ptacore.neighbours import Parity, ParityNetwork, parity, runs
from ptacore.provenance import ROOT

RECORDS = ROOT / "results" / "neighbours"


def automaton() -> ParityNetwork:
    """Units: even, odd, and the four steps that lead there; relu(a + b - 1) is "and" of two bits."""
    network = ParityNetwork(0.1, units=4)
    even, odd = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    with torch.no_grad():  # units: even and 0, odd and 1 (both make even); even and 1, odd and 0 (both make odd)
        network.rnn.weight_hh_l0.copy_(torch.stack([even, odd, even, odd]))
        network.rnn.weight_ih_l0.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]))
        network.rnn.bias_hh_l0.fill_(-1)
        network.readout.weight.copy_(torch.stack([even, odd]))
    return network


def start_even(network, bits):
    return network.rnn(parity.one_hot(bits), torch.tensor([1.0, 0, 0, 0]).expand(1, len(bits), 4).contiguous())[1][0]


def test_sequences_are_all_and_parity_is_the_sum():
    bits = parity.all_sequences(6)
    assert len(bits.unique(dim=0)) == 64
    assert (parity.parity(bits) == bits.int().sum(1) % 2).all()
    assert parity.one_hot(bits).sum(-1).unique().tolist() == [1.0]


def test_an_automaton_is_right_for_ever(monkeypatch):
    network = automaton()
    monkeypatch.setattr(network, "last", lambda x: start_even(network, x[..., 1].T > 0))
    long = torch.rand(20, 3000, generator=torch.Generator().manual_seed(0)) < 0.5
    assert parity.accuracy(network, long) == 1
    assert parity.count_states(network, 6) == 4  # two for each answer, by the last bit


def test_states_of_a_network_that_forgets_and_of_one_that_does_not():
    """Without recurrence there are two states, of the last bit; a binary number that is shifted has all."""
    network = ParityNetwork(1.0, units=2)
    with torch.no_grad():
        network.rnn.weight_hh_l0.zero_()
    assert parity.count_states(network, 8) == 2
    with torch.no_grad():
        network.rnn.weight_ih_l0.mul_(1e-4)  # what is near is told by the spread of all
    assert parity.count_states(network, 8) == 2
    with torch.no_grad():
        network.rnn.weight_hh_l0.copy_(2 * torch.eye(2))
        network.rnn.weight_ih_l0.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert parity.count_states(network, 3) == 14


def test_exponents_and_reach_of_a_linear_memory():
    """With h > 0 for ever the network is linear: exponents are ln of the matrix, the adjoint its power."""
    network = ParityNetwork(1.0, units=3)
    with torch.no_grad():
        network.rnn.weight_hh_l0.copy_(torch.diag(torch.tensor([0.5, 0.25, 0.125])))
        network.rnn.weight_ih_l0.fill_(1.0)
    spectrum = parity.spectrum_of(network, 200, k=2)
    torch.testing.assert_close(spectrum.exponents, torch.tensor([0.5, 0.25]).double().log(), rtol=0, atol=1e-6)
    assert abs(parity.reach(network, 10).item() - 10 * math.log10(0.5)) < 1e-6


def test_batches_have_one_length_and_all_sequences_once():
    objective, network = Parity(4, batch=5), ParityNetwork(0.5, units=3)
    seen = []
    network.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    losses = list(objective.losses(network, 1))
    lengths = sorted(length for length, batch, _ in seen for _ in range(batch))
    assert len(losses) == len(seen) == 1 + 1 + 2 + 4
    assert lengths == sorted(n for n in (1, 2, 3, 4) for _ in range(2**n))


def test_reach_is_the_derivative_by_the_first_state_which_is_one():
    """By autograd, through units of which some are off."""
    network = ParityNetwork(1.5, units=5, seed=1).double()
    cell, bits = network.rnn, torch.rand(16, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    logs = []
    for x in parity.one_hot(bits, torch.float64).unbind(1):
        after = lambda h, x=x: cell(x[:, None], h.reshape(1, 1, 5))[1].flatten()  # noqa: E731
        J = torch.autograd.functional.jacobian(after, torch.ones(5).double())
        logs.append(torch.linalg.matrix_norm(J, 2).log10())
        torch.testing.assert_close(after(torch.ones(5).double()), network.last(x[:, None])[0])
    assert parity.reach(network, 4) == pytest.approx(torch.stack(logs).mean().item(), rel=1e-9)


def test_each_sequence_counts_alike_in_the_loss_of_training():
    network, objective = ParityNetwork(0.9, units=3, seed=2), Parity(3, batch=2)
    with torch.no_grad():
        network.readout.bias.copy_(torch.tensor([0.3, 0.9]))
        errors = [
            (network(parity.one_hot(bits)) - torch.nn.functional.one_hot(parity.parity(bits), 2)).square().mean(1)
            for bits in objective.sequences
        ]
        found = objective.evaluate(network, "validation")["train_loss"]
    torch.testing.assert_close(torch.as_tensor(found), torch.cat(errors).mean())


@pytest.mark.parametrize("wrong", [dict(gain=0), dict(gain=None), dict(units=0)])
def test_what_does_not_fit_is_named(wrong):
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        ParityNetwork(**{"gain": 0.1} | wrong)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda network: parity.all_sequences(70), "length"),
        (lambda network: parity.accuracy(network, torch.ones(3) > 0), "bits"),
        (lambda network: parity.accuracy(network, [[0, 1]]), "bits"),
        (lambda network: parity.count_states(network, 3, math.nan), "tolerance"),
    ],
)
def test_sequences_that_do_not_fit_are_named(call, name):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: expected"):
        call(ParityNetwork(0.5, units=3))


def test_a_network_may_be_of_double_precision():
    single, double = ParityNetwork(0.9, units=5), ParityNetwork(0.9, units=5).double()
    bits = parity.all_sequences(5)
    torch.testing.assert_close(double.last(parity.one_hot(bits)).float(), single.last(parity.one_hot(bits)))


@pytest.mark.slow
def test_recorded_network_before_and_after():
    name = "parity/gain0.1-longest10-seed0"
    after, before = runs.trained(RECORDS, name), ParityNetwork(0.1)
    if after is None:
        pytest.skip("not recorded")
    spectra = [parity.spectrum_of(network, 3000, k=1) for network in (before, after)]
    assert abs(spectra[0].exponents[0] + 2.63) < 0.05
    assert spectra[1].exponents[0] < -0.46  # then two sequences merge to within a hundredth over ten steps
    assert parity.accuracy(after, torch.rand(100, 1000, generator=torch.Generator().manual_seed(0)) < 0.5) == 1
