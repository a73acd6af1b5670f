"""Networks that torch has, against torch; and their initializations."""

import math

import pytest
import torch
from reference_systems import random
from torch import nn

from ptacore.models.module_map import ModuleMap
from ptacore.networks import bptt as fused
from ptacore.networks.registry import build

TORCH = {"tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
BACKENDS = ["torch", "autograd", *(["compiled"] if fused.available() else [])]
generator = torch.Generator


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", TORCH)
def test_states_and_gradients_are_those_of_torchs_module(name, backend):
    model, module = build(name, 3, 2, 7).double(), TORCH[name](3, 7).double()
    model.backend = backend
    model.recurrent.load_state_dict(module.state_dict())
    inputs = random((11, 4, 3), 1).requires_grad_()
    start = random((4, model.state_size), 2).requires_grad_()
    parts = [s[None] for s in start.split(7, -1)]
    output, last = module(inputs, tuple(parts) if name == "lstm" else parts[0])
    torch.testing.assert_close(model.hidden(inputs, start), output, rtol=1e-13, atol=1e-13)
    states = model.states(inputs, start)
    torch.testing.assert_close(states[-1], torch.cat([*last] if name == "lstm" else [last], -1)[0])
    torch.testing.assert_close(model(inputs, start), model.readout(output))
    weight = random(output.shape, 3)
    ours = torch.autograd.grad((weight * states[..., :7]).sum(), [inputs, start, *model.recurrent.parameters()])
    theirs = torch.autograd.grad((weight * output).sum(), [inputs, start, *module.parameters()])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def row(p, letter, i, x, bias=True):
    return sum(w * v for w, v in zip(p[f"weight_{letter}_l0"][i].tolist(), x, strict=True)) + float(
        p[f"bias_{letter}_l0"][i]
    )


def tanh_step(p, H, x, s):
    return [math.tanh(row(p, "ih", i, x) + row(p, "hh", i, s)) for i in range(H)]


def gru_step(p, H, x, h):
    r, z = ([sigmoid(row(p, "ih", k * H + i, x) + row(p, "hh", k * H + i, h)) for i in range(H)] for k in (0, 1))
    n = [math.tanh(row(p, "ih", 2 * H + i, x) + r[i] * row(p, "hh", 2 * H + i, h)) for i in range(H)]
    return [(1 - z[i]) * n[i] + z[i] * h[i] for i in range(H)]


def lstm_step(p, H, x, s):
    h, c = s[:H], s[H:]
    a = [[row(p, "ih", k * H + i, x) + row(p, "hh", k * H + i, h) for i in range(H)] for k in range(4)]
    c = [sigmoid(a[1][i]) * c[i] + sigmoid(a[0][i]) * math.tanh(a[2][i]) for i in range(H)]
    return [sigmoid(a[3][i]) * math.tanh(c[i]) for i in range(H)] + c


@pytest.mark.parametrize(("name", "literal"), [("tanh", tanh_step), ("gru", gru_step), ("lstm", lstm_step)])
def test_the_equations_step_by_step(name, literal):
    model = build(name, 3, 2, 5, generator().manual_seed(1)).double()
    inputs, s = random((6, 1, 3), 1), random((1, model.state_size), 2)
    states, s = model.states(inputs, s), s[0].tolist()
    for t in range(6):
        s = literal(model.recurrent.state_dict(), 5, inputs[t, 0].tolist(), s)
        assert states[t, 0].tolist() == pytest.approx(s, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("name", TORCH)
def test_the_default_initialization_is_torchs(name):
    torch.manual_seed(5)
    module = TORCH[name](3, 8)
    model = build(name, 3, 2, 8, generator().manual_seed(5))
    for key, value in module.state_dict().items():
        assert torch.equal(model.recurrent.state_dict()[key], value), key
    assert model.readout.weight.abs().max() <= 8**-0.5
    assert model.readout.weight.std().item() == pytest.approx((8 * 3) ** -0.5, rel=0.5)


def no_bias(model):
    return not (model.recurrent.bias_ih_l0.any() or model.recurrent.bias_hh_l0.any())


def test_orthogonal_weights_are_spread_evenly_over_the_group():
    W = torch.stack(
        [build("tanh-orthogonal", 3, 2, 6, generator().manual_seed(i)).operands()[2][0] for i in range(400)]
    )
    torch.testing.assert_close(W @ W.mT, torch.eye(6).expand_as(W), rtol=0, atol=1e-5)
    assert no_bias(build("tanh-orthogonal", 3, 2, 6))
    # of Haar measure: E tr W = 0, E (tr W)^2 = 1, E (tr W)^4 = 3, and det W = -1 half the time
    traces = W.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert traces.mean().item() == pytest.approx(0, abs=0.2)
    assert traces.square().mean().item() == pytest.approx(1, abs=0.25)
    assert traces.pow(4).mean().item() == pytest.approx(3, abs=1.2)
    assert torch.linalg.det(W).mean().item() == pytest.approx(0, abs=0.2)


def test_rotations_turn_pairs_of_units():
    model = build("tanh-rotation", 3, 2, 400, generator().manual_seed(0))
    W = model.recurrent.weight_hh_l0.detach()
    assert no_bias(model)
    blocks = torch.stack([W[i : i + 2, i : i + 2] for i in range(0, 400, 2)])
    assert torch.equal(torch.block_diag(*blocks), W)
    torch.testing.assert_close(torch.linalg.det(blocks), torch.ones(200))
    torch.testing.assert_close(blocks[:, 0, 0], blocks[:, 1, 1])
    torch.testing.assert_close(blocks[:, 0, 1], -blocks[:, 1, 0])
    theta = torch.atan2(blocks[:, 1, 0], blocks[:, 0, 0])
    assert theta.min() > 0
    assert theta.mean().item() == pytest.approx(math.pi / 2, abs=0.2)
    with pytest.raises(ValueError, match="^n_hidden: expected an even number.* got 7"):
        build("tanh-rotation", 3, 2, 7)


def test_chrono_biases_give_time_scales_up_to_the_longest():
    model = build("lstm-chrono", 3, 2, 500, generator().manual_seed(0), t_max=100)
    bias = model.recurrent.bias_ih_l0 + model.recurrent.bias_hh_l0
    i, f, g, o = bias.detach().chunk(4)
    assert torch.equal(i, -f)
    assert f.min() >= 0
    assert f.exp().max() <= 99 + 1e-3
    assert f.exp().mean().item() == pytest.approx(50, rel=0.05)
    assert max(g.abs().max(), o.abs().max()) <= 2 * 500**-0.5
    with pytest.raises(ValueError, match=r"^t_max: expected a number in \(2, inf\), got 2"):
        build("lstm-chrono", 3, 2, 4, t_max=2)


@pytest.mark.parametrize("name", ["tanh-pta", "gru-pta"])
def test_the_papers_initialization_oscillates(name):
    """Undriven, the networks neither die out nor settle at a fixed point."""
    model = build(name, 3, 2, 40, generator().manual_seed(0)).double()
    again = build(name, 3, 2, 40, generator().manual_seed(0)).double()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    system, h = ModuleMap(model.recurrent), 0.1 * random((40,), 1)
    for _ in range(2000):
        before, h = h, system(h)
    assert (h - before).norm() > 0.1


def test_the_papers_initialization_takes_its_ranges():
    model = build("tanh-pta", 3, 2, 40, generator().manual_seed(0), alpha=(1.1, 1.2))
    W = model.recurrent.weight_hh_l0
    gains = torch.linalg.svdvals(W.detach())
    assert gains.min() >= 1.1 - 1e-5
    assert gains.max() <= 1.2 + 1e-5
    assert model.options == {"alpha": (1.1, 1.2), "theta": None, "certified": True, "zeroed": True}
