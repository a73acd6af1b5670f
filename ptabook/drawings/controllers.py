"""The drawings of controllers that learn by reinforcement: policies, rings, integration times, the coupled system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ptacore.plotting import BLUE, CYAN, GREEN, GREY, ORANGE, PURPLE, RED, figure, letters

KINDS = {"partial": ("sees the angle", ORANGE), "full": ("sees angle and velocity", BLUE)}
SEEDS = (BLUE, ORANGE, GREEN, RED, PURPLE, CYAN)
ANGLES = [-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"]
MISSING = "no recorded runs"


def policies(path: Sequence[float], courses: Mapping, live: Sequence[float], maps: Mapping):
    """The main figure: a pendulum that swings up, returns along training, and policy maps.

    Parameters
    ----------
    path : array (T,)
        Angles of the pendulum, from upright.
    courses : mapping
        From "partial" and "full" to returns (seeds, updates).
    live : sequence (k,)
        Returns of the agent that the page trains.
    maps : mapping
        From "partial" and "full" to three pairs (update, `PolicyMap`).
    """
    fig, axes = figure(3, 3, height=6.4, height_ratios=[1.15, 1, 1])
    top = axes[0, 0].get_gridspec()[0, :].subgridspec(1, 2, width_ratios=[1, 2])
    for ax in axes[0]:
        ax.remove()
    still, returns = fig.add_subplot(top[0]), fig.add_subplot(top[1])
    _pendulum(still, path)
    for kind, (name, color) in KINDS.items():
        if len(courses.get(kind, [])):
            _band(returns, courses[kind], color, name)
    if not any(len(course) for course in courses.values()):
        returns.text(0.5, 0.5, MISSING, transform=returns.transAxes, ha="center")
    returns.plot(np.arange(1, len(live) + 1), live, color="black", lw=1.2, label="trained on this page")
    returns.set(xlabel="update", ylabel="return of an episode", ylim=(-1700, 0))
    returns.legend(frameon=False, loc="lower right")
    mesh = None
    for row, (kind, (name, _)) in zip(axes[1:], KINDS.items(), strict=True):
        for ax, (update, policy) in zip(row, maps.get(kind, []), strict=False):
            mesh = ax.pcolormesh(
                policy.theta, policy.speed, policy.torque, cmap="RdBu", vmin=-2, vmax=2, rasterized=True
            )
            ax.set(xticks=ANGLES[0], xticklabels=ANGLES[1], yticks=[-5, 0, 5])
            ax.set_title(f"update {update}")
        row[0].set_ylabel(f"{name}\nvelocity (rad/s)")
    for ax in axes[2]:
        ax.set_xlabel("angle (rad)")
    if mesh:
        fig.colorbar(mesh, ax=axes[1:], label="torque (N m)", aspect=28, ticks=[-2, 0, 2])
    letters((still, returns, axes[1, 0], axes[2, 0]), at=(-0.08, 1.06))
    return fig


def _pendulum(ax, path) -> None:
    """Where it was, at moments between which it turned equally far: the later the darker, the last one in colour."""
    path = np.asarray(path)
    turned = np.concatenate([[0], np.abs(np.diff(path)).cumsum()])
    moments = np.searchsorted(turned, np.linspace(0, turned[-1], 15)).clip(0, len(path) - 1)
    for k, m in enumerate(moments):
        x, y = -np.sin(path[m]), np.cos(path[m])
        last = k == len(moments) - 1
        color = BLUE if last else str(0.88 - 0.5 * k / len(moments))
        ax.plot([0, x], [0, y], "-", color=color, lw=2 if last else 1, zorder=k)
        ax.plot(x, y, "o", color=color, ms=8 if last else 5, zorder=k)
    ax.plot(0, 0, "o", color="black", ms=3, zorder=20)
    ax.set(aspect="equal", xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
    ax.axis("off")


def _band(ax, curves, color, name, x=None) -> None:
    """Median over seeds and their range; what is NaN does not count."""
    curves = np.asarray(curves, float)
    x = np.arange(1, curves.shape[1] + 1) if x is None else x
    ax.fill_between(x, np.nanmin(curves, 0), np.nanmax(curves, 0), color=color, alpha=0.2, lw=0)
    ax.plot(x, np.nanmedian(curves, 0), color=color, label=name)


def rings(clouds: Sequence, way: Sequence, pairs: Sequence, line, updates: Sequence, times: Mapping):
    """Hidden states in their plane, the way of the stable fixed point, its distance against reward, times.

    Parameters
    ----------
    clouds : sequence of three
        Each an update, points (m, 2), angles (m,), the stable fixed point (2,) held upright, that held hanging.
    way : sequence
        Points (k, 2) of the stable fixed point along training, and returns (k,).
    pairs : sequence
        Of each seed, distances and rewards to go.
    line : Line or None
        Through all pairs.
    updates : sequence (k,)
        Of the times.
    times : mapping
        "one": medians, low and high ends over states of one agent (3, k, 5); "all": medians over states of the
        longest five, averaged over seeds, with low and high ends (3, k, 5).
    """
    fig, axes = figure(3, 3, height=7.4)
    for ax, (update, points, theta, up, down) in zip(axes[0], clouds, strict=False):
        angle = np.angle(np.exp(1j * theta))
        dots = ax.scatter(
            *points.T, c=angle, cmap="twilight", vmin=-np.pi, vmax=np.pi, s=6, edgecolors=GREY, linewidths=0.2
        )
        dots.set_rasterized(True)
        ax.plot(*up, "*", color=GREEN, mec="white", mew=0.5, ms=11, label="held upright")
        ax.plot(*down, "X", color=RED, mec="white", mew=0.5, ms=8, label="held hanging")
        ax.set(title=f"update {update}", xlabel="PC 1")
    axes[0, 0].set_ylabel("PC 2")
    grid = axes[0, 0].get_gridspec()
    for ax in axes[1:].flat:
        ax.remove()
    wide = grid[1:, :].subgridspec(2, 2)
    moving, against, one, every = (fig.add_subplot(wide[place]) for place in np.ndindex(2, 2))
    if clouds:
        axes[0, 2].legend(frameon=False, loc="center", handletextpad=0.2)
        bar = fig.colorbar(dots, ax=axes[0], aspect=14, label="angle (rad)")
        bar.set_ticks(ANGLES[0], labels=ANGLES[1])
    else:
        axes[0, 0].text(0.5, 0.5, MISSING, transform=axes[0, 0].transAxes, ha="center")
    if len(way):
        points, returns = way
        moving.plot(*points.T, color=GREY, lw=0.6)
        dots = moving.scatter(*points.T, c=returns, cmap="viridis", s=14, zorder=3)
        moving.plot(*points[-1], "*", color=GREEN, mec="white", mew=0.5, ms=11, zorder=4)
        fig.colorbar(dots, ax=moving, aspect=14, label="return")
    moving.set(xlabel="PC 1", ylabel="PC 2")
    for k, (x, y) in enumerate(pairs):
        against.plot(x, y, "o", ms=2.5, color=SEEDS[k % len(SEEDS)], label=f"seed {k}")
    if line:
        ends = np.array([0, max(np.max(x) for x, _ in pairs)])
        against.plot(ends, line.intercept + line.slope * ends, color="black", lw=0.8)
    against.set(xlabel="distance of the fixed point to its last place", ylabel="reward to go")
    for ax, key, title in ((one, "one", "one agent, 99% over states"), (every, "all", "all seeds, 95% over seeds")):
        for i, color in enumerate((BLUE, CYAN, GREEN, ORANGE, PURPLE) if key in times else ()):
            mid, low, high = np.asarray(times[key])[:, :, i]
            ends = [mid - low, high - mid]
            width = 2.4 - 0.4 * i  # the times of a pair are one
            ax.errorbar(updates, mid, ends, color=color, lw=width, elinewidth=0.6, label=f"$\\tau_{i + 1}$")
        ax.set(xlabel="update", ylabel="integration time (steps)", title=title)
        ax.set_ylim(bottom=0)
    if "one" in times:
        one.legend(frameon=False, loc="lower right", ncols=5, handlelength=0.8, columnspacing=0.8)
    letters((axes[0, 0], moving, against, one, every))
    return fig


def measures(
    alone: tuple[Sequence, Mapping],
    together: tuple[Sequence, Mapping],
    physics: float,
    exponents: tuple[Sequence, Mapping],
    shape: tuple[Sequence, Mapping],
    starts: Mapping,
    ends: Mapping,
):
    """What changes along training: fixed points, exponents, the ring; and other ways to train.

    Parameters
    ----------
    alone, together : pair
        Updates (k,), and a mapping from names to |lambda_1| of fixed points (seeds, k), NaN where there is none: of the
        agent with its input held, and of agent and pendulum.
    physics : float
        |lambda_1| of the upright pendulum without torque.
    exponents, shape : pair
        Updates, and a mapping from names to leading exponents, and to measures of the ring.
    starts : mapping
        From a start to returns (seeds, updates).
    ends : mapping
        From a way to train to last returns (seeds,).
    """
    fig, axes = figure(3, 2, height=7.6)
    a, b, c, d, e, f = axes.flat
    for ax, (x, curves), colors in (
        (a, alone, (GREEN, RED, GREY)),
        (b, together, (GREEN, RED)),
        (c, exponents, (BLUE, ORANGE)),
        (d, shape, (BLUE, ORANGE)),
        (e, (None, starts), (GREY, BLUE)),
    ):
        for (name, values), color in zip(curves.items(), colors, strict=True):
            if len(values):
                _band(ax, values, color, name, x)
        ax.set_xlabel("update")
    for ax in (a, b):
        ax.axhline(1, color=GREY, lw=0.6)
        ax.set_ylim(top=1.42)  # room for names
    b.axhline(physics, color="black", lw=0.8, ls="--", label="upright, no torque")
    c.axhline(0, color=GREY, lw=0.6)
    d.set_ylim(0, 1)
    a.set_ylabel(r"$|\lambda_1|$ of the agent alone")
    b.set_ylabel(r"$|\lambda_1|$ of agent and pendulum")
    c.set_ylabel("leading exponent (1/step)")
    d.set_ylabel("share")
    e.set_ylabel("return of an episode")
    for k, values in enumerate(ends.values()):
        f.plot(values, np.full(len(values), k), "o", ms=3, color=BLUE, alpha=0.6)
        if len(values):
            f.plot(np.mean(values), k, "|", ms=12, color="black")
    f.set(xlabel="mean return of the last ten episodes", ylim=(len(ends) - 0.5, -0.5))
    f.set_yticks(range(len(ends)), labels=ends)
    for ax in (a, b, c, d, e):
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False)
        else:
            ax.text(0.5, 0.5, MISSING, transform=ax.transAxes, ha="center")
    letters(axes.flat)
    return fig
