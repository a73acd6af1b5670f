"""What is measured has closed forms for linear layers, and known attractors for two units."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import ptacore as pta
from ptacore.reports.cells import Weights, recurrent
from ptacore.reports.findings import FORMATS, QUICK, lost_after, measure, survival
from ptacore.reports.formats import read
from ptacore.reports.inputs import input_of
from ptacore.reports.layers import find_layers, layers_of
from ptacore.reports.words import overall


def found(W, kind="tanh", input="zero", d=1):
    module = recurrent("RNN", [Weights(np.ones((len(W), d)), np.array(W, float))], [kind])
    (layer,) = layers_of(module).layers
    return measure(layer, input_of(input), QUICK)


def turn(size, angle):
    c, s = size * math.cos(angle), size * math.sin(angle)
    return [[c, -s], [s, c]]


@pytest.mark.parametrize("size", [0.9, 0.4, 1.1])
def test_a_linear_layer_has_the_closed_form(size):
    """Of a scaled rotation: every gradient changes by its size in each step."""
    f = found(turn(size, 1.0), "linear")
    rate = math.log(size)
    assert f.spectrum.exponents.tolist() == pytest.approx([rate, rate], abs=1e-9)
    a = f.adjoints
    for norm in (a.mean, a.least, a.most):
        np.testing.assert_allclose(norm, size**a.lag, rtol=1e-9)
    assert a.slope == pytest.approx(rate)
    for lasts in f.survival:
        digits, smallest, largest = FORMATS[lasts.format]
        exact = digits * math.log(2) / abs(rate)
        assert lasts.rounded[0] < exact < lasts.rounded[1]
        edge = largest if size > 1 else smallest
        assert lasts.gone[0] < edge * math.log(2) / rate < lasts.gone[1]
        if size < 1 and exact < a.lag[-1]:
            assert lost_after(a, lasts.format) == math.ceil(exact - 1e-9)
    assert size > 1 or lost_after(a, "float32")


def test_a_linear_layer_grows_alike_in_all_windows():
    _, local = found(turn(0.9, 1.0), "linear").local
    assert len(local) > 10
    np.testing.assert_allclose(local, math.log(0.9), atol=1e-9)


def test_windows_of_chaos_differ_and_average_to_the_exponent():
    g = torch.Generator().manual_seed(0)
    f = found((4 / 20**0.5 * torch.randn(20, 20, generator=g)).tolist())
    window, local = f.local
    assert local.std() > 2 * f.spectrum.standard_error[0].item()
    assert local.mean() == pytest.approx(f.leading[0], rel=0.02)  # windows may differ by a step
    assert window * len(local) == pytest.approx(f.spectrum.times[-1].item())
    sums = f.spectrum.exponents.cumsum(0)
    dimension = f.spectrum.kaplan_yorke_dimension.value.item()
    assert sums[int(dimension) - 1] >= 0 > sums[int(dimension)]
    assert f"Kaplan–Yorke dimension {int(dimension)}." in overall(f)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_formats_are_torchs(kind):
    digits, smallest, largest = FORMATS[str(kind).removeprefix("torch.")]
    one = torch.ones((), dtype=kind)
    assert one + 2.0 ** -(digits - 1) > one
    assert one + torch.tensor(2.0**-digits, dtype=kind) == one
    assert torch.finfo(kind).smallest_normal == 2.0**smallest
    assert torch.finfo(kind).max / 2 < 2.0 ** (largest - 1) <= torch.finfo(kind).max


def test_survival_is_open_where_the_interval_holds_zero():
    lasts = survival(-0.001, 0.002, "float32")
    assert lasts.rounded == (24 * math.log(2) / 0.003, math.inf)
    assert survival(-math.inf, 0.0, "float32").rounded == (0.0, 0.0)


def test_resting_states_and_fixed_points_of_two_tanh_units():
    """x <- tanh(2 x) twice: each unit rests at one of two places, with an unstable point between."""
    f = found([[2.0, 0.0], [0.0, 2.0]], input=0.0)
    a = f.attractors
    assert a.ends == {"rests": 32}
    assert a.places == 4
    assert (len(a.points), int(a.points.stable.sum())) == (9, 4)
    rest = a.points.points.abs().max()
    assert torch.tanh(2 * rest) == pytest.approx(rest.item())


def test_a_cycle_of_two_steps():
    f = found([[-2.0]])
    assert f.attractors.ends == {"repeats": 32}
    assert f.attractors.cycle.period == 2
    assert f.attractors.cycle.stable


def test_a_rotation_that_does_not_close_goes_on():
    f = found(turn(1.2, 1.0))
    assert f.attractors.ends == {"goes on": 32}
    assert f.spectrum.n_zero == 1


def test_a_series_drives_and_a_constant_is_under_what_it_rests():
    torch.manual_seed(0)
    module, u = nn.GRU(2, 6), torch.randn(400, 2)
    (layer,) = layers_of(module).layers
    f = measure(layer, input_of(u.numpy()), QUICK)
    assert f.driven
    own = pta.lyapunov_spectrum(pta.models.ModuleMap(module, u), torch.zeros(6), duration=334, transient=66)
    torch.testing.assert_close(f.spectrum.exponents, own.exponents)
    constant = measure(layer, input_of(0.5), QUICK)
    system = pta.models.ModuleMap(module, torch.full((2,), 0.5))
    (rest,) = constant.attractors.points.points
    torch.testing.assert_close(system(rest), rest)
    eigenvalues = torch.linalg.eigvals(system.jacobian(rest))
    assert constant.spectrum.exponents.max() == pytest.approx(eigenvalues.abs().max().log().item(), abs=1e-2)


@pytest.mark.parametrize("module", [nn.RNN(2, 6), nn.GRU(2, 6), nn.GRUCell(2, 6)], ids=repr)
def test_pta_is_compared_with_the_same_input_weights_and_nothing_is_drawn_globally(module):
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    (layer,) = layers_of(module).layers
    f = measure(layer, input_of("zero"), QUICK)
    assert (f.pta.n_zero, f.pta.n_positive) == (3, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_pta_for_a_gru_that_resets_first_is_torchs_gru():
    rng = np.random.default_rng(0)
    arrays = {"gru/w_i": rng.normal(size=(2, 18)), "gru/w_h": rng.normal(size=(6, 18)), "gru/b": np.zeros(18)}
    (layer,) = find_layers(read(arrays)).layers
    assert measure(layer, input_of("zero"), QUICK).pta.n_zero == 3


def test_an_lstm_has_no_start_by_oscillators():
    (layer,) = layers_of(nn.LSTM(2, 4)).layers
    f = measure(layer, input_of("noise"), QUICK)
    assert f.pta is None
    assert "LSTM" in f.without_pta
    assert f.spectrum.n_positive == 0


def test_a_layer_that_forgets_at_once():
    f = found([[0.0, 0.0], [0.0, 0.0]], "relu")
    assert f.spectrum.exponents.tolist() == [-math.inf, -math.inf]
    assert f.adjoints.mean[1:].max() == 0
    assert f.survival[0].rounded == (0.0, 0.0)
