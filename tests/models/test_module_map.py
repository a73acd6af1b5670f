import copy
from types import MethodType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import random, small_modules
from torch import nn
from torch.func import jacrev
from torch.nn.utils import parametrizations, prune

from ptacore import adjoint, lyapunov_spectrum, models, sensitivity, trajectory
from ptacore.models.module_map import ModuleMap, as_system
from ptacore.models.own_forward import OwnForward

MODULES = small_modules()


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def stepped(module, u, x):
    """One step of a torch module from states (B, n) by its own forward, in the order that ModuleMap documents."""
    if not hasattr(module, "num_layers"):
        state = tuple(s.contiguous() for s in x.chunk(2, -1)) if isinstance(module, nn.LSTMCell) else x
        new = module(u, state)
        return torch.cat(new, -1) if isinstance(new, tuple) else new
    layers, batch = module.num_layers, len(x)
    widths = [module.proj_size or module.hidden_size] + [module.hidden_size] * isinstance(module, nn.LSTM)
    parts = x.split([layers * w for w in widths], -1)
    state = [p.reshape(batch, layers, w).transpose(0, 1).contiguous() for p, w in zip(parts, widths, strict=True)]
    out = module(u[:, None] if module.batch_first else u[None], tuple(state) if len(state) > 1 else state[0])[1]
    return torch.cat([s.transpose(0, 1).reshape(batch, -1) for s in (out if isinstance(out, tuple) else (out,))], -1)


@st.composite
def torch_modules(draw):
    kind = draw(st.sampled_from(["RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"]))
    options = {"bias": draw(st.booleans())}
    if kind.startswith("RNN"):
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    n = draw(st.integers(1, 4))
    if not kind.endswith("Cell"):
        options |= {"num_layers": draw(st.integers(1, 3)), "batch_first": draw(st.booleans())}
        if kind == "LSTM" and n > 1:
            options["proj_size"] = draw(st.integers(0, n - 1))
    torch.manual_seed(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
    return getattr(nn, kind)(draw(st.integers(1, 3)), n, dtype=dtype, **options)


def check_derivatives(system, step, x):
    """Step, Jacobian and its products against a function's own derivatives."""
    J = torch.stack([torch.func.jacrev(step)(row) for row in x])
    few, many = random((len(x), system.dim, 2), 5), random((len(x), system.dim, system.dim + 1), 6)
    close(system(x), torch.stack([step(row) for row in x]))
    close(system.jacobian(x), J)
    for V in (few, many):
        new, tangents = system.jvp(x, V)
        close(new, system(x))
        close(tangents, J @ V)
        close(system.vjp(x, V), J.mT @ V)


@settings(max_examples=25)
@given(module=torch_modules())
def test_it_is_the_modules_own_forward_with_its_derivatives(module):
    system = ModuleMap(module, input=(u := random((module.input_size,), 1)))
    exact = copy.deepcopy(module).double().requires_grad_(False)
    check_derivatives(system, lambda x: stepped(exact, u[None], x[None])[0], random((3, system.dim), 2))
    assert module.weight_ih_l0.requires_grad if hasattr(module, "num_layers") else module.weight_ih.requires_grad


@settings(max_examples=15)
@given(module=torch_modules())
def test_automatic_differentiation_and_closed_form_are_one_map(module):
    own, closed = OwnForward(module, None, torch.float64), ModuleMap(module).net
    u, x, V = random((3, own.n_inputs), 1), random((3, own.dim), 2), random((3, own.dim, 2), 3)
    close(own(u, x), closed(u, x))
    close(own.jacobian(u, x), closed.jacobian(u, x))
    close(own.vjp(u, x, V), closed.vjp(u, x, V))
    close(own._jvp(u, x, V), closed.jvp(u, x, V)[1])


@pytest.mark.parametrize("name", ["rnn", "rnn-relu", "gru"])
def test_follows_the_module_itself_step_by_step(name):
    module = MODULES[name].double()
    u = random((12, 5, 3), 1)
    h0 = random((module.num_layers, 5, 4), 2, 0.3)
    x0 = h0.transpose(0, 1).reshape(5, -1)
    x = trajectory(ModuleMap(module, input=u), x0, duration=12)[1]
    with torch.no_grad():
        for t in range(1, 13):
            h = module(u[:t], h0)[1]
            torch.testing.assert_close(x[t], h.transpose(0, 1).reshape(5, -1), rtol=1e-13, atol=1e-13)


def test_an_undriven_tanh_module_without_bias_is_the_papers_map():
    rnn = nn.RNN(3, 6, bias=False)
    x = random((4, 6), 1)
    torch.testing.assert_close(ModuleMap(rnn)(x), models.TanhMap(rnn.weight_hh_l0.detach())(x))


@pytest.mark.parametrize("kind", [nn.LSTM(2, 3, num_layers=2, proj_size=2), nn.LSTM(2, 4), nn.GRU(2, 3)])
def test_spectrum_is_that_of_jacobians_multiplied_by_hand(kind):
    module = kind.double()
    system = ModuleMap(module)
    start = torch.randn(system.dim, system.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, Q, total = np.zeros(system.dim), np.linalg.qr(start.numpy())[0], 0.0  # the start that `seed` means
    step = lambda x: stepped(module, torch.zeros(1, 2).double(), x[None])[0]  # noqa: E731
    for t in range(150):
        x = torch.as_tensor(x)
        Q, R = np.linalg.qr(torch.func.jacrev(step)(x).detach().numpy() @ Q)
        total = total + np.log(np.abs(np.diag(R))) * (t >= 50)
        x = step(x).detach().numpy()
    found = lyapunov_spectrum(module, torch.zeros(system.dim), duration=100, transient=50)
    assert np.allclose(found.exponents, total / 100, atol=1e-6)


def test_products_with_few_tangents_do_not_form_the_jacobian(monkeypatch):
    def refuse(self, u, x):
        raise AssertionError("a Jacobian was formed")

    monkeypatch.setattr("ptacore.models.cells.Stack.jacobian", refuse)
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        system = ModuleMap(kind(2, 9))
        x = random((4, system.dim), 1)
        system.jvp(x, random((4, system.dim, 2), 2))
        system.vjp(x, random((4, system.dim, 2), 3))


REPARAMETRIZED = {
    "orthogonal": lambda r: parametrizations.orthogonal(r, "weight_hh_l0"),
    "weight norm": lambda r: parametrizations.weight_norm(r, "weight_hh_l0"),
    "spectral norm": lambda r: parametrizations.spectral_norm(r, "weight_hh_l0"),
    "old weight norm": lambda r: nn.utils.weight_norm(r, "weight_hh_l0"),
    "old spectral norm": lambda r: nn.utils.spectral_norm(r, "weight_hh_l0"),
    "pruned bias": lambda r: prune.l1_unstructured(r, "bias_hh_l0", amount=0.0),
    "pruned weight": lambda r: prune.l1_unstructured(r, "weight_hh_l0", amount=0.5),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM])
@pytest.mark.parametrize("how", REPARAMETRIZED)
def test_a_reparametrized_module_is_the_plain_one_with_the_composed_weight(how, kind):
    torch.manual_seed(1)
    module = kind(3, 4, dtype=torch.float64)
    REPARAMETRIZED[how](module)
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(1.5)  # what was composed before is out of date
    before = copy.deepcopy(module.state_dict())
    system, x = ModuleMap(module, input=(u := random((3,), 1))), random((5, 4 if kind is nn.RNN else 8), 2)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    with torch.no_grad():
        close(system(x), stepped(module.eval(), u.expand(5, 3), x))
        plain = kind(3, 4, dtype=torch.float64)
        for name in plain.state_dict():
            getattr(plain, name).copy_(getattr(module, name))
    close(system.jacobian(x), ModuleMap(plain, input=u).jacobian(x))


class Halved(nn.GRU):
    def forward(self, input, h):
        output, h = super().forward(input, h)
        return output, h / 2


class Inner(nn.Module):
    """Layout and state have to be found out: nothing says that the layer inside takes the batch first."""

    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size, self.rnn = 3, 4, nn.GRU(3, 4, batch_first=True)

    def forward(self, input, h):
        return self.rnn(input, h)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size, self.cell = 3, 4, nn.LSTMCell(3, 4)

    def forward(self, input, state):
        h, c = self.cell(input, state)
        return h, (h, c)


class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Linear(4, 4)

    def forward(self, input, h):
        return 0.9 * h + 0.1 * torch.tanh(self.W(h) + input.sum(-1, keepdim=True))


class Writing(Leaky):
    """The same, written on the state that it is given."""

    def forward(self, input, h):
        slope = torch.tanh(self.W(h) + input.sum(-1, keepdim=True))
        h *= 0.9
        h += 0.1 * slope
        return h


def hooked():
    gru = nn.GRU(3, 4)
    gru.register_forward_hook(lambda module, arguments, out: (out[0], out[1] / 2))
    return gru


def replaced():
    """Forwards that refer to the module in the ways that one writes it: by closure, by its old forward, as a method."""
    a, b, c = (nn.GRU(3, 4) for _ in range(3))
    a.forward = lambda input, h: (None, nn.GRU.forward(a, input, h)[1] / 2)
    before = b.forward
    b.forward = lambda *arguments: (None, before(*arguments)[1] / 2)
    c.forward = MethodType(lambda self, *arguments: (None, nn.GRU.forward(self, *arguments)[1] / 2), c)
    return a, b, c


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_a_module_adds_to_torchs_own_step_counts():
    torch.manual_seed(2)
    x, u = random((5, 4), 1), random((3,), 2)
    for module in (Halved(3, 4), hooked(), torch.jit.script(Inner()), *replaced()):
        plain = nn.GRU(3, 4)
        plain.load_state_dict(
            {k.removeprefix("_orig_mod.").removeprefix("rnn."): v for k, v in module.state_dict().items()}
        )
        system, reference = ModuleMap(module, input=u), ModuleMap(plain, input=u)
        factor = 1.0 if isinstance(module, torch.jit.ScriptModule) else 0.5
        V = random((5, 4, 2), 3)
        close(system(x), factor * reference(x))
        close(system.jacobian(x), factor * reference.jacobian(x))
        close(system.jvp(x, V)[1], factor * reference.jvp(x, V)[1])


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_torchs_own_step_is_known_behind_compilation_and_inheritance():
    class Named(nn.GRU):
        pass

    for module in (torch.jit.script(nn.GRU(3, 4)), Named(3, 4)):
        assert repr(ModuleMap(module)) == "ModuleMap(GRU, layers=1, width=4)"


@pytest.mark.slow  # to import the compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_modules_are_what_they_were():
    assert repr(ModuleMap(torch.compile(nn.GRU(3, 4)))) == "ModuleMap(GRU, layers=1, width=4)"
    halved = Halved(3, 4)
    assert repr(ModuleMap(torch.compile(halved))) == "ModuleMap(Halved, dim=4)"
    halved.compile()
    outer = Inner()
    outer.rnn = torch.compile(outer.rnn)
    for module in (halved, outer):
        x = random((2, 4), 1)
        system = ModuleMap(module)
        close(system.jvp(x, random((2, 4, 2), 2))[1], system.jacobian(x) @ random((2, 4, 2), 2))


def test_modules_of_ones_own_are_taken_by_their_forward():
    inner, pair = Inner().double(), Pair().double()
    u, x = random((6, 2, 3), 1), random((2, 4), 2)
    with torch.no_grad():
        found = trajectory(ModuleMap(inner, input=u.transpose(0, 1)), x, duration=6)[1][-1]
        close(found, inner(u.transpose(0, 1), x[None])[1][0])
        state = random((2, 8), 3)
        close(
            ModuleMap(pair, input=u[0, 0])(state), torch.cat(pair.cell(u[0, :1].expand(2, 3), state.chunk(2, -1)), -1)
        )
    leaky = Leaky().double()
    for system in (ModuleMap(leaky, torch.zeros(2), dim=4), ModuleMap(leaky, torch.zeros(2), state=torch.zeros(1, 4))):
        check_derivatives(system, lambda h: leaky(torch.zeros(2).double(), h), x)


@pytest.mark.filterwarnings("ignore:`torch.jit")  # that torch gives itself
def test_forward_mode_tangents_go_through_or_are_refused():
    """They go through weights that stay attached; a copy of a module has none."""
    cell, along = nn.RNNCell(1, 2, dtype=torch.float64), random((2, 2), 1)
    del cell._parameters["weight_hh"]
    W, x = random((2, 2), 0), random((2,), 2)

    def after(W):
        cell.weight_hh = W
        return trajectory(ModuleMap(cell, differentiable=True), x, duration=3).x[-1]

    expected = (after(W + 1e-6 * along) - after(W - 1e-6 * along)) / 2e-6
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(W, along)
        close(torch.autograd.forward_ad.unpack_dual(after(dual)).tangent, expected, 1e-8)
        leaky = Leaky()
        leaky.gain = [dual]
        for differentiable in (False, True):
            with pytest.raises(ValueError, match="^module: .* forward-mode tangents"):
                ModuleMap(leaky, torch.ones(3), dim=4, differentiable=differentiable)


def test_a_forward_may_write_on_the_state():
    plain, writing = Leaky(), Writing()
    writing.load_state_dict(plain.state_dict())
    plain, writing = (ModuleMap(module, torch.ones(3), dim=4) for module in (plain, writing))
    x, V = random((2, 4), 1), random((2, 4, 2), 2)
    before = x.clone()
    for got, expected in zip(writing.jvp(x, V), plain.jvp(x, V), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-14, atol=1e-14)
    states = [trajectory(system, x, duration=5).x for system in (writing, plain)]
    torch.testing.assert_close(*states, rtol=1e-14, atol=1e-14)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", models.MODELS)
def test_the_packages_networks_are_taken_as_they_step(name):
    network = models.build(name, 3, 2, 4, torch.Generator().manual_seed(0)).double().requires_grad_(False)
    system = as_system(network, u := random((3,), 1))
    check_derivatives(system, lambda x: network.step(u, x), random((2, network.state_size), 2))
    x0 = 0.1 * torch.ones(network.state_size)
    assert lyapunov_spectrum(network, x0, duration=3).exponents.shape == x0.shape
    x = trajectory(network, x0, duration=3)  # knows its times
    assert adjoint(network, x).shape == sensitivity(network, x).shape


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM, Halved])
def test_batch_first_is_the_transpose(kind):
    first, second = kind(3, 4, batch_first=True), kind(3, 4)
    second.load_state_dict(first.state_dict())
    data = random((5, 7, 3), 1)
    x0 = torch.zeros(ModuleMap(first).dim)
    a = trajectory(ModuleMap(first, data), x0, duration=7)[1]
    assert a.shape == (8, 5, len(x0))
    close(a, trajectory(ModuleMap(second, data.transpose(0, 1)), x0, duration=7)[1])
    close(
        trajectory(ModuleMap(first, data[0]), x0, duration=7)[1],
        trajectory(ModuleMap(second, data[0]), x0, duration=7)[1],
    )
    assert lyapunov_spectrum(ModuleMap(first, data), x0, duration=5, transient=2).exponents.shape == (5, len(x0))


class FirstOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, received):
        return received / torch.cosh(ctx.saved_tensors[0]) ** 2


def test_operations_without_second_derivatives_are_taken():
    leaky = Leaky().double()
    leaky.forward = lambda input, h: FirstOnly.apply(leaky.W(h))
    W, b = leaky.W.weight.detach(), leaky.W.bias.detach()
    check_derivatives(ModuleMap(leaky, torch.zeros(1), dim=4), lambda h: torch.tanh(W @ h + b), random((3, 4), 1))


def test_states_are_packed_as_the_forward_takes_them():
    lstm = nn.LSTM(3, 4, num_layers=2, proj_size=2).double()
    system, x = ModuleMap(lstm, input=torch.zeros(3)), random((5, 12), 1)
    h, c = system.unpack(x)
    assert (h.shape, c.shape) == ((2, 5, 2), (2, 5, 4))
    close(system.pack((h, c)), x, 0)
    with torch.no_grad():
        close(system.pack(lstm(torch.zeros(1, 5, 3).double(), (h.contiguous(), c.contiguous()))[1]), system(x))
    with pytest.raises(ValueError, match="^state: expected"):
        system.pack((c, h))


def test_inference_mode_and_gradients():
    with torch.inference_mode():
        for module in (Halved(3, 4), nn.GRU(3, 4), models.build("lem", 3, 2, 2)):
            assert lyapunov_spectrum(module, torch.zeros(4), duration=3).exponents.isfinite().all()
        made = ModuleMap(Halved(3, 4))
    x0 = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    trajectory(made, x0, duration=2)[1][-1].sum().backward()  # what was made there works here
    assert x0.grad.norm() > 0
    assert not made.jvp(x0, torch.eye(4).double()[:, :2])[1].requires_grad
    assert not ModuleMap(nn.GRU(3, 4))(torch.zeros(4).double()).requires_grad


def test_precision_and_copies():
    gru = Halved(3, 4)
    system = ModuleMap(gru)
    assert system.to(torch.float32)(torch.zeros(4)).dtype == torch.float32
    assert system(torch.zeros(4).double()).dtype == torch.float64
    assert ModuleMap(nn.LSTM(3, 4), dtype=torch.float32).to(torch.float64).jacobian(random((8,))).dtype == torch.float64
    before = system(x := random((4,), 1))
    with torch.no_grad():
        gru.weight_hh_l0.zero_()
    assert (system(x) == before).all()


class Feedforward(nn.Module):
    input_size, hidden_size = 3, 4

    def forward(self, input, h):
        raise RuntimeError("out of order")


class Mixing(Feedforward):
    def forward(self, input, h):
        return torch.tanh(h.roll(1, -2))


class Detached(Feedforward):
    def forward(self, input, h):
        return torch.tanh(h.detach())


class StateFirst(Feedforward):
    def forward(self, h, x):
        return torch.tanh(h)


class Elsewhere(Feedforward):
    weight = nn.Parameter(torch.ones(4, dtype=torch.float64))  # of the class, not of the module

    def forward(self, input, h):
        return torch.tanh(self.weight * h)


class Single(Feedforward):
    def forward(self, input, h):
        return torch.tanh(h.float())


@pytest.mark.parametrize(
    ("module", "error", "words"),
    [
        (nn.Linear(4, 4), ValueError, "Linear does not tell its state .*state="),
        (nn.Identity(), ValueError, "does not tell its state"),
        (nn.Sequential(nn.GRU(2, 3)), TypeError, r"Sequential.*net\[0\]"),
        (nn.DataParallel(nn.GRU(2, 3)), TypeError, r"DataParallel.*\.module"),
        (nn.GRU(2, 3, bidirectional=True), ValueError, "bidirectional"),
        (nn.GRU(2, 3, device="meta"), ValueError, "meta"),
        (nn.GRU(2, 3, dtype=torch.complex64), TypeError, "real"),
        (nn.LazyLinear(3), ValueError, "lazy"),
        (nn.utils.skip_init(nn.GRUCell, 2, 3).requires_grad_(False), ValueError, "finite"),
        (Feedforward(), ValueError, "raised RuntimeError: out of order"),
        (Mixing(), ValueError, "on a batch"),
        (Detached(), ValueError, "differentiated"),
        (Single(), ValueError, "float32"),
        (StateFirst(), ValueError, r"takes \(h, x\)"),
        (Elsewhere(), ValueError, "not the module's own"),
        ("rnn", TypeError, "got str"),
    ],
)
def test_what_it_cannot_take_is_refused_by_name(module, error, words):
    if "finite" in words:
        module.weight_hh.fill_(torch.nan)
    with pytest.raises(error, match=f"^module: .*{words}"):
        ModuleMap(module)


@pytest.mark.filterwarnings("ignore:.*quantize")
def test_quantized_modules_are_refused():
    with pytest.raises(TypeError, match="^module: a quantized GRUCell"):
        ModuleMap(torch.ao.nn.quantized.dynamic.GRUCell(2, 3))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"input": torch.zeros(3)}, ValueError, r"^input: expected \(2,\)"),
        ({"input": torch.zeros(5, 7, 3)}, ValueError, r"^input: .*got \(5, 7, 3\)"),
        ({"input": torch.zeros(5, 0, 2)}, ValueError, "^input: "),
        ({"input": [0.0, torch.nan]}, ValueError, "^input: .*finite"),
        ({"input": "loud"}, TypeError, "^input: "),
        ({"input": nn.utils.rnn.pack_sequence([torch.zeros(3, 2)])}, TypeError, "^input: .*PackedSequence"),
        ({"dtype": torch.float16}, ValueError, "^dtype: "),
        ({"dim": 5}, ValueError, "^dim: "),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        ModuleMap(nn.GRU(2, 3), **arguments)


def test_inputs_are_followed_as_long_as_they_last_and_fit_the_states():
    driven = ModuleMap(nn.RNN(2, 3), input=torch.zeros(5, 4, 2))
    assert driven.steps == 5
    assert driven.driven
    assert not driven.at(0).driven
    assert trajectory(driven, torch.zeros(3), duration=5)[1].shape == (6, 4, 3)
    with pytest.raises(ValueError, match="^input: has 5 steps"):
        trajectory(driven, torch.zeros(3), duration=6)
    with pytest.raises(ValueError, match=r"^x0: .*\(4,\)"):
        trajectory(driven, torch.zeros(5, 3), duration=5)
    with pytest.raises(TypeError, match="^input: "):
        as_system(driven, torch.zeros(2))


def test_weights_are_copied_and_many_layers_are_told_apart():
    deep = nn.RNN(2, 2, num_layers=11).double()
    system, h = ModuleMap(deep), random((22,), 1)
    before = system(h)
    with torch.no_grad():
        torch.testing.assert_close(before.reshape(11, 2), deep(torch.zeros(1, 2).double(), h.reshape(11, 2))[1])
        deep.weight_hh_l0.zero_()
    assert (system(h) == before).all()


@pytest.mark.parametrize("module", [nn.GRU(3, 4, num_layers=2), nn.GRUCell(3, 4), nn.LSTM(3, 4), nn.LSTMCell(3, 4)])
def test_without_gates_fixed_points_stay_and_derivatives_are_those_of_the_map(module):
    system = models.ModuleMap(module)
    free, x = system.ungated(), random((5, system.dim), 1)
    torch.testing.assert_close(free.jacobian(x), torch.stack([jacrev(free)(row) for row in x]), rtol=1e-9, atol=1e-12)
    rest = trajectory(system, torch.zeros(system.dim), duration=3000).state
    torch.testing.assert_close(free(rest), rest, rtol=1e-10, atol=1e-12)
