"""The circuit of Figure 6 in Brian2, step by step: an independent check of the exact model, and of time steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ptacore.checks import choice
from ptacore.heading.head_direction import HeadDirectionCircuit, Spikes, piecewise_constant

MODEL = """
dv/dt = (int(arrived > 0) + gain * turning(t, i)) / latency : 1
arrived : 1
pulsed : 1
gain : second (constant)
latency : second (constant)
rest : second (constant)
"""
RESETS = {"keep": "v = (v - 1) * int(pulsed == 0)", "discard": "v = 0"}


def simulate(
    circuit: HeadDirectionCircuit,
    t: ArrayLike,
    velocity: ArrayLike,
    dt: float = 1e-4,
    overshoot: str = "keep",
    pulses: Sequence[tuple[float, int]] = (),
) -> Spikes:
    """Spikes of the circuit's four neurons, simulated with a fixed time step.

    A neuron fires at the first step after it has crossed its threshold. What it has charged beyond the threshold is
    kept for the next cycle, or discarded. Discarded, each cycle loses what is shorter than a step: slow turning leaves
    no trace. Brian2 2.9 rounds delays to the nearest step (halves up, but for rounding) and cuts refractory times and
    times of given spikes down to whole steps; a monitor sees a variable that changes at spikes only as a staircase.
    Another simulator agrees where all times are multiples of its step.

    Parameters
    ----------
    circuit : HeadDirectionCircuit
    t : array (T + 1,)
        Evenly spaced from zero, in seconds.
    velocity : array (T,)
        Radians per second, constant between two times; clockwise is positive.
    dt : float
        Seconds.
    overshoot : {"keep", "discard"}
    pulses : sequence of (float, int)
        Time, and neuron in the order of ``Spikes``, that is brought to its threshold unless it is refractory.

    Returns
    -------
    Spikes
        In seconds.

    Raises
    ------
    ImportError
        If Brian2 is not installed.
    ValueError
        If the arrays do not fit, the times are not multiples of dt, or a time step or name is not valid.

    Examples
    --------
    >>> spikes = simulate(HeadDirectionCircuit(), [0.0, 0.05], [0.0])
    >>> spikes.plus_left.round(6), spikes.plus_right.round(6)
    (array([0.  , 0.02, 0.04]), array([0.01, 0.03]))
    """
    t, velocity = piecewise_constant(t, velocity)
    if t[0] != 0 or not np.allclose(np.diff(t), t[1], rtol=1e-6, atol=0) or t[1] <= 0:
        raise ValueError("t: expected evenly spaced times from zero")
    if not 0 < dt <= min(*circuit.plus.delay, *circuit.minus.delay):
        raise ValueError(f"dt: expected a time step of at most the shortest delay, got {dt!r}")
    if abs(t[1] / dt - round(t[1] / dt)) > 1e-6:
        raise ValueError(f"dt: expected a whole part of {t[1]:g} s, the spacing of t, got {dt!r}")
    choice("overshoot", overshoot, RESETS)
    if not all(neuron in range(4) and 0 <= time <= t[-1] for time, neuron in pulses):
        raise ValueError(f"pulses: expected times up to {t[-1]:g} s and neurons 0 to 3, got {list(pulses)!r}")
    brian2 = _brian2()
    pulses = sorted({(round(float(time) / dt), int(neuron)) for time, neuron in pulses})  # one a step and neuron
    second, clock = brian2.second, brian2.Clock(dt=dt * brian2.second)
    pairs = (circuit.plus, circuit.minus)
    told = np.stack([np.maximum(velocity, 0), 0 * velocity, np.maximum(-velocity, 0), 0 * velocity], 1)
    neurons = brian2.NeuronGroup(
        4,
        MODEL,
        threshold="v + pulsed > 1 - 1e-9",
        reset=f"{RESETS[overshoot]}; arrived = 0; pulsed = 0",
        refractory="rest",
        method="euler",
        clock=clock,
        namespace={"turning": brian2.TimedArray(told / second, dt=round(t[1] / dt) * clock.dt)},
    )
    neurons.v = [1, 0, 1, 0]
    neurons.gain = [seconds for pair in pairs for seconds in (pair.gain, 0.0)] * second
    neurons.latency = [seconds for pair in pairs for seconds in pair.latency] * second
    neurons.rest = [pair.refractory for pair in pairs for _ in range(2)] * second
    axons = brian2.Synapses(neurons, neurons, on_pre="arrived_post += int(not_refractory_post)", clock=clock)
    axons.connect(i=[0, 1, 2, 3], j=[1, 0, 3, 2])
    axons.delay = [seconds for pair in pairs for seconds in pair.delay] * second
    steps, targets = zip(*pulses, strict=True) if pulses else ((), ())
    source = brian2.SpikeGeneratorGroup(4, list(targets), np.array(steps) * clock.dt, clock=clock)
    forced = brian2.Synapses(source, neurons, on_pre="pulsed_post += int(not_refractory_post)", clock=clock)
    forced.connect(j="i")
    monitor = brian2.SpikeMonitor(neurons)
    brian2.Network(neurons, axons, source, forced, monitor).run(t[-1] * second, namespace={})
    fired, at = np.asarray(monitor.i), np.asarray(monitor.t / second)
    return Spikes(*(at[fired == neuron] for neuron in range(4)))


def _brian2():
    try:
        import brian2
    except ImportError as error:
        raise ImportError("simulate needs Brian2: pip install 'ptacore[spiking]'") from error
    brian2.prefs.codegen.target = "numpy"  # needs no compiler
    brian2.BrianLogger.suppress_hierarchy("brian2.input.timedarray")  # rounding looks to it like a grid that is off
    return brian2
