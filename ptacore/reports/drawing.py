"""Charts as inline SVG that takes its colours from the page, light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 480, 290
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 14, 46
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Chart:
    """A chart that is drawn layer by layer.

    Parameters
    ----------
    x, y : sequence of float
        Values that must fit on the axes; what is not finite does not count.
    labels : tuple of str
        Of the two axes.
    powers : bool
        Whether y is the decimal logarithm of what its axis shows.

    Examples
    --------
    >>> chart = Chart([0, 10], [0, 1], ("step", "size"))
    >>> chart.line([0, 10], [0, 1], "first")
    >>> chart.svg("A line that rises.").startswith('<svg class="chart" viewBox="0 0 480 290" role="img"')
    True
    """

    def __init__(self, x: Iterable[float], y: Iterable[float], labels: tuple[str, str], powers: bool = False):
        self.x, self.y = _range(x, 0.02), _range(y, 0.06)
        self.labels, self.powers, self.parts = labels, powers, []

    def _at(self, x, y) -> tuple[np.ndarray, np.ndarray]:
        (a, b), (c, d) = self.x, self.y
        across = LEFT + (np.asarray(x, float) - a) / (b - a) * (WIDTH - LEFT - RIGHT)
        up = HEIGHT - BOTTOM - (np.asarray(y, float) - c) / (d - c) * (HEIGHT - TOP - BOTTOM)
        return across, np.clip(up, TOP - 4, HEIGHT - BOTTOM + 4)

    def line(self, x, y, look: str) -> None:
        """A line through points; what is not finite or off the chart interrupts it."""
        kept = (np.asarray(y, float) >= self.y[0]) & (np.asarray(y, float) <= self.y[1])
        for part in np.split(np.arange(len(kept)), np.flatnonzero(~kept)):
            part = part[kept[part]]
            if len(part) > 1:
                points = " ".join(
                    f"{a:.1f},{b:.1f}" for a, b in zip(*self._at(np.take(x, part), np.take(y, part)), strict=True)
                )
                self.parts.append(f'<polyline class="{look}" points="{points}"/>')

    def band(self, x, low, high, look: str) -> None:
        """The area between two lines."""
        kept = np.isfinite(np.asarray(low, float)) & np.isfinite(np.asarray(high, float))
        x, low, high = (np.asarray(v, float)[kept] for v in (x, low, high))
        a, b = self._at(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
        points = " ".join(f"{p:.1f},{q:.1f}" for p, q in zip(a, b, strict=True))
        self.parts.append(f'<polygon class="{look}" points="{points}"/>')

    def points(self, x, y, look: str, size: float = 3) -> None:
        for a, b, finite in zip(*self._at(x, y), np.isfinite(np.asarray(y, float)), strict=True):
            if finite:
                self.parts.append(f'<circle class="{look}" cx="{a:.1f}" cy="{b:.1f}" r="{size}"/>')

    def bars(self, x, low, high, look: str) -> None:
        """Upright intervals."""
        for a, p, q in zip(self._at(x, low)[0], self._at(x, low)[1], self._at(x, high)[1], strict=True):
            if math.isfinite(p) and math.isfinite(q):
                self.parts.append(f'<path class="{look}" d="M{a:.1f} {p:.1f}V{q:.1f}"/>')

    def level(self, y: float) -> None:
        """A line across."""
        if self.y[0] <= y <= self.y[1]:
            self.line(self.x, [y, y], "zero")

    def svg(self, says: str) -> str:
        """The chart, with what it shows in words."""
        bottom, parts = HEIGHT - BOTTOM, []
        for value in ticks(*self.x, 6):
            at = self._at(value, self.y[0])[0]
            parts.append(f'<path class="grid" d="M{at:.1f} {TOP}V{bottom}"/>')
            parts.append(f'<text x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{_number(value)}</text>')
        for value in ticks(*self.y, 5, whole=self.powers):
            at = self._at(self.x[0], value)[1]
            told = "10" + f"{value:.0f}".translate(SUPERSCRIPTS) if self.powers else _number(value)
            parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text x="{LEFT - 7}" y="{at + 4.5:.1f}" text-anchor="end">{told}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 7}" text-anchor="middle">{escape(self.labels[0])}</text>')
        up = (TOP + bottom) / 2
        parts.append(
            f'<text x="13" y="{up}" text-anchor="middle" transform="rotate(-90 13 {up})">'
            f"{escape(self.labels[1])}</text>"
        )
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(says)}">'
            + "".join(parts + self.parts)
            + "</svg>"
        )


def _range(values: Iterable[float], margin: float) -> tuple[float, float]:
    values = np.asarray(list(values), float)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    room = margin * (high - low) or 0.5 * abs(high) or 0.5
    return low - room, high + room


def ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Round numbers between two values.

    Examples
    --------
    >>> ticks(-0.1, 1.05, 6)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    step = max(1.0, math.ceil(step)) if whole else step
    return [round(i * step, 12) + 0.0 for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _number(value: float) -> str:
    return f"{value:,.10g}".replace("-", "−")


def every(count: int, most: int) -> Sequence[int]:
    """At most so many of the numbers 0 to count - 1, evenly spread, with both ends."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
