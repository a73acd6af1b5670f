"""The five columns of Figure 3, one function each; each draws into a given axes."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize

from ptacore.plotting.style import COLORS

TIME_MAP = "viridis"  # time
END_MAP = ListedColormap(colormaps["cividis"](np.linspace(0, 0.85, 256)))  # where a trial ends


def _array(value) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _thin(points: int, length: int) -> slice:
    return slice(None, None, max(1, length // points))


def plot_principal_components(ax, t, x, found=None) -> None:
    """Trajectories in their first two principal components, coloured by time; fixed points and lines in pink.

    Parameters
    ----------
    ax : matplotlib axes
    t : array (T,)
        Times.
    x : array (T, trials, n)
        States.
    found : FixedPoints, optional
        Stable fixed points are drawn filled, others open, segments as lines.

    Examples
    --------
    >>> from ptacore.plotting import figure
    >>> fig, axes = figure(1, 1)
    >>> plot_principal_components(axes[0, 0], np.arange(9.0), np.random.default_rng(0).normal(size=(9, 2, 3)))
    """
    t, x = _array(t), _array(x)
    keep = _thin(1000, len(t))
    t, x = t[keep], x[keep]
    center = x.reshape(-1, x.shape[-1]).mean(0)
    axes = np.linalg.svd(x.reshape(-1, x.shape[-1]) - center, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]  # the SVD's sign is arbitrary
    y = (x - center) @ axes.T  # (T, trials, 2)
    pieces = np.stack([y[:-1], y[1:]], axis=2).reshape(-1, 2, 2)
    ax.add_collection(
        LineCollection(pieces, array=np.repeat(t[:-1], x.shape[1]), cmap=TIME_MAP, linewidths=0.8, rasterized=True)
    )
    ax.scatter(*y[0].T, s=5, color=COLORS["grey"], zorder=3)
    if found is not None:
        for line in found.lines:
            ax.plot(*((_array(line) - center) @ axes.T).T, color=COLORS["pink"], lw=2.2, zorder=4)
        for point, stable in zip((_array(found.points) - center) @ axes.T, _array(found.stable), strict=True):
            face = COLORS["pink"] if stable else "white"
            ax.scatter(*point, s=26, facecolor=face, edgecolor=COLORS["pink"], linewidths=1.2, zorder=5)
    ax.autoscale()
    ax.margins(0.08)
    ax.set(xticks=[], yticks=[], xlabel="PC 1", ylabel="PC 2")


def plot_population(ax, t, x) -> None:
    """Activity of the first ten units over time in one trial.

    Parameters
    ----------
    ax : matplotlib axes
    t : array (T,)
    x : array (T, n)
    """
    for i, unit in enumerate(_array(x).T[:10]):
        ax.plot(_array(t), unit, color=list(COLORS.values())[i % len(COLORS)], lw=0.9)


def _end_colors(end) -> tuple[np.ndarray, ScalarMappable]:
    end = _array(end)
    middle, half = (end.max() + end.min()) / 2, max((end.max() - end.min()) / 2, 0.05)
    scale = ScalarMappable(Normalize(middle - half, middle + half), END_MAP)
    return scale.to_rgba(end), scale


def plot_one_neuron(ax, t, x) -> None:
    """One neuron over many trials, each coloured by the value where it ends.

    Parameters
    ----------
    ax : matplotlib axes
    t : array (T,)
    x : array (T, trials)
    """
    x = _array(x)
    for trial, color in zip(x.T, _end_colors(x[-1])[0], strict=True):
        ax.plot(_array(t), trial, color=color, lw=0.9)


def plot_adjoints(ax, t, psi, end) -> None:
    """One component of the adjoint over backward time, one line a trial, in the colours of `plot_one_neuron`.

    Parameters
    ----------
    ax : matplotlib axes
    t : array (T,)
        Times in forward order; drawn as time before the last one.
    psi : array (T, trials)
    end : array (trials,)
        Values that give the colours.
    """
    t = _array(t)
    for trial, color in zip(_array(psi).T, _end_colors(end)[0], strict=True):
        ax.plot(t[-1] - t, trial, color=color, lw=0.9)
    ax.axhline(0, color=COLORS["grey"], lw=0.5, zorder=0)


def plot_spectrum(ax, spectrum) -> None:
    """Ordered Lyapunov exponents with the intervals by which they are counted; the zero ones get a dagger.

    Parameters
    ----------
    ax : matplotlib axes
    spectrum : LyapunovSpectrum
        Unbatched.
    """
    exponents, width = _array(spectrum.exponents), _array(spectrum.tolerance)
    place = np.arange(1, len(exponents) + 1)
    shown = np.isfinite(exponents)  # -inf lies below every axis
    width = np.where(np.isfinite(width), width, _array(spectrum.resolution))
    sign = np.where(np.abs(exponents) <= width, 0, np.sign(exponents))
    for value, color in ((1, COLORS["red"]), (0, COLORS["green"]), (-1, COLORS["blue"])):
        here = (sign == value) & shown
        if here.any():
            ax.errorbar(
                place[here], exponents[here], width[here], fmt="o", ms=3.5, color=color, elinewidth=1, capsize=2
            )
    top = max((exponents + width)[shown].max(initial=0), 0)
    bottom = min((exponents - width)[shown].min(initial=0), 0)
    for i in np.flatnonzero(sign == 0):
        above = (place[i], exponents[i] + width[i])
        ax.annotate("†", above, xytext=(0, 3), textcoords="offset points", ha="center", fontsize=10)
    ax.axhline(0, color=COLORS["grey"], lw=0.6, zorder=0)
    ax.set(xticks=place, xlim=(0.4, len(place) + 0.6))
    height = top - bottom or 1.0
    ax.set_ylim(bottom - 0.08 * height, top + 0.2 * height)
