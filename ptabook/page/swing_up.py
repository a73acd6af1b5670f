"""A pendulum that swings up, as a small animation in a page: style sheets move it, without a script or a library."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ptacore.checks import finite_array, within
from ptacore.reinforcement.pendulum import DT, TORQUE

FRAMES = 2_000  # the most that a page should carry
GHOSTS = 14  # still pendulums behind the moving one

PAGE = """<div class="pta-swing">
<style>
.text_html:has(> .pta-swing) { padding: 0 !important; background: none !important; color: inherit !important; }
.pta-swing { max-width: 20rem; font-size: 0.85rem; }
.pta-swing svg { display: block; width: 100%; height: auto; color: inherit; }
.pta-swing input:focus-visible { outline: 2px solid #2a8fcf; outline-offset: 1px; }
.pta-swing :is(.rod, .torque, .time) { animation: SECONDSs linear infinite paused; }
.pta-swing .rod { animation-name: pta-swing-rod; }
.pta-swing .torque { animation-name: pta-swing-torque; }
.pta-swing .time { animation-name: pta-swing-time; }
.pta-swing:has(input:checked) :is(.rod, .torque, .time) { animation-play-state: running; }
@media (prefers-reduced-motion: reduce) { .pta-swing :is(.rod, .torque, .time) { animation: none; } }
@media print { .pta-swing :is(.rod, .torque, .time) { animation: none; } }
@media print { .pta-swing label { display: none; } }
@media (prefers-reduced-motion: reduce) { .pta-swing label { display: none; } }
@keyframes pta-swing-rod { ROD }
@keyframes pta-swing-torque { TORQUE }
@keyframes pta-swing-time { from { transform: scaleX(0) } to { transform: scaleX(1) } }
</style>
<label><input type="checkbox"> Play</label>
<svg viewBox="-110 -110 220 248" width="300" role="img" aria-label="LABEL">
<g stroke="currentColor" stroke-width="3" fill="currentColor">GHOSTS</g>
<g class="rod" style="transform: rotate(FIRST)"><path d="M0 0V-80" stroke="currentColor" stroke-width="6"/>
<circle cy="-90" r="12" fill="#0173b2"/></g>
<circle r="4" fill="#949494"/>
<text x="-100" y="117" font-size="11" fill="currentColor">torque</text>
<path d="M-50 113H100M25 106V120" stroke="#949494"/>
<g transform="translate(25 113)"><path class="torque" d="M0 0H75" stroke="#de8f05" stroke-width="7" \
style="transform: scaleX(0)"/></g>
<text x="-100" y="136" font-size="11" fill="currentColor">time</text>
<path d="M-50 132H100" stroke="#949494"/><g transform="translate(-50 132)"><path class="time" d="M0 0H150" \
stroke="#029e73" stroke-width="5" style="transform: scaleX(0)"/></g>
</svg>
</div>"""
LABEL = (
    "A pendulum, which starts at {start:.0f} degrees from upright and is at {end:.0f} degrees after {seconds:.0f} "
    "seconds; faint copies show where it was, the later the darker. A bar below shows the torque to either side, "
    "a line the time."
)


def swing_up(theta: ArrayLike, torque: ArrayLike, *, dt: float = DT, bound: float = TORQUE):
    """A pendulum in motion, with faint copies of itself, the torque and the time.

    It stands still until its box is checked, and starts again when its time is over. On paper, and for readers who ask
    for less motion, the copies alone show the course.

    Parameters
    ----------
    theta : array (T,)
        Angles from upright, in radians, counterclockwise, without jumps.
    torque : array (T,)
        What the agent does, counterclockwise, from -bound to bound.
    dt : float
        Seconds from one to the next.
    bound : float
        Largest torque.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two times or more than a page carries, or a value is not finite.

    Examples
    --------
    >>> swing_up([3.14, 0.0], [2.0, 0.0])
    <IPython.core.display.HTML object>
    """
    from IPython.display import HTML

    theta, torque = finite_array(theta, "theta"), finite_array(torque, "torque")
    if theta.ndim != 1 or not 2 <= len(theta) <= FRAMES:
        raise ValueError(f"theta: expected from 2 to {FRAMES:,} angles (T,), got shape {theta.shape}")
    if torque.shape != theta.shape:
        raise ValueError(f"torque: expected shape {theta.shape}, got {torque.shape}")
    dt, bound = within("dt", dt, 0, np.inf), within("bound", bound, 0, np.inf)
    clockwise = -np.degrees(theta)  # as style sheets turn
    right = np.clip(-torque / bound, -1, 1)
    at = 100 * np.arange(len(theta)) / (len(theta) - 1)
    rod = "".join(f"{p:.6g}%{{transform:rotate({v:.1f}deg)}}" for p, v in zip(at, clockwise, strict=True))
    bar = "".join(f"{p:.6g}%{{transform:scaleX({v:.2f})}}" for p, v in zip(at, right, strict=True))
    seconds = dt * (len(theta) - 1)
    ends = [abs(np.degrees(np.angle(np.exp(1j * v)))) for v in theta[[0, -1]]]
    parts = {
        "LABEL": LABEL.format(start=ends[0], end=ends[1], seconds=seconds),
        "SECONDS": f"{seconds:.6g}",
        "ROD": rod,
        "TORQUE": bar,
        "GHOSTS": _ghosts(clockwise),
        "FIRST": f"{clockwise[0]:.1f}deg",
    }
    page = PAGE
    for name, text in parts.items():
        page = page.replace(name, text)
    return HTML(page)


def _ghosts(clockwise: np.ndarray) -> str:
    """Pendulums at moments between which it turned equally far."""
    turned = np.concatenate([[0], np.abs(np.diff(clockwise)).cumsum()])
    moments = np.searchsorted(turned, np.linspace(0, turned[-1], GHOSTS)).clip(0, len(turned) - 1)
    return "".join(
        f'<g transform="rotate({clockwise[m]:.1f})" opacity="{0.08 + 0.3 * k / GHOSTS:.2f}">'
        '<path d="M0 0V-80"/><circle cy="-90" r="8"/></g>'
        for k, m in enumerate(moments)
    )
