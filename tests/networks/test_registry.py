"""What holds for every network of the registry."""

import numpy as np
import pytest
import torch
from reference_systems import random

import ptacore
from ptacore import System, trajectory
from ptacore.networks import bptt as fused
from ptacore.networks.registry import MODELS, build, defaults

M, K, H = 3, 2, 6
LATER = pytest.mark.skipif(not hasattr(ptacore, "pta_"), reason="ptacore.pta_ is not there yet")
NAMES = [pytest.param(name, marks=LATER) if "pta" in name else name for name in MODELS]
PARAMETERS = {  # of the recurrent part
    "tanh": H * (M + H + 2),
    "gru": 3 * H * (M + H + 2),
    "lstm": 4 * H * (M + H + 2),
    "antisymmetric": H * (M + H + 1),
    "cornn": H * (M + 2 * H + 1),
    "lipschitz": H * (M + 2 * H + 1),
    "lem": 4 * H * (M + H + 1),
    "lru": H * (M + 1) + H * (3 + 2 * H + 2 * H + 1 + 2 + 2 * H + 2),
    "linoss": H * (M + 1) + H * (2 + 2 * H + 2 * H + 1 + 2 + 2 * H + 2),
    "d": H * (M + 1) + H * (3 + 2 * H + 2 * H + 1 + 2 + 2 * H + 2),  # d-linoss
}


def model_and_data(name, seed=0):
    model = build(name, M, K, H, torch.Generator().manual_seed(seed)).double()
    return model, random((9, 4, M), 1), random((4, model.state_size), 2, 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_one_call_signature(name):
    model, inputs, start = model_and_data(name)
    assert model(inputs).shape == model(inputs, start).shape == (9, 4, K)
    assert model.states(inputs).shape == (9, 4, model.state_size)
    torch.testing.assert_close(model(inputs), model(inputs, torch.zeros_like(start)), rtol=0, atol=0)
    torch.testing.assert_close(model(inputs, start), model.readout(model.hidden(inputs, start)), rtol=1e-12, atol=1e-14)
    assert (model.name, model.options) == (name, defaults(name))


@pytest.mark.parametrize("name", NAMES)
def test_dropout_hides_units_from_the_readout_and_its_generator_alone_decides(name):
    model, inputs, start = model_and_data(name)
    before = torch.get_rng_state()
    a, b, c = (model(inputs, start, 0.5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert not torch.equal(a, model(inputs, start))
    many = torch.stack([model(inputs, start, 0.5, torch.Generator().manual_seed(seed)) for seed in range(300)])
    error = many.std(0) / 300**0.5
    assert ((many.mean(0) - model(inputs, start)).abs() < 5 * error).all()
    for wrong in (1.0, -0.1, "half"):
        with pytest.raises(ValueError, match=r"^dropout: expected a number in \[0, 1\), got "):
            model(inputs, start, dropout=wrong)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_outputs_may_be_left_out_and_nothing_else_changes(name):
    model, inputs, start = model_and_data(name)
    whole, part = model(inputs, start)[6:], model(inputs, start, since=6)
    torch.testing.assert_close(part, whole, rtol=1e-13, atol=1e-14)
    weight, parameters = random(part.shape, 3), list(model.parameters())
    gradients = [torch.autograd.grad((weight * outputs).sum(), parameters) for outputs in (part, whole)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    for wrong in (9, -1, 2.5, "six"):
        with pytest.raises(ValueError, match="^since: expected one of the steps 0 to 8, got "):
            model(inputs, start, since=wrong)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_counted(name):
    model, *_ = model_and_data(name)
    expected = PARAMETERS[name.split("-")[0]] + K * (H + 1)
    assert model.n_parameters == expected
    model.readout.weight.requires_grad_(False)
    assert model.n_parameters == expected - K * H


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_may_be_cut_anywhere(name):
    model, inputs, start = model_and_data(name)
    whole = model.states(inputs, start)
    first = model.states(inputs[:5], start)
    torch.testing.assert_close(torch.cat([first, model.states(inputs[5:], first[-1])]), whole, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(model(inputs[5:], first[-1]), model(inputs, start)[5:], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_a_step_of_the_sequence_and_a_dynamical_system(name):
    model, inputs, start = model_and_data(name)
    whole = model.states(inputs, start)
    torch.testing.assert_close(model.step(inputs[0], start), whole[0], rtol=1e-12, atol=1e-13)
    x = random((M,), 3)
    system = System.from_function(lambda h: model.step(x.expand(*h.shape[:-1], M), h), model.state_size, "map")
    with torch.no_grad():
        path = trajectory(system, start, duration=9)[1]
        expected = model.states(x.expand(9, 4, M), start)
    torch.testing.assert_close(path[1:], expected, rtol=1e-11, atol=1e-12)
    J = system.jacobian(start)
    difference = (system(start + 1e-6 * J[..., 0]) - system(start - 1e-6 * J[..., 0])) / 2e-6
    torch.testing.assert_close((J @ J[..., :1])[..., 0], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_alone_decides_and_the_global_state_is_left_alone(name):
    before = torch.get_rng_state()
    a, b, c = (build(name, M, K, H, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    drawn = [k for k, v in a.state_dict().items() if v.unique().numel() > 1]
    assert "readout.weight" in drawn
    assert all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())
    assert not any(torch.equal(a.state_dict()[k], c.state_dict()[k]) for k in drawn if "recurrent" not in k)
    assert all(v.isfinite().all() for v in a.state_dict().values())


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_takes_part(name):
    model, inputs, start = model_and_data(name)
    gradients = torch.autograd.grad(model(inputs, start).square().sum(), list(model.parameters()))
    assert all(g.abs().sum() > 0 for g in gradients)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("lru", "linoss-im", "linoss-imex", "d-linoss")])
def test_backends_agree(name):
    model, inputs, start = model_and_data(name)
    outputs = {}
    for model.backend in ("auto", "torch", "autograd"):
        outputs[model.backend] = model(inputs, start)
    torch.testing.assert_close(outputs["auto"], outputs["autograd"], rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(outputs["torch"], outputs["autograd"], rtol=1e-12, atol=1e-13)


def test_what_cannot_be_built_is_named():
    with pytest.raises(ValueError, match=r"^name: expected one of tanh, tanh-orthogonal, .*, lem, lru, .*, got 'rnn'"):
        build("rnn", M, K)
    with pytest.raises(ValueError, match=r"^dr: not an option of 'cornn', which has dt, gamma, eps"):
        build("cornn", M, K, dr=0.1)
    with pytest.raises(ValueError, match=r"^alpha: not an option of 'tanh', which has none"):
        build("tanh", M, K, alpha=1.0)
    for size in ("n_inputs", "n_outputs", "n_hidden"):
        for wrong in (0, -3, 2.5, True):
            with pytest.raises(ValueError, match=f"^{size}: expected a whole number at least 1, got {wrong}"):
                build("tanh", **({"n_inputs": M, "n_outputs": K, "n_hidden": H} | {size: wrong}))
    assert type(build("tanh", M, K, np.int64(H)).n_hidden) is int  # records are JSON


@pytest.mark.parametrize("name", ["tanh", "lstm", "lru", "linoss-im"])
def test_what_cannot_be_run_is_named(name):
    model, inputs, start = model_and_data(name)
    for wrong in (inputs[0], inputs[..., :2], inputs[:0], inputs[:, :0]):
        with pytest.raises(ValueError, match=r"^inputs: expected shape \(T, B, 3\), got "):
            model(wrong)
    with pytest.raises(ValueError, match=r"^state: expected shape \(4, "):
        model(inputs, start[:3])
    with pytest.raises(TypeError, match=r"^inputs: torch.float32 on cpu, but the network torch.float64 on cpu"):
        model(inputs.float())


def test_gpus_take_torchs_own_kernels():
    """Where there is no GPU, the way there is at least computed: the module's own pass gives the same."""
    for name in ("tanh", "gru", "lstm"):
        model, inputs, start = model_and_data(name)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        got = model.to(device).by_torch(inputs.to(device), start.to(device)).cpu()
        torch.testing.assert_close(got, model.cpu().hidden(inputs, start), rtol=1e-10, atol=1e-11)


def test_the_defaults_use_the_kernels_where_there_are_any():
    model, inputs, start = model_and_data("gru")
    assert model.backend == "auto"
    if fused.available():
        model.backend = "compiled"
        compiled = model(inputs, start)
        model.backend = "auto"
        assert torch.equal(model(inputs, start), compiled)
