import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore import lyapunov_spectrum
from ptacore.heading.ring_attractors import RingAttractor, large_ring, small_ring
from ptacore.kernels.tangents import available

HEADINGS = st.floats(-10, 10)
LARGE = large_ring()


def off(a, b):
    return ((a - b + math.pi) % math.tau - math.pi).abs()


def uniform(n=8, seed=0, gain="relu", batch=(), **options):
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(*batch, n, n, generator=generator, dtype=torch.float64) / math.sqrt(n)
    return RingAttractor(W, torch.randn(n, generator=generator, dtype=torch.float64), gain=gain, **options)


def states(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def relaxation(ring, heading):
    """Eigenvalues times the time constant, in increasing order, of one held heading."""
    eigenvalues = torch.linalg.eigvals(ring.jacobian(ring.held(torch.tensor(heading)))) * ring.tau
    assert eigenvalues.imag.abs().max() < 1e-6  # rows and columns are scaled symmetric matrices
    return eigenvalues.real.sort().values


@settings(max_examples=8)
@given(st.lists(HEADINGS, min_size=1, max_size=20), st.integers(3, 6), st.floats(-18, -10))
def test_a_small_ring_holds_every_heading_exactly(headings, active, inhibition):
    ring, headings = small_ring(active=active, inhibition=inhibition), torch.tensor(headings, dtype=torch.float64)
    u = ring.held(headings)
    assert ring(u).abs().max() < 1e-9  # rounding
    assert off(ring.decode(u), headings).max() < 1e-9


@settings(max_examples=4)
@given(st.lists(HEADINGS, min_size=1, max_size=20))
def test_a_large_ring_holds_every_heading(headings):
    headings = torch.tensor(headings, dtype=torch.float64)
    u = LARGE.held(headings)
    assert LARGE(u).abs().max() < 1e-9  # at rest but for rounding
    assert (
        off(LARGE.decode(u), headings).max() < (math.pi / 100) ** 3
    )  # two bumps that far apart, mixed, are exact halfway too


@settings(max_examples=8)
@given(st.integers(3, 6), st.integers(0, 7), st.floats(0.02, 0.98))
def test_a_small_rings_jacobian_has_one_zero_eigenvalue_and_negative_others(active, place, part):
    """The active set changes where a neuron is at its threshold: at neurons for even numbers, else halfway."""
    heading = (place + part + (active % 2) / 2) * math.tau / 8
    eigenvalues = relaxation(small_ring(active=active, inhibition=-10.0), heading)
    assert abs(eigenvalues[-1]) < 1e-9
    assert (eigenvalues[:-1] < -0.1).all()


@settings(max_examples=5)
@given(HEADINGS)
def test_a_large_rings_jacobian_has_one_zero_eigenvalue_and_negative_others(heading):
    eigenvalues = relaxation(LARGE, heading)
    assert abs(eigenvalues[-1]) < 1e-6
    assert (eigenvalues[:-1] < -0.1).all()


@pytest.mark.parametrize("gain", ["relu", "softplus"])
@pytest.mark.parametrize("seed", range(3))
def test_the_jacobian_is_that_of_automatic_differentiation(gain, seed):
    ring = uniform(seed=seed, gain=gain, tau=torch.rand(8, dtype=torch.float64) + 0.1)
    u = states(8, seed=seed)
    automatic = torch.autograd.functional.jacobian(ring, u)
    assert torch.allclose(ring.jacobian(u), automatic, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gain", ["relu", "softplus"])
def test_many_networks_at_once_are_each_by_itself(gain):
    many, u = uniform(batch=(5, 1), gain=gain), states(5, 3, 8)
    tau = torch.rand(5, 1, 8, dtype=torch.float64) + 0.1
    many.tau = tau
    flow, jacobian = many(u), many.jacobian(u)
    for i in range(5):
        one = RingAttractor(many.W[i, 0], many.b, tau[i, 0], gain)
        assert torch.allclose(flow[i], one(u[i]), rtol=1e-12)
        assert torch.allclose(jacobian[i], one.jacobian(u[i]), rtol=1e-12)
        assert torch.allclose(many(u[:1])[i], one(u[0]), rtol=1e-12)  # a state given to every network
    each = RingAttractor(many.W.expand(5, 3, 8, 8), many.b, 0.1, gain)  # as many networks as states
    assert torch.allclose(each(u), RingAttractor(many.W, many.b, 0.1, gain)(u), rtol=1e-12)


@given(st.integers(5, 20).flatmap(lambda n: st.tuples(st.just(n), st.integers(3, n - 2))), st.floats(-50, -0.1))
def test_the_excitation_makes_the_sine_of_the_active_neither_grow_nor_decay(numbers, inhibition):
    n, m = numbers
    W = small_ring(n=n, active=m, inhibition=inhibition).W[:m, :m]
    sine = torch.sin((torch.arange(m, dtype=torch.float64) - (m - 1) / 2) * math.tau / n)
    assert torch.allclose(W @ sine, sine, rtol=0, atol=1e-12 * abs(inhibition) * n)


@settings(max_examples=30)
@given(st.integers(8, 16), st.floats(4, 10))
def test_without_regularization_a_large_ring_keeps_its_tuning(n, sharpness):
    """Harmonics down to I_8(4) / I_0(4) = 5e-5 are divided by: rounding, times that."""
    ring = large_ring(n=n, sharpness=sharpness, regularization=0.0)
    rates = 1 + 39 * torch.exp(sharpness * (torch.cos(math.tau * torch.arange(n, dtype=torch.float64) / n) - 1))
    u = torch.log(torch.expm1((rates / 6.34) ** 1.25)) / 10
    assert torch.allclose(ring.rates(u), rates, rtol=1e-9)
    assert torch.allclose(ring.W @ rates + ring.b, u, rtol=0, atol=1e-9)


def test_a_ring_works_where_its_weights_are():
    for ring in (small_ring(), large_ring()):
        state = ring.held([0.5])
        with torch.device("meta"):  # where tensors are made that are given no device
            assert ring.jacobian(state).device.type == ring.device.type == "cpu"
            assert torch.equal(ring.held([0.5]), state)
            assert ring.decode(state).item() == pytest.approx(0.5, abs=1e-3)
    assert ring.to(torch.float32).decode(state.float()).dtype == torch.float32


def test_a_ring_keeps_its_drive_and_time_constants_when_the_users_change():
    b, tau = torch.ones(2, 6, dtype=torch.float64)
    ring = RingAttractor(torch.eye(6), b, tau)
    before = ring(tau.clone())
    b += 2
    tau += 1
    assert torch.equal(ring(torch.ones(6, dtype=torch.float64)), before)


def test_the_lyapunov_spectrum_of_a_small_ring_has_one_zero():
    ring, heading = small_ring(), 0.3
    spectrum = lyapunov_spectrum(ring, ring.held(torch.tensor(heading)), duration=20.0, dt=0.01)
    assert (spectrum.n_zero, spectrum.n_positive) == (1, 0)
    eigenvalues = relaxation(ring, heading).flip(0) / ring.tau
    assert torch.allclose(spectrum.smooth_exponents, eigenvalues, rtol=0, atol=spectrum.resolution)


@pytest.mark.skipif(not available(), reason="no C compiler on this machine")
def test_rings_of_one_time_constant_take_the_kernel_and_agree_with_torch():
    ring = small_ring()
    draw = torch.Generator().manual_seed(0)
    shape = ((8, 8), (3, 1, 8, 8))  # one ring; three, each in the states of two headings
    for W in (ring.W * (1 + 0.05 * torch.randn(s, generator=draw, dtype=torch.float64)) for s in shape):
        changed = RingAttractor(W, ring.b, tau=0.1)
        start = ring.held(torch.tensor([0.3, 1.1])) + 0.01
        run = {"duration": 20.0, "transient": 1.0, "dt": 0.02, "k": 3}
        compiled, expected = (lyapunov_spectrum(changed, start, **run, backend=b) for b in ("auto", "torch"))
        assert (compiled.backend, expected.backend) == ("compiled", "torch")
        torch.testing.assert_close(compiled.exponents, expected.exponents, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(compiled.state, expected.state, rtol=1e-9, atol=1e-9)


def test_rings_that_the_kernel_cannot_take_do_without():
    ring = small_ring()
    for other in (
        RingAttractor(ring.W, ring.b, tau=torch.linspace(0.1, 0.2, 8)),
        RingAttractor(ring.W, ring.b, gain="softplus"),
    ):
        assert other.kernel(0.01) is None


@pytest.mark.parametrize(
    "ring",
    [
        RingAttractor(torch.zeros(8, 8), -1.0),  # silent
        RingAttractor(torch.zeros(8, 8), 1.0),  # every neuron alike
        RingAttractor(5 * torch.eye(8), 1.0),  # grows
        large_ring(n=16),  # pinned to its neurons
    ],
)
def test_a_ring_that_holds_no_bump_is_refused(ring):
    with pytest.raises(ValueError, match="heading: the network does not hold it"):
        ring.held(torch.tensor([0.13, 2.0], dtype=torch.float64))


def test_a_state_that_shows_the_heading_but_is_not_at_rest_is_refused():
    with pytest.raises(ValueError, match="heading: .* not at rest"):
        small_ring().held(torch.tensor([0.0], dtype=torch.float64), steps=1)


def test_strong_inhibition_is_no_hindrance():
    heading = torch.tensor([0.0, 0.3], dtype=torch.float64)
    ring = small_ring(inhibition=-60.0)
    assert off(ring.decode(ring.held(heading)), heading).max() < 1e-9


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: RingAttractor(torch.ones(8), 1.0), "W"),
        (lambda: RingAttractor(torch.full((8, 8), math.nan), 1.0), "W"),
        (lambda: RingAttractor(torch.eye(8), torch.ones(3)), "b"),
        (lambda: RingAttractor(torch.eye(8), 1.0, tau=torch.ones(3)), "tau"),
        (lambda: RingAttractor(torch.eye(8), 1.0, tau=0.0), "tau"),
        (lambda: RingAttractor(torch.eye(8), 1.0, tau=math.nan), "tau"),
        (lambda: RingAttractor(torch.eye(8), 1.0, gain="tanh"), "gain"),
        (lambda: small_ring(active=2), "active"),
        (lambda: small_ring(active=7), "active"),
        (lambda: small_ring(active=4.5), "active"),
        (lambda: small_ring(inhibition=0.0), "inhibition"),
        (lambda: small_ring(inhibition=math.nan), "inhibition"),
        (lambda: small_ring(tau=-1.0), "tau"),
        (lambda: large_ring(n=7), "n"),
        (lambda: large_ring(sharpness=0.0), "sharpness"),
        (lambda: large_ring(regularization=-1.0), "regularization"),
        (lambda: large_ring(n=30, sharpness=1.0, regularization=0.0), "regularization"),
    ],
)
def test_rings_that_cannot_be_are_refused(make, name):
    with pytest.raises(ValueError, match=f"{name}"):
        make()
