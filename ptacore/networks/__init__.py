"""What is trained: recurrent networks with a readout, and back-propagation through time."""

from ptacore.networks.base import Recurrent
from ptacore.networks.linoss import DLinOSS, LinOSSIM, LinOSSIMEX
from ptacore.networks.pta import PTAGRU, PTATanh
from ptacore.networks.published import LEM, LRU, Antisymmetric, CoRNN, Lipschitz
from ptacore.networks.registry import MODELS, build, defaults
from ptacore.networks.torch_units import GRU, LSTM, ChronoLSTM, OrthogonalTanh, RotationTanh, Tanh

__all__ = [
    "GRU",
    "LEM",
    "LRU",
    "LSTM",
    "MODELS",
    "PTAGRU",
    "Antisymmetric",
    "ChronoLSTM",
    "CoRNN",
    "DLinOSS",
    "LinOSSIM",
    "LinOSSIMEX",
    "Lipschitz",
    "OrthogonalTanh",
    "PTATanh",
    "Recurrent",
    "RotationTanh",
    "Tanh",
    "build",
    "defaults",
]
