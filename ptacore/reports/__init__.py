"""Reports on recurrent networks of any library: found in a file, measured, written as a page.

Names are loaded when they are first asked for, so that the command line starts at once.
"""

from ptacore import _moved

_HOMES = dict.fromkeys(("Report", "recurrent_layers", "report"), "ptacore.reports.make")
__all__ = list(_HOMES)
FILES = ("report.json", "exponents.csv", "adjoints.csv", "convergence.csv")  # beside a report's page

__getattr__ = _moved.lookup(__name__, _HOMES)
