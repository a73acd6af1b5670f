"""The interactive maps on a page of a small book, in a browser: they draw, and answer to mouse, finger and keys."""

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from ptacore import certify
from ptacore.certificates import KINDS
from ptacore.plotting import explorable

BOOK = Path(__file__).resolve().parents[2] / "book"
CONF = f"""
import sys
sys.path.insert(0, {str(BOOK / "_ext")!r})
extensions = ["myst_nb", "sphinx.ext.autodoc", "ptacore_book"]
project = html_title = "Small book"
root_doc = "maps"
nb_execution_mode = "off"
html_theme = "sphinx_book_theme"
html_static_path = [{str(BOOK / "_static")!r}]
html_css_files = ["ptacore.css"]
html_favicon = {str(BOOK / "_static" / "favicon.svg")!r}
html_context = {{"default_mode": "light"}}
mathjax_path = "mathjax/tex-svg.js"
"""
HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="_static/favicon.svg">'
GAINS = torch.linspace(0.25, 3.0, 12, dtype=torch.float64)[:, None]
ANGLES = torch.linspace(0, math.pi, 13, dtype=torch.float64)
GRID = (6, 7)  # every second gain and angle: 0, 2, ... of both


@pytest.fixture(scope="module")
def found():
    return {name: certify(name, GAINS, ANGLES, steps=1000) for name in ("tanh map", "tanh flow")}


@pytest.fixture(scope="module")
def html(found, tmp_path_factory) -> Path:
    """A book of a page with the maps and one without, and files beside it as other notebooks would make them."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("html")
    page = explorable(found, grid=GRID)
    notebook = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# Maps\n\n```{toctree}\nplain\n```"),
        nbformat.v4.new_code_cell(
            "explorable(found)",
            outputs=[nbformat.v4.new_output("execute_result", {"text/html": page.data}, execution_count=1)],
        ),
    ]
    nbformat.write(notebook, source / "maps.ipynb")
    (source / "plain.md").write_text("# Plain\n\nText.\n")
    (source / "conf.py").write_text(CONF)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", source, target]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    for name, plotlyjs in (("alone", "inline"), ("lost", "page")):
        body = explorable({"tanh map": found["tanh map"]}, grid=GRID, plotlyjs=plotlyjs).data
        (target / f"{name}.html").write_text(HEAD + body, encoding="utf-8")
    return target


class Maps:
    """The page with the maps, as its reader handles it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.wait_for_selector(".spectrum .scatterlayer", state="attached", timeout=10_000)
        page.locator(".map").scroll_into_view_if_needed()

    def place(self, alpha: float, theta: float) -> tuple[float, float]:
        """Where on the screen a point of the map is."""
        return tuple(
            self.page.evaluate(
                """([alpha, theta]) => {
                  const map = document.querySelector(".map"), box = map.getBoundingClientRect();
                  const { xaxis, yaxis } = map._fullLayout;
                  return [box.x + xaxis._offset + xaxis.d2p(theta), box.y + yaxis._offset + yaxis.d2p(alpha)];
                }""",
                [alpha, theta],
            )
        )

    def hover(self, alpha: float, theta: float) -> str:
        x, y = self.place(alpha, theta)
        self.page.mouse.move(x - 3, y)
        self.page.mouse.move(x, y)
        return self.page.wait_for_selector(".map .hoverlayer text", state="attached").text_content()

    def words(self) -> str:
        return self.page.inner_text(".selected")

    def panels(self) -> list[str]:
        """What the three panels show, as text to compare."""
        self.page.wait_for_timeout(50)
        read = "name => JSON.stringify(document.querySelector(name).data.map(t => [...t.x, ...t.y].map(Number)))"
        return [self.page.evaluate(read, f".{name}") for name in ("orbit", "adjoint", "spectrum")]

    def color(self, of: str) -> list[float]:
        """Of an element: red, green, blue from 0 to 1."""
        read = """name => {
          const element = document.querySelector(name), style = getComputedStyle(element);
          return element instanceof SVGElement ? style.fill : style.backgroundColor;
        }"""
        return [float(v) / 255 for v in self.page.evaluate(read, of).strip("rgba()").split(",")[:3]]


@pytest.fixture
def maps(browser, site, watch) -> Iterator[Any]:
    """A function that opens the page; at the end nothing may have gone wrong."""
    opened = []

    def maps(path: str = "maps.html", **reader: Any) -> Maps:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **reader})
        page = context.new_page()
        opened.append((context, watch(page)))
        page.goto(f"{site}/{path}")
        return Maps(page)

    yield maps
    for context, problems in opened:
        context.close()
        assert problems == []


def kind(found, name: str, i: int, j: int) -> str:
    return KINDS[found[name].kind[i, j]]


def test_the_picture_is_complete_before_any_click(maps):
    seen = maps()
    assert seen.page.locator(".map .heatmaplayer image").count() == 1
    assert seen.page.locator(".map .scatterlayer .trace").count() >= 8  # four curves, each white under black
    assert "invariant circle" in seen.words()
    for name in ("orbit", "adjoint", "spectrum"):
        assert seen.page.locator(f".{name} .scatterlayer .trace").count() >= 1
        assert seen.page.locator(f".{name}").bounding_box()["height"] > 150
    assert "stable origin" in seen.page.inner_text(".legend")
    assert seen.page.get_attribute(".selected", "aria-live") == "polite"


@pytest.mark.parametrize(("i", "j"), [(1, 3), (8, 1), (8, 6), (8, 4)])
def test_hovering_shows_the_certificate(maps, found, i, j):
    text = maps().hover(GAINS[i, 0].item(), ANGLES[j].item())
    assert kind(found, "tanh map", i, j) in text
    first, second = found["tanh map"].exponents[i, j].tolist()
    shown = text.replace("−", "-").split("λ₁ = ")[1].split(" per ")[0].split(", λ₂ = ")
    assert [float(v) for v in shown] == pytest.approx([first, max(second, -8)], abs=1e-3)
    assert f"{GAINS[i, 0]:.3f}" in text
    assert f"{ANGLES[j]:.3f}" in text


def test_a_locked_orbit_is_named_by_its_rational_number(maps, found):
    i, j = 10, 6  # in the tongue 1:4
    assert found["tanh map"].period[i, j] == 4
    text = maps().hover(GAINS[i, 0].item(), ANGLES[j].item())
    assert "locked orbit of period 4" in text
    assert "1/4 turns per step" in text


@pytest.mark.parametrize("touch", [False, True])
def test_a_click_or_a_tap_selects_the_nearest_point_with_an_orbit(maps, found, touch):
    seen = maps(has_touch=touch)
    before = [seen.words(), *seen.panels()]
    x, y = seen.place(GAINS[3, 0].item() - 0.02, ANGLES[10].item() + 0.02)
    (seen.page.touchscreen.tap if touch else seen.page.mouse.click)(x, y)
    after = [seen.words(), *seen.panels()]
    assert all(a != b for a, b in zip(before, after, strict=True))
    rows = [(len(GAINS) - 1) % 2 // 2 + 2 * k for k in range(GRID[0])]
    row = min(rows, key=lambda r: abs(r - 3))
    assert f"θ = {ANGLES[10]:.3f}" in after[0]
    assert f"α = {GAINS[row, 0]:.3f}" in after[0]
    assert kind(found, "tanh map", row, 10) in after[0]


def test_the_arrow_keys_move_the_selected_point(maps, found):
    seen = maps()
    seen.page.locator(".map").focus()
    x, y = seen.place(GAINS[10, 0].item(), ANGLES[6].item())
    seen.page.mouse.click(x, y)
    assert seen.page.evaluate("document.activeElement.className").startswith("map")
    scrolled, before = seen.page.evaluate("scrollY"), seen.panels()
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowRight")
    assert f"α = {GAINS[8, 0]:.3f}" in seen.words()
    assert f"θ = {ANGLES[8]:.3f}" in seen.words()
    assert seen.panels() != before
    for _ in range(20):
        seen.page.keyboard.press("ArrowLeft")
    assert "θ = 0.000" in seen.words()  # and no further
    assert seen.page.evaluate("scrollY") == scrolled


def test_the_map_is_reached_by_tab_alone(maps):
    seen = maps()
    seen.page.locator(".quantities button").last.focus()
    seen.page.keyboard.press("Tab")
    words = seen.words()
    seen.page.keyboard.press("ArrowUp")
    assert seen.words() != words


def test_buttons_choose_the_network_and_the_colour(maps, found):
    seen = maps()
    classes = seen.page.evaluate("document.querySelector('.map').data[0].z.flat().map(Number)")
    assert [int(v) for v in classes] == found["tanh map"].kind.flatten().tolist()
    seen.page.click("text=frequency")
    frequency = torch.tensor(seen.page.evaluate("document.querySelector('.map').data[0].z.flat().map(v => +v || 0)"))
    assert torch.allclose(frequency.double(), found["tanh map"].frequency.flatten(), atol=1e-4)
    seen.page.click("text=tanh flow")
    assert seen.words().startswith("tanh flow at")
    assert "limit cycle" in seen.words()
    assert seen.page.locator(".systems [aria-pressed=true]").all_inner_texts() == ["tanh flow"]
    assert seen.page.locator(".quantities [aria-pressed=true]").all_inner_texts() == ["frequency"]
    seen.page.click("text=λ₁")
    assert "zero" in seen.page.inner_text(".legend")
    seen.hover(GAINS[8, 0].item(), ANGLES[2].item())


def test_both_themes_are_legible(maps):
    seen = maps()

    def contrast() -> float:
        ink, paper = (
            sum(w * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for w, v in zip(
                (0.2126, 0.7152, 0.0722), seen.color(of), strict=True)) for of in (".map .xtick text", "body")
        )  # fmt: skip
        return (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)

    light = seen.color("body")
    assert contrast() > 7
    seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    seen.page.wait_for_timeout(300)
    assert sum(seen.color("body")) < sum(light) - 1
    assert contrast() > 7
    assert seen.page.evaluate(
        "getComputedStyle(document.querySelector('.pta-explorable').parentElement).backgroundColor"
    ) == "rgba(0, 0, 0, 0)"  # fmt: skip


def test_it_fits_a_phone(maps):
    seen = maps(viewport={"width": 390, "height": 800}, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("map", "orbit", "adjoint", "spectrum"):
        box = seen.page.locator(f".{name}").bounding_box()
        assert box["width"] > 150
        assert box["x"] + box["width"] <= 390


def test_plotly_is_loaded_from_here_and_only_where_it_is_used(html):
    assert (html / "_static" / "plotly.min.js").stat().st_size > 1_000_000
    assert 'src="_static/plotly.min.js' in (html / "maps.html").read_text(encoding="utf-8")
    assert "plotly" not in (html / "plain.html").read_text(encoding="utf-8")


def test_a_page_of_another_notebook_draws_alone(maps):
    seen = maps("alone.html")
    assert "tanh map at" in seen.words()


def test_without_plotly_the_picture_says_so(browser, site):
    page = browser.new_page()
    page.clock.install()
    page.goto(f"{site}/lost.html")
    page.clock.run_for(15_000)
    assert "plotlyjs='inline'" in page.inner_text(".selected")
    page.close()
