"""How far a remembered heading moves in a network that is not quite the one intended (Sections 2.6, 2.10 and 2.11)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ptacore.checks import check_seed, choice, finite, finite_array, instance, integer, shown, within
from ptacore.dynamics.integrate import check_finite, step
from ptacore.heading.delay_line import DelayLine, decode
from ptacore.heading.head_direction import HeadDirectionCircuit, SpikingPair
from ptacore.heading.ring_attractors import RingAttractor

__all__ = ["changed_pair", "changed_ring", "circuit_memory", "memory_error", "ring_memory"]

CHANGES = {  # what can be changed, D-type but for the last
    "ring": ("weights", "thresholds", "time constants", "noise"),
    "circuit": ("weights", "thresholds", "time constants", "delays", "read-out delays", "noise"),
}


def _checked(kind: str, what: str, sizes, times) -> tuple[np.ndarray, np.ndarray]:
    choice("what", what, CHANGES[kind])
    sizes, times = finite_array(sizes, "sizes"), finite_array(times, "times")
    if sizes.ndim != 1 or len(sizes) == 0 or not (sizes >= 0).all():
        raise ValueError(f"sizes: expected numbers, 0 or more, got {sizes!r}")
    if times.ndim != 1 or len(times) == 0 or not (np.diff(times, prepend=0) > 0).all():
        raise ValueError(f"times: expected increasing times after 0, got {times!r}")
    return sizes, times


def changed_ring(ring: RingAttractor, what: str, sizes, draws: int, seed: int) -> RingAttractor:
    """Many rings, each entry of one kind of parameter multiplied by 1 + size xi with xi normal and independent.

    Parameters
    ----------
    ring : RingAttractor
        Without batch axes.
    what : {"weights", "thresholds", "time constants"}
    sizes : array (sizes,)
        Relative; the same draws are scaled.
    draws : int
        For each size.
    seed : int

    Returns
    -------
    RingAttractor
        A batch of shape (sizes, draws, 1).
    """
    names = {"weights": "W", "thresholds": "b", "time constants": "tau"}
    name = names[choice("what", what, names)]
    sizes, draws = finite(sizes, "sizes"), integer("draws", draws, 1)
    if sizes.ndim != 1 or len(sizes) == 0:
        raise ValueError(f"sizes: expected one number or more, got shape {tuple(sizes.shape)}")
    instance("ring", ring, RingAttractor)
    value = getattr(ring, name)
    if name == "tau":
        value = value.expand(ring.dim)
    xi = torch.randn(
        draws, 1, *value.shape, generator=torch.Generator().manual_seed(check_seed(seed)), dtype=ring.dtype
    )
    scale = sizes.to(ring.dtype).reshape(-1, 1, 1, *[1] * value.ndim)
    new = copy.copy(ring)
    setattr(new, name, value * (1 + scale * xi))
    return new


def ring_memory(
    ring: RingAttractor,
    what: str,
    sizes: Sequence[float],
    times: Sequence[float],
    draws: int = 16,
    headings: int = 8,
    seed: int = 0,
    dt: float = 0.2,
) -> tuple[np.ndarray, np.ndarray]:
    """What rings hold in the dark, some time after they were changed.

    Parameters
    ----------
    ring : RingAttractor
        The intended one, which holds every heading.
    what : {"weights", "thresholds", "time constants", "noise"}
        Changed once and for ever; or white noise in every potential, by which a neuron alone would fluctuate with a
        standard deviation of size times its drive (in the limit of short steps; drift along the ring does not depend
        on the step).
    sizes : sequence of floats
        Relative.
    times : sequence of floats
        Seconds, increasing.
    draws, headings : int
        Changed rings, and evenly spaced headings that each is given.
    seed : int
    dt : float
        Longest step, in shortest time constants; stable up to 2.8 over the fastest mode's rate, which is
        1 - inhibition for `small_ring` and 3.3 for `large_ring`.

    Returns
    -------
    stored : array (headings,)
        Radians.
    kept : array (sizes, draws, times, headings)
        Radians, decoded from the rates.

    Raises
    ------
    ValueError
        If an argument is not as above.
    DivergenceError
        If rates grow without bound.

    Examples
    --------
    >>> from ptacore.heading.ring_attractors import small_ring
    >>> stored, kept = ring_memory(small_ring(), "weights", [0.0, 0.01], [1.0], draws=2)
    >>> memory_error(stored, kept).round(3)[0]  # unchanged, nothing moves
    array([[0.],
           [0.]])
    """
    sizes, times = _checked("ring", what, sizes, times)
    instance("ring", ring, RingAttractor)
    draws, headings = integer("draws", draws, 1), integer("headings", headings, 1)
    dt, seed = within("dt", dt, 0, math.inf), check_seed(seed)
    stored = torch.arange(headings, dtype=ring.dtype) * math.tau / headings + 0.1  # at no neuron
    rng = torch.Generator().manual_seed(seed)
    changed = ring if what == "noise" else changed_ring(ring, what, sizes, draws, seed)
    if not (changed.tau > 0).all():
        raise ValueError(f"sizes: {sizes.max():g} makes a time constant negative; nothing has these")
    longest = dt * float(changed.tau.min())
    kick = torch.as_tensor(sizes, dtype=ring.dtype).reshape(-1, 1, 1, 1) * ring.b * (2 / ring.tau).sqrt()
    u = ring.held(stored).expand(len(sizes), draws, headings, ring.dim)
    kept = []
    for time, duration in zip(times, np.diff(times, prepend=0.0), strict=True):
        steps = math.ceil(duration / longest - 1e-9)
        for _ in range(steps):
            u = step(changed, u, 0.0, duration / steps)
            if what == "noise":
                kicked = kick * math.sqrt(duration / steps)
                u = u + kicked * torch.randn(u.shape, generator=rng, dtype=u.dtype)
        check_finite(u, time)
        kept.append(ring.decode(u))
    return stored.numpy(), torch.stack(kept, 2).numpy()


def changed_pair(pair: SpikingPair, what: str, factors: np.ndarray) -> SpikingPair:
    """The pair with its two weights, thresholds, time constants or delays multiplied by factors (2,).

    A neuron integrates, tau dv/dt = w, from rest to its threshold: its latency is tau threshold / w.
    """
    instance("pair", pair, SpikingPair)
    choice("what", what, CHANGES["circuit"][:4])
    factors = finite_array(factors, "factors")
    if factors.shape != (2,):
        raise ValueError(f"factors: expected shape (2,), got {factors.shape}")
    if not (factors > 0).all():
        raise ValueError(f"factors: expected positive numbers, got {shown(factors.tolist())}")
    if what == "delays":
        return replace(pair, delay=tuple(pair.delay * factors))
    factors = 1 / factors if what == "weights" else factors
    return replace(pair, latency=tuple(pair.latency * factors))


def circuit_memory(
    circuit: HeadDirectionCircuit,
    what: str,
    sizes: Sequence[float],
    times: Sequence[float],
    draws: int = 16,
    headings: int = 8,
    seed: int = 0,
    shared: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """What the circuit of Fig. 6 holds in the dark, some time after it was changed.

    Parameters
    ----------
    circuit : HeadDirectionCircuit
        The intended one, of equal periods.
    what : {"weights", "thresholds", "time constants", "delays", "read-out delays", "noise"}
        Changed once and for ever, each neuron's or axon's value by itself; or noise, as in ``SpikingPair.spikes``.
    sizes, times, draws, headings, seed
        As for `ring_memory`.
    shared : float
        Correlation, 0 to 1, of a change of plus with the same change of minus, as for axons that run together.

    Returns
    -------
    stored : array (headings,)
        Radians.
    kept : array (sizes, draws, times, headings)
        Radians, from the phases; with changed delays of the read-out, decoded from the bump.

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    >>> stored, kept = circuit_memory(HeadDirectionCircuit(), "delays", [0.01], [1.0, 10.0], draws=2, shared=1.0)
    >>> memory_error(stored, kept).max()  # alike in both, nothing moves
    np.float64(0.0)
    """
    sizes, times = _checked("circuit", what, sizes, times)
    instance("circuit", circuit, HeadDirectionCircuit)
    draws, headings = integer("draws", draws, 1), integer("headings", headings, 1)
    shared, seed = within("shared", shared, 0, 1, "[]"), check_seed(seed)
    if shared and what in ("read-out delays", "noise"):
        raise ValueError(f"shared: {what} has no part in both oscillators to share, got {shared!r}")
    if not math.isclose(circuit.plus.period, circuit.minus.period, rel_tol=1e-9):
        raise ValueError(f"circuit: expected equal periods, got {circuit.plus.period:g} and {circuit.minus.period:g} s")
    stored = np.arange(headings) * 2 * np.pi / headings + 0.1
    shape = (len(sizes), draws, len(times), headings)
    rng = np.random.default_rng([seed, CHANGES["circuit"].index(what)])
    if what == "read-out delays":
        return stored, np.broadcast_to(_misread(circuit.plus.period, stored, sizes, draws, rng)[:, :, None], shape)
    if what == "noise":
        return stored, stored + _diffused(circuit, sizes, times, draws, headings, seed)
    own, common = rng.normal(size=(draws, 2, 2)), rng.normal(size=(draws, 1, 2))
    xi = math.sqrt(shared) * common + math.sqrt(1 - shared) * own
    factors = 1 + sizes[:, None, None, None] * xi
    if not (factors > 0).all():
        raise ValueError(f"sizes: a change by {factors.min() - 1:.0%} leaves nothing; take smaller sizes")
    moved = np.zeros(shape)
    for i in range(len(sizes)):
        for j in range(draws):
            plus = changed_pair(circuit.plus, what, factors[i, j, 0])
            minus = changed_pair(circuit.minus, what, factors[i, j, 1])
            moved[i, j] = HeadDirectionCircuit(plus=plus, minus=minus).drift * times[:, None]
    return stored, stored + moved


def _misread(period, stored, sizes, draws, rng) -> np.ndarray:
    """The heading that segments show whose axons are too long or too short: (sizes, draws, headings)."""
    line = DelayLine(period=period)
    places = 2 * np.pi * np.arange(8) / 8
    xi = rng.normal(size=(draws, 1, 8))
    moved = places * (1 + sizes[:, None, None, None] * xi)
    delta = stored[:, None] * period / (2 * np.pi)
    wrong, right = (decode(line.tuning(delta, place)) for place in (moved, places))
    return stored + wrong - right


def _diffused(circuit, sizes, times, draws, headings, seed) -> np.ndarray:
    """How far noise has moved the phases apart, a run for each heading: (sizes, draws, times, headings)."""
    seeds = np.random.SeedSequence(seed).generate_state(draws * headings).reshape(draws, headings)
    moved = np.zeros((len(sizes), draws, len(times), headings))
    t = np.array([0.0, times[-1] + 10 * circuit.plus.period])
    for i, j, k in np.ndindex(len(sizes), draws, headings):
        spikes = circuit.spikes(t, np.zeros(1), sizes[i], int(seeds[j, k]))
        plus, minus = (
            np.interp(times, train, np.arange(len(train))) for train in (spikes.plus_left, spikes.minus_left)
        )
        moved[i, j, :, k] = 2 * np.pi * (plus - minus)
    return moved


def memory_error(stored: np.ndarray, kept: np.ndarray, up_to_rotation: bool = False) -> np.ndarray:
    """Root-mean-square error over headings, in radians; pi / sqrt(3) where nothing is left.

    Parameters
    ----------
    stored : array (headings,)
    kept : array (..., headings)
    up_to_rotation : bool
        Whether to take away first the angle by which all headings of a circuit have turned: an observer who knows it
        could make it good.

    Examples
    --------
    >>> stored = np.array([0.0, 1.0, 2.0])
    >>> memory_error(stored, stored + 0.5).round(9), memory_error(stored, stored + 0.5, up_to_rotation=True).round(9)
    (np.float64(0.5), np.float64(0.0))
    """
    stored, kept = finite_array(stored, "stored"), finite_array(kept, "kept")
    if stored.ndim != 1 or kept.shape[-1:] != stored.shape or not stored.size:
        raise ValueError(f"stored, kept: expected (headings,) and (..., headings), got {stored.shape}, {kept.shape}")
    off = np.exp(1j * (kept - stored))
    if up_to_rotation:
        off = off * np.exp(-1j * np.angle(off.mean(-1, keepdims=True)))
    return np.sqrt((np.angle(off) ** 2).mean(-1))
