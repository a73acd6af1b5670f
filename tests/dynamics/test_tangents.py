"""A state and its tangent vectors, step by step."""

import math

import pytest
import torch
from reference_systems import lorenz

import ptacore.dynamics.tangents as tangents_module
from ptacore import DivergenceError, System, TangentSystem, lyapunov_spectrum, models
from ptacore.dynamics.orthonormal import orthonormalize_graded


@pytest.mark.parametrize("system", [models.limit_cycle(), lorenz()], ids=["compiled", "torch"])
def test_growth_step_by_step_is_what_the_spectrum_averages(system):
    x0 = torch.linspace(0.1, 1.0, system.dim)
    whole = lyapunov_spectrum(system, x0, duration=2.0, transient=1.0, dt=0.01, k=3, seed=5)
    tangents = TangentSystem(system, x0, dt=0.01, k=3, seed=5)
    tangents.step(100)
    growth = sum(tangents.step(1) for _ in range(200))
    torch.testing.assert_close(growth / 2.0, whole.exponents, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(tangents.x, whole.state, rtol=0, atol=1e-9)
    assert tangents.time == pytest.approx(3.0)


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_stretches_are_told_without_changing_where_the_basis_is_orthonormalized(backend, monkeypatch):
    """Growth up to an end in the middle of an interval is that of a basis orthonormalized there."""
    network = models.TanhFlow(1.8 * torch.randn(12, 12, generator=torch.Generator().manual_seed(3)) / 12**0.5)
    start = {"dt": 0.05, "k": 7, "backend": backend}
    often, seldom = (TangentSystem(network, torch.linspace(-1, 1, 12), **start) for _ in range(2))
    often.step(300), seldom.step(300)
    single = torch.stack([often.step(1) for _ in range(200)])
    decompositions, counted = [], tangents_module.orthonormalize
    monkeypatch.setattr(tangents_module, "orthonormalize", lambda *a, **b: decompositions.append(1) or counted(*a, **b))
    growth, lost = seldom.stretches([1, 0, 2, 40, 7, 150])
    assert len(decompositions) <= 8
    expected = torch.stack([part.sum(0) for part in single.split([1, 0, 2, 40, 7, 150])])
    torch.testing.assert_close(growth, expected, rtol=1e-9, atol=1e-9)
    assert not lost.any()
    torch.testing.assert_close(seldom.x, often.x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_parameters_are_read_where_it_starts_anew(backend):
    """x <- a x has the exponent log a."""
    a = torch.tensor([0.5], dtype=torch.float64)
    network = models.TanhMap([[0.5, 0.0], [0.0, 0.5]])  # at 0
    function = System.from_function(lambda x: a * x, 1, "map")
    for system, n in ((function, 1), (network, 2)):
        tangents = TangentSystem(system, torch.zeros(n), backend=backend)
        assert tangents.step(10).tolist() == pytest.approx(n * [10 * math.log(0.5)])
        a.mul_(0.5)
        network.W *= 0.5
        tangents.reinitialize(torch.zeros(n))
        assert tangents.step(10).tolist() == pytest.approx(n * [10 * math.log(0.25)])
        a.mul_(2)
        network.W *= 2


def test_volumes_grow_by_the_trace_and_vectors_stay_orthonormal():
    A = torch.tensor([[-0.3, 1.0, 0.0], [0.0, 0.2, -2.0], [0.5, 0.0, -0.7]], dtype=torch.float64)
    tangents = TangentSystem(models.LinearFlow(A), torch.zeros(4, 3), dt=0.01)
    growth = tangents.step(500)
    torch.testing.assert_close(growth.sum(-1), torch.full((4,), 5.0 * A.trace().item()).double(), rtol=1e-9, atol=0)
    eye = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    torch.testing.assert_close(tangents.Q.mT @ tangents.Q, eye, rtol=0, atol=1e-13)


def test_a_vector_that_is_given_is_the_one_that_is_carried():
    A = torch.diag(torch.tensor([-1.0, 0.5], dtype=torch.float64))
    tangents = TangentSystem(models.LinearFlow(A), [1.0, 1.0], dt=0.001, k=1)
    for Q, rate in (([[3.0], [0.0]], -1.0), ([[0.0], [0.1]], 0.5)):
        tangents.reinitialize([1.0, 1.0], Q, t0=2.0)
        assert tangents.time == 2.0
        assert tangents.step(1000).item() == pytest.approx(rate, rel=1e-9)
        assert tangents.time == pytest.approx(3.0)
    tangents.reinitialize([1.0, 1.0])  # the random start again: it turns to the direction that grows
    tangents.step(30_000)
    assert tangents.step(1000).item() == pytest.approx(0.5, rel=1e-9)


def test_what_does_not_fit_is_refused_by_name():
    tangents = TangentSystem(models.limit_cycle(), torch.zeros(20), dt=0.01, k=2)
    for Q in (torch.zeros(20, 2), torch.full((20, 2), float("nan")), torch.ones(20, 2)):
        with pytest.raises(ValueError, match="Q: expected finite, linearly independent"):
            tangents.reinitialize(torch.zeros(20), Q)
    with pytest.raises(ValueError, match=r"Q: expected tangent vectors \(20, 2\), got shape \(20, 3\)"):
        tangents.reinitialize(torch.zeros(20), torch.zeros(20, 3))
    for Q in ([["a", "b"]] * 20, torch.eye(20)[:, :2] * (1 + 1j), torch.eye(20)[:, :2].to_sparse(), {}):
        with pytest.raises(TypeError, match="^Q: expected"):
            tangents.reinitialize(torch.zeros(20), Q)
    with pytest.raises(ValueError, match="steps: expected a whole number at least 0, got -1"):
        tangents.step(-1)
    with pytest.raises(ValueError, match="k: expected a whole number from 1 to 20, got 21"):
        TangentSystem(models.limit_cycle(), torch.zeros(20), dt=0.01, k=21)
    with pytest.raises(DivergenceError, match="t = "):
        TangentSystem(System.from_function(lambda x: x**2, 1, "flow"), [1.0], dt=0.01).step(1000)


@pytest.mark.parametrize("rate", [-0.7, 0.7])
@pytest.mark.parametrize("samples", [200, 1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float32, 1e-3)])
def test_a_burst_after_a_long_quiet_neither_underflows_nor_overflows(rate, samples, dtype, tolerance):
    later = System.from_function(lambda x, t: (rate if t >= 2000 else 0.0) * x, 1, "flow", dtype=dtype)
    found = lyapunov_spectrum(later, [0.0], duration=4000, transient=0, dt=0.5, samples=samples)
    assert found.exponents.item() == pytest.approx(rate / 2, abs=tolerance)


def test_a_basis_stays_orthonormal_where_a_direction_vanishes_without_a_trace():
    """A row of zeros: what rounding leaves of the lost column lies in the span of the others, and is no direction."""
    Q = torch.linalg.qr(torch.randn(40, 9, 9, generator=torch.Generator().manual_seed(4), dtype=torch.float64))[0]
    rates = torch.tensor([-1.5, -1.2, -1.0, -0.7, -0.5, -0.3, 0.0, 0.2, 0.5], dtype=torch.float64)
    basis, _, lost = orthonormalize_graded(rates[:, None] * Q)
    torch.testing.assert_close(basis.mT @ basis, torch.eye(9).double().expand(40, 9, 9), rtol=0, atol=1e-12)
    assert lost[:, -1].all()
    assert not lost[:, :-1].any()
