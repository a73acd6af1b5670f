"""Functions that compile themselves, against the same steps taken by torch: recording, derivative, C, and refusals."""

import math
import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import lorenz, random

from ptacore import System, lyapunov_spectrum
from ptacore.dynamics.integrate import DivergenceError, step_tangent
from ptacore.dynamics.orthonormal import orthonormalize
from ptacore.dynamics.tangents import TangentSystem
from ptacore.kernels import advance as shared
from ptacore.kernels import functions, tangents

pytestmark = pytest.mark.skipif(not tangents.available(), reason="no C compiler on this machine")
functional = torch.nn.functional
relu, softplus, sigmoid = torch.relu, functional.softplus, torch.sigmoid


def agree(system, x, k=None, steps=3, dt=0.05):
    """State and tangents (plain, and kept orthonormal) of the kernel are those of torch, by each text that it has."""
    dt = 1.0 if system.kind == "map" else dt
    kernel = system.kernel(dt)
    assert kernel is not None, system.uncompiled
    V = random((*x.shape, min(k or system.dim, system.dim)), 7)
    ref_x, ref_V = x, V
    Q = torch.linalg.qr(V)[0]
    y, ref_Q, ref_growth = x, Q, 0.0
    with torch.no_grad():
        for i in range(steps):
            ref_x, ref_V = step_tangent(system, ref_x, ref_V, i * dt, dt)
            y, ref_Q = step_tangent(system, y, ref_Q, i * dt, dt)
            ref_Q, growth = orthonormalize(ref_Q)
            ref_growth = ref_growth + growth
    before = x.clone(), V.clone()
    for text in filter(None, (kernel.emitted.text, kernel.together)):
        got_x, got_V, none, _ = kernel.steps(text, x, V, steps, keep=False)
        assert none is None
        assert torch.equal(x, before[0])
        assert torch.equal(V, before[1])
        torch.testing.assert_close(got_x, ref_x, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(got_V, ref_V, rtol=1e-11, atol=1e-11 * max(1.0, ref_V.abs().max().item()))
        got_x, got_Q, growth, _ = kernel.steps(text, x, Q, steps, keep=True)
        torch.testing.assert_close(got_x, ref_x, rtol=1e-12, atol=1e-12)
        eye = torch.eye(Q.shape[-1], dtype=torch.float64)
        torch.testing.assert_close(got_Q.mT @ got_Q, eye.expand(*x.shape[:-1], *eye.shape), rtol=0, atol=1e-9)
        clear = ref_growth > -5
        torch.testing.assert_close(growth[clear], ref_growth[clear], rtol=1e-8, atol=1e-8)
    return kernel


UNARY = {
    "tanh": torch.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "sin": torch.sin,
    "cos": torch.cos,
    "exp of minus square": lambda a: torch.exp(-a * a),
    "log": lambda a: torch.log(1.5 + a * a),
    "log1p": lambda a: torch.log1p(a * a),
    "sqrt": lambda a: (1 + a**2).sqrt(),
    "rsqrt": lambda a: (2 + a.square()).rsqrt(),
    "abs": lambda a: (a - 0.1).abs(),
    "relu": relu,
    "leaky relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "softsign": torch.nn.functional.softsign,
    "erf": torch.erf,
    "atan": torch.atan,
    "asinh": torch.asinh,
    "reciprocal": lambda a: 1 / (2 + a * a),
    "cube": lambda a: a**3 / (1 + a**4),
    "power": lambda a: (1 + a * a) ** 0.7,
    "power of two": lambda a: 2 ** torch.tanh(a),
    "sign": torch.sign,
    "round": lambda a: torch.floor(3 * a) - torch.ceil(a) + torch.round(2 * a),
    "clamp": lambda a: a.clamp(-0.5, 0.7),
    "where": lambda a: torch.where(a > 0.2, a, -0.3 * a),
    "masked": lambda a: a.masked_fill(a < -0.4, -0.4),
    "in place": lambda a: a.clone().mul_(0.5).add_(a, alpha=-2).tanh_(),
    "roll": lambda a: torch.roll(a, 1, -1),
    "flip": lambda a: a.flip(-1),
    "order": lambda a: a[..., list(range(a.shape[-1]))[::-1]],
    "mean": lambda a: a - a.mean(-1, keepdim=True),
    "sum": lambda a: torch.tanh(a.sum(-1))[..., None].expand_as(a),
    "norm": lambda a: a / (1 + torch.linalg.vector_norm(a, dim=-1, keepdim=True)),
    "softmax": lambda a: torch.softmax(a, -1),
    "largest": lambda a: a.amax(-1, keepdim=True) - a,
    "cumsum": lambda a: torch.tanh(a.cumsum(-1)),
    "halves": lambda a: torch.cat((a[..., a.shape[-1] // 2 :], torch.sin(a[..., : a.shape[-1] // 2])), -1),
    "fresh": lambda a: fresh(a),
    "float32 constant": lambda a: a * torch.linspace(-1, 1, a.shape[-1]),
    "integers": lambda a: a * torch.arange(a.shape[-1]) / a.shape[-1] + (a > 0),
    "chunks": lambda a: torch.stack([part * i for i, part in enumerate(a.unbind(-1), 1)], -1) / a.shape[-1],
    "triangle": lambda a: torch.tanh(torch.tril(a[..., None] * a[..., None, :]).sum(-1)),
}


def fresh(a):
    out = torch.zeros_like(a)
    out[..., 0] = a[..., -1]
    out[..., 1:] = a[..., :-1]
    out[..., -1] += 0.5
    view = out[..., : a.shape[-1] // 2]
    view *= 2.0
    return out


BINARY = {
    "add": torch.add,
    "sub": lambda a, b: a - 0.7 * b,
    "mul": lambda a, b: torch.tanh(a) * b,
    "div": lambda a, b: a / (1 + b * b),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "atan2": lambda a, b: torch.atan2(a, 2 + b * b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "where": lambda a, b: torch.where(a > b, a, 2 * b),
    "addcmul": lambda a, b: torch.addcmul(a, a, torch.tanh(b), value=0.5),
    "outer": lambda a, b: torch.sin(a[..., :, None] - b[..., None, :]).mean(-1),
    "hypot": lambda a, b: torch.hypot(1 + a, b),
    "dot": lambda a, b: torch.tanh((a * b).sum(-1, keepdim=True)) * a,
}


PAIRS = {"outer", "triangle"}  # of which there are n^2


def program(draw, n, seed):
    """A function made of operations that are drawn; what it computes is bounded."""
    weights = [random((n, n), seed + i, 1.0 / n**0.5) for i in range(3)]
    lines = []
    for i in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["unary", "binary", "linear"]))
        places = [draw(st.integers(0, i)) for _ in range(2)]
        operation = draw(
            st.sampled_from(sorted({"unary": UNARY, "binary": BINARY, "linear": {"@": 0, "einsum": 0}}[kind]))
        )
        lines.append((kind, operation, places))

    def f(x):
        values = [x]
        for i, (kind, operation, (a, b)) in enumerate(lines):
            if kind == "unary":
                values.append(UNARY[operation](values[a]))
            elif kind == "binary":
                values.append(BINARY[operation](values[a], values[b]))
            elif operation == "@":
                values.append(values[a] @ weights[i % 3].mT + 0.1)
            else:
                values.append(torch.einsum("ij,...j->...i", weights[i % 3], values[a]))
        return 3 * torch.tanh(values[-1] / 3) - 0.5 * x

    return f, lines


PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_each_operation_agrees_with_torch(part):
    """A sixth of all operations above in one function, each on numbers of its own."""
    operations = list(zip(UNARY.values(), 4 * [*BINARY.values()], strict=False))[part::PARTS]

    def f(x):
        total = 0.0 * x
        for i, (one, two) in enumerate(operations):
            a = torch.sin(x + 0.37 * i)
            total = total + one(a) * math.cos(i) + two(a, torch.cos(x - 0.21 * i)) * math.sin(i)
        return torch.tanh(0.4 * total) - 0.5 * x

    agree(System.from_function(f, 6, "flow"), random((9, 6), 3))


@settings(max_examples=3, deadline=None)
@given(
    data=st.data(),
    n=st.sampled_from([1, 2, 3, 5, 9, 17]),
    kind=st.sampled_from(["flow", "map"]),
    seed=st.integers(0, 99),
)
def test_random_functions_agree_with_torch(data, n, kind, seed):
    f, _ = program(data.draw, n, seed)
    batch = data.draw(st.sampled_from([(), (3,), (2, 9)]))
    agree(System.from_function(f, n, kind), random((*batch, n), seed + 5))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(1, 40), kind=st.sampled_from(["flow", "map"]), seed=st.integers(0, 999))
def test_many_random_functions_agree_with_torch(data, n, kind, seed):
    """Torch takes a function only where all pairs of many units are an operation each, and says so."""
    f, lines = program(data.draw, n, seed)
    batch = data.draw(st.sampled_from([(), (1,), (3,), (2, 9), (17,)]))
    system, k = System.from_function(f, n, kind), data.draw(st.integers(1, 40))
    if system.kernel(1.0) is None:
        assert "lie in no order" in system.uncompiled
        assert n > 10
        assert PAIRS & {operation for _, operation, _ in lines}
        return
    agree(system, random((*batch, n), seed + 5), k=k)


def reason(f, n=3, **options):
    """Why a function takes torch; that it does, and says so."""
    system = System.from_function(f, n, "flow", **options)
    assert TangentSystem(system, torch.full((n,), 0.3, dtype=torch.float64), dt=0.01).backend == "torch"
    with pytest.raises(ValueError, match=r"^backend: nothing compiled for .*: .") as raised:
        TangentSystem(system, torch.full((n,), 0.3, dtype=torch.float64), dt=0.01, backend="compiled")
    return str(raised.value).split("cpu): ")[1]


def by_branch(x):
    return torch.stack([-row if row.sum() > 0 else -2 * row for row in x.reshape(-1, 3)]).reshape(x.shape)


def by_item(x):
    rows = [row * (1 + 0 * row[0].item()) for row in x.reshape(-1, 3)]
    return -torch.stack(rows).reshape(x.shape)


def by_numpy(x):
    return -x * float(1 + 0 * x.detach().numpy().max())


def by_list(x):
    return -x * (1 + 0 * sum(x.reshape(-1).tolist()))


REFUSED = {
    "a branch": (by_branch, "depends on the state"),
    "item": (by_item, "depends on the state"),
    "numpy": (by_numpy, r"numpy\(\)"),
    "a list": (by_list, r"tolist\(\)"),
    "equality": (lambda x: -x if torch.equal(x, x) else x, "no rule for aten.equal"),
    "random numbers": (lambda x: -x + 0 * torch.randn(3, dtype=torch.float64), "random"),
    "dropout": (lambda x: -torch.nn.functional.dropout(x, 0.0) + 0 * torch.rand(3, dtype=torch.float64), "random"),
    "single precision inside": (lambda x: -torch.tanh(x.float()).double(), "float32"),
    "no rule": (lambda x: -torch.special.i0(x), "no rule for aten.i0"),
    "order": (lambda x: -torch.sort(x, -1).values, "no rule for aten.sort"),
    "the number of true entries": (lambda x: -x * (x > 9).sum(-1, keepdim=True), "int64"),
    "complex numbers": (lambda x: -torch.fft.ifft(torch.fft.fft(x)).real, "no rule|complex"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_takes_torch_and_says_why(name):
    f, told = REFUSED[name]
    message = reason(f)
    assert re.search(told, message), message


def test_a_function_that_changes_by_itself_takes_torch():
    calls = []

    def f(x):
        calls.append(0)
        return -x * (1 + 1e-9 * len(calls))

    assert "not do the same" in reason(f)


def test_driven_systems_take_torch():
    assert reason(lambda x, t: -x + math.cos(t)) == "f depends on time"


def test_a_wrong_derivative_is_not_replaced():
    """A Jacobian that is not the derivative to rounding stands: a surrogate, say. One that is changes nothing."""
    assert "does not agree" in reason(
        lambda x: -x, jacobian=lambda x: -1.0001 * torch.eye(3, dtype=x.dtype).expand(*x.shape, 3)
    )
    assert lorenz(jacobian=True).kernel(0.01) is not None


@pytest.mark.parametrize("kind", ["flow", "map"])
def test_one_wrong_entry_among_thousands_is_seen(kind):
    """Of 60 states the derivative is seen along twenty directions."""
    W = random((60, 60), 1)
    wrong = W.clone()
    wrong[17, 42] *= 1 + 1e-6
    for J, fits in ((W, True), (wrong, False)):
        system = System.from_function(
            lambda x: x @ W.T / 8, 60, kind, jacobian=lambda x, J=J: J.expand(*x.shape, 60) / 8
        )
        assert (system.kernel(0.05) is not None) == fits


def test_parameters_are_read_for_each_spectrum():
    """x' = -a x + tanh(W x) with a tensor changed in place, a number rebound, and weights trained, between spectra."""
    a, W = torch.tensor(1.0, dtype=torch.float64), torch.nn.Linear(3, 3, bias=True, dtype=torch.float64)
    b = 0.5
    system = System.from_function(lambda x: -a * x + torch.tanh(W(x)) - b * x, 3, "flow")

    def exponent(backend):
        return lyapunov_spectrum(
            system, [0.1, 0.2, 0.3], duration=1.0, transient=0.0, dt=0.05, backend=backend
        ).exponents

    found = [exponent("compiled")]
    torch.testing.assert_close(found[0], exponent("torch"), rtol=0, atol=1e-9)
    a.mul_(2)
    b = 0.7
    with torch.no_grad():
        W.weight += 0.1
        W.bias -= 0.2
    found.append(exponent("compiled"))
    torch.testing.assert_close(found[1], exponent("torch"), rtol=0, atol=1e-9)
    assert (found[0] - found[1]).abs().min() > 0.5


def test_the_library_does_not_depend_on_constants(monkeypatch):
    texts = []
    monkeypatch.setattr(functions, "_library", lambda text, real=functions._library: texts.append(text) or real(text))
    for rho in (28.0, 1.0, 0.0, -3.0):
        lorenz(rho=rho, jacobian=False).kernel(0.01)
    assert len(set(texts)) == 1


def test_lorenz_has_its_known_exponents():
    """Their sum is the trace -(sigma + 1 + beta), the second is 0, and the first 0.9056."""
    found = lyapunov_spectrum(lorenz(jacobian=False), [1.0, 1.0, 1.0], duration=2000, transient=50, dt=0.01)
    assert found.backend == "compiled"
    assert found.exponents.sum().item() == pytest.approx(-(10 + 1 + 8 / 3), abs=5e-4)  # of the step of Runge-Kutta
    assert found.exponents[0].item() == pytest.approx(0.9056, abs=0.02)
    assert abs(found.exponents[1].item()) < 0.01


@pytest.mark.parametrize("n", [2, 9, 30])
def test_a_diagonal_map_gives_its_entries_however_far_apart(n):
    """x_i -> 10^(-3 i^2) x_i: exponents -3 i^2 log 10, down to 10^-192 in one step; batched, and by loops."""
    entries = 10.0 ** (-3 * torch.arange(n, dtype=torch.float64).clamp(max=8).square())
    system = System.from_function(lambda x: entries * x, n, "map")
    for batch in ((), (5,)):
        start = torch.ones(*batch, n, dtype=torch.float64)
        found = lyapunov_spectrum(system, start, duration=100, transient=100, k=min(n, 9), backend="compiled")
        expected = entries.log()[: min(n, 9)]
        torch.testing.assert_close(found.exponents, expected.expand_as(found.exponents), rtol=1e-6, atol=1e-6)


def test_a_singular_map_loses_a_column_as_with_torch():
    """(x, y) -> (1 - 1.4 x^2, 0.3 x): the Jacobian has rank one."""

    def f(x):
        return torch.stack((1 - 1.4 * x[..., 0] ** 2, 0.3 * x[..., 0]), -1)

    found = lyapunov_spectrum(System.from_function(f, 2, "map"), [0.1, 0.1], duration=2000, backend="compiled")
    assert found.exponents[1] == -math.inf
    assert math.isfinite(found.exponents[0])


def test_divergence_is_seen_in_the_stretch_in_which_it_happens():
    system = System.from_function(lambda x: x * x, 1, "flow")  # from 1 to infinity at t = 1
    with pytest.raises(DivergenceError) as compiled:
        lyapunov_spectrum(system, [1.0], duration=4.0, transient=0.0, dt=0.001, samples=100)
    with pytest.raises(DivergenceError) as torchs:
        lyapunov_spectrum(system, [1.0], duration=4.0, transient=0.0, dt=0.001, samples=100, backend="torch")
    assert 1.0 <= torchs.value.time <= compiled.value.time + 1e-9 <= torchs.value.time + 0.05


@pytest.mark.parametrize(
    "curve", [functional.elu, functional.selu, lambda x: functional.hardtanh(x, -1e3, 1e3), functional.relu6]
)
def test_slopes_far_out_and_on_bounds_are_those_of_torch(curve):
    def f(x):
        return curve(x) + torch.tensor([-0.5, -0.25], dtype=x.dtype) * x

    for start in ([800.0, 900.0], [1e3, 1e3], [6.0, 6.0]):
        system, x0 = System.from_function(f, 2, "map"), torch.tensor(start, dtype=torch.float64)
        expected = torch.func.jacrev(f)(x0).diagonal().abs().log().sort(descending=True)[0]
        Q = torch.eye(2, dtype=torch.float64)
        tangents = TangentSystem(system, x0, backend="compiled")
        tangents.reinitialize(x0, Q)
        assert tangents.step(1).sort(descending=True)[0].tolist() == pytest.approx(expected.tolist(), abs=1e-14)
        assert tangents.backend == "compiled"


@pytest.mark.parametrize("kind", ["flow", "map"])
def test_torch_goes_on_where_a_compiled_derivative_is_not_finite(kind):
    """|x| has no derivative at 0, but x |x| has: 0."""
    system = System.from_function(lambda x: -0.5 * x - x * torch.linalg.vector_norm(x, dim=-1, keepdim=True), 3, kind)
    rate = math.log(0.5) if kind == "map" else -0.5
    found = lyapunov_spectrum(system, torch.zeros(2, 3), duration=10, dt=0.1 if kind == "flow" else 1, transient=0)
    torch.testing.assert_close(found.exponents, torch.full((2, 3), rate, dtype=torch.float64), rtol=1e-6, atol=0)
    assert found.backend == "torch"
    away = lyapunov_spectrum(system, torch.ones(3) / 8, duration=10, dt=0.1 if kind == "flow" else 1)
    assert away.backend == "compiled"


def test_cuts_of_long_stretches_change_no_bit(monkeypatch):
    kernel = lorenz(jacobian=False).kernel(0.01)
    x, V = random((9, 3), 0), torch.linalg.qr(random((9, 3, 2), 1))[0]
    whole = kernel(x, V, 100)
    monkeypatch.setattr(shared, "WORK", 1)
    for a, b in zip(whole[:3], kernel(x, V, 100)[:3], strict=True):
        assert torch.equal(a, b)


def test_cuts_of_long_paths_change_no_bit(monkeypatch):
    kernel, x = lorenz(jacobian=False).kernel(0.01), random((2, 3), 0)
    whole, cut = torch.empty(2, 20, 2, 3, dtype=torch.float64)
    kernel.follow(x, whole)
    monkeypatch.setattr(shared, "WORK", 1)
    kernel.follow(x, cut)
    assert torch.equal(whole, cut)


@pytest.mark.parametrize("rank", [1, 2, 7, 8, 9])
def test_matrices_of_few_rows_are_packed(rank):
    """Panels have eight rows; the last is filled up, and may be the only one."""
    U, V = random((60, rank), 1, 0.2), random((rank, 60), 2, 0.2)
    system = System.from_function(lambda x: torch.tanh((x @ V.mT) @ U.mT) - x, 60, "flow")
    agree(system, random((60,), 3), k=3, steps=2)


@pytest.mark.parametrize("batch", [(), (2,), (5,)])
def test_tangents_in_parts_are_those_taken_together(batch, monkeypatch):
    W = random((50, 50), 1, 0.3)
    kernel = System.from_function(lambda x: torch.tanh(x @ W.mT) - x, 50, "flow").kernel(0.05)
    x, V = random((*batch, 50), 2), random((*batch, 50, 47), 3)
    together = kernel(x, V, 3, plain=True)
    monkeypatch.setattr(functions, "PART", 10)
    in_parts = kernel(x, V, 3, plain=True)
    assert torch.equal(in_parts[0], together[0])
    torch.testing.assert_close(in_parts[1], together[1], rtol=1e-13, atol=1e-14)


def test_large_and_wide_systems():
    """Rows by loops and matrices in panels; more tangent vectors than are kept orthonormal in C."""
    W, U = random((70, 53), 1, 0.2), random((53, 70), 2, 0.2)

    def f(x):
        return -x + torch.tanh(torch.tanh(x @ U.mT) @ W.mT + 0.1)

    system, x = System.from_function(f, 70, "flow"), random((2, 70), 3)
    for k in (1, 2, 5, 13, 70):
        agree(system, x, k=k, steps=2)
    assert system.kernel(0.05)(x, torch.eye(70, dtype=torch.float64).expand(2, 70, 70), 1)[2] is None


def test_without_a_compiler_torch_takes_over_with_a_warning():
    script = """
import warnings, torch
from ptacore import System, lyapunov_spectrum
system = System.from_function(lambda x: -x, 2, "flow")
with warnings.catch_warnings(record=True) as seen:
    for _ in range(3):
        found = lyapunov_spectrum(system, [1.0, 1.0], duration=1.0, transient=0.0, dt=0.1)
assert found.backend == "torch", found.backend
assert len(seen) == 1 and "apt-get install gcc" in str(seen[0].message), seen
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "CC": "/nowhere/cc"})


def test_recording_and_checking_import_no_compiler_of_torch_and_no_algebra():
    script = """
import sys
from ptacore import System
import torch
system = System.from_function(lambda x: torch.tanh(x), 2, "map")
before = set(sys.modules)
assert system.kernel(1.0) is not None
unwanted = "torch._dynamo", "torch._inductor", "sympy"
assert not {name for name in set(sys.modules) - before if name.startswith(unwanted)}
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("n", [2, 5])
def test_inside_f_modules_gradients_and_transforms_may_be_used(n):
    net = torch.nn.Sequential(torch.nn.Linear(n, 8), torch.nn.Tanh(), torch.nn.Linear(8, n)).double()

    def f(x):
        with torch.enable_grad():
            y = x if x.requires_grad else x.detach().requires_grad_()
            downhill = torch.autograd.grad(torch.tanh(y).square().sum(), y, create_graph=True)[0]
        return net(x) - x - 0.1 * downhill + torch.vmap(torch.sin, -1, -1)(x)

    agree(System.from_function(f, n, "flow"), random((4, n), 2))


def test_sums_of_truths_are_truths():
    """Two comparisons added, both true: 1, and not 2."""
    agree(System.from_function(lambda x: -x * ((x > -9) + (x < 9)), 2, "flow"), random((3, 2), 1))


def test_operations_in_no_order_that_a_compiler_would_take_long_for_take_torch():
    order = torch.randint(0, 100, (100, 30), generator=torch.Generator().manual_seed(0))
    assert "no order" in reason(lambda x: torch.sin(x[..., order] - x[..., None]).mean(-1), n=100)


def test_a_function_may_return_its_argument_or_a_constant():
    agree(System.from_function(lambda x: x, 2, "map"), random((3, 2), 1))
    agree(System.from_function(lambda x: torch.ones_like(x) * 0.5 + 0 * x, 2, "flow"), random((2,), 1))
