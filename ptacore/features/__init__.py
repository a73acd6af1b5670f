"""How features emerge in a two-layer network that learns the products of a group (Li2; Tian 2025)."""

from ptacore.features.arithmetic import Arithmetic, all_pairs, split_pairs
from ptacore.features.energy import Energy
from ptacore.features.flow import LearningFlow
from ptacore.features.groups import Group, cyclic, dihedral, product, purity
from ptacore.features.muon import Muon
from ptacore.features.network import TwoLayer

__all__ = [
    "Arithmetic",
    "Energy",
    "Group",
    "LearningFlow",
    "Muon",
    "TwoLayer",
    "all_pairs",
    "cyclic",
    "dihedral",
    "product",
    "purity",
    "split_pairs",
]
