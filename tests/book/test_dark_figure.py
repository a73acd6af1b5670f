"""A figure's dark variant: legible, with the colours that captions name."""

import base64
import colorsys
import importlib.util
import io
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from ptacore import plotting

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"


@pytest.fixture(scope="module")
def turn():
    spec = importlib.util.spec_from_file_location("dark_figure", EXTENSIONS / "dark_figure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ax():
    mpl.use("Agg")
    yield plotting.figure(1, 1, width=3, height=3)[1][0, 0]
    plt.close("all")


def svg(ax) -> str:
    text = io.StringIO()
    ax.get_figure(root=True).savefig(text, format="svg")
    return text.getvalue()


def images(text: str) -> list[np.ndarray]:
    codes = re.findall(r'data:image/png;base64,([^"]*)', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGBA")) for code in codes]


def hue(color: str) -> float:
    return colorsys.rgb_to_hls(*bytes.fromhex(color[1:]))[0]


def test_contrast_is_that_of_the_guidelines(turn):
    assert turn.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert turn.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the known grey that just fails 4.5
    assert turn.contrast("#ff0000", "#ff0000") == 1


@pytest.mark.parametrize("color", ["#333333", "#808080", "#bfbfbf", "#e6e6e6", "#dcebf5", "#ffffff"])
def test_greys_and_areas_keep_their_contrast(turn, color):
    assert turn.contrast(turn.dark(color), turn.PAGE) == pytest.approx(turn.contrast(color, "#ffffff"), rel=0.04)


def test_black_becomes_the_pages_text_and_white_the_page(turn):
    assert turn.dark("#000000") == turn.TEXT
    assert turn.dark("#ffffff") == turn.PAGE
    assert turn.contrast(turn.TEXT, turn.PAGE) > 12


@pytest.mark.parametrize("name", plotting.COLORS)
def test_the_palette_keeps_its_hues_and_stands_out(turn, name):
    color = plotting.COLORS[name]
    dark = turn.dark(color, line=True)
    assert turn.contrast(dark, turn.PAGE) >= 3
    assert hue(dark) == pytest.approx(hue(color), abs=0.01)
    assert turn.dark(color) == dark  # its areas too: a bar has the colour of the line


@pytest.mark.parametrize("color", ["#00224e", "#300010", "#440154", "#004400"])
def test_a_dark_line_is_lightened_and_keeps_its_hue(turn, color):
    dark = turn.dark(color, line=True)
    assert 3 <= turn.contrast(dark, turn.PAGE) < 3.2
    assert hue(dark) == pytest.approx(hue(color), abs=0.01)


def test_black_on_white_becomes_light_on_dark(turn, ax):
    ax.plot([0, 1], [0, 1], "o-", color="black")
    ax.set_title("title")
    before = svg(ax)
    after = turn.dark_svg(before)
    assert "#000000" in before
    assert "#000000" not in after
    assert "#ffffff" not in after
    assert after.startswith("<svg xmlns")
    assert f'fill="{turn.TEXT}"' in after[: after.index(">")]  # which text inherits
    assert re.search(r"<text [^>]*>title</text>", after)
    assert "fill" not in re.search(r"<text [^>]*>title</text>", after)[0]


def test_an_image_of_lines_is_turned_like_lines(turn, ax):
    ax.plot([0, 1], [0, 1], color="black", lw=8, rasterized=True)
    ax.plot([0, 1], [1, 0], color=plotting.COLORS["orange"], lw=8, rasterized=True)
    (pixels,) = images(turn.dark_svg(svg(ax)))
    solid = {f"#{bytes(color).hex()}" for color in pixels[pixels[..., 3] == 255][:, :3]}
    assert {turn.TEXT, plotting.COLORS["orange"]} <= solid
    assert all(turn.contrast(color, turn.PAGE) >= 3 for color in solid)


def test_a_map_stays_and_what_is_written_on_it(turn, ax):
    mesh = ax.pcolormesh(np.arange(4.0), np.arange(3.0), np.arange(12.0).reshape(3, 4), rasterized=True)
    ax.text(1.5, 1, "on it", color="white")
    ax.text(1.5, 2, "also")
    ax.set_title("above it")
    ax.get_figure().colorbar(mesh, ax=ax)
    before = svg(ax)
    after = turn.dark_svg(before)
    assert len(images(before)) == 2
    assert all((old == new).all() for old, new in zip(images(before), images(after), strict=True))
    assert re.search(r"fill: #ffffff[^>]*>on it<", after)
    texts = {
        t.text: group.get("fill")
        for group in turn.ElementTree.fromstring(after).iter(f"{turn.SVG}g")
        for t in group.findall(f"{turn.SVG}text")
    }
    assert texts["also"] == "#000000"
    assert texts["above it"] is None


def test_a_colour_bar_of_few_colours_and_a_legend_stay_with_their_map(turn, ax):
    levels = mpl.colors.BoundaryNorm([0, 1, 2], 2, extend="neither")
    colors = mpl.colors.ListedColormap(["#e6e6e6", "#08306b"])
    mesh = ax.pcolormesh([0.0, 1], [0.0, 1], [[0.5, 1.5]] * 2, cmap=colors, norm=levels, rasterized=True)
    ax.get_figure().colorbar(mesh, ax=ax)
    patches = [mpl.patches.Patch(facecolor=color, label=color) for color in ("#e6e6e6", "#08306b", "#dcebf5")]
    ax.get_figure().legend(handles=patches)
    after = turn.dark_svg(svg(ax))
    assert after.count("fill: #08306b") == 2  # a cell of the bar and the sample
    assert after.count("fill: #e6e6e6") == 2
    assert "fill: #dcebf5" not in after  # of no map: an area like others


def test_an_inset_beside_a_map_is_turned(turn, ax):
    ax.axis("off")
    for place in (0, 0.5):
        inset = ax.inset_axes((place, 0.2, 0.4, 0.6))
        inset.imshow(np.eye(3))
        inset.set_xlabel(f"at {place}")
    after = turn.ElementTree.fromstring(turn.dark_svg(svg(ax)))
    blackened = [t.text for g in after.iter(f"{turn.SVG}g") if g.get("fill") for t in g.iter(f"{turn.SVG}text")]
    assert blackened == []


def test_an_image_placed_in_a_way_that_is_not_known_is_an_error(turn, ax):
    ax.imshow(np.eye(3))
    with pytest.raises(ValueError, match="an image is placed by 'rotate"):
        turn.dark_svg(svg(ax).replace("scale(1 -1)", "rotate(9)"))
