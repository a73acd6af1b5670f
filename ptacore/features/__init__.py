"""How features emerge in a two-layer network that learns the products of a group (Li2; Tian 2025)."""

from ptacore.features.arithmetic import Arithmetic, all_pairs, split_pairs
from ptacore.features.groups import Group, cyclic, dihedral, product, purity
from ptacore.features.network import TwoLayer

__all__ = ["Arithmetic", "Group", "TwoLayer", "all_pairs", "cyclic", "dihedral", "product", "purity", "split_pairs"]
