"""Figures that are drawn from computed numbers, a module for each notebook, of its name."""
