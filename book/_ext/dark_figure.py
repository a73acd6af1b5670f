"""A figure drawn for white paper, made fit for a dark page.

Contrast stays: what was black becomes light, what was nearly white becomes nearly the page. Lines and the palette keep
their colours, which captions name, and are lightened where they would be hard to see. A map (a mesh of cells, an image
without transparency) stays as its colour bar shows it, with what is drawn on it and its colours in the legend.
"""

from __future__ import annotations

import base64
import colorsys
import io
import re
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from PIL import Image

from ptacore.plotting import COLORS

PAGE, TEXT = "#121212", "#e6e6e6"  # PAGE is the theme's background
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
PNG = "data:image/png;base64,"
READABLE = 3.0  # contrast of lines


# ---- colours -------------------------------------------------------------------------------------


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(part / 255 for part in bytes.fromhex(color[1:]))


def _hex(rgb: tuple[float, ...]) -> str:
    return "#" + bytes(round(255 * part) for part in rgb).hex()


PALETTE = [_rgb(color) for name, color in COLORS.items() if name != "grey"]


def contrast(one: str, other: str) -> float:
    """Ratio of two colours' luminances, from 1 to 21 (WCAG 2).

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"), 6)
    21.0
    """
    low, high = sorted(_luminance(_rgb(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: tuple[float, ...]) -> float:
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cache
def dark(color: str, line: bool = False) -> str:
    """What a colour on white becomes on the dark page.

    Parameters
    ----------
    color : str
        As "#rrggbb".
    line : bool
        Of a line or a point rather than an area.
    """
    rgb = _rgb(color)
    known = any(max(abs(a - b) for a, b in zip(rgb, other, strict=True)) < 0.02 for other in PALETTE)
    if known or (line and max(rgb) - min(rgb) > 0.03):
        return color if contrast(color, PAGE) >= READABLE else _with_contrast(rgb, READABLE)
    return _with_contrast(rgb, min(contrast(color, "#ffffff"), contrast(TEXT, PAGE)))


def _with_contrast(rgb: tuple[float, ...], wanted: float) -> str:
    """A colour of the same hue and saturation, light enough to have that contrast with the page."""
    hue, _, saturation = colorsys.rgb_to_hls(*rgb)
    enough = wanted * (_luminance(_rgb(PAGE)) + 0.05) - 0.05
    lights = (_hex(colorsys.hls_to_rgb(hue, light / 510, saturation)) for light in range(511))
    return next(color for color in lights if _luminance(_rgb(color)) >= enough)


# ---- figures -------------------------------------------------------------------------------------


def dark_svg(text: str) -> str:
    """Turn one of matplotlib's figures.

    Parameters
    ----------
    text : str
        The SVG file, with its texts as texts.

    Returns
    -------
    str
        The SVG file for a page of colour `PAGE`.

    Examples
    --------
    >>> dark_svg('<svg xmlns="http://www.w3.org/2000/svg"><path style="stroke: #000000"/></svg>')
    '<svg xmlns="http://www.w3.org/2000/svg" fill="#e6e6e6"><path style="stroke: #e6e6e6" /></svg>'
    """
    ElementTree.register_namespace("", SVG[1:-1])
    ElementTree.register_namespace("xlink", LINK[1:-5])
    root = ElementTree.fromstring(text)
    for metadata in root.findall(f"{SVG}metadata"):
        root.remove(metadata)
    for marker in root.iterfind(f".//{SVG}defs/{SVG}path"):
        marker.attrib.pop("style", None)  # whoever uses it says the same
    groups = list(root.iter(f"{SVG}g"))
    kept = {id(part) for axes in groups for whole in _on_maps(axes) for part in whole.iter()}
    kept |= {id(sample) for sample in _samples(groups)}
    for element in root.iter():
        if id(element) not in kept and "style" in element.attrib:
            element.set("style", _dark_style(element.get("style")))
        if element.tag == f"{SVG}image":
            element.set(LINK, _dark_image(element))
        if id(element) in kept and element.tag == f"{SVG}g":
            element.set("fill", "#000000")
    root.set("fill", TEXT)  # of text and of what is black: neither carries a colour
    return ElementTree.tostring(root, encoding="unicode")


def _dark_style(style: str) -> str:
    return re.sub("(fill|stroke): (#.{6})", lambda match: f"{match[1]}: {dark(match[2], match[1] == 'stroke')}", style)


def _pixels(image: Element) -> np.ndarray:
    """Red, green, blue and opacity, (rows, columns, 4)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.get(LINK).removeprefix(PNG)))).convert("RGBA"))


def _dark_image(image: Element) -> str:
    """Turn the lines and points of a transparent image."""
    pixels = _pixels(image)
    if _opaque(pixels):
        return image.get(LINK)
    colors, place = np.unique(pixels[..., :3].reshape(-1, 3), axis=0, return_inverse=True)
    turned = np.array([tuple(bytes.fromhex(dark(f"#{bytes(c).hex()}", line=True)[1:])) for c in colors], dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.dstack([turned[place.ravel()].reshape(*pixels.shape[:2], 3), pixels[..., 3]])).save(file, "png")
    return PNG + base64.b64encode(file.getvalue()).decode()


# ---- maps ----------------------------------------------------------------------------------------


def _opaque(pixels: np.ndarray) -> bool:
    return (pixels[..., 3] == 255).mean() > 0.5


def _named(group: Element, start: str) -> bool:
    return group.get("id", "").startswith(start)


def _maps(axes: Element) -> list[Element]:
    """The maps of one axes: opaque images, and meshes drawn cell by cell, as in a colour bar of few colours."""
    if not _named(axes, "axes_"):
        return []
    parts = [part for child in axes if not _named(child, "axes_") for part in child.iter()]  # an inset has its own
    return [p for p in parts if _named(p, "QuadMesh_") or (p.tag == f"{SVG}image" and _opaque(_pixels(p)))]


def _samples(groups: list[Element]) -> Iterator[Element]:
    """The areas in legends that have a colour of a map's."""
    images = (_pixels(part)[..., :3] for axes in groups for part in _maps(axes) if part.tag == f"{SVG}image")
    shown = {bytes(color).hex() for pixels in images for color in np.unique(pixels.reshape(-1, 3), axis=0)}
    for legend in (group for group in groups if _named(group, "legend_")):
        for path in legend.iter(f"{SVG}path"):
            filled = re.match("fill: #(.{6})", path.get("style", ""))
            if filled and filled[1] in shown and " opacity:" not in path.get("style"):  # a frame lets through
                yield path


def _on_maps(axes: Element) -> Iterator[Element]:
    """The parts of an axes that are drawn on its maps, and the pointed ends of a colour bar."""
    boxes = [_box(part) for part in _maps(axes)]
    for part in axes[1:] if boxes else []:  # the first is the background
        x, y = np.mean(_points(part)[0], axis=0)
        on = any(left + 0.5 < x < right - 0.5 and top + 0.5 < y < bottom - 0.5 for left, top, right, bottom in boxes)
        pointed = _named(part, "patch_") and "fill: #" in part[0].get("style", "")
        if on or pointed:
            yield part


def _box(part: Element) -> tuple[float, ...]:
    """Left, top, right and bottom."""
    if part.tag != f"{SVG}image":
        corners = np.concatenate(_points(part))
        return (*corners.min(0), *corners.max(0))
    if not re.fullmatch(r"scale\(1 -1\) *translate\(0 -[\d.]+\)", part.get("transform", "")):
        raise ValueError(f"an image is placed by {part.get('transform')!r}, which matplotlib did not use to do")
    x, y, width, height = (float(part.get(key)) for key in ("x", "y", "width", "height"))
    return x, -y, x + width, height - y


def _points(part: Element) -> list[np.ndarray]:
    """Where the things in a part are drawn, each as (points, 2)."""
    found = []
    for element in part.iter():
        moved = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        if moved:
            found.append([moved.groups()])
        elif element.get("d") and "id" not in element.attrib:  # a path with an id is a marker's shape
            found.append(re.findall(r"([-\d.]+) ([-\d.]+)", element.get("d")))
        elif "x" in element.attrib:
            found.append([(element.get("x"), element.get("y"))])
    return [np.array(points, dtype=float) for points in found] or [np.zeros((1, 2))]
