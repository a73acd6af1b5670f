import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from reference_systems import lorenz, package_systems, random
from torch.func import jacrev

from ptacore import System, lyapunov_spectrum, trajectory
from ptacore.dynamics.integrate import step
from ptacore.kernels import tangents

SYSTEMS = package_systems()


@pytest.mark.parametrize("name", SYSTEMS)
def test_jacobian_and_its_products_are_the_derivative_of_the_field(name):
    system, _ = SYSTEMS[name]
    x = random((4, system.dim), 3, 0.4)
    V = random((4, system.dim, 3), 4)
    J = torch.stack([jacrev(system)(row) for row in x])
    torch.testing.assert_close(system.jacobian(x), J, rtol=1e-12, atol=1e-12)
    F, JV = system.jvp(x, V)
    torch.testing.assert_close(F, system(x), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(JV, J @ V, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(system.vjp(x, V), J.mT @ V, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SYSTEMS)
def test_any_leading_axes_are_a_batch(name):
    system, _ = SYSTEMS[name]
    x = random((2, 3, system.dim), 5, 0.4)
    for method in (system, system.jacobian):
        one_by_one = torch.stack([method(row) for row in x.reshape(-1, system.dim)])
        torch.testing.assert_close(method(x).reshape(one_by_one.shape), one_by_one, rtol=1e-13, atol=1e-13)


def test_autograd_and_analytic_jacobians_agree():
    x = random((7, 3), 0, 5.0)
    V = random((7, 3, 2), 1)
    given, derived = lorenz(jacobian=True), lorenz(jacobian=False)
    torch.testing.assert_close(derived.jacobian(x), given.jacobian(x))
    torch.testing.assert_close(derived.jvp(x, V)[1], given.jvp(x, V)[1])
    torch.testing.assert_close(derived.vjp(x, V), given.vjp(x, V))


@pytest.mark.parametrize("name", ["chaos", "linear", "tanh-map", "gru"])
def test_to_changes_the_precision_of_everything(name):
    system, dt = SYSTEMS[name]
    x = trajectory(system.to(torch.float32), random((system.dim,), 1, 0.1), duration=10 * dt, dt=dt)[1]
    exact = trajectory(system, random((system.dim,), 1, 0.1), duration=10 * dt, dt=dt)[1]
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.double(), exact, rtol=1e-4, atol=1e-5)
    assert system.dtype == torch.float64


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((lambda x: x, 3, "wave"), "kind"),
        ((lambda x: x, 0, "map"), "dim"),
        ((lambda x: x[..., :2], 3, "map"), "f"),
        ((lambda x: 1.0, 3, "map"), "f"),
        ((lambda x: torch.tanh(torch.ones(2, 2, dtype=torch.float64) @ x), 2, "map"), "f"),  # of one state only
        ((lambda x: x[:, [1, 0]], 2, "map"), "f"),  # of a batch only
        ((lambda x: x - x.mean(0, keepdim=x.ndim > 1), 2, "map"), "f"),  # mixes the batch
        ((lambda x: -x, 2, "flow", lambda x: -torch.ones(2)), "jacobian"),
    ],
)
def test_from_function_names_the_bad_argument(arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        System.from_function(*arguments)


def lacking(x):
    return x.no_such_thing


def unpacked(x):
    a, b, c = x
    return torch.stack((b, c, a), -1)


def silent(x):
    raise AssertionError


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lacking, "no_such_thing"),
        (unpacked, r"too many values to unpack .*; take the entries of a state by x.unbind\(-1\)"),
        (silent, "AssertionError"),
        (lambda x: {}["a"], "'a'"),
        (lambda x: 1 / 0, "division by zero"),
        (lambda x: torch.linalg.cholesky(torch.diag_embed(x)), "cholesky"),
    ],
)
def test_what_a_function_raises_is_told_with_its_name(f, words):
    with pytest.raises(ValueError, match=rf"^f: must take states \(\.\.\., 3\); for .* it raised: .*{words}"):
        System.from_function(f, 3, "map")
    with pytest.raises(ValueError, match=rf"^jacobian: must take states \(\.\.\., 3\); for .* it raised: .*{words}"):
        System.from_function(lambda x: -x, 3, "map", jacobian=f)


@pytest.mark.parametrize(
    ("jacobian", "words"),
    [
        (lambda x: 1.0, r"must map \(\.\.\., 2\) to \(\.\.\., 2, 2\); for \(5, 2\) it gave float"),
        (lambda x: None, "it gave NoneType"),
        (lambda x: -torch.eye(2).double(), r"for \(5, 2\) it gave \(2, 2\)"),
        (lambda x: -torch.eye(2).expand(*x.shape, 2), "must keep the states' dtype"),
        (lambda x: -torch.eye(2).double().expand(5, 2, 2), r"for \(2,\) it gave \(5, 2, 2\)"),
        (lambda x: (x.ndim - 3) * torch.eye(2).double().expand(*x.shape, 2), "on a batch it differs"),
    ],
)
def test_what_is_no_jacobian_is_told(jacobian, words):
    with pytest.raises(ValueError, match=f"^jacobian: .*{words}"):
        System.from_function(lambda x: -x, 2, "flow", jacobian=jacobian)


def test_a_function_of_numpy_is_told_what_to_write():
    W = np.eye(2)
    with pytest.raises(ValueError, match="^f: .*write it with torch"):
        System.from_function(lambda x: np.tanh(W @ x), 2, "map")


def test_what_cannot_be_differentiated_is_refused_and_not_taken_for_constant():
    system = System.from_function(lambda x: torch.from_numpy(-x.detach().numpy()), 2, "flow")
    with pytest.raises(ValueError, match="^f: cannot be differentiated"):
        system.jacobian(torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("x0", [[1.0, 2.0], 3.0, [1.0, float("nan"), 0.0], [[1.0, 2.0]]])
def test_states_are_checked(x0):
    with pytest.raises(ValueError, match="^x0: "):
        lorenz().as_state(x0)


# ---- time


def test_a_function_of_state_and_time_is_driven_and_one_of_the_state_alone_is_not():
    pushed = System.from_function(lambda x, t: -x + math.cos(t), 1, "flow")
    x = torch.zeros(1, dtype=torch.float64)
    assert pushed.driven
    assert [pushed.at(t)(x).item() for t in (0, 1.5)] == [1.0, math.cos(1.5)]
    assert torch.equal(pushed.at(2.0).jacobian(x), -torch.eye(1).double())
    for f in (lambda x: -x, lambda x, rate=2.0: -rate * x, torch.tanh, torch.nn.Tanh()):
        assert not System.from_function(f, 1, "flow").driven

    class Net(torch.nn.Module):
        def forward(self, x, t):
            return -x + t

    assert System.from_function(Net(), 1, "map").at(3)(x).item() == 3
    given_too = System.from_function(
        lambda x, t: -t * x, 1, "flow", jacobian=lambda x, t: -t * torch.eye(1).double().expand(*x.shape, 1)
    )
    assert given_too.at(5).jacobian(x).item() == -5


def test_the_order_of_scipy_is_refused():
    with pytest.raises(ValueError, match=r"^f: expected f\(x\) or f\(x, t\), got f\(t, x\)"):
        System.from_function(lambda t, x: -x, 1, "flow")


def test_a_subclass_with_at_is_driven():
    class Pushed(System):
        kind, dim = "flow", 1

        def at(self, t):
            return System.from_function(lambda x: -x + t, 1, "flow")

    assert Pushed().driven
    assert not lorenz().driven


def test_a_wrong_jacobian_is_refused():
    with pytest.raises(ValueError, match="^jacobian: is not the derivative of f"):
        System.from_function(lambda x: x**2, 2, "flow", jacobian=lambda x: torch.diag_embed(x))
    right = System.from_function(torch.relu, 2, "map", jacobian=lambda x: torch.diag_embed((x > 0).double()))
    assert right.jacobian(torch.tensor([1.0, -1.0]).double()).tolist() == [[1, 0], [0, 0]]
    with pytest.raises(ValueError, match="^f: must keep the states' dtype"):
        System.from_function(lambda x: x.float(), 2, "map")


def test_trainable_weights_and_inference_mode_are_no_obstacle():
    net = torch.nn.Linear(3, 3).double()
    system = System.from_function(lambda x: torch.tanh(net(x)), 3, "map")
    with torch.inference_mode():
        J = system.jacobian(torch.ones(3, dtype=torch.float64))
    expected = (1 - torch.tanh(net(torch.ones(3).double())) ** 2)[:, None] * net.weight
    torch.testing.assert_close(J, expected.detach())
    assert not J.requires_grad


@pytest.mark.parametrize("batch", [(), (1,), (2,), (5,), (2, 3)])
@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_function_never_sees_more_than_one_batch_axis(batch, backend):
    """With two, a transposition is another one: the derivative of states (1, 2) or (2, 2) was wrong in silence."""

    def halves(x):
        a, b = x.unbind(-1)
        return torch.stack((a / 2, b / 4)).transpose(0, -1)

    def of_halves(x):
        zero = 0 * x[..., 0]
        return torch.stack((zero + 0.5, zero, zero, zero + 0.25)).transpose(0, -1).unflatten(-1, (2, 2))

    system, x = System.from_function(halves, 2, "map"), random((*batch, 2), 1)
    J = torch.diag(torch.tensor([0.5, 0.25], dtype=torch.float64))
    assert torch.equal(system(x), x @ J)
    assert torch.equal(system.jacobian(x), J.expand(*batch, 2, 2))
    given = System.from_function(halves, 2, "map", of_halves)
    assert torch.equal(given.jacobian(x), J.expand(*batch, 2, 2))
    exponents = lyapunov_spectrum(system, x, duration=40, transient=60, backend=backend).exponents
    torch.testing.assert_close(exponents, J.diagonal().log().expand(*batch, 2), rtol=0, atol=1e-12)


def test_the_precision_of_autocast_is_refused_and_does_not_touch_doubles():
    W = random((3, 3), 0)
    double = System.from_function(lambda x: torch.tanh(x @ W.to(x.dtype).T), 3, "map")
    single = System.from_function(double.f, 3, "map", dtype=torch.float32)
    expected = trajectory(double, random((3,), 1), duration=5).x
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(trajectory(double, random((3,), 1), duration=5).x, expected)
        for compute in (trajectory, lyapunov_spectrum):
            with pytest.raises(ValueError, match="^system: expected torch.float32 .* torch.bfloat16"):
                compute(single, random((3,), 1), duration=5)
        with torch.autocast("cpu", enabled=False):
            torch.testing.assert_close(trajectory(single, random((3,), 1), duration=5).x, expected.float())


@pytest.mark.parametrize("kind", ["flow", "map"])
def test_a_function_may_write_on_what_it_is_given(kind):
    W = random((3, 3), 0)

    def f(x):
        x.clamp_(-1, 1)
        x *= 0.5
        return torch.tanh(x @ W.T)

    system = System.from_function(f, 3, kind)
    plain = System.from_function(lambda x: torch.tanh(x.clamp(-1, 1) * 0.5 @ W.T), 3, kind)
    x = random((2, 3), 1, 3.0)
    before = x.clone()
    torch.testing.assert_close(system(x), plain(x))
    torch.testing.assert_close(system.jacobian(x), plain.jacobian(x))
    torch.testing.assert_close(
        trajectory(system, x, duration=3, dt=1.0).x, trajectory(plain, x, duration=3, dt=1.0).x, rtol=1e-13, atol=1e-13
    )
    for backend in ("torch", "auto"):
        found, expected = (
            lyapunov_spectrum(s, x, duration=9, dt=1.0, backend=backend).exponents for s in (system, plain)
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert torch.equal(x, before)


@pytest.mark.skipif(not tangents.available(), reason="no C compiler on this machine")
@pytest.mark.parametrize("kind", ["flow", "map"])
def test_long_trajectories_of_functions_are_compiled_and_those_of_torch(kind):
    W = random((40, 40), 0, 2 / 40**0.5)
    system = System.from_function(lambda x: torch.tanh(x @ W.T) - (x if kind == "flow" else 0), 40, kind)
    x, dt = random((2, 40), 1), 0.01 if kind == "flow" else 1.0
    few, many = system.compiled_from // 4 - 1, system.compiled_from
    assert system.orbit(x[0], 0, few, dt) is None
    assert system.orbit(x[0].clone().requires_grad_(), 0, many, dt) is None
    assert system.orbit(x, 0, many, dt) is None  # torch multiplies many states by one matrix faster
    states = trajectory(system, x[0], duration=50 * dt, transient=many * dt, dt=dt).x
    assert torch.equal(states, system.orbit(x[0], many, 50, dt))
    for before, after in pairwise(states):
        torch.testing.assert_close(after, step(system, before, 0.0, dt), rtol=0, atol=1e-13)
