"""``python -m ptacore.experiments``."""

import sys

from ptacore.experiments.cli import main

if __name__ == "__main__":
    sys.exit(main())
