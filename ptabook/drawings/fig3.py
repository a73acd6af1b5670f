"""Figure 3: five systems, five questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ptacore import plotting
from ptacore.dynamics.fixed_points import FixedPoints
from ptacore.dynamics.lyapunov import LyapunovSpectrum

COLUMNS = ("state space", "units, one trial", "unit 1, ten trials", "adjoint, ten trials", "exponents")
EXPLODES = 100  # largest component of an adjoint, from which on its norm is drawn, on a logarithmic axis


class Row(NamedTuple):
    """What is shown of one system."""

    name: str
    unit: str  # of time
    found: FixedPoints | None
    t: Tensor  # (T,)
    x: Tensor  # (T, trials, n)
    t_back: Tensor  # (B,)
    psi: Tensor  # (B, trials, n), adjoint of unit 1
    spectra: LyapunovSpectrum  # (trials,)
    trial: int  # whose units and exponents are shown


def own_label(spectrum: LyapunovSpectrum) -> str:
    """What a network of the reader's own is called: by its exponents, whichever row it was given for."""
    positive, zero = int(spectrum.n_positive), int(spectrum.n_zero)
    kind = "chaos" if positive else f"{zero} at zero" if zero else "all negative"
    return f"own: {kind}"


def five_questions(rows: Sequence[Row]):
    """State space, population, one neuron, adjoint and exponents, a row for each system.

    Parameters
    ----------
    rows : sequence of Row
        At least two.

    Returns
    -------
    matplotlib figure
    """
    fig, axes = plotting.figure(len(rows), 5, width=8.0, height=7.8)
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0.03, hspace=0.02)
    for ax, title in zip(axes[0], COLUMNS, strict=True):
        ax.set_title(title)
    for letter, row, line in zip("ABCDE", rows, axes, strict=False):
        _answer(line, row)
        line[0].annotate(
            f"{letter}  {row.name}",
            (-0.28, 0.5),
            xycoords="axes fraction",
            rotation=90,
            va="center",
            ha="center",
            weight="bold",
        )
    return fig


def _answer(line, row: Row) -> None:
    space, units, neuron, adjoint, exponents = line
    plotting.plot_principal_components(space, row.t, row.x, row.found)
    plotting.plot_population(units, row.t, row.x[:, row.trial])
    units.set(xlabel=f"time ({row.unit})", ylabel="activity")
    plotting.plot_one_neuron(neuron, row.t, row.x[..., 0])
    neuron.set(xlabel=f"time ({row.unit})")
    _adjoint(adjoint, row)
    plotting.plot_spectrum(exponents, row.spectra[row.trial])
    exponents.set(xlabel="index", ylabel=f"λ (1/{row.unit})")


def _adjoint(ax, row: Row) -> None:
    explodes = row.psi.abs().max() > EXPLODES
    shown = row.psi.norm(dim=-1) if explodes else row.psi[..., 0]
    plotting.plot_adjoints(ax, row.t_back, shown, row.x[-1, :, 0])
    if explodes:
        ago = row.t_back[-1] - row.t_back
        growth = torch.exp(row.spectra.exponents[row.trial, 0] * ago)
        ax.set_yscale("log")
        ax.plot(ago, growth, "--", color=plotting.RED)
    ax.set(xlabel=f"time before end ({row.unit})", ylabel=r"$\|\psi\|$" if explodes else r"$\psi_1$")
