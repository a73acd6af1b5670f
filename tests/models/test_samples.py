import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from ptacore import System, trajectory
from ptacore.models import Samples

TIMES = np.array([0.0, 0.5, 1.5, 2.0, 4.0])


@given(t=st.floats(0, 4))
def test_lines_and_splines_are_numpys_and_scipys(t):
    values = np.stack([np.sin(TIMES), TIMES**2], 1)
    line = [np.interp(t, TIMES, values[:, c]) for c in range(2)]
    np.testing.assert_allclose(Samples(TIMES, values)(t), line, atol=1e-12)
    spline = CubicSpline(TIMES, values)  # not-a-knot: a parabola is met exactly
    np.testing.assert_allclose(Samples(TIMES, values, "cubic")(t), spline(t), atol=1e-12)
    assert Samples(TIMES, values, "cubic")(t)[1] == pytest.approx(t * t, abs=1e-12)


def test_the_last_sample_is_held_up_to_the_next():
    held = Samples(TIMES, TIMES, "previous")
    assert [held(t).item() for t in (0, 0.49, 0.5, 1.99, 2, 4)] == [0, 0, 0.5, 1.5, 2, 4]
    tenths = Samples([0.1 * i for i in range(100)], range(100), "previous")  # sums of steps miss products of them
    assert [tenths(sum([0.1] * i)).item() for i in range(100)] == list(range(100))


@given(t=st.floats(-20, 20), kind=st.sampled_from(["linear", "cubic", "previous"]))
def test_a_periodic_input_comes_back(t, kind):
    drive = Samples(TIMES, np.cos(np.pi / 2 * TIMES), kind, periodic=True)
    assert drive(t).item() == pytest.approx(drive(t + 4).item(), abs=1e-6) or kind == "previous"
    assert drive(t) == drive(t)
    assert Samples(TIMES, TIMES[[0, 1, 2, 3, 0]], periodic=True)(6.0) == 2.0


@pytest.mark.parametrize("kind", ["linear", "cubic", "previous"])
def test_outside_of_the_samples_is_refused(kind):
    for t in (-0.1, 4.1):
        with pytest.raises(ValueError, match="^t: the samples reach from 0 to 4, but time"):
            Samples(TIMES, TIMES, kind)(t)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(([0, 0, 1], [1, 2, 3]), "times"), (([1.0], [1.0]), "times"), (([0, 1], [1, 2, 3]), "values"),
     (([0, 1], [1, math.nan]), "values"), (([0, 1], [1, 2], "quadratic"), "kind"),
     (([0, 1, 2], [1, 2, 3], "cubic"), "times"), (([0, 1], [1, 2], "linear", True), "values")],
)  # fmt: skip
def test_bad_samples_are_named(arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        Samples(*arguments)


def test_samples_stay_when_the_users_change():
    times, values = np.arange(3.0), torch.arange(3.0, dtype=torch.float64)
    drive = Samples(times, values)
    times += 1
    values *= 4
    assert drive(0.5) == 0.5


def test_a_sampled_drive_moves_a_system_as_the_formula_does():
    """x' = -x + cos t, from its particular solution (cos t + sin t) / 2."""
    t = np.linspace(0, 10, 2001)
    drive = Samples(t, np.cos(t)[:, None], "cubic")
    times, x = trajectory(System.from_function(lambda x, t: -x + drive(t), 1, "flow"), [0.5], duration=10, dt=0.01)
    np.testing.assert_allclose(x[:, 0], (times.cos() + times.sin()) / 2, atol=1e-9)
    single = Samples(t, np.cos(t)[:, None], dtype=torch.float32)
    assert System.from_function(lambda x, t: -x + single(t), 1, "flow", dtype=torch.float32).driven
