"""Many runs: presets, campaigns, searches, the table of the paper, and the command line.

Names are loaded when they are first asked for, so that the command line starts at once.
"""

from ptacore import _moved

_HOMES = {
    "Attractor": "ptacore.experiments.after_training",
    "Cell": "ptacore.experiments.paper_table",
    "Experiment": "ptacore.experiments.presets",
    "Planned": "ptacore.experiments.campaign",
    "Search": "ptacore.experiments.searches",
    "Trial": "ptacore.experiments.searches",
    "agrees": "ptacore.experiments.paper_table",
    "attractors": "ptacore.experiments.after_training",
    "experiment": "ptacore.experiments.presets",
    "outcome": "ptacore.experiments.outcomes",
    "paper_value": "ptacore.experiments.paper_table",
    "read_campaign": "ptacore.experiments.campaign",
    "read_search": "ptacore.experiments.searches",
    "run_campaign": "ptacore.experiments.campaign",
    "search": "ptacore.experiments.tune",
    "search_space": "ptacore.experiments.ranges",
    "show": "ptacore.experiments.paper_table",
    "state": "ptacore.experiments.outcomes",
    "table": "ptacore.experiments.paper_table",
    "trained_network": "ptacore.experiments.after_training",
    "untrained_network": "ptacore.experiments.after_training",
}
__all__ = list(_HOMES)

__getattr__ = _moved.lookup(__name__, _HOMES)
