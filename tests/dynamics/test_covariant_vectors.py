"""Covariant vectors: eigenvectors, velocities, and what two independent passes have in common."""

import math

import pytest
import torch

import ptacore as pta
from ptacore import models
from ptacore.dynamics import covariant_vectors as module
from ptacore.dynamics.integrate import step_adjoint, step_tangent
from ptacore.models import LinearFlow, System

covariant_vectors = pta.covariant_vectors


def henon(s):
    return torch.stack([1 - 1.4 * s[..., 0] ** 2 + s[..., 1], 0.3 * s[..., 0]], -1)


def lorenz(s):
    x, y, z = s.unbind(-1)
    return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], -1)


HENON = System.from_function(henon, 2, kind="map")
LORENZ = System.from_function(lorenz, 3, kind="flow")


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chaotic(n=30):
    return models.TanhFlow(4.0 / math.sqrt(n) * drawn(n, n, seed=3))


def gru(u=None):
    torch.manual_seed(0)
    return models.ModuleMap(torch.nn.GRU(2, 6, dtype=torch.float64), u)


def linear_map(A):
    A = torch.as_tensor(A, dtype=torch.float64)
    return System.from_function(lambda x: x @ A.mT, len(A), kind="map")


def sines(a, b):
    """Between lines along the columns of a and b, relative to the length of both."""
    a, b = (v / torch.linalg.vector_norm(v, dim=-2, keepdim=True) for v in (a, b))
    return torch.linalg.vector_norm(a - b * (a * b).sum(-2, keepdim=True), dim=-2)


CASES = {
    "henon": (HENON, drawn(2) * 0.1, dict(duration=200, samples=200)),
    "henons": (HENON, drawn(5, 2) * 0.1, dict(duration=50, samples=50)),
    "lorenz": (LORENZ, drawn(3), dict(duration=4.0, transient=5.0, dt=0.005, samples=800)),
    "tanh network": (chaotic(), drawn(30), dict(duration=4.0, dt=0.05, samples=80, k=12)),
    "tanh network, all": (chaotic(12), drawn(12), dict(duration=4.0, dt=0.05, samples=80)),
    "gru": (gru(), drawn(6), dict(duration=30, samples=30)),
    "driven grus": (gru(drawn(60, 3, 2)), drawn(3, 6), dict(duration=30, samples=30)),
    "torch": (HENON, drawn(2) * 0.1, dict(duration=200, samples=200, backend="torch")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_tangent_map_carries_each_vector_onto_itself(name):
    system, x0, options = CASES[name]
    found = covariant_vectors(system, x0, **options)
    dt = options.get("dt", 1.0)
    assert len(found.t) == options["samples"] + 1
    for m, t in enumerate(found.t[:-1].tolist()):
        x, V = step_tangent(system, found.x[m], found.vectors[m], t, dt)
        torch.testing.assert_close(x, found.x[m + 1], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(V, found.vectors[m + 1] * found.growth[m].exp()[..., None, :], rtol=0, atol=1e-8)


def test_vectors_of_a_linear_map_are_its_eigenvectors_however_oblique():
    P = torch.eye(5, dtype=torch.float64) + 0.9 * drawn(5, 5).triu(1)
    A = P @ torch.diag(torch.tensor([0.9, -0.7, 0.5, 0.3, 0.1], dtype=torch.float64)) @ torch.linalg.inv(P)
    found = covariant_vectors(linear_map(A), drawn(5), duration=20, transient=150, samples=20)
    assert sines(found.vectors, P.expand(21, 5, 5)).max() < 1e-9
    torch.testing.assert_close(
        found.exponents, torch.tensor([0.9, 0.7, 0.5, 0.3, 0.1], dtype=torch.float64).log(), rtol=0, atol=1e-9
    )
    assert found.misalignment.max() < 1e-9


def test_a_complex_pair_spans_its_plane_and_is_said_not_to_be_settled():
    A = torch.tensor([[-0.1, -2.0, 0.3], [1.0, -0.1, 0.0], [0.0, 0.0, -1.5]], dtype=torch.float64)
    found = covariant_vectors(LinearFlow(A), drawn(3), duration=5.0, transient=20.0, dt=0.01, samples=10)
    assert found.vectors[..., 2, :2].abs().max() < 1e-9
    values, vectors = torch.linalg.eig(A)
    slow = vectors[:, values.imag.abs() < 1e-12].real
    assert sines(found.vectors[..., 2:], slow.expand(11, 3, 1)).max() < 1e-9
    assert found.misalignment[2] < 1e-9 < found.misalignment[:2].max()


def test_the_velocity_is_the_vector_of_the_exponent_zero():
    found = covariant_vectors(LORENZ, drawn(3), duration=10.0, transient=30.0, dt=0.0025, samples=100)
    assert found.exponents[0] > 0.5 > 0.2 > abs(float(found.exponents[1]))
    assert sines(found.vectors[..., 1:2], LORENZ(found.x)[..., None]).max() < 1e-7


@pytest.mark.parametrize("name", ["henon", "lorenz by Euler's steps"])
def test_vectors_lie_where_both_filtrations_meet(name):
    """The last ones are orthogonal to what covectors from the far future converge to, the first to its own past.

    By torch, and from step to step, so that both meet the same orbit to the last bit.
    """
    euler = System.from_function(lambda s: s + 0.02 * lorenz(s), 3, kind="map")
    system, x0, steps = (HENON, drawn(2) * 0.1, 50) if name == "henon" else (euler, drawn(3), 800)
    found = covariant_vectors(
        system, x0, duration=steps, transient=steps, settle=steps, samples=1, backend="torch", seed=1
    )
    x, V, path = found.x[0], drawn(len(x0), len(x0), seed=6), []
    for m in range(2 * steps):
        path.append(x)
        x, image = step_tangent(system, x, V, 0.0, 1.0)
        V = torch.linalg.qr(image)[0] if m < steps else V
    P = drawn(len(x0), len(x0), seed=5)
    for x in reversed(path[steps:]):
        P = torch.linalg.qr(step_adjoint(system, x, P, 0.0, 1.0))[0]
    vectors = found.vectors[-1]
    for j in range(len(x0)):
        assert (vectors[:, j] @ P[:, :j]).abs().sum() < 1e-5
        assert (vectors[:, j] @ V[:, j + 1 :]).abs().sum() < 1e-5
    assert sines(vectors, P)[:-1].min() > 1e-3  # they are not orthogonal themselves


def test_a_long_run_is_computed_again_in_stretches(monkeypatch):
    options = dict(duration=300, samples=150, settle=40)
    whole = covariant_vectors(HENON, [0.1, 0.1], **options)
    monkeypatch.setattr(module, "KEPT", 1)
    again = covariant_vectors(HENON, [0.1, 0.1], **options)
    for a, b in ((whole.vectors, again.vectors), (whole.growth, again.growth), (whole.x, again.x)):
        assert torch.equal(a, b)


@pytest.mark.parametrize("settle", [0, 3, 7.0])
def test_the_window_is_what_was_asked_for(settle):
    found = covariant_vectors(HENON, [0.1, 0.1], duration=20, transient=30, settle=settle, samples=4, t0=5.0)
    assert found.t.tolist() == [35.0, 40.0, 45.0, 50.0, 55.0]
    assert found.vectors.shape == (5, 2, 2)
    assert found.growth.shape == (4, 2)
    torch.testing.assert_close(torch.linalg.vector_norm(found.vectors, dim=-2), torch.ones(5, 2).double())


def test_exponents_are_those_of_the_spectrum():
    system, x0 = chaotic(), drawn(30)
    found = covariant_vectors(system, x0, duration=100.0, transient=50.0, dt=0.05, k=8, samples=50)
    spectrum = pta.lyapunov_spectrum(system, x0, duration=100.0, transient=50.0, dt=0.05, k=8)
    assert (found.exponents - spectrum.exponents).abs().max() < 0.05


def test_angles_between_vectors_and_subspaces():
    a = math.pi / 5
    A = torch.tensor([[1.0, math.cos(a), 0.0], [0.0, math.sin(a), 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    M = A @ torch.diag(torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)) @ torch.linalg.inv(A)
    found = covariant_vectors(linear_map(M), drawn(3), duration=5, transient=100, samples=5)
    for angle in (found.angles(0, 1), found.angles(1, 0), found.subspace_angles(1)):
        torch.testing.assert_close(angle, torch.full((6,), a, dtype=torch.float64))
    torch.testing.assert_close(found.subspace_angles(2), torch.full((6,), math.pi / 2, dtype=torch.float64))
    assert found.angles(1, 1).max() < 1e-12
    for wrong in (0, 3):
        with pytest.raises(ValueError, match="^split: "):
            found.subspace_angles(wrong)
    with pytest.raises(ValueError, match="^j: "):
        found.angles(0, 3)


def test_what_vanishes_cannot_be_read_backward():
    flat = linear_map([[0.5, 0.0, 0.0], [0.0, 0.2, 0.2], [0.0, 0.2, 0.2]])
    with pytest.raises(ValueError, match="^k: expected at most 2 vectors"):
        covariant_vectors(flat, [1.0, 1.0, 1.0], duration=10)
    assert covariant_vectors(flat, [1.0, 1.0, 1.0], duration=10, k=2).vectors.shape == (11, 3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(duration=0), "duration: "),
        (dict(duration=5, settle=-1), "settle: "),
        (dict(duration=5, transient=-1), "transient: "),
        (dict(duration=5, samples=0), "samples: "),
        (dict(duration=5, k=3), "k: "),
        (dict(duration=5, seed=-1), "seed: "),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        covariant_vectors(HENON, [0.1, 0.1], **options)
