"""Data with known spectra, windows of them, and what a network is told to predict."""

import math

import numpy as np
import pytest
import torch

import ptacore as pta
from ptacore.neighbours import AlmostLinear, Reconstruction, Shallow, reconstruction
from ptacore.training import Settings, train


def test_windows_are_predicted_before_data_replace_them():
    """A network that is the data's own map has no error; with tau = 1 the error is that of one step from the data."""
    objective = Reconstruction("roessler", tau=1, length=20, updates=1, points=400)
    network = Shallow(3, hidden=4, observed=3, seed=1)
    window = objective.data[:40].unfold(0, 21, 10).permute(2, 0, 1)
    one_step = (network(window[:-1]) - window[1:]).square().mean()
    torch.testing.assert_close(objective._error(network, window), one_step)
    free = Reconstruction("roessler", tau=3, length=20, updates=1, points=400)
    assert free.share.nonzero().flatten().tolist() == [2, 5, 8, 11, 14, 17]  # behind steps 3, 6, ...


def test_probed_exponents_are_per_unit_of_time():
    """At rest they are the logarithms of the eigenvalues of A over the time of a step."""
    network = AlmostLinear(4, P=0, observed=3)
    with torch.no_grad():
        network.outward.zero_()
        network.decay.copy_(torch.tensor([0.9, 0.5, 0.7, 0.8]))
    found = Reconstruction("roessler", tau=3, length=20, updates=1, points=400).probe(network, 2)["exponents"]
    assert found == pytest.approx([math.log(0.9) / 0.08, math.log(0.8) / 0.08], abs=1e-3)


@pytest.mark.parametrize(("source", "dimension"), [("lorenz", 2.062), ("roessler", 2.013)])
def test_data_come_from_attractors_of_known_dimension(source, dimension):
    make, dt, substeps = reconstruction.SOURCES[source]
    spectrum = pta.lyapunov_spectrum(
        make(), torch.ones(3).double(), duration=2000.0, transient=100.0, dt=dt / substeps, k=3
    )
    found = spectrum.kaplan_yorke_dimension
    assert found.complete
    assert abs(found.value - dimension) < 0.01


def test_training_lowers_the_error_and_validation_is_without_noise():
    objective = Reconstruction("roessler", tau=8, length=50, updates=60, points=1500)
    network = AlmostLinear(10, P=2, observed=3)
    run = train(objective, network, Settings(lr=3e-3, clip=None, epochs=4))
    assert run.column("validation_loss")[-1] < 0.8 * run.column("validation_loss")[0]
    assert objective.evaluate(network, "validation") == objective.evaluate(network, "validation")


def test_reconstruction_takes_one_kind_of_forcing():
    for given in ({}, {"tau": 3, "alpha": 0.1}):
        with pytest.raises(ValueError, match="tau: expected tau or alpha"):
            Reconstruction("lorenz", **given)


def test_data_are_the_caller_s_own():
    first = reconstruction.sample("roessler", 300)
    first.zero_()
    torch.testing.assert_close(reconstruction.sample("roessler", 300).std(0), torch.ones(3).double())


@pytest.mark.parametrize(
    ("make", "points", "divergence"),
    [
        (reconstruction.lorenz, [[math.sqrt(72), math.sqrt(72), 27.0], [0.0, 0.0, 0.0]], -10 - 1 - 8 / 3),
        (reconstruction.roessler, [[0.2 * z, -z, z] for z in 2.5 * (5.7 + np.array([1, -1]) * 32.33**0.5)], None),
    ],
)
def test_flows_rest_where_theirs_do(make, points, divergence):
    """Lorenz at x = y, x^2 = b (r - 1), z = r - 1; Roessler at x = a z = -a y, a z^2 - c z + b = 0."""
    flow, x = make(), torch.tensor(np.array(points), dtype=torch.float64)
    assert flow(x).abs().max() < 1e-12
    trace = flow.jacobian(x).diagonal(dim1=-2, dim2=-1).sum(-1)
    expected = torch.full((2,), divergence).double() if divergence else x[:, 0] + 0.2 - 5.7
    torch.testing.assert_close(trace, expected)


@pytest.mark.parametrize(("source", "row", "column", "rate"), [("lorenz", 0, 0, -10.0), ("roessler", 1, 1, 0.2)])
def test_data_follow_each_other_in_time(source, row, column, rate):
    """The linear equations, x' = 10 (y - x) and y' = x + 0.2 y, by central differences; scaling keeps the own rate."""
    x, dt = reconstruction.sample(source, 3000), reconstruction.SOURCES[source][1]
    slope = (x[2:, row] - x[:-2, row]) / (2 * dt)
    known = torch.cat([x[1:-1, :2], torch.ones(len(x) - 2, 1).double()], 1)
    found = torch.linalg.lstsq(known, slope[:, None]).solution[:, 0]
    assert found[column].item() == pytest.approx(rate, rel=0.03)
