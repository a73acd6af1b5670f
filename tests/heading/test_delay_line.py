import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptacore.heading.delay_line import COINCIDENCES, WIRINGS, DelayLine, circular_difference, decode, low_pass
from ptacore.heading.head_direction import HeadDirectionCircuit, Spikes


def kernel(line, since):
    """h, as Eq. 27 has it, with its peak found on a grid."""
    fine = np.linspace(0, line.period, 200_001)
    one = np.exp(-fine / line.decay) - np.exp(-fine / line.rise)
    since, after = np.maximum(since, 0), since >= 0
    return after * (np.exp(-since / line.decay) - np.exp(-since / line.rise)) / one.max()


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
    assert np.allclose(line.filtered(t), kernel(line, t[:, None] - spikes).sum(1), rtol=1e-8)


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


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 1), max_size=30),
    st.floats(1e-5, 0.05),
    st.floats(-1, 1),
    st.integers(2, 200),
)
def test_the_response_is_the_sum_of_kernels_whatever_the_step(parts, dt, start, steps):
    line, t = DelayLine(), start + dt * np.arange(steps)
    spikes = np.sort(t[0] + np.array(parts) * (t[-1] - t[0]))
    spikes = spikes[spikes <= t[-1]]
    expected = kernel(line, t[:, None] - spikes).sum(1)
    # h rises by at most 1 / rise a second: a spike a rounding error before or after a sample changes it by that
    assert np.allclose(line.response(spikes, t), expected, rtol=1e-8, atol=30 * (1e-9 * dt + 1e-15) / line.rise)


def test_spikes_on_samples_and_no_spikes_are_no_exceptions():
    line, t = DelayLine(), np.arange(50) * 1e-3
    assert np.allclose(line.response(t[[0, 7, 49]], t), kernel(line, t[:, None] - t[[0, 7, 49]]).sum(1), atol=1e-9)
    assert (line.response([], t) == 0).all()


@given(st.floats(1e-7, 0.1), st.floats(1e-7, 0.1))
def test_spikes_before_the_first_or_after_the_last_time_do_not_count(early, late):
    line, t = DelayLine(), 0.3 + 1e-3 * np.arange(20)
    inside = [0.3, 0.3055]
    both = line.response([t[0] - early, *inside, t[-1] + late], t)
    assert np.array_equal(both, line.response(inside, t))


@given(st.floats(1e-5, 3e-3), st.floats(0, 0.02))
def test_the_response_to_a_regular_train_becomes_that_of_one_without_beginning(dt, first):
    line, t = DelayLine(), np.arange(0.15, 0.25, dt)
    t = np.concatenate([np.arange(t[0] - dt, 0, -dt)[::-1], t])
    late = t > 0.15  # when exp(-0.13 / decay) is left of the beginning
    regular = line.response(first + line.period * np.arange(13), t)[late]
    assert np.allclose(regular, line.filtered(t[late] - first), rtol=0, atol=1e-9)


def regular(line, heading, cycles):
    """Left spikes of two oscillators at rest, of which plus is ahead by the heading."""
    minus = line.period * np.arange(cycles)
    ahead = minus - heading % (2 * np.pi) / (2 * np.pi) * line.period
    return Spikes(ahead[ahead >= 0], np.array([]), minus, np.array([]))


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("coincidence", COINCIDENCES)
def test_the_image_of_regular_spikes_is_the_bump_of_their_offset(coincidence, wiring):
    line = DelayLine(coincidence=coincidence, wiring=wiring, level=0.8)
    arc, samples, cycles = np.pi / 4, 128, 70
    look = line.period * (cycles + np.arange(samples) / samples)  # a cycle, sample by sample: ripples average out
    detectors = arc * np.arange(8)[:, None] + arc / 4 * (np.arange(4) - 1.5)
    places = np.linspace(0, 2 * np.pi, 1025)
    tuned = line.tuning(0.0, places, points=4096)
    curved = np.abs(np.diff(tuned, 2)).max() / (places[1] - places[0]) ** 2
    midpoint = (arc / 4) ** 2 / 24 * curved  # of four places in the stead of an arc
    sampling = np.abs(line.tuning(0.0, places, points=samples) - tuned).max()
    for heading in (0.3, 1.7, 3.3, 5.0):
        seen = line.imaged(regular(line, heading, cycles + 10), look, time_constant=0.05).mean(0)
        delta = heading / (2 * np.pi) * line.period
        exact = line.tuning(delta, detectors, points=samples).mean(1)
        assert np.allclose(seen, exact, rtol=0, atol=1e-11 * exact.max())  # exp(-1.4 / 0.05) is left of the start
        bump = line.bump(heading)
        off = np.abs(seen / seen.max() - bump / bump.max())
        assert off.max() < 2 * (midpoint + sampling) / bump.max()
        chord = 8 * (midpoint + sampling) / np.abs(bump @ np.exp(1j * arc * np.arange(8)))
        assert abs(decode(seen) - decode(bump)) < chord
        assert abs(decode(seen) - heading) < 0.02  # of 8 segments; the bump itself is 0.01 off


@pytest.mark.parametrize("coincidence", COINCIDENCES)
def test_a_bump_has_no_handedness(coincidence):
    line, heading = DelayLine(coincidence=coincidence), np.linspace(0, 3, 7)
    bump, mirrored = line.bump(heading), line.bump(-heading)
    assert np.allclose(mirrored[:, -np.arange(8)], bump, rtol=0, atol=1e-5 * bump.max())


@pytest.mark.parametrize("velocity", [4.0, -4.0])
@pytest.mark.parametrize("wiring", WIRINGS)
def test_turning_clockwise_moves_the_bump_clockwise_with_the_lag_of_the_low_pass(wiring, velocity):
    """A first-order low pass of exp(i v t) is late by atan(v time_constant) / v; axons by up to a period."""
    line, time_constant = DelayLine(wiring=wiring), 0.1
    spikes = HeadDirectionCircuit().spikes([0.0, 2.6], [velocity])
    look = 1.0 + np.linspace(0, 2 * np.pi / abs(velocity), 200, endpoint=False)  # a turn, after ten time constants
    seen = decode(line.imaged(spikes, look, time_constant=time_constant))
    assert np.allclose(np.diff(np.unwrap(seen)).sum(), velocity * (look[-1] - look[0]), rtol=0, atol=0.2)
    late = np.angle(np.exp(1j * (velocity * look - seen))).mean() / velocity
    axons = late - np.arctan(abs(velocity) * time_constant) / abs(velocity)
    assert 0 < axons < line.period + line.decay


@pytest.mark.parametrize("wiring", WIRINGS)
def test_an_image_early_in_the_first_period_is_the_beginning_of_a_longer_one(wiring):
    line, t = DelayLine(wiring=wiring), np.array([0.0, 1e-3, 7e-3, 0.011, 0.05])
    spikes = regular(line, 1.0, 3)
    whole = line.imaged(spikes, t)
    for n in range(1, len(t)):
        assert np.allclose(line.imaged(spikes, t[:n]), whole[:n], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("places", [1, 3, 0, -2])
def test_an_odd_number_of_places_is_refused(places):
    with pytest.raises(ValueError, match="^places: expected "):
        DelayLine().imaged(regular(DelayLine(), 0.0, 3), [1.0], places=places)


def test_a_low_pass_that_takes_no_time_is_refused():
    with pytest.raises(ValueError, match="time_constant"):
        low_pass([1.0], 0.1, 0.0)


@pytest.mark.parametrize("t", [[], [-1.0], [np.nan], [[0.0, 1.0]]])
def test_times_to_look_at_that_cannot_be_are_refused(t):
    with pytest.raises(ValueError, match="^t: expected "):
        DelayLine().imaged(regular(DelayLine(), 0.0, 3), t)


@pytest.mark.parametrize("t", [[0.0], [0.0, 0.1, 0.3], [0.1, 0.0]])
def test_a_response_at_uneven_times_is_refused(t):
    with pytest.raises(ValueError, match="evenly spaced"):
        DelayLine().response([0.0], t)


@pytest.mark.parametrize("period", [5e-3, 0.1, 1.0])
def test_in_units_of_the_period_the_bump_does_not_depend_on_the_period(period):
    heading = np.linspace(0, 6, 7)
    assert np.allclose(DelayLine(period=period).bump(heading), DelayLine().bump(heading), rtol=1e-9)


@given(st.floats(-3.14, 3.14), st.floats(-50, 50), st.integers(-9, 9))
def test_an_angle_is_as_far_from_another_as_it_was_turned_the_shorter_way(turned, b, turns):
    assert circular_difference(b + turned + 2 * np.pi * turns, b) == pytest.approx(turned, abs=1e-12)


def test_angles_of_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"^a, b: expected shapes that broadcast, got \(2,\) and \(3,\)"):
        circular_difference([0.0, 1.0], [0.0, 1.0, 2.0])


def test_many_tunings_are_made_some_at_a_time():
    import tracemalloc

    line, delta = DelayLine(), np.linspace(0, 0.02, 5000)
    tracemalloc.start()
    tuned = line.tuning(delta, 1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23  # of 5000 x 1024 activities, which take five times as much
    assert tuned[1234] == line.tuning(delta[1234], 1.0)
