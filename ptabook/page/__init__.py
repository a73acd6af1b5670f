"""What a notebook uses to publish: its files, its numbers, tables, the compass."""

from ptabook.page.checks import Checks
from ptabook.page.compass import compass
from ptabook.page.numbers import Numbers, number, spread, table
from ptabook.page.save import save
from ptabook.page.setup import setup
from ptabook.page.streams import Streams

__all__ = ["Checks", "Numbers", "Streams", "compass", "number", "save", "setup", "spread", "table"]
