"""Neighbouring works, each reproduced small: what do exponents say of a network before and after it has learned?"""

from ptacore.neighbours.almost_linear import AlmostLinear, PiecewiseLinear, Shallow
from ptacore.neighbours.curse import Exponentials, Functional, MemoryFit, Residual
from ptacore.neighbours.integration import Impulse, Linear
from ptacore.neighbours.liquid import CuedSign, Liquid
from ptacore.neighbours.parity import Parity, ParityNetwork
from ptacore.neighbours.reconstruction import Reconstruction

__all__ = [
    "AlmostLinear",
    "CuedSign",
    "Exponentials",
    "Functional",
    "Impulse",
    "Linear",
    "Liquid",
    "MemoryFit",
    "Parity",
    "ParityNetwork",
    "PiecewiseLinear",
    "Reconstruction",
    "Residual",
    "Shallow",
]
