"""The points of a drawn figure, read off its artists: what its CSV file holds."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FuncFormatter

from ptacore.plotting.style import COLORS

COLUMNS = ("x", "y", "z", "x_low", "x_high", "y_low", "y_high", "x_end", "y_end", "value")
NAMES = {color: name for name, color in COLORS.items()} | {"#000000": "black", "#ffffff": "white"}


@dataclass
class Series:
    """What one artist draws: a line, the points of a scatter, a map.

    Parameters
    ----------
    panel, kind, name, colour : str
        Where it is drawn and how; its label, or its number in the panel; its colour, "" if it has several.
    data : dict
        From a name in `COLUMNS` to an array; all of one shape, (points,) or, of a map, (rows, columns).
    """

    panel: str
    kind: str
    name: str
    colour: str
    data: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array."""
        return next(iter(self.data.values())).shape

    def thinned(self, points: int) -> dict[str, np.ndarray]:
        """At most so many points, evenly spaced, the first and the last among them; of a map, rows and columns."""
        share = min(1.0, points / np.prod(self.shape)) ** (1 / len(self.shape))
        kept = [np.linspace(0, n - 1, max(1, int(n * share + 1e-9))).round().astype(int) for n in self.shape]
        return {key: values[np.ix_(*kept)].ravel() for key, values in self.data.items()}


def table(fig, rows: int = 50_000) -> str:
    """Write the plotted data of a figure as CSV in long form, a row a point, with 6 significant digits.

    Comments at the top, lines that begin with #, say what the axes show, what was thinned and what is not here.

    Parameters
    ----------
    fig : matplotlib figure
    rows : int
        At most so many: longer series are thinned evenly, all to the same length.

    Returns
    -------
    str

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> fig, ax = plt.subplots()
    >>> lines = ax.plot([0, 1], [2, 3], color="black", label="rise")
    >>> print(table(fig).split("\\n", 1)[1])
    panel,kind,series,colour,x,y
    row 1 column 1,line,rise,black,0,2
    row 1 column 1,line,rise,black,1,3
    <BLANKLINE>
    >>> plt.close(fig)
    """
    panels = _panels(fig)
    series = [s for name, ax in panels.items() for s in _series(name, ax)]
    sizes = [int(np.prod(s.shape)) for s in series]
    most = max(sizes, default=0)
    while most > 1 and sum(min(size, most) for size in sizes) > rows:
        most = most * 9 // 10
    columns = [c for c in COLUMNS if any(c in s.data for s in series)]
    text = io.StringIO()
    text.write("# What the figure shows, a row a point; in Python: pandas.read_csv(file, comment='#')\n")
    text.writelines(f"# {line}\n" for name, ax in panels.items() for line in _about(name, ax))
    if long := sum(size > most for size in sizes):
        text.write(f"# thinned evenly, to at most {most} points each: {long} of the {len(series)} series\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "kind", "series", "colour", *columns])
    for s in series:
        data = s.thinned(most)
        points = zip(*data.values(), strict=True)
        for point in (dict(zip(data, values, strict=True)) for values in points):
            numbers = [f"{point[c]:.6g}" if c in point else "" for c in columns]
            writer.writerow([s.panel, s.kind, s.name, s.colour, *numbers])
    return text.getvalue()


# ---- panels --------------------------------------------------------------------------------------


def _panels(fig) -> dict:
    """The axes that show data, insets among them, by distinct names."""
    axes = [a for ax in fig.axes for a in (ax, *ax.child_axes) if a.get_label() != "<colorbar>"]
    axes = [ax for ax in axes if next(_series("", ax), None)]
    titles, places = [_title(ax) for ax in axes], [_place(ax) for ax in axes]
    numbered = [f"panel {i + 1}" for i in range(len(axes))]
    if len(set(titles)) == len(axes) and all(titles):
        names = titles
    elif len(set(places)) == len(axes) and all(places):  # one grid
        names = [", ".join(filter(None, both)) for both in zip(titles, places, strict=True)]
    else:
        names = [t if t and titles.count(t) == 1 else number for t, number in zip(titles, numbered, strict=True)]
    return dict(zip(names, axes, strict=True))


def _title(ax) -> str:
    letters = [text.get_text() for text in ax.texts if re.fullmatch("[A-Za-z]", text.get_text())]
    return _words(" ".join([*letters[:1], *filter(None, (ax.get_title(loc) for loc in ("left", "center", "right")))]))


def _place(ax) -> str:
    spec = ax.get_subplotspec()
    return f"row {spec.rowspan.start + 1} column {spec.colspan.start + 1}" if spec else ""


def _words(text: str) -> str:
    return " ".join(re.sub(r"\$\\mathbf\{+(\w+)\}+\$", r"\1", text).replace("#", "no. ").split())


def _about(name: str, ax) -> Iterator[str]:
    """Say what a panel's axes and maps show, and what is drawn that is not in the table."""
    for axis in ax.xaxis, ax.yaxis:
        label, ticks = _words(axis.get_label_text()), ""
        if isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter | StrCategoryFormatter):
            at = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)
            ticks = "; ".join(f"{place:g} = {_words(t.get_text())}" for place, t in at if t.get_text())
        scale = f"{axis.get_scale()} scale" if axis.get_scale() != "linear" else ""
        if parts := [part for part in (label, scale, ticks) if part]:
            yield f"{name}: {axis.axis_name}: {', '.join(parts)}"
    for artist in (*ax.collections, *ax.images):
        if artist.colorbar:
            yield f"{name}: value: {_words(artist.colorbar.ax.get_ylabel() or artist.colorbar.ax.get_xlabel())}"
    left = Counter(type(a).__name__ for a in _artists(ax) if any(_in_data(ax, a)) and _read(a) is None)
    if left:
        yield f"{name}: drawn and not in this table: " + ", ".join(f"{n} {kind}" for kind, n in sorted(left.items()))


# ---- artists -------------------------------------------------------------------------------------


def _artists(ax) -> Iterator:
    """What is drawn in an axes, without its frame, ticks and text; error bars and bars by their containers."""
    whole = [c for c in ax.containers if isinstance(c, ErrorbarContainer | BarContainer)]
    parts = {id(part) for container in whole for part in container.get_children()}
    yield from (a for a in (*ax.lines, *ax.collections, *ax.images, *ax.patches) if id(a) not in parts)
    yield from whole


def _in_data(ax, artist) -> tuple[bool, bool]:
    """Whether an artist's x and y are data, rather than a place on the paper."""
    if isinstance(artist, ErrorbarContainer | BarContainer):
        return True, True
    scatter = isinstance(artist, PathCollection)
    transform = artist.get_offset_transform() if scatter else Artist.get_transform(artist)
    return transform.contains_branch_seperately(ax.transData)


def _series(panel: str, ax) -> Iterator[Series]:
    number = 0
    for artist in _artists(ax):
        across = dict(zip("xy", _in_data(ax, artist), strict=True))
        for kind, data in (_read(artist) or []) if any(across.values()) else []:
            data = {key: _floats(values) for key, values in data.items() if across.get(key[0], True)}
            if not all(across.values()):  # a line or a band across the panel
                data = {key: values[:1] for key, values in data.items()}
            if next(iter(data.values())).size:  # else only a sample for the legend
                number += 1
                label = _words(str(artist.get_label() or "_"))
                yield Series(panel, kind, str(number) if label.startswith("_") else label, _colour(artist), data)


def _floats(values) -> np.ndarray:
    return np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)


def _read(artist) -> list[tuple[str, dict]] | None:
    """One artist's series, as kind and data; None for a kind of artist that is not read."""
    match artist:
        case Line2D():
            kind = "points" if artist.get_linestyle() == "None" else "line"
            read = artist.get_data_3d() if hasattr(artist, "get_data_3d") else artist.get_data(orig=False)
            return [(kind, dict(zip("xyz", read, strict=False)))]
        case ErrorbarContainer():
            return [("error bars", _error_bars(artist))]
        case BarContainer():
            return [("bars", _bars(artist))]
        case Rectangle():
            return [("bars", _bars([artist]))]
        case FillBetweenPolyCollection():
            return [("band", _band(path.vertices, artist.t_direction)) for path in artist.get_paths()]
        case ContourSet():
            return _contours(artist)
        case QuadMesh():
            return [("map", _mesh(artist))]
        case AxesImage() if artist.get_array().ndim == 2:
            return [("map", _image(artist))]
        case LineCollection():
            return [("segments", _segments(artist))]
        case PathCollection():
            value = {} if artist.get_array() is None else {"value": artist.get_array()}
            return [("points", _xy(artist.get_offsets()) | value)]
    return None


def _xy(points) -> dict:
    return dict(zip("xy", np.ma.asarray(points).reshape(-1, 2).T, strict=True))


def _error_bars(container) -> dict:
    line, _, sticks = container
    data, sticks = {} if line is None else _xy(line.get_xydata()), list(sticks)
    for i, axis in enumerate("xy"):
        if getattr(container, f"has_{axis}err"):
            ends = np.array(sticks.pop(0).get_segments())  # (points, 2, 2)
            data = {"yx"[i]: ends[:, 0, 1 - i], f"{axis}_low": ends[:, 0, i], f"{axis}_high": ends[:, 1, i], **data}
    return data


def _bars(rectangles) -> dict:
    corners = np.sort([[r.get_corners()[0], r.get_corners()[2]] for r in rectangles], axis=1)  # (bars, low high, x y)
    return dict(zip(("x_low", "y_low", "x_high", "y_high"), corners.reshape(-1, 4).T, strict=True))


def _band(corners: np.ndarray, direction: str) -> dict:
    """Undo `FillBetweenPolyCollection`: a corner, one edge forward, a corner, the other edge backward."""
    n = (len(corners) - 2) // 2
    along, across = ("x", "y") if direction == "x" else ("y", "x")
    place, edge = corners.T if direction == "x" else corners.T[::-1]
    edges = np.sort([edge[1 : n + 1], edge[n + 2 : 2 * n + 2][::-1]], axis=0)
    return {along: place[1 : n + 1], f"{across}_low": edges[0], f"{across}_high": edges[1]}


def _contours(contours) -> list[tuple[str, dict]]:
    kind = "edge of an area" if contours.filled else "contour"
    paths = zip(contours.cvalues, contours.get_paths(), strict=True)
    lines = ((value, line) for value, path in paths for line in path.to_polygons(closed_only=False))
    return [(kind, {**_xy(line), "value": np.full(len(line), value)}) for value, line in lines]


def _mesh(mesh) -> dict:
    corners = np.asarray(mesh.get_coordinates())  # (rows + 1, columns + 1, 2)
    centres = (corners[1:, 1:] + corners[1:, :-1] + corners[:-1, 1:] + corners[:-1, :-1]) / 4
    return {"x": centres[..., 0], "y": centres[..., 1], "value": mesh.get_array().reshape(centres.shape[:2])}


def _image(image) -> dict:
    left, right, bottom, top = image.get_extent()
    first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
    (rows, columns), middle = image.get_array().shape, lambda n: (np.arange(n) + 0.5) / n
    x, y = np.meshgrid(left + middle(columns) * (right - left), first + middle(rows) * (last - first))
    return {"x": x, "y": y, "value": image.get_array()}


def _segments(collection) -> dict:
    """One row for each straight piece of each line."""
    lines = collection.get_segments()
    ends = np.concatenate([np.stack([line[:-1], line[1:]], 1) for line in lines] or [np.empty((0, 2, 2))])
    data = dict(zip(("x", "y", "x_end", "y_end"), ends.reshape(-1, 4).T, strict=True))
    values = collection.get_array()
    return data if values is None else data | {"value": np.repeat(values, [len(line) - 1 for line in lines])}


def _colour(artist) -> str:
    """The one colour of an artist, by its name in the palette where it has one; "" for several and for a map's."""
    while isinstance(artist, tuple):  # a container: its points, or else its first stick or bar
        artist = next(part for part in artist if part)
    if isinstance(artist, Line2D):
        points = artist.get_linestyle() == "None"
        colors = [artist.get_markeredgecolor() if points else artist.get_color()]
    elif isinstance(artist, Rectangle):
        colors = [artist.get_facecolor()]
    elif artist.get_array() is None and not isinstance(artist, ContourSet):
        filled = artist.get_facecolor()
        colors = filled if len(filled) else artist.get_edgecolor()
    else:
        colors = []
    found = {to_hex(color) for color in colors}
    color = found.pop() if len(found) == 1 else ""
    return NAMES.get(color) or ("rgb({} {} {})".format(*bytes.fromhex(color[1:])) if color else "")
