"""How networks are trained: the loop, its settings, checkpoints, records, and looks at the dynamics on the way."""

from ptacore.training.checkpoints import CheckpointError
from ptacore.training.loop import evaluate, train
from ptacore.training.presets import Experiment, experiment
from ptacore.training.probes import adjoint_norms, as_system, probe
from ptacore.training.records import RecordError, Run, read_run, read_runs
from ptacore.training.settings import Settings
from ptacore.training.tune import Search, Trial, read_search, search, search_space

__all__ = [
    "CheckpointError",
    "Experiment",
    "RecordError",
    "Run",
    "Search",
    "Settings",
    "Trial",
    "adjoint_norms",
    "as_system",
    "evaluate",
    "experiment",
    "probe",
    "read_run",
    "read_runs",
    "read_search",
    "search",
    "search_space",
    "train",
]
