"""The compiled steps of torch's recurrent layers against the torch step, which does the same arithmetic another way."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import random
from torch import nn

from ptacore import DivergenceError, TangentSystem, lyapunov_spectrum
from ptacore.kernels import advance as shared
from ptacore.kernels import recurrent
from ptacore.models import ModuleMap

pytestmark = pytest.mark.skipif(not recurrent.available(), reason="no C compiler on this machine")
KINDS = [
    (nn.RNN, {"nonlinearity": "tanh"}),
    (nn.RNN, {"nonlinearity": "relu"}),
    (nn.GRU, {}),
    (nn.LSTM, {}),
    (nn.RNNCell, {}),
    (nn.GRUCell, {}),
    (nn.LSTMCell, {}),
]


@st.composite
def cases(draw, dtypes=(torch.float64,)):
    """A module's map, a state and tangent vectors, and the step to start from."""
    (kind, options), seed = draw(st.sampled_from(KINDS)), draw(st.integers(0, 1000))
    layers = 1 if kind.__name__.endswith("Cell") else draw(st.integers(1, 3))
    n, d = draw(st.sampled_from([5, 8, 15, 16, 17, 33])), draw(st.integers(1, 4))
    options = options | ({} if kind.__name__.endswith("Cell") else {"num_layers": layers})
    torch.manual_seed(seed)
    module = kind(d, n, bias=draw(st.booleans()), dtype=torch.float64, **options)
    gain = draw(st.sampled_from([1.0, 1.0, 3.0, 40.0]))  # 40: most units saturated
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(gain)
    batch = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    inputs = draw(st.sampled_from(["none", "constant", "own constant", "steps", "own steps"]))
    shape = {"constant": (d,), "own constant": (*batch, d), "steps": (9, d), "own steps": (9, *batch, d)}.get(inputs)
    if inputs == "own constant" and batch:
        shape, inputs = (9, *batch, d), "own steps"  # a first axis is time
    system = ModuleMap(module, None if shape is None else random(shape, seed + 1), draw(st.sampled_from(dtypes)))
    k = draw(st.sampled_from([1, 2, 4, 5, 13, system.dim]))
    x, V = random((*batch, system.dim), seed + 2), random((*batch, system.dim, min(k, system.dim)), seed + 3)
    return system, x.to(system.dtype), V.to(system.dtype), draw(st.integers(0, 6)) if "steps" in inputs else 0


def by_torch(system, x, V, steps, first):
    for t in range(first, first + steps):
        x, V = system.at(t).jvp(x, V)
    return x, V


def largest_error(got, wanted):
    """Relative to the largest entry of the same tangent vector."""
    return ((got - wanted).abs().amax(-1) / wanted.abs().amax(-1).clamp_min(1e-30)).max().item()


@settings(max_examples=150)
@given(case=cases())
def test_a_step_is_torchs_step(case):
    system, x, V, first = case
    got_x, got_V, growth, lost = system.kernel(1.0)(x, V, 1, first)
    x1, V1 = by_torch(system, x, V, 1, first)
    assert (growth, lost, got_x.shape, got_V.shape) == (None, None, x1.shape, V1.shape)
    assert largest_error(got_x, x1) < 1e-12
    assert largest_error(got_V.mT, V1.mT) < 1e-12


@settings(max_examples=50)
@given(case=cases([torch.float32]))
def test_a_step_in_single_precision(case):
    system, x, V, first = case
    got_x, got_V, *_ = system.kernel(1.0)(x, V, 1, first)
    x1, V1 = by_torch(system.to(torch.float64), x.double(), V.double(), 1, first)
    assert got_x.dtype == got_V.dtype == torch.float32
    assert largest_error(got_x.double(), x1) < 3e-4  # of a sum that saturates a gate
    assert largest_error(got_V.mT.double(), V1.mT) < 1e-2


@settings(max_examples=40)
@given(case=cases(), steps=st.integers(0, 3), work=st.sampled_from([1, 10**5]))
def test_a_stretch_is_its_steps_wherever_calls_are_cut(case, steps, work):
    system, x, V, first = case
    advance, given_state = system.kernel(1.0), (x.clone(), V.clone())
    whole = advance(x, V, steps, first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "WORK", work)
        pieces = advance(x, V, steps, first)
    assert torch.equal(whole[0], pieces[0])
    assert torch.equal(whole[1], pieces[1])
    assert torch.equal(x, given_state[0])
    assert torch.equal(V, given_state[1])
    x1, _ = by_torch(system, x, V, steps, first)
    torch.testing.assert_close(whole[0], x1, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize(("n", "layers"), [(130, 1), (70, 2)])
def test_many_columns_go_in_blocks(kind, n, layers):
    """More columns than pass the weights together, and more rows than stay in the nearest cache."""
    torch.manual_seed(1)
    system = ModuleMap(kind(2, n, num_layers=layers), random((9, 2, 2), 3))
    x, V = random((2, system.dim), 1), random((2, system.dim, system.dim), 2)
    for steps in (1, 3):
        got_x, got_V, *_ = system.kernel(1.0)(x, V, steps, 4)
        x1, V1 = by_torch(system, x, V, steps, 4)
        assert largest_error(got_x, x1) < 1e-12
        assert largest_error(got_V.mT, V1.mT) < 1e-12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "WORK", 1)
        cut_x, cut_V, *_ = system.kernel(1.0)(x, V, 3, 4)
    assert torch.equal(cut_x, got_x)
    assert torch.equal(cut_V, got_V)
    system = ModuleMap(kind(2, n, num_layers=layers), [0.3, -0.2])
    got_V = system.kernel(1.0)(x, V, 1)[1]
    assert largest_error(system.kernel(1.0)(x[0], V[0, :, :140], 1)[1].mT, got_V[0, :, :140].mT) < 1e-12


@settings(max_examples=30)
@given(case=cases(), steps=st.integers(9, 60))
def test_vectors_that_are_kept_orthonormal_grow_as_they_do_freely(case, steps):
    """The volume that the first j vectors span grows by the product of what the first j grow by."""
    system, x, V, _ = case
    if system.driven:
        system = system.at(0)
    k = min(V.shape[-1], 4)
    Q = torch.linalg.qr(V[..., :k])[0]
    _, got, growth, _ = system.kernel(1.0)(x, Q, steps)
    if growth is None:  # a step took too much away: the free vectors
        return
    eye = torch.eye(k, dtype=torch.float64)
    torch.testing.assert_close(got.mT @ got, eye.expand(*got.shape[:-2], k, k), rtol=0, atol=1e-13)

    def by_steps(x, Q, noise=0.0, seed=0):
        """By Gram-Schmidt: reflections would lose what is small in a vector, and the next step may keep only that."""
        total = torch.zeros_like(growth)
        for i in range(steps):
            x, Q = (a + noise * random(a.shape, seed + i) for a in (x, Q))
            x, image = system.jvp(x, Q)
            found = []
            for v in image.unbind(-1):
                for q in found * 2:
                    v = v - (q * v).sum(-1, keepdim=True) * q
                found.append(v / v.norm(dim=-1, keepdim=True))
                total[..., len(found) - 1] += v.norm(dim=-1).log()
            Q = torch.stack(found, -1)
        return total

    # what chaos and nearly singular steps make of rounding, which comes anew with every step, is nobody's error
    expected = by_steps(x, Q)
    moved = max((by_steps(x, Q, 1e-14, 100 * seed) - expected).abs().max().item() for seed in range(1, 5))
    assert ((growth - expected).abs() <= 1e-9 + 1e-7 * expected.abs() + 30 * moved).all()


def test_what_leaves_the_numbers_is_seen():
    relu = ModuleMap(nn.RNN(1, 6, nonlinearity="relu"))
    with torch.no_grad():
        relu.net.layers[0].W.copy_(30 * torch.eye(6))
    with pytest.raises(DivergenceError):
        TangentSystem(relu, torch.ones(6), k=2, backend="compiled").step(1000)
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        system = ModuleMap(kind(2, 6))
        x, V = random((2, system.dim), 1), random((2, system.dim, 5), 2)
        x[0, 3] = torch.nan
        got_x, got_V, *_ = system.kernel(1.0)(x, V, 1)
        assert got_x[0, :6].isnan().all()
        assert got_V[0, :6].isnan().all()
        assert largest_error(got_V[1].mT, system.jvp(x[1], V[1])[1].mT) < 1e-12
        x, V = random((2, system.dim), 1), random((2, system.dim, 5), 2)
        V[1, 3, 2] = torch.nan
        where = system.kernel(1.0)(x, V, 20)[1].isnan().any(-2)
        assert where.tolist() == [[False] * 5, [False, False, True, False, False]]


@pytest.mark.parametrize("gain", [20.0, 300.0, 353.0, 400.0])
def test_saturated_units_keep_the_digits_of_their_slope(gain):
    # h <- tanh(g h) rests at h = 1 to rounding: exponent ln(4 g) - 2 g, until the slope is below all doubles
    rnn = nn.RNN(1, 5, bias=False, dtype=torch.float64)
    rnn.weight_hh_l0.data = gain * torch.eye(5, dtype=torch.float64)
    for backend in ("compiled", "torch"):
        found = lyapunov_spectrum(rnn, 0.9 * torch.ones(5), duration=40, transient=5, k=1, backend=backend)
        expected = math.log(4 * gain) - 2 * gain if gain < 354 else -math.inf
        assert found.exponents.item() == pytest.approx(expected, rel=1e-12)


def test_the_spectrum_is_torchs():
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        torch.manual_seed(3)
        module = kind(2, 6, num_layers=2)
        driven = ModuleMap(module, random((130, 3, 2), 1))
        for k in (1, 5, driven.dim):
            found = [
                lyapunov_spectrum(driven, torch.zeros(driven.dim), duration=100, transient=30, k=k, backend=backend)
                for backend in ("compiled", "torch")
            ]
            assert [f.backend for f in found] == ["compiled", "torch"]
            assert found[0].exponents.shape == (3, k)
            torch.testing.assert_close(found[0].exponents, found[1].exponents, rtol=1e-7, atol=1e-7)


def test_steps_without_an_input_are_refused():
    driven = ModuleMap(nn.GRU(1, 8), random((20, 1), 0))
    for backend in ("compiled", "torch"):
        with pytest.raises(ValueError, match="^input: has 20 steps, but step 20 is needed"):
            TangentSystem(driven, torch.zeros(8), k=2, backend=backend).step(30)
        assert TangentSystem(driven, torch.zeros(8), k=2, backend=backend, t0=5.0).step(15).isfinite().all()


def test_what_torch_alone_knows_takes_torch(monkeypatch):
    class Halved(nn.GRU):
        def forward(self, input, h):
            output, h = super().forward(input, h)
            return output, h / 2

    hooked = nn.GRU(2, 8)
    hooked.register_forward_hook(lambda module, arguments, out: (out[0], out[1] / 2))
    for module in (Halved(2, 8), hooked, nn.LSTM(2, 8, proj_size=5), nn.RNN(2, 4)):
        system = ModuleMap(module)
        assert TangentSystem(system, torch.zeros(system.dim)).backend == "torch"
    assert ModuleMap(nn.LSTM(2, 8)).ungated().kernel(1.0) is None
    recurrent._library.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    try:
        with pytest.warns(UserWarning, match="compiled backend not available.*no-such-compiler"):
            assert TangentSystem(nn.RNN(2, 8), torch.zeros(8)).backend == "torch"
    finally:
        recurrent._library.cache_clear()


def test_gates_that_never_open_are_a_map_without_them():
    system = ModuleMap(nn.GRU(2, 6, num_layers=2)).ungated()
    x, V = random((system.dim,), 1), random((system.dim, 5), 2)
    got_x, got_V, *_ = system.kernel(1.0)(x, V, 1)
    assert largest_error(got_x, system(x)) < 1e-12
    assert largest_error(got_V.mT, system.jvp(x, V)[1].mT) < 1e-12


WITHOUT_MEMORY = """
import resource, torch
from ptacore.models import ModuleMap
system = ModuleMap(torch.nn.RNN(1, 100))
advance, x, V = system.kernel(1.0), torch.zeros(20, 100).double(), torch.zeros(20, 100, 100).double()
advance(x, V, 1)
x, V = torch.zeros(2000, 100).double(), torch.zeros(1, 100, 17).double().expand(2000, -1, -1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, -1))
try:
    advance(x, V, 1)
except MemoryError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_is_refused_is_told():
    done = subprocess.run([sys.executable, "-c", WITHOUT_MEMORY], capture_output=True, text=True, timeout=100)
    assert done.stdout == "compiled backend: no memory for 2000 x 17 tangent vectors of 100\n", done.stderr
