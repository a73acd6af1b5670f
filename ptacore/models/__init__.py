"""What evolves: systems, the paper's networks, and the five stereotypes of Figure 3."""

from ptacore.models.gru import GRUFlow, GRUMap
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
from ptacore.models.stereotypes import (
    chaos,
    limit_cycle,
    line_attractor,
    one_fixed_point,
    random_weights,
    read_weights,
    two_fixed_points,
)
from ptacore.models.system import System

__all__ = [
    "GRUFlow",
    "GRUMap",
    "LinearFlow",
    "ModuleMap",
    "ReLUFlow",
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
    "origin_exponent",
    "oscillator",
    "random_weights",
    "read_weights",
    "saddle_node_angle",
    "scaled_rotation",
    "strong_tongues",
    "two_fixed_points",
]
