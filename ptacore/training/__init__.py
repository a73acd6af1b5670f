"""How networks are trained: the loop, its settings, checkpoints, records, and looks at the dynamics on the way."""

from ptacore.models.module_map import as_system
from ptacore.training.campaign import Planned, read_campaign, run_campaign
from ptacore.training.checkpoints import CheckpointError, load_weights
from ptacore.training.evaluation import evaluate, loss_of
from ptacore.training.loop import train
from ptacore.training.objective import Objective, Supervised
from ptacore.training.presets import Experiment, experiment
from ptacore.training.probes import adjoint_norms, probe
from ptacore.training.ranges import search_space
from ptacore.training.records import RecordError, Run, read_run, read_runs
from ptacore.training.searches import Search, Trial, read_search
from ptacore.training.settings import Settings
from ptacore.training.table import Cell, agrees, paper_value, show, table
from ptacore.training.tune import search

__all__ = [
    "Cell",
    "CheckpointError",
    "Experiment",
    "Objective",
    "Planned",
    "RecordError",
    "Run",
    "Search",
    "Settings",
    "Supervised",
    "Trial",
    "adjoint_norms",
    "agrees",
    "as_system",
    "evaluate",
    "experiment",
    "load_weights",
    "loss_of",
    "paper_value",
    "probe",
    "read_campaign",
    "read_run",
    "read_runs",
    "read_search",
    "run_campaign",
    "search",
    "search_space",
    "show",
    "table",
    "train",
]
