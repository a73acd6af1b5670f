"""Covariant vectors: what the tangent map carries where, eigenvectors, and the intersection of two filtrations."""

import math

import numpy as np
import pytest
import torch
from reference_systems import henon, lorenz, oscillator_block, random, small_modules, stuart_landau
from scipy.linalg import subspace_angles

from ptacore import CovariantVectors, System, covariant_vectors, lyapunov_spectrum, models, trajectory
from ptacore.dynamics import covariant_vectors as module
from ptacore.dynamics.integrate import step_adjoint, step_tangent
from ptacore.models.module_map import as_system

torch.manual_seed(5)
RNN, GRU = torch.nn.RNN(2, 12), torch.nn.GRU(3, 4, num_layers=2)
with torch.no_grad():
    RNN.weight_hh_l0.mul_(5.0)  # chaotic
DRIVEN = models.ModuleMap(GRU, input=random((300, 3), 1))
CASES = {  # system, x0, window, transient, dt
    "henon": (henon(), [0.1, 0.1], 300, 60, 1.0),
    "lorenz": (lorenz(), [1.0, 2.0, 20.0], 3.0, 15.0, 0.01),
    "lorenz, a batch": (lorenz(), random((2, 3, 3), 0) + torch.tensor([0, 0, 25.0]), 1.0, 15.0, 0.01),
    "tanh RNN": (RNN, random((12,), 2), 50, 300, 1.0),
    "tanh RNN, a batch": (RNN, random((3, 12), 2), 30, 300, 1.0),
    "GRU": (small_modules()["gru"], random((8,), 3), 40, 100, 1.0),
    "GRU, driven": (DRIVEN, random((8,), 3), 60, 100, 1.0),
    "chaotic network": (models.chaos(n=40, seed=1), random((40,), 4), 0.05, 0.3, 1e-3),
    "small map": (models.TanhMap(oscillator_block(1.2, 0.5)), [0.3, 0.1], 100, 100, 1.0),
}


def carried(system, found, dt):
    """Images of all vectors at the next point, and how long they have become."""
    system, images = as_system(system), []
    for i, t in enumerate(found.times.tolist()[:-1]):
        x, V = found.states[i], found.vectors[i]
        for m in range(round((found.times[i + 1].item() - t) / dt)):
            x, V = step_tangent(system, x, V, t + m * dt, dt)
        torch.testing.assert_close(x, found.states[i + 1], rtol=1e-6, atol=1e-6)
        images.append(V)
    return torch.stack(images)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("name", CASES)
def test_the_tangent_map_carries_each_vector_onto_its_successor(name, backend):
    system, x0, window, transient, dt = CASES[name]
    found = covariant_vectors(system, x0, duration=window, transient=transient, dt=dt, samples=10**6, backend=backend)
    assert len(found.times) == round(window / dt) + 1
    assert (found.vectors.norm(dim=-2) - 1).abs().max() < 1e-14
    images, growth = carried(system, found, dt), found.growth.exp()[..., None, :]
    off = (images - growth * found.vectors[1:]).abs()
    assert off.max() <= 1e-8
    assert (off <= 1e-8 * growth + 1e-10).all()  # also of short images: what the rounding of products leaves


def test_points_may_be_far_apart():
    """Farther than columns stay independent: decompositions lie between them."""
    found = covariant_vectors(lorenz(), [1.0, 2.0, 20.0], duration=20.0, transient=15.0, dt=0.01, samples=10)
    dense = covariant_vectors(lorenz(), [1.0, 2.0, 20.0], duration=20.0, transient=15.0, dt=0.01, samples=2000)
    torch.testing.assert_close(found.states, dense.states[::200], rtol=1e-6, atol=1e-5)
    assert found.angle(0, 2).allclose(dense.angle(0, 2)[::200], atol=1e-5)
    total = dense.growth.unflatten(0, (10, 200)).sum(1)
    torch.testing.assert_close(found.growth, total, rtol=1e-6, atol=1e-5)
    assert (found.times.diff() - 2.0).abs().max() < 1e-9


def matrix_of(n, seed, moduli):
    """Non-normal, with the given moduli of eigenvalues; those that come twice belong to a complex pair."""
    rng = np.random.default_rng(seed)
    blocks, i = np.zeros((n, n)), 0
    while i < n:
        if i + 1 < n and moduli[i] == moduli[i + 1]:
            blocks[i : i + 2, i : i + 2] = oscillator_block(moduli[i], rng.uniform(0.3, 2.8))
            i += 2
        else:
            blocks[i, i] = moduli[i] * rng.choice([-1, 1])
            i += 1
    S = np.linalg.qr(rng.normal(size=(n, n)))[0] @ (np.eye(n) + np.triu(rng.normal(size=(n, n)), 1))
    return torch.from_numpy(S @ blocks @ np.linalg.inv(S))


def linear_map(A):
    return System.from_function(lambda x: x @ A.T, len(A), "map")


@pytest.mark.parametrize("seed", range(5))
def test_of_a_linear_map_they_are_its_eigenvectors_and_their_dual_its_left_ones(seed):
    moduli = [1.4, 1.0, 0.7, 0.45, 0.3]
    A = matrix_of(5, seed, moduli)
    found = covariant_vectors(linear_map(A), torch.zeros(5), duration=20, transient=150, samples=20)
    V = found.vectors
    product = A @ V
    along = (product * V).sum(-2, keepdim=True)
    assert (product - along * V).abs().max() < 1e-11
    np.testing.assert_allclose(along[7, 0].abs(), moduli, atol=1e-11)
    np.testing.assert_allclose(found.growth, np.log(moduli) + np.zeros((20, 1)), atol=1e-11)
    left = torch.linalg.inv(V[3])
    assert (left @ A - along[3].mT * left).abs().max() < 1e-9 * left.abs().max()
    assert found.misalignment.max() < 1e-9


def test_of_a_linear_flow_they_are_its_eigenvectors():
    A = matrix_of(4, 3, [1.4, 1.1, 0.6, 0.2])
    found = covariant_vectors(models.LinearFlow(A), torch.zeros(4), duration=1.0, transient=120.0, dt=0.05)
    rates, vectors = torch.linalg.eig(A)
    vectors = vectors.real[:, rates.real.argsort(descending=True)]
    assert module._angle(found.vectors.mT, vectors.T).max() < 1e-9


def test_complex_pairs_span_their_plane_and_say_that_they_are_no_more_than_that():
    A = matrix_of(6, 2, [1.3, 0.8, 0.8, 0.5, 0.2, 0.2])
    found = covariant_vectors(linear_map(A), torch.zeros(6), duration=10, transient=200, samples=10)
    values, vectors = torch.linalg.eig(A)
    for first, modulus in ((1, 0.8), (4, 0.2)):
        pair = vectors[:, (values.abs() - modulus).abs().argmin()]
        plane = torch.stack([pair.real, pair.imag], -1)
        for V in found.vectors[..., first : first + 2]:
            assert subspace_angles(V.numpy(), plane.numpy()).max() < 1e-9
    settled = found.misalignment < 1e-6
    assert settled[0].tolist() == [True, False, True, True, False, True]  # of the spans of the first i
    assert settled[1].tolist() == [True, True, False, True, True, False]


def test_the_velocity_is_the_vector_of_exponent_zero():
    cases = [(stuart_landau(), [1.0, 0.0], 5.0, 30.0, 0.02, 0), (lorenz(), [1.0, 2.0, 20.0], 2.0, 25.0, 0.01, 1),
             (models.limit_cycle(), random((20,), 0), 0.05, 2.0, 5e-4, 0)]  # fmt: skip
    for system, x0, window, transient, dt, i in cases:
        found = covariant_vectors(system, x0, duration=window, transient=transient, dt=dt, samples=20, k=i + 1)
        # a Runge-Kutta step is not the flow: its own tangent carries the velocity along to fourth order only
        velocity = torch.nn.functional.normalize(system(found.states), dim=-1)
        assert module._angle(found.vectors[..., i], velocity).max() < 2e-5


def filtrations(system, x, dt, far):
    """Vectors at the middle of an orbit x (T + 1, n) as intersections: the first i directions of a far past, and what
    is orthogonal to the first i - 1 of the adjoint from a far future. Neither pass knows of the other."""
    n = x.shape[-1]
    generator = torch.Generator().manual_seed(9)
    F, G = torch.linalg.qr(torch.randn(2, n, n, generator=generator, dtype=torch.float64))[0]
    forward, backward = [], []
    for i in range(len(x) - far):
        if i >= far:
            forward.append(F)
        F = torch.linalg.qr(step_tangent(system, x[i], F, i * dt, dt)[1])[0]
    for i in reversed(range(far, len(x) - 1)):
        G = torch.linalg.qr(step_adjoint(system, x[i], G, i * dt, dt))[0]
        if i < len(x) - far:
            backward.append(G)
    found = []
    for F, G in zip(forward, reversed(backward), strict=True):
        vectors = []
        for i in range(1, n + 1):
            coordinates = torch.linalg.svd(G[:, : i - 1].T @ F[:, :i])[2][-1]
            vectors.append(F[:, :i] @ coordinates)
        found.append(torch.stack(vectors, -1))
    return torch.stack(found)


@pytest.mark.parametrize("name", ["henon", "lorenz", "network"])
def test_they_are_the_intersection_of_what_past_and_future_single_out(name):
    system, x0, dt, far, count = {
        "henon": (henon(), [0.1, 0.1], 1.0, 40, 100),
        "lorenz": (lorenz(), [1.0, 2.0, 20.0], 0.02, 900, 100),
        "network": (models.TanhMap(random((5, 5), 8, 0.9)), random((5,), 1), 1.0, 250, 20),
    }[name]
    x0 = trajectory(system, x0, duration=200 * dt, dt=dt)[1][-1]
    x = trajectory(system, x0, duration=(2 * far + count) * dt, dt=dt)[1]
    expected = filtrations(system, x, dt, far)
    found = covariant_vectors(
        system, x0, duration=count * dt, transient=far * dt, dt=dt, samples=count, backend="torch"
    )
    torch.testing.assert_close(found.states, x[far : far + count + 1], rtol=0, atol=1e-12)
    told = found.misalignment.amax(0) < 1e-3
    assert told.any()
    angles = module._angle(found.vectors.mT, expected[: count + 1].mT)
    smallest = min(found.angle(i, j).min().item() for i in range(system.dim) for j in range(i))
    assert angles[..., told].max() < 1e-7 / smallest + 10 * found.misalignment[:, told].max()


def lozi(a=1.4, b=0.3):
    return System.from_function(
        lambda x: torch.stack((1 - a * x[..., 0].abs() + x[..., 1], b * x[..., 0]), -1), 2, "map"
    )


def test_the_lozi_map_is_hyperbolic_and_the_henon_map_is_not():
    """Figure 1a of Ginelli et al. (2007). Slopes of unstable directions obey s' = b / (s -+ a), so that |s| <= s* with
    s* (a - s*) = b; those of stable ones are steeper than b / s*: their angle has a bound in closed form."""
    a, b = 1.4, 0.3
    flat = (a - math.sqrt(a * a - 4 * b)) / 2
    bound = math.atan(b / flat) - math.atan(flat)
    angles = {}
    for name, system in (("lozi", lozi(a, b)), ("henon", henon(a, b))):
        found = covariant_vectors(system, random((20, 2), 0, 0.01), duration=500, transient=100, samples=500)
        angles[name] = found.angle(0, 1)
    assert bound - 1e-9 <= angles["lozi"].min() < bound + 0.01
    assert angles["henon"].min() < 0.005
    assert angles["henon"].max() > 1.5


def test_volumes_grow_by_the_determinant():
    """What the vectors grow by, with the volumes that they span: log |det| = log 0.3 a step."""
    found = covariant_vectors(henon(), [0.1, 0.1], duration=200, transient=50, samples=10)
    volume = torch.linalg.slogdet(found.vectors)[1]
    torch.testing.assert_close(
        found.growth.sum(-1) + volume.diff(),
        torch.full((10,), 20 * math.log(0.3), dtype=torch.float64),
        rtol=0,
        atol=1e-9,
    )


def test_rates_and_exponents_are_those_of_the_spectrum():
    x0 = random((40, 2), 0, 0.01)
    found = covariant_vectors(henon(), x0, duration=2000, transient=100, samples=20)
    assert found.rates.shape == (20, 40, 2)
    torch.testing.assert_close(found.rates.mean(0), found.exponents, rtol=1e-12, atol=1e-12)
    mean, error = found.exponents.mean(0), found.exponents.std(0) / 40**0.5
    assert ((mean - torch.tensor([0.41922, -1.62319])).abs() < 3 * error + 1e-4).all()
    spectrum = lyapunov_spectrum(models.TanhMap(0.5 * torch.eye(3)), random((3,), 0), duration=50)
    vectors = covariant_vectors(models.TanhMap(0.5 * torch.eye(3)), random((3,), 0), duration=50, transient=10)
    torch.testing.assert_close(vectors.exponents, spectrum.exponents, rtol=1e-6, atol=1e-6)


def bursts(z):
    """A relaxation oscillator: stretches that were long in the quiet are taken again, shorter, in the jumps."""
    x, y = z.unbind(-1)
    return torch.stack((y, 10 * (1 - x * x) * y - x), -1)


CASES_AGAIN = CASES | {"bursts": (System.from_function(bursts, 2, "flow"), [1.0, 1.0], 60.0, 20.0, 0.005)}


@pytest.mark.parametrize("name", ["tanh RNN, a batch", "GRU, driven", "lorenz", "bursts"])
def test_what_is_not_kept_is_computed_again_to_the_last_bit(name, monkeypatch):
    system, x0, window, transient, dt = CASES_AGAIN[name]
    arguments = dict(duration=window, transient=transient, dt=dt, samples=7 if name != "bursts" else 60)
    kept, calls = covariant_vectors(system, x0, **arguments), []
    monkeypatch.setattr(module, "KEPT", 0)
    go_back = module.TangentSystem.go_back
    monkeypatch.setattr(module.TangentSystem, "go_back", lambda *a: (calls.append(1), go_back(*a)))
    again = covariant_vectors(system, x0, **arguments)
    assert len(calls) > 3
    assert (again.vectors == kept.vectors).all()
    assert (again.growth == kept.growth).all()


def test_batches_equal_loops_and_members_can_be_taken_out():
    system, x0 = models.TanhMap(random((4, 4), 1, 0.9)), random((3, 4), 2)
    together = covariant_vectors(system, x0, duration=5, transient=200, samples=5)
    assert isinstance(together[1], CovariantVectors)
    for i in range(3):
        alone = covariant_vectors(system, x0[i], duration=5, transient=200, samples=5)
        torch.testing.assert_close(together[i].states, alone.states, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(together[i].growth.sum(-1), alone.growth.sum(-1), rtol=1e-6, atol=1e-6)
        assert together[i].misalignment.shape == (2, 4)
        assert together[i].vectors.shape == (6, 4, 4)
    assert torch.equal(together[1:].states, together.states[:, 1:])


def test_misalignment_tells_how_far_the_vectors_are_from_where_they_belong():
    """Against long transients, as these grow: the distance at the ends is that which is told, up to a factor."""
    x0 = trajectory(lorenz(), [1.0, 2.0, 20.0], duration=42.0, dt=0.01)[1]
    exact = covariant_vectors(lorenz(), x0[1000], duration=2.0, transient=20.0, dt=0.01, samples=2)
    for T in (1.0, 3.0):
        short = covariant_vectors(lorenz(), x0[3000 - round(100 * T)], duration=2.0, transient=T, dt=0.01, samples=2)
        torch.testing.assert_close(short.states, exact.states, rtol=1e-4, atol=1e-4)
        wrong = module._angle(short.vectors.mT, exact.vectors.mT)
        assert 0.01 * wrong[0].max() < short.misalignment[0].max() + 1e-7
        assert 0.01 * wrong[2].max() < short.misalignment[1].max() + 1e-7
        assert short.misalignment[0].max() < 100 * wrong[0].max() + 1e-6
        assert short.misalignment[1].max() < 100 * wrong[2].max() + 1e-6
    bare = covariant_vectors(lorenz(), x0[1000], duration=2.0, transient=0.0, dt=0.01)
    assert (bare.misalignment[0, :2] > 0.1).all()
    few = covariant_vectors(lorenz(), x0[1000], duration=2.0, dt=0.01, k=2)
    every = covariant_vectors(lorenz(), x0[1000], duration=2.0, dt=0.01)
    torch.testing.assert_close(few.misalignment[0], every.misalignment[0, :2], rtol=1e-6, atol=1e-9)
    one = covariant_vectors(lorenz(), x0[1000], duration=2.0, transient=0.0, dt=0.01, k=1)
    assert one.misalignment[0].item() > 0.05
    assert one.misalignment[1].item() == 0


def test_angles_are_those_of_subspaces_with_all_digits_of_small_ones():
    found = covariant_vectors(models.TanhMap(random((6, 6), 4)), random((6,), 1), duration=5, transient=100, samples=5)
    for V, halves, pairs in zip(
        found.vectors, found.principal_angles(2), found.principal_angles([0, 3], [5, 1, 2]), strict=True
    ):
        V = V.numpy()
        np.testing.assert_allclose(halves, np.sort(subspace_angles(V[:, :2], V[:, 2:])), atol=1e-12)
        np.testing.assert_allclose(pairs, np.sort(subspace_angles(V[:, [0, 3]], V[:, [5, 1, 2]])), atol=1e-12)
    torch.testing.assert_close(found.principal_angles([1], [4])[:, 0], found.angle(1, 4), rtol=0, atol=1e-14)
    for angle in (1e-12, 1e-5, 0.7, math.pi / 2):
        u, v = torch.tensor([[1.0, 0.0], [-math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        assert module._angle(u, v).item() == pytest.approx(angle, rel=1e-9)
        assert module._principal_angles(u[:, None], v[:, None]).item() == pytest.approx(angle, rel=1e-9)


def test_directions_that_a_singular_map_has_not_are_refused():
    A = matrix_of(4, 1, [1.2, 0.7, 0.4, 0.2])
    B = A @ torch.diag(torch.tensor([1.0, 1.0, 0.0, 0.0]).double())
    with pytest.raises(ValueError, match="^k: expected at most 2, since the tangent map is singular"):
        covariant_vectors(linear_map(B), torch.zeros(4), duration=10)
    assert covariant_vectors(linear_map(B), torch.zeros(4), duration=10, k=2).vectors.shape == (11, 4, 2)
    with pytest.raises(ValueError, match="^system: the tangent map vanishes"):
        covariant_vectors(models.TanhMap(torch.zeros(2, 2)), torch.zeros(2), duration=10)


@pytest.mark.parametrize(
    ("bad", "named"),
    [({"k": 4}, "k"), ({"duration": 0}, "duration"), ({"transient": -1}, "transient"), ({"dt": None}, "dt"),
     ({"backward_transient": math.nan}, "backward_transient"), ({"samples": 0}, "samples"), ({"x0": [1.0]}, "x0"),
     ({"backend": "gpu"}, "backend"), ({"seed": -1}, "seed"), ({"t0": math.inf}, "t0")],
)  # fmt: skip
def test_bad_arguments_are_named(bad, named):
    arguments = {"x0": [1.0, 2.0, 20.0], "duration": 1.0, "dt": 0.01} | bad
    with pytest.raises(ValueError, match=f"^{named}: "):
        covariant_vectors(lorenz(), **arguments)


def test_vectors_that_are_not_there_are_named():
    found = covariant_vectors(lorenz(), [1.0, 2.0, 20.0], duration=1.0, dt=0.01)
    for call, name in [(lambda: found.angle(0, 3), "j"), (lambda: found.principal_angles(3), "first"),
                       (lambda: found.principal_angles([0], [0]), "second"),
                       (lambda: found.principal_angles([]), "first"),
                       (lambda: found.principal_angles([0, 1, 2]), "second")]:  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name}: "):
            call()


def test_inputs_that_end_too_early_are_named_and_results_go_on():
    with pytest.raises(ValueError, match="^input: has 300 steps"):
        covariant_vectors(DRIVEN, torch.zeros(8), duration=200, transient=60)
    found = covariant_vectors(DRIVEN, torch.zeros(8), duration=100, transient=60)
    assert found.times[[0, -1]].tolist() == [60.0, 160.0]
    later = covariant_vectors(DRIVEN, found, duration=40, transient=0, backward_transient=60)
    torch.testing.assert_close(later.states[0], found.states[-1])
    assert later.times[0] == 160.0


def test_single_precision():
    system = models.TanhMap(random((4, 4), 1, 0.9)).to(torch.float32)
    found = covariant_vectors(system, random((4,), 2), duration=5, transient=50, samples=5)
    assert found.vectors.dtype == torch.float32
    images = carried(system, found, 1.0)
    assert (images - found.growth.exp()[:, None] * found.vectors[1:]).abs().max() < 1e-4


@pytest.mark.cuda
def test_on_the_gpu():
    system = models.TanhFlow(random((30, 30), 1, 1.5 / 30**0.5)).to("cuda")
    found = covariant_vectors(system, random((3, 30), 0).cuda(), duration=1.0, transient=10.0, dt=0.05, samples=20)
    images = carried(system, found, 0.05)
    assert (images - found.growth.exp()[..., None, :] * found.vectors[1:]).abs().max() < 1e-8
