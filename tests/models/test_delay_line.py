import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptacore.models.delay_line import COINCIDENCES, WIRINGS, DelayLine, decode, low_pass


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("coincidence", COINCIDENCES)
def test_the_average_depends_on_the_difference_alone_and_activity_is_periodic_in_everything(coincidence, wiring):
    line = DelayLine(coincidence=coincidence, wiring=wiring, level=0.8)
    rng = np.random.default_rng(0)
    delta, place, shift = rng.uniform(0, 0.02, 50), rng.uniform(0, 2 * np.pi, 50), rng.uniform(0, 0.02, 50)
    scale = line.tuning(0.0)
    moved = line.tuning(delta + shift, place + 2 * np.pi * shift / line.period)
    assert np.allclose(line.tuning(delta, place), moved, rtol=0, atol=1e-4 * scale)
    assert np.allclose(line.tuning(delta - 2e-2, place), line.tuning(delta, place), rtol=1e-9)  # a full turn
    t = rng.uniform(0, 0.02, 50)
    for other in ((t + 0.02, delta, place), (t, delta + 0.02, place), (t, delta, place + 2 * np.pi)):
        assert np.allclose(line.activity(*other), line.activity(t, delta, place), rtol=1e-6, atol=1e-9)
    best = line.tuning(2 * np.pi * 0, place[:1] * 0)
    assert (line.tuning(delta) <= best + 1e-9).all()  # highest where the delay matches


def test_the_filtered_train_is_the_sum_over_its_spikes():
    line, t = DelayLine(), np.linspace(0, 0.05, 500)
    spikes = -0.02 * np.arange(-3, 60)
    since = t[:, None] - spikes
    kernel = np.where(since >= 0, np.exp(-since / line.decay) - np.exp(-since / line.rise), 0)
    fine = np.linspace(0, 0.02, 200_001)
    one = np.exp(-fine / line.decay) - np.exp(-fine / line.rise)
    assert np.allclose(line.filtered(t), kernel.sum(1) / one.max(), rtol=1e-8)


@pytest.mark.parametrize("options", [dict(period=0.0), dict(rise=3e-3), dict(coincidence="sum"), dict(wiring="loose")])
def test_delay_lines_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}"):
        DelayLine(**options)


@pytest.mark.parametrize("coincidence", COINCIDENCES)
def test_the_bump_is_where_the_heading_is_and_turns_with_it(coincidence):
    line, heading = DelayLine(coincidence=coincidence), np.linspace(0, 2 * np.pi, 41)
    bump = line.bump(heading)
    assert bump.shape == (41, 8)
    assert np.allclose(bump[-1], bump[0], rtol=1e-9)  # a full turn
    assert np.allclose(line.bump(heading + 2 * np.pi / 8), np.roll(bump, 1, axis=1), rtol=1e-6)
    error = np.angle(np.exp(1j * (decode(bump) - heading)))
    assert np.abs(error).max() < 0.1


def test_a_segment_averages_the_tuning_over_its_arc():
    line = DelayLine()
    arc = np.linspace(-np.pi / 8, np.pi / 8, 4001)
    for heading in (0.0, 0.3, 3.0):
        expected = line.tuning(heading * line.period / (2 * np.pi), arc).mean()
        assert line.bump(heading, profile=512)[0] == pytest.approx(expected, rel=1e-2)


@given(st.floats(0.01, 1), st.floats(0.05, 2))
def test_a_low_pass_approaches_a_step_exponentially(dt, time_constant):
    shown = low_pass(np.concatenate([[2.0], np.full(20, 5.0)]), dt, time_constant)
    assert np.allclose(shown, 5 - 3 * np.exp(-np.arange(21) * dt / time_constant))
