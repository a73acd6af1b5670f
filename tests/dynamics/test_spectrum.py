"""What a spectrum tells: dimension and entropy by closed forms and by the spread of runs, texts, records."""

import json
import math
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from reference_systems import henon, lorenz, random, stuart_landau

from ptacore import System, lyapunov_spectrum, models

LINES = 10


def linear(rates, **arguments):
    """Exponents that are known."""
    system = models.LinearFlow(torch.diag(torch.tensor(rates, dtype=torch.float64)))
    arguments = {"duration": 400.0, "transient": 200.0, "dt": 0.1} | arguments
    return lyapunov_spectrum(system, torch.zeros(len(rates)), **arguments)


@pytest.mark.parametrize(
    ("rates", "dimension", "entropy"),
    [([-0.5, -1.0], 0, 0), ([0.0, -1.0], 1, 0), ([0.0, 0.0, -1.0], 2, 0), ([0.4, -0.5], 1.8, 0.4),
     ([0.3, 0.1, -0.2, -1.0], 3.2, 0.4), ([0.3, 0.1, 0.0, -0.1, -0.3], 5, 0.4), ([0.2, -0.2, -0.4], 2, 0.2),
     ([0.3, 0.2], 2, 0.5)],
)  # fmt: skip
def test_dimension_and_entropy_of_known_exponents(rates, dimension, entropy):
    found = linear(rates)
    assert found.kaplan_yorke_dimension.value.item() == pytest.approx(dimension, abs=1e-6)
    assert found.entropy_rate.value.item() == pytest.approx(entropy, abs=1e-6)
    for estimate in (found.kaplan_yorke_dimension, found.entropy_rate):
        assert estimate.complete
        assert estimate.standard_error < 1e-6


@pytest.mark.parametrize(
    ("k", "dimension", "known", "entropy", "summed"),
    [(1, 1, False, 0.3, False), (2, 2, False, 0.4, False), (3, 3, False, 0.4, True), (4, 3.2, True, 0.4, True)],
)
def test_too_few_exponents_give_a_bound_and_say_so(k, dimension, known, entropy, summed):
    found = linear([0.3, 0.1, -0.2, -1.0, -1.1], k=k)
    assert found.kaplan_yorke_dimension.value.item() == pytest.approx(dimension, abs=1e-6)
    assert found.kaplan_yorke_dimension.complete.item() is known
    assert found.entropy_rate.value.item() == pytest.approx(entropy, abs=1e-6)
    assert found.entropy_rate.complete.item() is summed
    bound = f"Kaplan-Yorke dimension at least {k}: computed {k} of 5 exponents, their sum is still positive"
    assert (bound in found.summary()) is not known
    assert ("entropy rate at least" in found.summary()) is not summed
    assert "nan" not in found.summary().lower() + str(found.to_dict())


@pytest.mark.parametrize("name", ["henon", "lorenz"])
def test_standard_errors_are_the_spread_of_independent_runs(name):
    """Of the errors of exponents themselves a mean in quadrature would be wrong: they share their fluctuations."""
    if name == "henon":
        found = lyapunov_spectrum(henon(), random((200, 2), 0, 0.01), duration=2000, transient=200)
        truth = (1.2583, 0.41922)
    else:
        x0 = random((64, 3), 0) + torch.tensor([0.0, 0.0, 25.0])
        found = lyapunov_spectrum(lorenz(), x0, duration=60.0, transient=20.0, dt=0.01)
        truth = (2.0622, 0.9056)
    runs = found.exponents.shape[0]
    for estimate, expected in zip((found.kaplan_yorke_dimension, found.entropy_rate), truth, strict=True):
        spread = estimate.value.std().item()
        assert 0.7 < estimate.standard_error.square().mean().sqrt().item() / spread < 1.8
        assert abs(estimate.value.mean().item() - expected) < 3 * spread / runs**0.5 + 1e-4
    assert (found.entropy_rate.standard_error <= found.standard_error[:, 0] * (1 + 1e-9)).all()  # one is positive
    weights = torch.tensor([1.0, found.exponents[0, 0] / -found.exponents[0, -1]]).double()
    if name == "henon":
        apart = (found.standard_error * weights).norm(dim=-1).mean() / -found.exponents[:, -1].mean()
        assert found.kaplan_yorke_dimension.standard_error.mean() < 0.8 * apart


@pytest.mark.slow
def test_standard_errors_of_a_network_with_many_positive_exponents():
    """Figure 3D's network: six exponents before the dimension, two or three in the entropy."""
    found = lyapunov_spectrum(models.chaos(seed=33), random((48, 100)), duration=16.0, dt=1e-3, k=10)
    assert found.kaplan_yorke_dimension.complete.all()
    for estimate in (found.kaplan_yorke_dimension, found.entropy_rate):
        assert 0.6 < estimate.standard_error.square().mean().sqrt() / estimate.value.std() < 1.8


def test_an_orbits_dimension_does_not_hang_on_the_sign_of_a_zero():
    """A cycle has dimension 1 and a torus 2, on whichever side of zero rounding leaves their zero exponents."""
    cycle = lyapunov_spectrum(stuart_landau(), random((20, 2), 0) + 1.0, duration=30.0, dt=0.02)
    assert (cycle.exponents[:, 0] < 0).any()
    assert (cycle.kaplan_yorke_dimension.value == 1).all()
    assert (cycle.entropy_rate.value == 0).all()
    slow, fast = stuart_landau(0.7, 1.0), stuart_landau(0.9, math.sqrt(5))
    both = System.from_function(lambda x: torch.cat([slow(x[..., :2]), fast(x[..., 2:])], -1), 4, "flow")
    torus = lyapunov_spectrum(both, random((5, 4), 1), duration=100.0, transient=60.0, dt=0.05)
    assert torus.kaplan_yorke_dimension.value.tolist() == [2.0] * 5


def test_vanishing_directions_and_single_samples_leave_no_nan():
    singular = lyapunov_spectrum(
        System.from_function(lambda x: x * torch.tensor([1.5, 0.0]), 2, "map"), [0.0, 0.0], duration=50
    )
    assert singular.exponents[1] == -math.inf
    assert singular.kaplan_yorke_dimension.value == 1.0
    assert singular.entropy_rate.value.item() == pytest.approx(math.log(1.5))
    one = lyapunov_spectrum(henon(), [0.1, 0.1], duration=50, samples=1)
    assert one.entropy_rate.standard_error == math.inf
    assert one.entropy_rate.value > 0
    for found in (singular, one):
        assert "nan" not in found.summary() + json.dumps(found.to_dict(history=True), allow_nan=False)
        found.plot()
        plt.close()
    assert (singular.finite_time(10)[:, 1] == -math.inf).all()
    assert json.loads(json.dumps(singular.to_dict()))["exponents"][1] == "-inf"


def test_a_member_of_a_batch_has_what_the_batch_has():
    found = lyapunov_spectrum(henon(), random((2, 3, 2), 0, 0.01), duration=500)
    for index in ((0, 1), (1, 2)):
        alone = found[index]
        for name in ("kaplan_yorke_dimension", "entropy_rate"):
            for part, whole in zip(getattr(alone, name), getattr(found, name), strict=True):
                assert whole.shape == (2, 3)
                torch.testing.assert_close(part, whole[index], rtol=1e-12, atol=0)
        assert torch.equal(alone.finite_time(100), found.finite_time(100)[(slice(None), *index)])


@pytest.mark.parametrize("window", [10, 50, 150])
def test_finite_time_exponents_are_those_of_runs_that_follow_each_other(window):
    found = lyapunov_spectrum(henon(), random((3, 2), 0, 0.01), duration=500, transient=100, samples=50)
    local = found.finite_time(window)
    assert local.shape == (500 // window, 3, 2)
    whole = 500 // window * window
    torch.testing.assert_close(local.mean(0), found.history[whole // 10 - 1], rtol=1e-9, atol=1e-9)
    assert (local.sum(-1) - math.log(0.3)).abs().max() < 1e-9
    if window == 50:
        longest = found.finite_time(250)
        torch.testing.assert_close(local.unflatten(0, (2, 5)).mean(1), longest, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("window", [5, 15, 510, 0, -10, math.nan, math.inf, None, "10", 10.02])
def test_other_windows_are_refused_by_name(window):
    found = lyapunov_spectrum(henon(), [0.1, 0.1], duration=500, samples=50)
    with pytest.raises(ValueError, match="^window: expected"):
        found.finite_time(window)


def test_an_uneven_history_is_named():
    found = lyapunov_spectrum(henon(), [0.1, 0.1], duration=500, samples=30)
    with pytest.raises(ValueError, match="^window: .* the spacing is uneven: take a duration"):
        found.finite_time(34)
    assert found.finite_time(500).shape == (1, 2)


@pytest.mark.parametrize(
    "found",
    [linear([0.3, -0.2]), linear([-1.0]), linear([0.3, -0.2], k=1), linear(np.linspace(0.5, -3, 40), duration=20.0),
     lyapunov_spectrum(henon(), random((2, 3, 2), 0, 0.01), duration=100),
     lyapunov_spectrum(models.chaos(), torch.ones(100), duration=0.2, dt=1e-3, k=30)],
)  # fmt: skip
def test_the_text_fits_ten_lines_and_the_record_is_json(found):
    lines = str(found).splitlines()
    assert 5 <= len(lines) <= LINES
    assert max(map(len, lines)) <= 160
    assert found.backend in lines[0]
    record = json.loads(json.dumps(found.to_dict(history=True), allow_nan=False))
    np.testing.assert_array_equal(record["exponents"], found.exponents)
    np.testing.assert_array_equal(record["history"], found.history)
    assert record["n_positive"] == found.n_positive.tolist()
    assert record["entropy_rate"]["value"] == found.entropy_rate.value.tolist()
    assert "history" not in found.to_dict()
    with pytest.raises(ValueError, match="^history: expected True or False"):
        found.to_dict(history="yes")


def test_numbers_are_shown_with_the_digits_that_their_errors_leave():
    x0 = [1.0, 2.0, 20.0]
    text = str(lyapunov_spectrum(lorenz(), x0, duration=200.0, transient=20.0, dt=0.01))
    assert "3 of 3 Lyapunov exponents over a time of 200 after 20 (compiled)" in text or "(torch)" in text
    assert "1 positive, 1 zero, 1 negative" in text
    for value, error in (line.split(" ± ") for line in text.splitlines()[1].strip().split(", ")):
        assert len(error.replace(".", "").lstrip("0")) == 2
        assert len(value.partition(".")[2]) == len(error.partition(".")[2])


def test_plots_are_of_one_orbit():
    found = linear([0.3, 0.0, -0.2])
    ax = found.plot()
    heights = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(heights), np.sort(found.exponents))
    other = plt.figure().add_subplot()
    assert found.plot(other) is other
    plt.close("all")
    batch = lyapunov_spectrum(henon(), random((2, 2), 0, 0.01), duration=100)
    with pytest.raises(ValueError, match="^spectrum: expected that of one orbit, got a batch"):
        batch.plot()
    batch[0].plot()
    plt.close("all")


def test_matplotlib_is_not_imported_before_something_is_drawn():
    code = "import sys; from ptacore.dynamics import lyapunov, spectrum; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
