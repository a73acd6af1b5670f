"""How networks are trained: the loop, its settings, checkpoints, records, and looks at the dynamics on the way."""

from ptacore import _moved
from ptacore.models.module_map import as_system
from ptacore.training.checkpoints import CheckpointError, load_weights
from ptacore.training.evaluation import evaluate, loss_of
from ptacore.training.loop import train
from ptacore.training.objective import Objective, Supervised
from ptacore.training.probes import adjoint_norms, probe
from ptacore.training.records import RecordError, Run, read_run, read_runs
from ptacore.training.settings import Settings

_ELSEWHERE = dict.fromkeys(  # names that this room had before many runs got a room of their own
    (
        "Cell",
        "Experiment",
        "Planned",
        "Search",
        "Trial",
        "agrees",
        "experiment",
        "paper_value",
        "read_campaign",
        "read_search",
        "run_campaign",
        "search",
        "search_space",
        "show",
        "table",
    ),
    "ptacore.experiments",
)

__all__ = [
    "CheckpointError",
    "Objective",
    "RecordError",
    "Run",
    "Settings",
    "Supervised",
    "adjoint_norms",
    "as_system",
    "evaluate",
    "load_weights",
    "loss_of",
    "probe",
    "read_run",
    "read_runs",
    "train",
]

__all__ += _ELSEWHERE

__getattr__ = _moved.lookup(__name__, _ELSEWHERE)
