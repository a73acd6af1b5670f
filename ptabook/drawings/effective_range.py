"""When adjoints leave a number format, what rounding does to neutral ones, and a memory's recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch

from ptacore.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

LONGEST = 450  # time constants, in panel A
COLOR = {
    "one fixed point": BLUE,
    "two fixed points": ORANGE,
    "line attractor": GREEN,
    "chaos": RED,
    "limit cycle": PURPLE,
}
MARK = {"float16": "o", "bfloat16": "s", "float32": "D", "float64": "^"}


def draw(size: Mapping, left: Mapping, predicted: Mapping, drift: Mapping, recall: Sequence):
    """Draw the figure.

    Parameters
    ----------
    size : mapping
        From system and format, named as in torch, to the largest entry of the adjoint (T, errors) 1, 2, ... time
        constants before the error.
    left, predicted : mapping
        From system and format to the times, one for each error, at which the format is left, infinite if never, and
        to the predicted time.
    drift : mapping
        From system and format to rates (frames, 2): with the Jacobian rounded, with everything rounded.
    recall : sequence
        Time, overlap with the pattern, norm of the adjoint and its derived course, each (T,).

    Returns
    -------
    matplotlib figure
    """
    fig, ((a, b), (c, d)) = plt.subplots(2, 2, figsize=(7.2, 6.0), layout="constrained")
    _sizes(a, size)
    _leaving(b, left, predicted)
    _drift(c, drift)
    _recall(d, *recall)
    return fig


def _sizes(ax, size) -> None:
    """Sizes for one error, in double precision; shaded, the normal numbers of shorter formats."""
    for dtype, shade in ((torch.float32, 0.12), (torch.float16, 0.22)):
        info = torch.finfo(dtype)
        ax.axhspan(info.tiny, info.max, color="0.5", alpha=shade, lw=0)
    for name, color in COLOR.items():
        values = size[name, "float64"][:LONGEST, 0]
        ax.semilogy(1 + np.arange(len(values)), values, color=color, lw=1.4)
    for x, y, name in (
        (190, 1e-26, "one fixed point"),
        (3, 1e-47, "two fixed points"),
        (130, 1e-7, "line attractor"),
        (300, 1e-7, "limit cycle"),
        (230, 1e14, "chaos"),
    ):
        ax.text(x, y, name, color=COLOR[name], ha="left")
    ax.text(5, 1e33, "float32, bfloat16", color="0.3")
    ax.text(445, 1e1, "float16", ha="right", color="0.3")
    ax.set(xlim=(0, LONGEST), ylim=(1e-50, 1e50), title="A")
    ax.set(xlabel="time before the error (τ)", ylabel="largest entry of the adjoint")


def _leaving(ax, left, predicted) -> None:
    """Median and range over the errors, where all of them leave."""
    for (name, form), when in predicted.items():
        times = left[name, form]
        if times.isinf().any():
            continue
        middle, color = times.median(), COLOR[name]
        bar = [[middle - times.min()], [times.max() - middle]]
        face = "none" if form == "bfloat16" else color
        ax.errorbar(when, middle, bar, fmt=MARK[form], color=color, ms=5, mfc=face)
    ax.plot([8, 4000], [8, 4000], color=GREY, lw=0.8, zorder=0)
    for form, mark in MARK.items():
        ax.plot([], [], mark, color="0.3", mfc="none" if form == "bfloat16" else "0.3", label=form)
    ax.legend(frameon=False, loc="lower right", handletextpad=0.2)
    ax.set(xscale="log", yscale="log", xlabel="predicted (τ)", ylabel="left after (τ)", title="B")


def _drift(ax, drift) -> None:
    """Median and range over the frames; what does not drift at all has no place on a logarithmic axis."""
    forms = ("bfloat16", "float16", "float32")
    unit = [torch.finfo(getattr(torch, form)).eps / 2 for form in forms]
    for name in dict.fromkeys(name for name, _ in drift):
        rates, color = np.stack([drift[name, form] for form in forms]), COLOR[name]
        for k, style, face in ((0, "o-", color), (1, "s--", "white")):
            values = rates[..., k]
            middle = np.median(values, axis=1)
            if middle.max() < 1e-13:
                continue
            bars = [middle - values.min(1), values.max(1) - middle]
            ax.errorbar(unit, middle, bars, fmt=style, ms=4, color=color, mfc=face, lw=1)
    ax.plot([3e-8, 8e-3], [3e-8, 8e-3], ":", color=GREY)
    ax.text(1.2e-6, 4e-6, "$u$", color="0.4")
    ax.text(2e-6, 5e-11, "limit cycle (open:\nall in the format)", color=PURPLE, va="top")
    ax.text(2e-5, 1.2e-8, "line attractor", color=GREEN)
    for form, u, side in zip(forms, unit, ("left", "right", "center"), strict=True):
        ax.text(u, 6e-2, form, ha=side, color="0.3", va="top")
    ax.set(xscale="log", yscale="log", ylim=(1e-12, 1e-1), xlim=(1e-8, 8e-2), title="C")
    ax.set(xlabel="unit roundoff $u$", ylabel="drift of a zero exponent (1/τ)")


def _recall(ax, t, overlap, norm, derived) -> None:
    ax.plot(t, overlap, color=BLUE)
    ax.set(xlabel="time (τ)", xlim=(0, 60), ylim=(0, 1.1), title="D")
    ax.set_ylabel("overlap with the pattern", color=BLUE)
    twin = ax.twinx()
    twin.semilogy(t, norm, color=RED)
    twin.semilogy(t, derived, ":", color="black", lw=1.2)
    twin.set_ylabel("norm of the adjoint", color=RED)
