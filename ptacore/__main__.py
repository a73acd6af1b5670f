"""``python -m ptacore`` is ``ptacore``."""

import sys

from ptacore.cli import main

if __name__ == "__main__":
    sys.exit(main())
