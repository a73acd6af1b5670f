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

_ELSEWHERE = {  # names that this room had before many runs got a room of their own
    "Cell": "ptacore.experiments.paper_table",
    "Experiment": "ptacore.experiments.presets",
    "Planned": "ptacore.experiments.campaign",
    "Search": "ptacore.experiments.searches",
    "Trial": "ptacore.experiments.searches",
    "agrees": "ptacore.experiments.paper_table",
    "experiment": "ptacore.experiments.presets",
    "paper_value": "ptacore.experiments.paper_table",
    "read_campaign": "ptacore.experiments.campaign",
    "read_search": "ptacore.experiments.searches",
    "run_campaign": "ptacore.experiments.campaign",
    "search": "ptacore.experiments.tune",
    "search_space": "ptacore.experiments.ranges",
    "show": "ptacore.experiments.paper_table",
    "table": "ptacore.experiments.paper_table",
}

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
