"""A bump of activity that follows a heading, as a small animation in a page: no kernel, no library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

LIMIT = 500_000  # bytes in the page

PAGE = """<div class="pta-compass">
<style>
.text_html:has(> .pta-compass) { padding: 0 !important; background: none !important; color: inherit !important; }
.pta-compass { max-width: 22rem; font-size: 0.85rem; line-height: 1.45; }
.pta-compass svg { display: block; width: 100%; height: auto; color: inherit; }
.pta-compass .bar { display: flex; gap: 0.6rem; align-items: center; }
.pta-compass input { flex: 1; min-width: 0; accent-color: #2a8fcf; }
.pta-compass button { min-width: 4.5rem; padding: 0.2rem 0.6rem; border: 1px solid rgba(128, 128, 128, 0.6);
  border-radius: 0.3rem; background: none; color: inherit; font: inherit; cursor: pointer; }
.pta-compass :is(button, input):focus-visible { outline: 2px solid #2a8fcf; outline-offset: 1px; }
@media print { .pta-compass .bar { display: none; } }
.pta-compass p { margin: 0.3rem 0; min-height: 2.9em; font-variant-numeric: tabular-nums; }
</style>
<svg viewBox="-110 -110 220 220" role="img" aria-label="LABEL"></svg>
<div class="bar"><button type="button">Play</button><input type="range" min="0" value="0" aria-label="Time"></div>
<p>This animation needs JavaScript.</p>
<script type="application/json">DATA</script>
<script>SCRIPT</script>
</div>"""
LABEL = "Ring of segments, darker where more active; an arrow points to the true heading, a dot marks the decoded one"


def compass(t: ArrayLike, heading: ArrayLike, bump: ArrayLike, decoded: ArrayLike, dark: ArrayLike | None = None):
    """Segments of a ring that light up, an arrow for the true heading and a dot for the decoded one (Fig. 6E).

    It stands still until its button is pressed; its slider and the arrow keys move through time.

    Parameters
    ----------
    t : array (T,)
        Evenly spaced, in seconds.
    heading : array (T,)
        Radians, clockwise from the top.
    bump : array (T, segments)
        Activity, 0 or more; the first segment is on top.
    decoded : array (T,)
        Radians.
    dark : array (T,) of bool, optional
        When no input comes, to be said in the text.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or the page would carry more than half a megabyte.

    Examples
    --------
    >>> compass([0.0, 0.1], [0.0, 0.2], np.ones((2, 8)), [0.0, 0.1])
    <IPython.core.display.HTML object>
    """
    from IPython.display import HTML

    t, heading, bump, decoded = (np.asarray(v, float) for v in (t, heading, bump, decoded))
    dark = np.zeros(len(t), bool) if dark is None else np.asarray(dark, bool)
    if bump.ndim != 2 or not len(t) == len(heading) == len(bump) == len(decoded) == len(dark):
        raise ValueError(
            f"bump: expected one row, one heading and one decoded angle for each of {len(t)} times, got "
            f"{bump.shape}, {heading.shape}, {decoded.shape}"
        )
    if not all(np.isfinite(v).all() for v in (t, heading, bump, decoded)) or len(t) < 2 or bump.min() < 0:
        raise ValueError("t, heading, bump, decoded: expected at least two times and finite values, activity 0 or more")
    if not (t[1] > t[0] and np.allclose(np.diff(t), t[1] - t[0], rtol=1e-3, atol=0)):
        raise ValueError("t: expected evenly spaced, increasing times")
    data = {
        "dt": round(float(t[1] - t[0]), 6),
        "start": round(float(t[0]), 6),
        "heading": np.degrees(heading % (2 * np.pi)).round().astype(int).tolist(),
        "decoded": np.degrees(decoded % (2 * np.pi)).round().astype(int).tolist(),
        "bump": (99 * bump / max(bump.max(), 1e-300)).round().astype(int).tolist(),
        "dark": dark.astype(int).tolist(),
    }
    text = json.dumps(data, separators=(",", ":"))
    if len(text) > LIMIT:
        raise ValueError(f"t: {len(text):,} bytes are more than a page should carry ({LIMIT:,}); take fewer times")
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return HTML(PAGE.replace("LABEL", LABEL).replace("DATA", text).replace("SCRIPT", script))
