"""What evolves: systems, the paper's networks, and the five stereotypes of Figure 3."""

from ptacore import _moved
from ptacore.models.ensemble import Ensemble
from ptacore.models.gru import GRUFlow, GRUMap
from ptacore.models.module_map import ModuleMap
from ptacore.models.oscillator import (
    Tongue,
    critical_gain,
    onset_frequency,
    origin_exponent,
    oscillator,
    saddle_node_angle,
    scaled_rotation,
    strong_tongues,
)
from ptacore.models.rate import LinearFlow, ReLUFlow, TanhFlow, TanhMap, TanhRateFlow
from ptacore.models.samples import Samples
from ptacore.models.stereotypes import (
    chaos,
    limit_cycle,
    line_attractor,
    one_fixed_point,
    random_weights,
    two_fixed_points,
)
from ptacore.models.system import System
from ptacore.models.weight_files import read_weights

__all__ = [
    "Ensemble",
    "GRUFlow",
    "GRUMap",
    "LinearFlow",
    "ModuleMap",
    "ReLUFlow",
    "Samples",
    "System",
    "TanhFlow",
    "TanhMap",
    "TanhRateFlow",
    "Tongue",
    "chaos",
    "critical_gain",
    "limit_cycle",
    "line_attractor",
    "one_fixed_point",
    "onset_frequency",
    "origin_exponent",
    "oscillator",
    "random_weights",
    "read_weights",
    "saddle_node_angle",
    "scaled_rotation",
    "strong_tongues",
    "two_fixed_points",
]

_ELSEWHERE = {  # names that this room had before they got rooms of their own
    "DelayLine": "ptacore.heading.delay_line",
    "HeadDirectionCircuit": "ptacore.heading.head_direction",
    "MODELS": "ptacore.networks.registry",
    "Recurrent": "ptacore.networks.base",
    "RingAttractor": "ptacore.heading.ring_attractors",
    "build": "ptacore.networks.registry",
    "large_ring": "ptacore.heading.ring_attractors",
    "small_ring": "ptacore.heading.ring_attractors",
}

__all__ += _ELSEWHERE

__getattr__ = _moved.lookup(__name__, _ELSEWHERE)
