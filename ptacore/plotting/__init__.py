"""Panels that several figures share, and their one style."""

from ptacore.plotting.panels import (
    plot_adjoints,
    plot_one_neuron,
    plot_population,
    plot_principal_components,
    plot_spectrum,
)
from ptacore.plotting.style import (
    BLUE,
    BROWN,
    COLORS,
    CYAN,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    YELLOW,
    figure,
    letters,
)

__all__ = [
    "BLUE",
    "BROWN",
    "COLORS",
    "CYAN",
    "GREEN",
    "GREY",
    "ORANGE",
    "PINK",
    "PURPLE",
    "RED",
    "YELLOW",
    "figure",
    "letters",
    "plot_adjoints",
    "plot_one_neuron",
    "plot_population",
    "plot_principal_components",
    "plot_spectrum",
]
