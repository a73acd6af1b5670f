import math
import sys

import numpy as np
import pytest

from ptacore.heading.head_direction import HeadDirectionCircuit, SpikingPair
from ptacore.heading.spiking import simulate

DT = 1e-4
UNEQUAL = HeadDirectionCircuit(
    plus=SpikingPair(delay=(0.005, 0.006), latency=(0.004, 0.003)),
    minus=SpikingPair(delay=(0.007, 0.004), latency=(0.005, 0.004), gain=2e-3),
)  # all of whole steps


def velocities(steps=50, dt=0.02, seed=0):
    return np.arange(steps + 1) * dt, 6 * np.sin(np.arange(steps) / 8) + np.random.default_rng(seed).normal(size=steps)


def alike(simulated, exact, tolerance=1e-9):
    return all(
        abs(len(a) - len(b)) <= 1 and np.allclose(a[: len(b)], b[: len(a)], rtol=0, atol=tolerance)
        for a, b in zip(simulated, exact, strict=True)
    )


@pytest.mark.parametrize("overshoot", ["keep", "discard"])
def test_at_rest_spikes_are_on_the_grid_and_exact(overshoot):
    t, v = [0.0, 0.2], [0.0]
    assert alike(simulate(UNEQUAL, t, v, DT, overshoot), UNEQUAL.spikes(t, v))


@pytest.mark.parametrize("circuit", [HeadDirectionCircuit(), UNEQUAL])
def test_spikes_are_late_by_less_than_a_step_and_stay_so_while_turning(circuit):
    """What is kept of the overshoot makes up for the lateness in the next cycle, so that errors telescope.

    A step sees the turning of its whole length: spikes may be early by that, gain velocity dt, and for it alone.
    """
    t, v = velocities()
    early = max(circuit.plus.gain, circuit.minus.gain) * np.abs(v).max() * DT
    for simulated, exact in zip(simulate(circuit, t, v, DT), circuit.spikes(t, v), strict=True):
        n = min(len(simulated), len(exact))
        assert abs(len(simulated) - len(exact)) <= 1
        assert n > 40
        late = simulated[:n] - exact[:n]
        assert late.max() <= DT * (1 + 1e-6)
        assert late.min() >= -early - 1e-9


def test_turning_by_less_than_a_step_a_cycle_leaves_no_trace_if_overshoot_is_discarded():
    circuit, t = HeadDirectionCircuit(), [0.0, 0.5]
    slow = 0.9 * DT / (circuit.plus.gain * circuit.plus.period)
    rest, turning = circuit.spikes(t, [0.0]), circuit.spikes(t, [slow])
    assert alike(simulate(circuit, t, [slow], DT, "discard"), rest)
    assert alike(simulate(circuit, t, [slow], DT, "keep"), turning, DT * (1 + 1e-6))
    assert rest.plus_left[-1] - turning.plus_left[len(rest.plus_left) - 1] > 20 * DT


def test_delays_that_differ_by_less_than_half_a_step_are_the_same_to_the_simulation():
    circuit = HeadDirectionCircuit(plus=SpikingPair(delay=(0.006 + 0.4 * DT, 0.006)))
    t, v = [0.0, 0.5], [0.0]
    simulated, exact = simulate(circuit, t, v, DT), circuit.spikes(t, v)
    assert np.array_equal(simulated.plus_left, simulated.minus_left)
    assert alike(simulated, HeadDirectionCircuit().spikes(t, v))
    last = len(exact.plus_left) - 1
    assert exact.plus_left[last] - exact.minus_left[last] == pytest.approx(0.4 * DT * last, rel=1e-6)
    assert circuit.drift == pytest.approx(-2 * math.pi * 0.4 * DT / 0.02**2, rel=1e-2)


def test_a_pulse_adds_a_second_wave_where_neurons_recover_soon():
    """Left is pulsed 1 ms before the right neuron's spike, which is 2 ms refractory: both waves go round."""
    circuit, t, v = HeadDirectionCircuit(), [0.0, 0.2], [0.0]
    spikes, rest = simulate(circuit, t, v, DT, pulses=[(0.009, 0)]), circuit.spikes(t, v)
    second = 0.009 + 0.02 * np.arange(10)
    expected_left = np.sort(np.concatenate([rest.plus_left, second]))
    expected_right = np.sort(np.concatenate([rest.plus_right, second + 0.01]))
    expected = rest._replace(plus_left=expected_left, plus_right=expected_right)
    assert alike(spikes, expected, DT * (1 + 1e-6))  # pulses arrive in one step and act in the next
    assert alike(spikes[2:], rest[2:])


@pytest.mark.parametrize(("time", "neuron"), [(0.012, 0), (0.0155, 2), (0.0185, 0), (0.022, 1), (0.0285, 3)])
def test_a_pulse_resets_the_phase_where_neurons_recover_late(time, neuron):
    """Refractory for 10.5 ms: the old wave, which comes to the pulsed neuron 19 ms after its last spike, dies."""
    pair = SpikingPair(delay=(0.009, 0.009), latency=(0.001, 0.001), refractory=0.0105)
    circuit, t, v = HeadDirectionCircuit(plus=pair, minus=pair), [0.0, 0.15], [0.0]
    spikes, rest = simulate(circuit, t, v, DT, pulses=[(time, neuron)]), circuit.spikes(t, v)
    for i in range(4):
        start = time + (0.01 if i != neuron else 0.0)
        if i // 2 == neuron // 2:
            expected = np.concatenate([rest[i][rest[i] < start], np.arange(start, 0.15, 0.02)])
        else:
            expected = rest[i]
        n = min(len(expected), len(spikes[i]))
        assert abs(len(expected) - len(spikes[i])) <= 1
        assert np.allclose(spikes[i][:n], expected[:n], rtol=0, atol=DT * (1 + 1e-6))


def test_a_pulse_to_a_refractory_neuron_changes_nothing():
    circuit, t, v = HeadDirectionCircuit(), [0.0, 0.1], [1.0]
    pulsed = simulate(circuit, t, v, DT, pulses=[(0.0115, 3), (0.001, 0), (0.0015, 2)])
    for one, other in zip(pulsed, simulate(circuit, t, v, DT), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (dict(t=[0.0, 1.0, 3.0], velocity=[0.0, 0.0]), "t"),
        (dict(t=[1.0, 2.0]), "t"),
        (dict(t=[0.0, -1.0]), "t"),
        (dict(t=[0.0], velocity=[]), "t"),
        (dict(velocity=[0.0, 1.0]), "velocity"),
        (dict(velocity=[math.nan]), "velocity"),
        (dict(dt=0.0), "dt"),
        (dict(dt=0.007), "dt"),
        (dict(dt=math.nan), "dt"),
        (dict(overshoot="lose"), "overshoot"),
        (dict(pulses=[(0.5, 4)]), "pulses"),
        (dict(pulses=[(2.0, 0)]), "pulses"),
        (dict(pulses=[(-0.1, 0)]), "pulses"),
    ],
)
def test_simulations_that_cannot_be_are_refused(changes, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        simulate(HeadDirectionCircuit(), **{"t": [0.0, 1.0], "velocity": [0.0], **changes})


def test_without_brian2_the_extra_that_has_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "brian2", None)
    with pytest.raises(ImportError, match=r"ptacore\[spiking\]"):
        simulate(HeadDirectionCircuit(), [0.0, 1.0], [0.0])
