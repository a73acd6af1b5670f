"""Reports on recurrent networks of any library: found in a file, measured, written as a page."""

from ptacore.reports.make import Report, recurrent_layers, report

__all__ = ["Report", "recurrent_layers", "report"]
