"""What evolves: systems, the paper's networks, the five stereotypes of Figure 3, and networks to be trained."""

from ptacore.models.delay_line import DelayLine
from ptacore.models.gru import GRUFlow, GRUMap
from ptacore.models.head_direction import HeadDirectionCircuit
from ptacore.models.module_map import ModuleMap
from ptacore.models.networks import LinearFlow, ReLUFlow, TanhFlow, TanhMap, TanhRateFlow
from ptacore.models.oscillator import (
    Tongue,
    critical_gain,
    origin_exponent,
    oscillator,
    saddle_node_angle,
    scaled_rotation,
    strong_tongues,
)
from ptacore.models.recurrent import MODELS, build
from ptacore.models.ring_attractors import RingAttractor, large_ring, small_ring
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
from ptacore.models.trainable import Recurrent
from ptacore.models.weight_files import read_weights

__all__ = [
    "MODELS",
    "DelayLine",
    "GRUFlow",
    "GRUMap",
    "HeadDirectionCircuit",
    "LinearFlow",
    "ModuleMap",
    "ReLUFlow",
    "Recurrent",
    "RingAttractor",
    "Samples",
    "System",
    "TanhFlow",
    "TanhMap",
    "TanhRateFlow",
    "Tongue",
    "build",
    "chaos",
    "critical_gain",
    "large_ring",
    "limit_cycle",
    "line_attractor",
    "one_fixed_point",
    "origin_exponent",
    "oscillator",
    "random_weights",
    "read_weights",
    "saddle_node_angle",
    "scaled_rotation",
    "small_ring",
    "strong_tongues",
    "two_fixed_points",
]
