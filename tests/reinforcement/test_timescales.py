import numpy as np
import pytest
import torch

from ptacore.reinforcement.timescales import integration_times, median_interval

RNG = np.random.default_rng(1)


def test_planted_eigenvalues_have_their_times():
    """Rotations of known radius and one mode that grows, seen through a change of basis, at the origin."""
    blocks = [r * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for r, a in ((0.9, 1.0), (0.5, 2.0))]
    D = np.zeros((5, 5))
    D[:2, :2], D[2:4, 2:4], D[4, 4] = *blocks, -1.5
    basis = RNG.normal(size=(5, 5))
    found = integration_times(basis @ D @ np.linalg.inv(basis), np.zeros((3, 5)))
    expected = [*[-1 / np.log(0.9)] * 2, *[-1 / np.log(0.5)] * 2]
    assert np.allclose(found.times[:, :4], expected)
    assert np.isnan(found.times[:, 4]).all()
    assert found.discarded.tolist() == [1, 1, 1]


def test_they_are_those_of_the_map_that_is_stepped():
    """Eigenvalues of the derivative of h' = tanh(W h + c) by automatic differentiation."""
    W, h = RNG.normal(size=(6, 6)) / 3, RNG.uniform(-0.9, 0.9, 6)
    c = np.arctanh(RNG.uniform(-0.9, 0.9, 6)) - W @ h
    step = lambda x: torch.tanh(torch.from_numpy(W) @ x + torch.from_numpy(c))  # noqa: E731
    J = torch.autograd.functional.jacobian(step, torch.from_numpy(h)).numpy()
    times = integration_times(W, step(torch.from_numpy(h)).numpy()[None], count=3).times[0]
    moduli = np.sort(np.abs(np.linalg.eigvals(J)))[::-1]
    assert np.allclose(times, -1 / np.log(moduli[moduli <= 1])[:3])


def test_an_interval_of_the_median_covers_it_as_often_as_it_says():
    draws = RNG.standard_cauchy((2000, 60)) + 3
    ends = np.array([median_interval(row, 0.9)[1:] for row in draws])
    inside = ((ends[:, 0] <= 3) & (ends[:, 1] >= 3)).mean()
    assert 0.89 < inside < 0.96  # ranks are whole: a little more than is asked for
    assert median_interval([1.0, 9.0], 0.99) == (5.0, 1.0, 9.0)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"W": np.ones((2, 3))}, "W"), ({"states": [[2.0, 0.0]]}, "states"), ({"states": [[0.0]]}, "states"),
     ({"count": 3}, "count"), ({"count": 0}, "count")],
)  # fmt: skip
def test_wrong_arguments_are_named(change, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        integration_times(**{"W": np.eye(2), "states": [[0.0, 0.0]], "count": 1, **change})
