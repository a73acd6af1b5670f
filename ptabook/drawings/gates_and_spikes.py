"""Noise, gates and spikes, a panel for each experiment."""

from __future__ import annotations

import math

import numpy as np

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, figure

MEMORIES = {"line": GREEN, "cycle": PURPLE}


def layout():
    """The figure and its axes by letter."""
    fig, axes = figure(3, 2, height=8.0)
    return fig, dict(zip("ABCDEF", axes.flat, strict=True))


def _side_by_side(ax, place: float, values, **options) -> None:
    """A dot for each value, next to one another."""
    ax.plot(place + np.linspace(-0.15, 0.15, len(values)), values, "o", **options)


# ---- A and B: stored values, as shares of the largest --------------------------------------------


def draw_state_noise(ax, t, found, derived) -> None:
    """Errors under noise in the state.

    Parameters
    ----------
    ax : matplotlib axes
    t : array (T,)
    found : dict
        From "line" and "cycle" to errors of a value and of a difference of two, (T,) each.
    derived : dict
        From the same to the error of a value (T,).
    """
    _draw_errors(ax, t, found, derived)
    ax.set(title="A  noise in the state (S)", ylim=(1e-3, 1e-1))
    ax.text(6, 5e-2, "limit cycle", color=PURPLE)
    ax.text(6, 2.8e-2, "line attractor", color=GREEN)


def draw_changed_weights(ax, t, found, derived, fluctuating) -> None:
    """Errors in changed networks, as `draw_state_noise`; dashed, of a value where weights fluctuate (T,)."""
    _draw_errors(ax, t, found, derived, fluctuating)
    ax.set(title="B  changed weights (D)")
    ax.text(20, 9e-5, "difference on the cycle", color=PURPLE)


def _draw_errors(ax, t, found, derived, fluctuating=None) -> None:
    for name, color in MEMORIES.items():
        value, difference = found[name]
        ax.loglog(t, value, "o", ms=3, color=color)
        ax.loglog(t, difference, "o", ms=3, mfc="none", mew=0.7, color=color)
        ax.loglog(t, derived[name], color=color, lw=1)
        if fluctuating:
            ax.loglog(t, fluctuating[name], "--", color=color, lw=1)
    ax.set(xlabel="time (τ)", ylabel="error (of the largest value)")


# ---- C and D: LSTM networks ----------------------------------------------------------------------


def draw_zeros(ax, sizes, shares, far) -> None:
    """Zero exponents that networks without a forget gate have left, and how far their cells have run.

    Parameters
    ----------
    ax : matplotlib axes
    sizes : sequence of floats
        Sizes of the weights.
    shares : array (sizes, networks)
    far : array (sizes,)
        Median of |c|.
    """
    at = np.arange(len(sizes))
    for place, share in enumerate(shares):
        _side_by_side(ax, place, share, ms=3, color=BLUE, alpha=0.6)
    ax.plot(at, [share.mean() for share in shares], color=BLUE)
    ax.set(xticks=at, xticklabels=[f"{size:g}" for size in sizes], ylim=(0, 1.1))
    ax.set(xlabel="size of the weights", title="C  no forget gate")
    ax.set_ylabel("share of zero exponents", color=BLUE)
    beside = ax.twinx()
    beside.semilogy(at, far, "s-", ms=4, color=RED)
    beside.set_ylabel("median of |c|", color=RED)


def draw_forgetting(ax, biases, rates, exact) -> None:
    """Leading exponents at rest with a forget gate: of networks (biases, any number), and without weights (biases,)."""
    for bias, values in zip(biases, rates, strict=True):
        _side_by_side(ax, float(bias), values, ms=3, color=BLUE, alpha=0.6)
    ax.plot(biases, exact, color="black", lw=1)
    ax.axhline(0, color=GREY, lw=0.8)
    ax.set(xlabel="bias of the forget gate, $b_f$", ylabel="leading exponent (1/step)", title="D  with a forget gate")


# ---- E and F: spiking networks -------------------------------------------------------------------


def draw_growth(ax, biases, growth, tau: float) -> None:
    """Growth of surrogate gradients, mean and range, and of the true one.

    Parameters
    ----------
    ax : matplotlib axes
    biases : sequence of floats
    growth : dict
        From gain of the weights and steepness of the surrogate to rates (biases, networks); four of them.
    tau : float
        Membrane time constant in steps.
    """
    for ((gain, k), rates), color in zip(growth.items(), (GREY, BLUE, ORANGE, RED), strict=True):
        mean = rates.mean(1)
        label = f"{gain:g}, {k:g}" if gain else f"gain 0, k {k:g}"
        spread = [mean - rates.min(1), rates.max(1) - mean]
        ax.errorbar(biases, mean, spread, fmt="o-", ms=3, color=color, lw=1, label=label)
    ax.plot([0, 1], [-1 / tau] * 2, color="black", lw=1.5)
    ax.plot([1, 2.5], [0, 0], color="black", lw=1.5)
    ax.axvline(1, color=GREY, lw=0.8, ls=":")
    ax.set(xlabel="bias current (threshold 1)", ylabel="growth of the gradient (1/step)")
    ax.set(title="E  surrogate gradients", ylim=(-0.07, 0.36))
    ax.legend(frameon=False, loc="upper right", handlelength=1.0, borderpad=0, bbox_to_anchor=(1.02, 1.0))


def draw_losses(ax, biases, losses) -> None:
    """Losses after training (biases, networks), at rest and firing; below 1e-4 they are drawn there."""
    for place, (bias, values) in enumerate(zip(biases, losses, strict=True)):
        _side_by_side(ax, place, np.maximum(values, 1e-4), ms=4, color=BLUE if bias < 1 else PURPLE)
    ax.axhline(math.log(2), color=GREY, lw=0.8)  # chance
    ax.set(yscale="log", ylim=(6e-5, 3), xticks=range(len(biases)), xticklabels=[f"{bias:g}" for bias in biases])
    ax.set(xlabel="bias current", ylabel="final loss", title="F  holding a bit")
