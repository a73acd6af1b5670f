from itertools import pairwise

import numpy as np
import pytest
import torch

from ptacore.models import oscillator
from ptacore.networks.registry import MODELS, build
from ptacore.tasks import CopyMemory, PermutedImages
from ptacore.training import adjoint_norms, as_system, probe
from ptacore.training.probes import _norm, usual_input

TASK = CopyMemory(delay=20, tokens=3, symbols=4, sizes=(20, 20, 10))


def network(name, units=6, **options):
    return build(name, TASK.n_inputs, TASK.n_outputs, units, torch.Generator().manual_seed(0), **options)


@pytest.mark.parametrize("name", MODELS)
def test_a_network_as_a_system_takes_the_networks_steps(name):
    model = network(name).double()
    x = torch.randn(TASK.n_inputs, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        states = model.states(x.expand(5, 1, -1).contiguous())[:, 0]
    system = as_system(model, x)
    for before, after in pairwise(states):
        assert torch.allclose(system(before), after, rtol=1e-10, atol=1e-12)
    J = torch.func.jacrev(lambda s: model.step(x, s))(states[0]).detach()
    assert torch.allclose(system.jacobian(states[0]), J, rtol=1e-9, atol=1e-11)


def test_exponents_of_a_linear_recurrence_are_those_of_its_eigenvalues():
    model = network("lru")
    found = probe(model, TASK.split("validation"))
    nu = next(p for name, p in model.named_parameters() if name.endswith("nu"))
    expected = -nu.detach().double().exp()
    expected = expected.repeat_interleave(2).sort(descending=True).values  # ln |lambda|, of real and imaginary part
    assert np.allclose(found["exponents"], expected, atol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 0.9, 1.05])
def test_adjoints_of_a_silent_network_scale_as_powers(scale):
    model = network("tanh-orthogonal")
    with torch.no_grad():
        model.recurrent.weight_ih_l0.zero_()  # the state stays at zero, where the Jacobian is W
        model.recurrent.weight_hh_l0.mul_(scale)
    norms = adjoint_norms(model, TASK.split("validation"))
    assert len(norms) == 3 + 20 + 1  # tokens, delay, and the step of the first answer itself
    assert np.allclose(norms, scale ** np.arange(len(norms)), rtol=1e-5)


def test_adjoints_agree_with_finite_differences_averaged_geometrically():
    model, split = network("gru").double(), TASK.split("validation")
    inputs = split.batch(range(3), torch.float64).inputs
    v = torch.randn(3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    v /= v.norm(dim=-1, keepdim=True)
    lag, end = 7, 23

    def later(nudge):
        state = torch.zeros(3, 6, dtype=torch.float64)
        for t, x in enumerate(inputs[: end + 1]):
            state = model.step(x, state)
            if t == end - lag:
                state = state + nudge
        return (state * v).sum(-1)

    with torch.no_grad():
        h = 1e-6 * torch.eye(6, dtype=torch.float64)
        gradient = torch.stack([(later(e) - later(-e)) / 2e-6 for e in h], -1)  # (3, 6)
    expected = gradient.norm(dim=-1).prod() ** (1 / 3)
    assert np.isclose(adjoint_norms(model, split, sequences=3)[lag], expected, rtol=1e-6)


def test_the_usual_input_is_the_blank_and_a_background_pixel():
    assert usual_input(TASK.split("train")).tolist() == [0, 0, 0, 0, 1, 0]
    assert usual_input(PermutedImages().split("train")).tolist() == [0]


def test_a_probe_changes_nothing():
    model = network("tanh-pta", units=8)
    before = [p.clone() for p in model.parameters()]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    found = probe(model, TASK.split("validation"), exponents=4)
    assert len(found["exponents"]) == len(found["standard_error"]) == 4
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_norm_beyond_all_numbers_is_none():
    model = network("tanh-orthogonal")
    with torch.no_grad():
        model.recurrent.weight_ih_l0.zero_()
        model.recurrent.weight_hh_l0.mul_(1e15)
    assert adjoint_norms(model, TASK.split("validation"))[-1] == np.inf
    norms = probe(model, TASK.split("validation"), exponents=1)["adjoint_norm"]
    assert norms[-1] is None
    assert norms[0] == 1


def test_norms_of_what_is_too_large_and_too_small_to_be_squared():
    rows = torch.tensor([[3e200, 4e200], [3e-200, 4e-200], [0, 0], [torch.inf, 1], [torch.nan, 1]], dtype=torch.float64)
    assert np.allclose(_norm(rows), [5e200, 5e-200, 0, np.inf, np.inf], rtol=1e-12, atol=0)


def test_an_exponent_of_minus_infinity_is_none():
    model = network("tanh")
    with torch.no_grad():
        model.recurrent.weight_hh_l0.zero_()  # the state is forgotten at once
    assert probe(model, TASK.split("validation"), exponents=2)["exponents"] == [None, None]


def test_an_undriven_rotation_forgets_as_the_root_of_time_and_a_limit_cycle_does_not():
    """tanh x = x - x^3/3 averaged over a turn: r' = r - r^3/4, so r^2 = 2/t, and a phase shift keeps 1 - r^2/4."""

    def amplitude_and_phase_shift(alpha, steps):
        pair = oscillator("tanh map", alpha, 1.0)
        x, v = torch.tensor([0.6, 0.0], dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64)
        for t in range(1, steps[-1] + 1):
            x, v = pair(x), pair.jacobian(x) @ v
            if t in steps:
                yield float(x @ x), float(v.norm())

    (early, first), (late, last) = amplitude_and_phase_shift(1.0, (1000, 4000))
    assert 4000 * late == pytest.approx(2, rel=0.02)
    assert last / first == pytest.approx(4000**-0.5 / 1000**-0.5, rel=0.02)
    (early, first), (late, last) = amplitude_and_phase_shift(1.1, (1000, 4000))
    assert early == pytest.approx(late, rel=0.1)
    assert last == pytest.approx(first, rel=0.1)
