"""``python -m ptacore`` is ``ptacore``."""

import sys
from importlib.metadata import entry_points

if __name__ == "__main__":
    (script,) = entry_points(group="console_scripts", name="ptacore")  # another package's: this one does not know it
    sys.exit(script.load()())
