"""Piecewise linear networks: their Jacobians, what forcing does to the exponents, what a recorded one has learned."""

import math

import pytest
import torch

import ptacore as pta
from ptacore.neighbours import AlmostLinear, Shallow, reconstruction, runs
from ptacore.provenance import ROOT

RECORDS = ROOT / "results" / "neighbours"


@pytest.mark.parametrize("network", [AlmostLinear(6, P=2, observed=3), Shallow(3, hidden=7, observed=3)])
def test_jacobian_is_the_derivative(network):
    z = torch.randn(network.n_units, generator=torch.Generator().manual_seed(2))
    expected = torch.autograd.functional.jacobian(network, z)
    torch.testing.assert_close(network.jacobian(z), expected)


def test_only_the_last_units_are_rectified():
    network = AlmostLinear(4, P=1, observed=2)
    z = torch.tensor([-1.0, -1.0, -1.0, -1.0])
    assert network.hidden(z).tolist() == [-1.0, -1.0, -1.0, 0.0]
    assert AlmostLinear(4, P=0, observed=2).hidden(z).tolist() == z.tolist()


def test_the_start_is_the_source_codes():
    """A: the diagonal of K over its largest eigenvalue, K = R'R/M + 1; so all of A is in (0, 1]."""
    network = AlmostLinear(20, P=2, observed=3)
    assert network.decay.min() > 0
    assert network.decay.max() <= 1
    assert abs(network.outward.std().item() - 0.01) < 0.01 * 4 / math.sqrt(2 * 400)
    assert network.lift.abs().max() <= 1 / math.sqrt(3)


def test_the_first_units_are_the_data_and_the_others_a_linear_image_of_them():
    network, x = AlmostLinear(5, P=1, observed=2, seed=3), torch.randn(4, 2)
    z = network.start(x)
    assert (z[:, :2] == x).all()
    torch.testing.assert_close(network.start(2 * x - 1), 2 * z - network.start(torch.ones(4, 2)))
    assert z[:, 2:].abs().min() > 0


def test_a_forced_step_moves_the_observed_units_alone():
    network = AlmostLinear(5, P=2, observed=2, seed=3, dtype=torch.float64)
    data = torch.randn(4, 2, dtype=torch.float64)
    z = torch.randn(5, dtype=torch.float64)
    with torch.no_grad():
        bare = network(z)
    for t in range(3):
        forced = network.forced_system(data, 0.25).at(t)
        torch.testing.assert_close(forced(z)[:2], 0.75 * bare[:2] + 0.25 * data[t + 1])
        torch.testing.assert_close(forced(z)[2:], bare[2:])
        torch.testing.assert_close(forced.jacobian(z), torch.autograd.functional.jacobian(forced, z))


def test_forcing_lowers_all_exponents_by_the_logarithm():
    """Along the data themselves the forced map's Jacobians are (1 - alpha) times the bare ones."""
    network = Shallow(3, hidden=20, observed=3, seed=1)
    orbit = [torch.zeros(3, dtype=torch.float64)]
    bare = network.system()
    for _ in range(3000):
        orbit.append(bare(orbit[-1]))
    data = torch.stack(orbit)
    spectra = []
    for alpha in (0.0, 0.2):
        driven = network.forced_system(data, alpha)
        spectra.append(pta.lyapunov_spectrum(driven, data[0], duration=2800, transient=100, k=3).exponents)
    torch.testing.assert_close(spectra[1] - spectra[0], torch.full((3,), math.log(0.8)).double(), rtol=0, atol=1e-6)


def test_above_the_largest_singular_value_no_forced_step_expands():
    network = Shallow(3, hidden=50, observed=3, seed=2)
    J = network.jacobian(reconstruction.sample("lorenz", 500).float()).detach()
    sigma = torch.linalg.matrix_norm(J, 2).max()
    alpha = max(0.0, 1 - 1 / sigma.item())
    assert torch.linalg.matrix_norm((1 - alpha) * J, 2).max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(data=torch.zeros(5, 2)), "data: expected shape"),
        (dict(data=None), "data: expected a tensor"),
        (dict(start=torch.zeros(3, 4)), "start: expected shape"),
        (dict(alpha=torch.zeros(4)), "alpha: expected shape"),
        (dict(alpha=torch.zeros(5).double()), "alpha: expected shape"),
        (dict(alpha=torch.full((5,), 1.5)), "alpha: expected numbers from 0 to 1"),
        (dict(alpha=torch.full((5,), math.nan)), "alpha: expected numbers from 0 to 1"),
        (dict(backend="fast"), "backend: expected"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    network = AlmostLinear(4, P=1, observed=2)
    given = dict(start=torch.zeros(2, 4), data=torch.zeros(5, 2, 2), alpha=torch.zeros(5)) | change
    with pytest.raises((TypeError, ValueError), match=message):
        network.unroll(**given)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.ones(5), "data: expected shape"),
        (torch.ones(5, 3), "data: expected shape"),
        (torch.ones(1, 2), "data: expected shape"),
        (torch.full((5, 2), math.nan), "data: expected finite"),
        ("data", "data: expected numbers"),
    ],
)
def test_data_that_force_are_finite_and_of_the_shape(data, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        AlmostLinear(4, P=1, observed=2).forced_system(data, 0.1)


def test_no_step_is_taken_behind_the_data():
    forced = AlmostLinear(4, P=1, observed=2).forced_system(torch.ones(9, 2).numpy(), 0.1)
    x0 = torch.zeros(4).double()
    assert pta.lyapunov_spectrum(forced, x0, duration=8, transient=0, k=1).exponents.isfinite().all()
    with pytest.raises(ValueError, match="^data: has 8 steps, but step 8 is needed"):
        pta.lyapunov_spectrum(forced, x0, duration=9, transient=0, k=1)


@pytest.mark.parametrize("x", [torch.ones(3), torch.ones(2).double(), [1.0, 2.0]])
def test_a_start_is_taken_from_observations_only(x):
    with pytest.raises((TypeError, ValueError), match="^x: expected"):
        AlmostLinear(4, P=1, observed=2).start(x)


@pytest.mark.slow
def test_a_recorded_network_is_chaotic_with_an_exponent_of_its_own():
    """It is the data's to a fifth, and told from it; contraction is not learned, and the dimension hides that."""
    network = runs.trained(RECORDS, "almost-linear/lorenz-P5-seed0")
    if network is None:
        pytest.skip("not recorded")
    start = network.start(reconstruction.sample("lorenz", 4000)[::1000].float()).detach().double()
    found = pta.lyapunov_spectrum(network.system(), start, duration=50_000, transient=5000, k=5)
    leading, error = found.exponents[:, 0].mean() / 0.01, found.exponents[:, 0].std() / 0.01 / 2
    assert 0.7 < leading < 0.9056 - 3 * error
    assert found.exponents[:, 2].mean() / 0.01 > 0.9 * -14.57
    assert (found.kaplan_yorke_dimension.value - 2.062).abs().max() < 0.05
