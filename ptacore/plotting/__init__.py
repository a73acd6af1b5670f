"""Panels that several figures share, and their one style."""

from ptacore.plotting.compass import compass
from ptacore.plotting.numbers import Numbers
from ptacore.plotting.panels import (
    plot_adjoints,
    plot_one_neuron,
    plot_population,
    plot_principal_components,
    plot_spectrum,
)
from ptacore.plotting.save import save
from ptacore.plotting.style import COLORS, figure

__all__ = [
    "COLORS",
    "Numbers",
    "compass",
    "figure",
    "plot_adjoints",
    "plot_one_neuron",
    "plot_population",
    "plot_principal_components",
    "plot_spectrum",
    "save",
]
