"""The certified maps of Fig. 5A-B as one picture in a page: hover over it, click it, or walk it with the arrow keys.

All that it shows is computed here, on the grid of the maps and, for trajectories and adjoints, on a coarser one; the
page needs no kernel. Plotly's script draws, `explorable.js` beside this file decodes and links the panels.
"""

from __future__ import annotations

import base64
import json
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ptacore.adjoints import adjoint
from ptacore.certificates import FIXED, KINDS, ORIGIN, STARTS, TIME_STEP, Certificates
from ptacore.integrate import trajectory
from ptacore.models.oscillator import critical_gain, oscillator, saddle_node_angle, strong_tongues
from ptacore.plotting.style import COLORS

# Greys and blues where all decays, green where an exponent is zero, red where one is positive.
CLASS_COLORS = dict(
    zip(KINDS, ("#cccccc", COLORS["cyan"], COLORS["blue"], COLORS["green"], COLORS["green"], COLORS["red"], "#222222"),
        strict=True)
) | {"two attractors": COLORS["pink"]}  # fmt: skip
LIMIT = 2_000_000  # bytes in the page, without plotly
CELLS = 128  # most gains, and most angles, of a map in the page
SAMPLES = 80  # of a trajectory
LOWEST = -8.0  # exponents are clipped here: where a Jacobian is singular they are -inf
DECADES = (-6.0, 1.5)  # of the adjoint

PAGE = """<div class="pta-explorable">
<style>
.text_html:has(> .pta-explorable) { padding: 0 !important; background: none !important; color: inherit !important; }
.pta-explorable { container-type: inline-size; font-size: 0.85rem; line-height: 1.45; }
.pta-explorable .bar { display: flex; flex-wrap: wrap; gap: 0.35rem 1.5rem; margin: 0.3rem 0; }
.pta-explorable .bar > div { display: flex; flex-wrap: wrap; gap: 0.35rem; align-items: center; }
.pta-explorable button { padding: 0.2rem 0.6rem; border: 1px solid rgba(128, 128, 128, 0.6); border-radius: 0.3rem;
  background: none; color: inherit; font: inherit; cursor: pointer; }
.pta-explorable button[aria-pressed="true"] { border-color: currentColor; background: rgba(128, 128, 128, 0.25);
  box-shadow: inset 0 0 0 1px currentColor; }
.pta-explorable .map { height: 19rem; }
.pta-explorable :is(.map, button):focus-visible { outline: 2px solid #2a8fcf; outline-offset: 1px; }
.pta-explorable .legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; margin: 0.2rem 0; }
.pta-explorable .legend i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.35em;
  border: 1px solid rgba(128, 128, 128, 0.6); vertical-align: -0.1em; }
.pta-explorable .legend i.scale { width: 7em; margin-left: 0.35em; }
.pta-explorable .legend i.curve { height: 0; border: 0; border-top: 2px solid currentColor; vertical-align: 0.3em; }
.pta-explorable .selected { min-height: 5.1em; margin: 0.4rem 0; padding: 0.4rem 0.7rem; border-left: 3px solid #2a8fcf;
  background: rgba(128, 128, 128, 0.1); }
.pta-explorable .panels { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; }
.pta-explorable .panels p { margin: 0; min-height: 2.9em; }
.pta-explorable .panels div div { height: 12rem; }
@container (max-width: 560px) {
  .pta-explorable .map { height: 18rem; }
  .pta-explorable .selected { min-height: 8em; }
  .pta-explorable .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .pta-explorable .panels > :nth-child(2) { grid-column: 1 / 3; grid-row: 2; }
}
</style>
<div class="bar">
<div class="systems" role="group" aria-label="Network"></div>
<div class="quantities" role="group" aria-label="Colour of the map"></div>
</div>
<div class="map" tabindex="0" role="application" aria-label="Map over angle and gain. The arrow keys move the selected
point."></div>
<div class="legend"></div>
<p class="selected" aria-live="polite">This picture needs JavaScript and plotly's script.</p>
<div class="panels">
<div><p><b>Trajectory.</b> The ring is its end.</p><div class="orbit" role="img"
aria-label="Trajectory of the selected point in the plane of the two units"></div></div>
<div><p><b>Adjoint</b>, backward from that end. Dotted: its mean slope, λ₁.</p><div class="adjoint" role="img"
aria-label="Norm of the adjoint of the selected point against backward time, on a logarithmic axis"></div></div>
<div><p><b>Spectrum.</b> A zero exponent gets a †.</p><div class="spectrum" role="img"
aria-label="The two Lyapunov exponents of the selected point"></div></div>
</div>
<script type="application/json">DATA</script>
<script>SCRIPT</script>
</div>"""


def _thin(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` indices, evenly spaced and in the middle."""
    stride = math.ceil(count / most)
    return np.arange(((count - 1) % stride) // 2, count, stride)


def _pack(values, bits: int, low: float | None = None, high: float | None = None) -> dict:
    """Numbers as text: signed integers of 8 or 16 bits that stand for low ... high, their lowest one for nan.

    value = offset + step * integer; values outside are clipped. Without low and high, the values' own.
    """
    values = np.asarray(values, dtype=float)
    known = values[~np.isnan(values)]
    top = 2 ** (bits - 1) - 1
    low = low if low is not None else known.min(initial=0.0)
    high = high if high is not None else known.max(initial=0.0)
    offset, step = (low + high) / 2, max(high - low, 1e-12) / (2 * top)
    whole = np.nan_to_num(np.round((np.clip(values, low, high) - offset) / step), nan=-top - 1)
    data = base64.b64encode(whole.astype(f"<i{bits // 8}").tobytes()).decode()
    return {"bits": bits, "offset": float(offset), "step": float(step), "data": data}


def _cells(found: Certificates) -> dict:
    """What hovering shows, cell by cell."""
    flags = found.kind + 8 * found.copies.double().log2().long() + 32 * found.bistable.long()
    residual = found.residual.clamp(1e-17, 1e3).log10()
    first, second = found.exponents.clamp_min(LOWEST).unbind(-1)
    packed = {
        "flags": _pack(flags, 8, -127, 127),
        "first": _pack(first, 16),
        "second": _pack(second, 16),
        "frequency": _pack(found.frequency, 16),
        "multiplier": _pack(found.multiplier, 16),
        "residual": _pack(residual, 8),
    }
    if found.system.endswith("map"):  # the period of a limit cycle is 1 / frequency
        packed["period"] = _pack(found.period, 16, -32767, 32767)
    return packed


def _orbits(found: Certificates) -> dict:
    """Trajectories and adjoints of points (m,): the way to rest where all rests, else the attractor."""
    system, period = found.system, found.period
    net = oscillator(system, found.alpha, found.theta)
    flow = net.kind == "flow"
    dt = 2 * TIME_STEP[system] if flow else 1.0
    rests = (found.kind == ORIGIN) | (found.kind == FIXED)
    stride = torch.ones_like(found.kind)
    if flow:  # 20 to 40 samples in each turn of a cycle
        stride = 2 ** (period / (20 * dt)).nan_to_num(2.0).clamp(1, 8).log2().long()
    start = torch.tensor(STARTS, dtype=torch.float64)
    settled = trajectory(net, start[0].expand(len(rests), 2), duration=dt, dt=dt, transient=1000 * dt)[1][-1]
    far = (found.kind == ORIGIN) & ~found.bistable  # all starts lead there
    x0 = torch.where(rests[:, None], start[torch.where(far, 2, 0)], settled)
    x = torch.zeros(len(rests), SAMPLES, 2, dtype=torch.float64)
    size = torch.zeros(len(rests), SAMPLES, dtype=torch.float64)
    for s in stride.unique().tolist():
        at = (stride == s).nonzero()[:, 0]
        part = oscillator(system, found.alpha[at], found.theta[at])
        path = trajectory(part, x0[at], duration=s * (SAMPLES - 1) * dt, dt=dt)[1]
        psi = adjoint(part, path, dt, terminal=[1.0, 0.0])
        x[at], size[at] = path[::s].movedim(0, 1), psi[::s].norm(dim=-1).T
    return {
        "x": _pack(x[..., 0], 8, -1, 1),
        "y": _pack(x[..., 1], 8, -1, 1),
        "adjoint": _pack(size.clamp_min(1e-99).log10(), 8, *DECADES),
        "stride": _pack(stride, 8, -127, 127),
        "dt": dt,
    }


def _curves(system: str, alpha: Tensor, theta: Tensor) -> dict:
    """The bifurcation curves in closed form, as lines of (theta, alpha), and the names of the tongues."""

    def line(t, a) -> list:
        inside = (t >= theta[0]) & (t <= theta[-1]) & (a < 3 * alpha[-1])  # plotly cuts off the rest
        return [
            [round(v, 4) if ok else None for v, ok in zip(w.tolist(), inside.tolist(), strict=True)] for w in (t, a)
        ]

    angles = torch.linspace(theta[0].item(), theta[-1].item(), 200, dtype=torch.float64)
    lines, names = [line(angles, critical_gain(system, angles))], []
    for tongue in strong_tongues(system):
        if tongue.tip >= alpha[-1]:
            continue
        gain = torch.linspace(1, alpha[-1].item() / tongue.tip, 50, dtype=torch.float64)
        width = saddle_node_angle(gain, directions=512)
        for centre in {tongue.centre, -tongue.centre}:
            for side in (-1, 1):
                lines.append(line(centre + side * width, tongue.tip * gain))
            if theta[0] <= centre <= theta[-1]:
                names.append([tongue.name, centre, 0.25 * tongue.tip + 0.75 * alpha[-1].item()])
    return {"lines": lines, "names": names}


def _part(found: Certificates, *at) -> Certificates:
    values = {k: v[at] for k, v in vars(found).items() if k != "system"}
    return Certificates(system=found.system, **values)


def _diagram(name: str, found: Certificates, grid: tuple[int, int]) -> dict:
    """All that the page shows of one system."""
    if not isinstance(found, Certificates):
        raise TypeError(f"diagrams[{name!r}]: expected Certificates, got {type(found).__name__}")
    if found.alpha.ndim != 2 or min(found.alpha.shape) < 2:
        raise ValueError(f"diagrams[{name!r}]: expected a grid of gains x angles, got shape {tuple(found.alpha.shape)}")
    for axis, values in (("alpha", found.alpha), ("theta", found.theta.T)):
        if not (torch.equal(values, values[:, :1].expand_as(values)) and (values[:, 0].diff() > 0).all()):
            raise ValueError(f"diagrams[{name!r}]: expected a meshgrid; {axis} does not rise along its own axis only")
    found = _part(found, *np.ix_(*(_thin(n, CELLS) for n in found.alpha.shape)))
    rows, columns = (_thin(n, most) for n, most in zip(found.alpha.shape, grid, strict=True))
    coarse = _part(found, *np.ix_(rows, columns))
    good = coarse.oscillates.nonzero()
    first = good[len(good) // 2].tolist() if len(good) else [len(rows) // 2, len(columns) // 2]
    alpha, theta = found.alpha[:, 0], found.theta[0]
    points = Certificates(found.system, *(v.flatten(0, 1) for k, v in vars(coarse).items() if k != "system"))  # (m,)
    return {
        "name": name,
        "flow": found.system.endswith("flow"),
        "alpha": [round(v, 6) for v in alpha.tolist()],
        "theta": [round(v, 6) for v in theta.tolist()],
        "rows": rows.tolist(),
        "columns": columns.tolist(),
        "first": first,
        "cells": _cells(found),
        "orbits": _orbits(points),
        "curves": _curves(found.system, alpha, theta),
    }


def _plotly_script() -> str:
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("plotlyjs='inline' needs plotly: pip install 'ptacore[figures]'")
    path = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return path.read_text(encoding="utf-8")


def explorable(diagrams: dict[str, Certificates], grid: tuple[int, int] = (24, 25), plotlyjs: str = "page"):
    """Certified maps (Fig. 5A-B) to hover over and to click, in a page without a kernel.

    Hovering shows a cell's certificate. A click, a tap or the arrow keys select a point of a coarser grid and show its
    trajectory, its adjoint backward in time (Eq. 11; from the terminal vector (1, 0)) and its two exponents. Numbers
    in the page are rounded to 16 bits of their range, those of lines to 8.

    Parameters
    ----------
    diagrams : dict of str to Certificates
        From `certify`, by the name on the button: each on a meshgrid (n_alpha, n_theta), both rising, gains along
        axis 0. Of more than 128 gains or angles every second, third ... is taken.
    grid : (int, int)
        Most gains and angles with a trajectory.
    plotlyjs : {"page", "inline"}
        Where plotly's script is: on the page already, as in the book, or, for notebooks elsewhere, in the output,
        which it makes 4.8 MB larger.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    TypeError, ValueError
        If the maps are not such meshgrids, or would take more than 2 MB in the page; the message names the argument.

    Examples
    --------
    >>> from ptacore import certify
    >>> found = certify("tanh map", [[0.8], [1.2]], [0.0, 0.5, 1.0], steps=1000)
    >>> explorable({"tanh map": found})
    <IPython.core.display.HTML object>
    """
    from IPython.display import HTML

    if not isinstance(diagrams, dict) or not diagrams:
        raise TypeError(f"diagrams: expected a dict of names to Certificates, got {diagrams!r:.60}")
    if not (isinstance(grid, tuple | list) and len(grid) == 2 and all(isinstance(n, int) and n >= 2 for n in grid)):
        raise ValueError(f"grid: expected two integers of at least 2, got {grid!r}")
    if plotlyjs not in ("page", "inline"):
        raise ValueError(f"plotlyjs: expected 'page' or 'inline', got {plotlyjs!r}")
    data = {
        "classes": list(CLASS_COLORS.items()),
        "samples": SAMPLES,
        "lowest": LOWEST,
        "systems": [_diagram(str(name), found, grid) for name, found in diagrams.items()],
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    page = PAGE.replace("SCRIPT", script).replace("DATA", text)
    if len(page.encode()) > LIMIT:
        raise ValueError(f"diagrams, grid: {len(page.encode()):,} bytes are more than a page should carry ({LIMIT:,})")
    if plotlyjs == "inline":
        page = f"<script>{_plotly_script()}</script>\n{page}"
    return HTML(page)
