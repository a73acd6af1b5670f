"""What is trained: recurrent networks with a readout, and back-propagation through time."""

from ptacore.networks.base import Recurrent
from ptacore.networks.registry import MODELS, build, defaults

__all__ = ["MODELS", "Recurrent", "build", "defaults"]
