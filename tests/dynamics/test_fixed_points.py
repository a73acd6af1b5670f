import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import henon, lorenz, random
from scipy.optimize import brentq

from ptacore import System, fixed_points, models


def test_two_fixed_points_are_where_algebra_puts_them():
    """Stable (1/0.65, 0) and its mirror, a saddle on the diagonal at 1/1.65; the other units at 1/(1 - w_ii)."""
    found = fixed_points(models.two_fixed_points())
    rest = [1 / 1.01, 1 / 1.02, 1 / 1.03, 1 / 1.01]
    expected = [[0, 1 / 0.65, *rest], [1 / 1.65, 1 / 1.65, *rest], [1 / 0.65, 0, *rest]]
    np.testing.assert_allclose(found.points, expected, rtol=1e-12, atol=1e-15)
    assert found.stable.tolist() == [True, False, True]
    assert found.eigenvalues[1, 0].real == pytest.approx(0.35)
    np.testing.assert_allclose(found.eigenvalues[0].real, [-0.65, -1, -1.01, -1.01, -1.02, -1.03], rtol=1e-12)
    assert found.lines == []


def test_the_line_attractor_is_a_segment():
    found = fixed_points(models.line_attractor())
    assert len(found) == 0
    (line,) = found.lines
    ends = line[line[:, 0].argsort()]
    np.testing.assert_allclose(ends, [[0, 1] + [1 / 3] * 4, [1, 0] + [1 / 3] * 4], atol=1e-12)
    between = 0.3 * line[0] + 0.7 * line[1]
    assert models.line_attractor()(between).abs().max() < 1e-12


@settings(max_examples=40)
@given(n=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_enumeration_finds_all_that_newton_finds_and_only_fixed_points(n, seed):
    rng = np.random.default_rng(seed)
    system = models.ReLUFlow(rng.normal(0, 1.5 / np.sqrt(n), (n, n)), rng.normal(size=n))
    exact = fixed_points(system)
    assert len(exact) == 0 or system(exact.points).abs().max() < 1e-9
    searched = fixed_points(system, starts=3 * random((200, n), seed))
    for p in searched.points:
        assert (exact.points - p).norm(dim=-1).min() < 1e-5


def test_a_perturbed_line_attractor_keeps_no_line():
    W = models.line_attractor().W.clone()
    W[0, 1] *= 1.01
    found = fixed_points(models.ReLUFlow(W, 1.0))
    assert found.lines == []
    assert len(found) >= 1


def test_newton_finds_lorenz_and_henon_points():
    c = np.sqrt(8 / 3 * 27)
    found = fixed_points(lorenz(), starts=20 * random((300, 3), 0))
    np.testing.assert_allclose(found.points, [[-c, -c, 27], [0, 0, 0], [c, c, 27]], atol=1e-8)
    assert not found.stable.any()
    found = fixed_points(henon())  # x = 1 - 1.4 x^2 + 0.3 x
    expected = np.sort(np.roots([1.4, 0.7, -1]))
    np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-9)
    assert found.eigenvalues.shape == (2, 2)


def test_one_fixed_point_is_minus_the_inverse_times_the_input():
    system = models.one_fixed_point()
    found = fixed_points(system)
    np.testing.assert_allclose(found.points, -torch.linalg.solve(system.A, system.b)[None], rtol=1e-8)
    assert found.stable.tolist() == [True]


def test_no_fixed_point_is_an_empty_answer():
    found = fixed_points(models.LinearFlow([[0.0]], b=1.0))
    assert len(found) == 0
    assert found.eigenvalues.shape == (0, 1)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="^system: "):
        fixed_points(models.TanhMap(torch.zeros(3, 2, 2)))
    with pytest.raises(ValueError, match="^starts: "):
        fixed_points(lorenz(), starts=torch.zeros(5, 2))


def function(f, dim, kind="flow", **options):
    return System.from_function(f, dim, kind, **options)


def stack(*entries):
    return torch.stack(entries, -1)


def squared(x):
    return (x**2).sum(-1, keepdim=True)


# isolated fixed points, and no others


@pytest.mark.parametrize("seed", range(12))
def test_a_default_gru_has_one_fixed_point(seed):
    """h = (1 - z) n + z h with z < 1 makes h = n(h), a weak map of the cube into itself: its iterates converge."""
    torch.manual_seed(seed)
    system = models.ModuleMap(torch.nn.GRU(3, 8))
    h = torch.zeros(8, dtype=torch.float64)
    for _ in range(2000):
        h = system(h)
    found = fixed_points(system)
    np.testing.assert_allclose(found.points, h[None], atol=1e-12)
    assert found.stable.all()
    assert not found.families


@pytest.mark.parametrize("gain", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("unit", [models.GRUMap, models.GRUFlow])
def test_gates_that_saturate_add_no_fixed_points(unit, gain):
    W, W_r, W_z = (random((8, 8), seed, gain) for seed in (1, 2, 3))
    system = unit(W, W_r=W_r, W_z=W_z)
    x = fixed_points(system).points
    r, _ = system._gates(x)
    candidate = torch.tanh(r * (x @ W.T)) if unit is models.GRUMap else torch.tanh((r * x) @ W.T)
    np.testing.assert_allclose(x, candidate, atol=1e-11)
    assert x.abs().max() <= 1
    assert any((p.abs() < 1e-12).all() for p in x)  # without biases the origin is one


FADING = {
    "Gaussian": (lambda x: -x * torch.exp(-squared(x)), 1),
    "Gaussian in two dimensions": (lambda x: -x * torch.exp(-squared(x)), 2),
    "hyperbolic secant": (lambda x: x / torch.cosh(3 * x), 3),
}


@pytest.mark.parametrize("spread", [2.0, 100.0])
@pytest.mark.parametrize("name", FADING)
def test_a_field_that_fades_out_has_its_one_root(name, spread):
    """Far away F underflows: it is 0 and so is its derivative, but nothing rests there."""
    f, n = FADING[name]
    for kind, g in (("flow", f), ("map", lambda x: x + f(x))):
        found = fixed_points(function(g, n, kind), torch.cat([spread * random((200, n), 5), 0.1 * random((9, n))]))
        assert not found.families
        np.testing.assert_allclose(found.points, np.zeros((1, n)), atol=1e-15)


@pytest.mark.parametrize("f", [torch.exp, lambda x: 1 / (1 + x**2), lambda x: 1e-12 + x**2, lambda x: 2 + torch.sin(x)])
def test_where_nothing_vanishes_nothing_is_found(f):
    found = fixed_points(function(f, 1))
    assert len(found) == 0
    assert not found.families


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_units_of_state_and_time_do_not_matter(size, factor):
    def f(x):
        return factor * size * (x / size * (1 - (x / size) ** 2) * torch.exp(-squared(x / size)) + 0.01)

    def points(f, starts):
        return fixed_points(function(f, 2), starts).points

    starts = random((100, 2), 1)
    here = points(f, size * starts) / size
    plain = points(lambda x: x * (1 - x**2) * torch.exp(-squared(x)) + 0.01, starts)
    assert len(here) == len(plain) > 3
    for p in here:
        assert (plain - p).norm(dim=-1).min() < 1e-9


@settings(max_examples=25)
@given(n=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_products_of_cubics_have_all_their_roots(n, seed):
    """x' = A ((x_1 - r_1k) products): the grid of the roots, for an invertible A."""
    rng = np.random.default_rng(seed)
    roots = np.add(np.sort(rng.uniform(-2, 2, (n, 3)), 1), [-0.2, 0, 0.2])
    A, r = torch.as_tensor(rng.normal(size=(n, n)) + 3 * np.eye(n)), torch.as_tensor(roots)
    found = fixed_points(function(lambda x: ((x[..., None] - r).prod(-1)) @ A.T, n), random((400, n), seed, 2.0))
    grid = np.array(list(product(*roots)))
    assert len(found) == 3**n
    assert not found.degenerate.any()
    np.testing.assert_allclose(found.points, grid, atol=1e-8)


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_uncoupled_bistable_units_have_a_grid_of_fixed_points(n):
    """x = tanh(2 x) at 0 and two signs of one number: 3^n points, the 2^n without a 0 stable."""
    found = fixed_points(models.TanhMap(2 * torch.eye(n)), None if n <= 4 else random((3000, n), 3))
    rest = brentq(lambda x: np.tanh(2 * x) - x, 0.5, 1)
    np.testing.assert_allclose(found.points, list(product((-rest, 0, rest), repeat=n)), atol=1e-12)
    assert found.stable.sum() == 2**n


def test_a_hopfield_network_rests_at_its_patterns():
    """x = tanh(g W x) with one pattern p of signs: m p, where m = tanh(g m), besides the origin."""
    p = random((12,), 3).sign()
    found = fixed_points(models.TanhMap(1.5 * torch.outer(p, p) / 12))
    m = brentq(lambda m: np.tanh(1.5 * m) - m, 0.1, 1)
    signs = [s for s in (-1, 1) if s * p[0] < 0] + [0] + [s for s in (-1, 1) if s * p[0] > 0]
    np.testing.assert_allclose(found.points, torch.stack([s * m * p for s in signs]), atol=1e-11)
    assert found.stable.tolist() == [True, False, True]


class OwnGRU(torch.nn.GRU):
    def forward(self, x, h=None):  # so that it is read through its forward
        return super().forward(x, h)


@pytest.mark.parametrize("seed", range(3))
def test_a_gru_read_through_its_forward_has_the_fixed_points_of_the_gru(seed):
    torch.manual_seed(seed)
    own = OwnGRU(3, 8)
    plain = torch.nn.GRU(3, 8)
    plain.load_state_dict(own.state_dict())
    found, expected = fixed_points(own), fixed_points(plain)
    assert not found.families
    np.testing.assert_allclose(found.points, expected.points, atol=1e-12)


def gated(n, gain, kind, seed):
    """z h + (1 - z) tanh(W (r h)), or what moves h there, and its fixed points' condition h - tanh(W (r h))."""
    W, W_r, W_z = (random((n, n), seed + k, gain) for k in range(3))

    def excess(h):
        return torch.tanh((torch.sigmoid(h @ W_r.T) * h) @ W.T) - h

    def f(h):
        z = torch.sigmoid(h @ W_z.T)
        return (1 - z) * excess(h) if kind == "flow" else z * h + (1 - z) * (excess(h) + h)

    return f, excess


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(("kind", "gain"), [("map", 1.0), ("map", 3.0), ("map", 8.0), ("flow", 3.0)])
def test_gates_of_a_function_saturate_without_adding_families(kind, gain, mixed):
    """1 - z is positive, so only where the candidate is h does anything rest, in whichever coordinates."""
    f, excess = gated(5, gain, kind, seed=11)
    A = random((5, 5), 4) + 2 * torch.eye(5) if mixed else torch.eye(5, dtype=torch.float64)
    B = torch.linalg.inv(A)
    found = fixed_points(function(lambda y: f(y @ B.T) @ A.T, 5, kind))
    assert not found.families
    np.testing.assert_allclose(excess(found.points @ B.T), 0, atol=1e-10)
    assert any((p.abs() < 1e-12).all() for p in found.points)


def lstm(state, W, peephole):
    h, c = state.chunk(2, -1)
    i, f, g, o = (h @ W.T).chunk(4, -1)
    c = torch.sigmoid(f + c @ peephole.T) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)


SATURATED = {  # f, dimension, kind, how many fixed points there are
    "LSTM": (lambda x: lstm(x, random((16, 4), 2, 3.0), 0 * torch.eye(4, dtype=torch.float64)), 8, "map", None),
    "LSTM with peepholes": (lambda x: lstm(x, random((12, 3), 2), random((3, 3), 3, 3.0)), 6, "map", None),
    "leak": (lambda x: x - torch.sigmoid(-x @ random((4, 4), 1, 4.0)) * x, 4, "map", 1),
    "sharp late gate": (lambda x: -torch.sigmoid(50 - 10 * x) * x, 1, "flow", 1),
    "gate of a bistable unit": (
        lambda x: stack(-torch.sigmoid(-9 * x[..., 1]) * x[..., 0], 2 * torch.tanh(x[..., 1]) - x[..., 1]),
        2,
        "flow",
        3,
    ),
    "secants of each other": (lambda x: -x / torch.cosh(3 * x.flip(-1)), 2, "flow", 1),
    "a Gaussian in one equation": (
        lambda x: stack(-x[..., 0] * torch.exp(-(x[..., 1] ** 2)), torch.tanh(x[..., 0] / 2) - x[..., 1]),
        2,
        "flow",
        1,
    ),
    "exponential": (lambda x: -x * torch.exp(5 * x), 1, "flow", 1),
    "1 - tanh^2": (lambda x: 1 - torch.tanh(x) ** 2, 1, "flow", 0),
    "(1 - tanh) times a polynomial": (lambda x: (torch.tanh(x) - 1) * (x**2 + 1), 1, "flow", 0),
    "complementary error function": (torch.erfc, 1, "flow", 0),
    "softmax": (lambda x: -torch.softmax(10 * x, -1) * (x - 1), 3, "flow", 1),
}


@pytest.mark.parametrize("name", SATURATED)
def test_saturation_and_underflow_are_not_families(name):
    f, n, kind, count = SATURATED[name]
    found = fixed_points(function(f, n, kind))
    assert not found.families
    assert count is None or len(found) == count


def test_single_precision_tells_tails_from_families_too():
    f = gated(4, 3.0, "map", seed=11)[0]
    tail = function(lambda h: f(h.double()).float(), 4, "map", dtype=torch.float32)
    gate = function(lambda h: -torch.sigmoid(-3 * h) * h, 1, dtype=torch.float32)
    line = function(lambda x: stack(0 * x[..., 0], -x[..., 1]), 2, dtype=torch.float32)
    circle = function(lambda x: x * (1 - squared(x)), 2, dtype=torch.float32)
    assert [len(fixed_points(system).families) for system in (tail, gate, line, circle)] == [0, 0, 1, 1]


# degenerate fixed points


DEGENERATE = {  # f, dimension, root, how many digits its multiplicity leaves
    "cube": (lambda x: -(x**3), 1, [0], 1e-12),
    "saddle-node": (lambda x: x**2, 1, [0], 1e-12),
    "fourth power": (lambda x: x**4, 1, [0], 1e-12),
    "expanded square": (lambda x: x**2 - 2 * x + 1, 1, [1], 1e-7),
    "expanded cube": (lambda x: x**3 - 3 * x**2 + 3 * x - 1, 1, [1], 1e-4),
    "one of two directions": (lambda x: stack(-(x[..., 0] ** 3), -x[..., 1]), 2, [0, 0], 1e-12),
    "complex square": (lambda x: stack(x[..., 0] ** 2 - x[..., 1] ** 2, 2 * x[..., 0] * x[..., 1]), 2, [0, 0], 1e-12),
    "pitchfork": (lambda x: torch.tanh(x) - x, 1, [0], 1e-5),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_roots_are_found_once_and_marked(name):
    f, n, root, digits = DEGENERATE[name]
    for kind, g in (("flow", f), ("map", lambda x: x + f(x))):
        found = fixed_points(function(g, n, kind))
        np.testing.assert_allclose(found.points, [root], atol=digits if kind == "flow" else max(digits, 1e-3))
        assert found.degenerate.tolist() == [True]
        assert found.stable.tolist() == [False]
        assert not found.families


def test_a_saddle_node_before_at_and_after():
    for gap, expected in ((1e-12, []), (0.0, [0]), (-1e-12, [-1e-6, 1e-6])):
        found = fixed_points(function(lambda x, gap=gap: x**2 + gap, 1))
        np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-12)
        assert found.degenerate.tolist() == [gap == 0] * len(expected)


def test_a_hopf_point_is_not_called_stable():
    found = fixed_points(function(lambda x: stack(-x[..., 1] - x[..., 0] ** 3, x[..., 0] - x[..., 1] ** 3), 2))
    assert len(found) == 1
    assert not found.degenerate.any()
    assert not found.stable.any()


@pytest.mark.parametrize("n", [2, 5, 8])
def test_a_jordan_block_is_stable(n):
    found = fixed_points(models.LinearFlow(torch.diag(torch.ones(n - 1), 1) - torch.eye(n)))
    assert found.stable.tolist() == [True]


def test_stability_on_a_threshold_is_not_decided():
    """-x + ReLU(2 x) is -x below the threshold and x above."""
    for starts in (None, random((50, 1))):
        found = fixed_points(models.ReLUFlow([[2.0]]), starts)
        np.testing.assert_allclose(found.points, [[0]], atol=1e-15)
        assert found.degenerate.tolist() == [True]
        assert found.stable.tolist() == [False]


# families


@settings(max_examples=20)
@given(n=st.integers(1, 8), missing=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_a_linear_system_rests_in_its_null_space(n, missing, seed):
    rank = max(n - missing, 0)
    A = random((n, rank), seed) @ random((rank, n), seed + 1)
    shift = random((n,), seed + 2)
    found = fixed_points(models.LinearFlow(A, A @ shift))
    (family,) = found.families
    assert len(found) == 0
    assert family.dimension == n - rank
    assert family.kind in ("line", "plane", "flat")
    assert (A @ (family.points + shift).T).norm() < 1e-9 * family.points.norm()
    assert (A @ family.tangent).norm() < 1e-9 * family.points.norm()
    none = fixed_points(models.LinearFlow(A, A @ shift + torch.linalg.svd(A).U[:, -1]))
    assert len(none) == 0
    assert not none.families


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_sphere_of_fixed_points(n):
    """r' = r (1 - r^2): the origin, and a sphere with tangents across its radii."""
    found = fixed_points(function(lambda x: x * (1 - squared(x)), n))
    np.testing.assert_allclose(found.points, np.zeros((1, n)), atol=1e-15)
    (family,) = found.families
    assert family.dimension == n - 1
    assert family.kind == ["curve", "surface", "manifold"][n - 2]
    np.testing.assert_allclose(family.points.norm(dim=-1), 1, atol=1e-12)
    np.testing.assert_allclose(torch.einsum("mi,mid->md", family.points, family.tangent), 0, atol=1e-7)


def test_two_circles_are_two_families():
    found = fixed_points(function(lambda x: x * (1 - squared(x)) * (4 - squared(x)), 2))
    radii = sorted(family.points.norm(dim=-1).mean().item() for family in found.families)
    assert [family.dimension for family in found.families] == [1, 1]
    assert radii == pytest.approx([1, 2])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_maps_that_leave_states_where_they_are(n):
    for f in (lambda x: 1 * x, torch.relu):
        found = fixed_points(function(f, n, "map"))
        (family,) = found.families
        assert len(found) == 0
        assert family.dimension == n
        np.testing.assert_allclose(f(family.points), family.points, atol=1e-12)


CONTACTS = {  # families that F leaves by a power of the distance, or next to which another direction fades out
    "ray": (lambda x: torch.relu(x), 1, 1),
    "quadratic edge": (lambda x: torch.relu(x) ** 2, 1, 1),
    "cubic edge": (lambda x: torch.relu(x) ** 3, 1, 1),
    "dead zone": (lambda x: x.clamp(-1, 1) - x, 3, 3),
    "line": (lambda x: stack(torch.tanh(x[..., 1]), -x[..., 1] - x[..., 1] ** 3), 2, 1),
    "cubic line": (lambda x: stack(0 * x[..., 0], -(x[..., 1] ** 3)), 2, 1),
    "line, push fades along it": (lambda x: stack(x[..., 1] * torch.exp(-(x[..., 0] ** 2)), -x[..., 1]), 2, 1),
    "line, pull fades across it": (lambda x: stack(0 * x[..., 0], -x[..., 1] / torch.cosh(x[..., 1])), 2, 1),
    "parabola": (lambda x: stack(0 * x[..., 0], x[..., 0] ** 2 - x[..., 1]), 2, 1),
    "circle that fades out": (lambda x: x * (1 - squared(x)) * torch.exp(-squared(x)), 2, 1),
    "conserved sum": (lambda x: stack(-1.0 * x[..., 0], x[..., 0]) * (1 + x[..., 1:] ** 2), 2, 1),
}


@pytest.mark.parametrize("name", CONTACTS)
def test_families_of_other_contacts_are_kept(name):
    f, n, dimension = CONTACTS[name]
    (family,) = fixed_points(function(f, n)).families
    assert family.dimension == dimension
    np.testing.assert_allclose(f(family.points), 0, atol=1e-12)


@pytest.mark.parametrize("mixed", [False, True])
def test_an_integrator_beside_gated_units_makes_lines_of_their_fixed_points(mixed):
    f, _ = gated(4, 2.0, "map", seed=11)
    Q = torch.linalg.qr(random((5, 5), 2)).Q if mixed else torch.eye(5, dtype=torch.float64)

    def both(y):
        x = y @ Q
        return torch.cat([x[..., :1], f(x[..., 1:])], -1) @ Q.T

    alone, found = fixed_points(function(f, 4, "map")), fixed_points(function(both, 5, "map"))
    assert len(found) == 0
    assert {family.dimension for family in found.families} == {1}
    apart = torch.cdist(
        (torch.cat([family.points for family in found.families]) @ Q)[:, 1:],
        alone.points,
        compute_mode="donot_use_mm_for_euclid_dist",
    )
    assert apart.min(1).values.max() < 1e-9
    assert apart.min(0).values.max() < 1e-9


def ring():
    side = torch.arange(6, dtype=torch.float64) * math.tau / 6
    return models.ReLUFlow((-4 + 4 * torch.cos(side[:, None] - side)) / 6, 1.0)


def test_line_and_ring_attractors_are_families_for_newton_too():
    for system, kind, isolated in ((models.line_attractor(), "line", 0), (ring(), "curve", 1)):
        found = fixed_points(system, 2 * random((400, 6)))
        (family,) = found.families
        assert len(found) == isolated
        assert family.dimension == 1
        assert family.kind == kind
        segments = [f.points[:2] for f in fixed_points(system).families]
        for p in family.points:
            assert min(off_segment(p, *ends) for ends in segments) < 1e-9


def off_segment(p, a, b):
    t = ((p - a) @ (b - a) / ((b - a) @ (b - a))).clip(0, 1)
    return (a + t * (b - a) - p).norm()


def test_faces_of_threshold_linear_networks():
    """x = ReLU(x) is an orthant; x_i = ReLU(1 - sum of the others) a triangle; on the diagonal a ray."""
    (orthant,) = fixed_points(models.ReLUFlow(torch.eye(3))).families
    assert (orthant.dimension, orthant.kind, orthant.bounded) == (3, "flat", False)
    assert (orthant.points >= 0).all()
    found = fixed_points(models.ReLUFlow(torch.eye(3) - 1, 1.0))
    (triangle,) = found.families
    assert (triangle.dimension, triangle.kind, triangle.bounded, len(found)) == (2, "plane", True, 0)
    np.testing.assert_allclose(triangle.points.sum(-1), 1, rtol=1e-12)
    (ray,) = fixed_points(models.ReLUFlow(torch.full((4, 4), 0.25))).families
    assert (ray.dimension, ray.kind, ray.bounded) == (1, "line", False)
    np.testing.assert_allclose(ray.points, ray.points.mean(-1, keepdim=True).expand(-1, 4), atol=1e-12)
    (line,) = fixed_points(models.ReLUFlow([[1.0, 0.0], [0.0, 0.5]], [0.0, 1.0])).families
    np.testing.assert_allclose(line.points[:, 1], 2, rtol=1e-12)
    assert not line.bounded


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_enumeration_scales_with_the_bias(size):
    found, plain = (fixed_points(models.ReLUFlow(models.two_fixed_points().W, b)) for b in (size, 1.0))
    np.testing.assert_allclose(found.points / size, plain.points, rtol=1e-12, atol=1e-15)
    (line,) = fixed_points(models.ReLUFlow(models.line_attractor().W, size)).lines
    assert (line[0] - line[1]).norm() / size == pytest.approx(math.sqrt(2))


# what is accepted


def test_trainable_weights_and_modules_are_taken():
    torch.manual_seed(0)
    layer, rnn = torch.nn.Linear(4, 4).double(), torch.nn.RNN(2, 4)
    found = fixed_points(function(lambda x: torch.tanh(layer(x)), 4, "map"))
    expected = fixed_points(models.TanhMap(layer.weight.detach(), layer.bias.detach()))
    np.testing.assert_allclose(found.points, expected.points, atol=1e-12)
    assert not found.points.requires_grad
    np.testing.assert_array_equal(fixed_points(rnn).points, fixed_points(models.ModuleMap(rnn)).points)
    W = torch.nn.Parameter(0.5 * torch.eye(2, dtype=torch.float64))
    assert len(fixed_points(function(lambda x: x @ W - 1, 2, jacobian=lambda x: W.T.expand(*x.shape, 2)))) == 1
    with torch.inference_mode():
        assert len(fixed_points(function(lambda x: 1 - x**2, 1))) == 2


def test_single_precision_finds_what_double_finds():
    for system in (models.TanhMap(2 * torch.eye(3)), models.TanhFlow(random((6, 6), 1))):
        single, double = fixed_points(system.to(torch.float32)), fixed_points(system)
        assert len(single) == len(double)
        np.testing.assert_allclose(single.points, double.points, atol=1e-5)


def test_driven_systems_are_refused_and_frozen_ones_taken():
    for driven in (function(lambda x, t: -x + math.cos(t), 1), models.ModuleMap(torch.nn.RNN(2, 4), torch.zeros(9, 2))):
        with pytest.raises(ValueError, match="^system: expected an autonomous system, got one that depends on time"):
            fixed_points(driven)
        assert len(fixed_points(driven.at(0))) >= 1
    np.testing.assert_allclose(fixed_points(function(lambda x, t: -x + math.cos(t), 1).at(0.0)).points, [[1.0]])


@pytest.mark.parametrize("tolerance", [0, -1, 1, math.nan, math.inf, "x", None])
def test_a_tolerance_out_of_range_is_named(tolerance):
    with pytest.raises(ValueError, match="^tolerance: "):
        fixed_points(lorenz(), tolerance=tolerance)


def test_other_bad_arguments_are_named():
    for seed in (-1, 0.5, "x"):
        with pytest.raises(ValueError, match="^seed: "):
            fixed_points(lorenz(), seed=seed)
    assert len(fixed_points(henon(), seed=np.int64(3))) == 2
    for starts in ([[math.nan] * 3], [], [[]]):
        with pytest.raises(ValueError, match="^starts: "):
            fixed_points(lorenz(), starts)
    with pytest.raises(TypeError, match="^starts: "):
        fixed_points(lorenz(), "x")
    with pytest.raises(TypeError, match="^system: "):
        fixed_points(lambda x: x)
