"""Figure 6: a memory of heading, in pairs of oscillators and in rings of neurons; how long each keeps it."""

from ptacore.heading.delay_line import DelayLine, circular_difference, decode, low_pass
from ptacore.heading.head_direction import HeadDirectionCircuit, Spikes, SpikingPair
from ptacore.heading.ring_attractors import RingAttractor, large_ring, small_ring
from ptacore.heading.robustness import changed_pair, changed_ring, circuit_memory, memory_error, ring_memory

__all__ = [
    "DelayLine",
    "HeadDirectionCircuit",
    "RingAttractor",
    "Spikes",
    "SpikingPair",
    "changed_pair",
    "changed_ring",
    "circuit_memory",
    "circular_difference",
    "decode",
    "large_ring",
    "low_pass",
    "memory_error",
    "ring_memory",
    "small_ring",
]
