"""One style for all figures: colour-blind-safe colours and print sizes."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase

import matplotlib.pyplot as plt

BLUE, ORANGE, GREEN, RED, PURPLE = "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"  # seaborn's "colorblind"
BROWN, PINK, GREY, YELLOW, CYAN = "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"

COLORS = {
    "blue": BLUE,
    "orange": ORANGE,
    "green": GREEN,
    "red": RED,
    "purple": PURPLE,
    "brown": BROWN,
    "pink": PINK,
    "grey": GREY,
    "yellow": YELLOW,
    "cyan": CYAN,
}

STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "figure.dpi": 110,
    "svg.fonttype": "none",
    "svg.hashsalt": "ptacore",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
}


def figure(rows: int, columns: int, width: float = 7.2, height: float = 7.2, **options):
    """Figure and axes of a print size in inches, in the style of the book.

    Parameters
    ----------
    rows, columns : int
        Numbers of panels.
    width, height : float
        Inches; 7.2 is a full page's width.
    **options
        Passed on to ``matplotlib.pyplot.subplots``.

    Returns
    -------
    figure, axes (rows, columns)

    Examples
    --------
    >>> fig, axes = figure(1, 2, height=2.0)
    >>> axes.shape
    (1, 2)
    >>> plt.close(fig)
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options)


def letters(axes: Iterable, at: tuple[float, float] = (-0.02, 1.06), ha: str = "right") -> None:
    """Call panels a, b, c, ...

    Parameters
    ----------
    axes : iterable of matplotlib axes
        In reading order; at most 26.
    at : tuple of float
        Where the letter stands, in fractions of its panel.
    ha : str
        Which side of the letter stands there: "left", "center" or "right".

    Examples
    --------
    >>> fig, axes = figure(1, 2, height=2.0)
    >>> letters(axes.flat)
    >>> [ax.texts[0].get_text() for ax in axes.flat]
    ['a', 'b']
    >>> plt.close(fig)
    """
    for ax, letter in zip(axes, ascii_lowercase, strict=False):
        ax.annotate(letter, at, xycoords="axes fraction", weight="bold", fontsize=10, ha=ha)
