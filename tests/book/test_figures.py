"""Figures in the built book: their files, their dark variants, and how they are enlarged."""

import json
import re
import urllib.request
from io import BytesIO

import pandas
import pytest

from ptabook.figures import figure_names

PAGES = [*(f"notebooks/{name}" for name in figure_names()), "book/notes", "book/four_or_two"]
HEADS = {"SVG": b"<?xml", "PNG": b"\x89PNG\r\n\x1a\n", "PDF": b"%PDF-1."}


@pytest.fixture
def reader(browser, site):
    """A function that opens a page, with a theme and a width."""
    contexts = []

    def read(path, theme="light", width=1280):
        context = browser.new_context(viewport={"width": width, "height": 800})
        context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site}/{path}.html")
        page.wait_for_load_state("networkidle")
        return page

    yield read
    for context in contexts:
        context.close()


def _get(url):
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
        return answer.read()


@pytest.mark.parametrize("path", PAGES)
def test_every_figure_has_its_files(visit, path):
    seen = visit(f"{path}.html")
    assert seen.figures == seen.attached == len(seen.rows) > 0
    assert seen.figures == seen.pictures
    for row in seen.rows:
        assert {"SVG", "PNG", "PDF", "data (CSV)", "numbers (JSON)"} <= set(row["files"])
        for label, url in row["files"].items():
            data = _get(url)
            assert data.startswith(HEADS.get(label, b"")), url
            if label == "numbers (JSON)":
                assert json.loads(data)
            if label == "data (CSV)":
                table = pandas.read_csv(BytesIO(data), comment="#")
                assert list(table.columns[:4]) == ["panel", "kind", "series", "colour"]
                assert len(table) > 0
                assert table.iloc[:, 4:].dtypes.map(str).isin(["float64", "int64"]).all(), url
        record = json.loads(_get(row["record"]))
        assert record["figure"] in figure_names()
        assert row["notebook"].endswith(f"/blob/{record['commit']}/notebooks/{record['figure']}.ipynb")


@pytest.mark.parametrize("path", ["notebooks/fig6", "notebooks/fig5c", "notebooks/fig3"])
def test_a_page_loads_the_pictures_of_its_theme_and_no_file_to_take_away(visit, path):
    light, dark = (visit(f"{path}.html", theme=theme) for theme in (None, "dark"))
    loaded = [url for url in light.requests if "/figures/" in url]
    assert loaded
    assert all(re.search(r"/\w+\.svg$", url) and not url.endswith(".dark.svg") for url in loaded)
    shown = [image["source"] for image in dark.images if "figures/" in image["source"]]
    assert shown
    assert all(source.endswith(".dark.svg") for source in shown)
    assert not re.search(r"figures/\w+\.(png|pdf|csv|json)", " ".join(dark.requests))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_is_enlarged_and_left_by_keyboard(reader, theme):
    page = reader("notebooks/fig6", theme)
    link, dialog = page.locator("a.figure-open").nth(1), page.locator("dialog.figure-zoom")
    small = link.locator("img:visible")
    link.focus()
    page.keyboard.press("Enter")
    large = dialog.locator("img")
    assert large.get_attribute("src") == small.get_attribute("src")
    assert large.get_attribute("alt") == small.get_attribute("alt")
    assert large.evaluate("image => getComputedStyle(image).filter") == "none"  # the theme dims other images
    view = dialog.locator(".figure-zoom-view").bounding_box()
    assert (view["x"], view["y"], view["height"]) == (0, 0, 800)
    widths = [large.bounding_box()["width"]]
    assert widths[0] > 1.3 * small.bounding_box()["width"]
    for key in ("+", "-", "0"):
        page.keyboard.press(key)
        widths.append(large.bounding_box()["width"])
    assert widths[1] == pytest.approx(1.4 * widths[0], rel=0.01)
    assert widths[2] == pytest.approx(widths[0], rel=0.01)
    whole = large.bounding_box()
    assert whole["height"] <= 801
    assert whole["width"] <= 1281
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert link.evaluate("link => link === document.activeElement")


def test_an_enlarged_figure_is_moved_by_dragging_and_closed_by_its_button(reader):
    page = reader("notebooks/fig3")
    page.locator("a.figure-open").first.click()
    view = page.locator(".figure-zoom-view")
    page.get_by_role("button", name="Larger").click()
    start = view.evaluate("view => [view.scrollLeft, view.scrollTop]")
    page.mouse.move(600, 300)
    page.mouse.down()
    page.mouse.move(540, 260, steps=4)
    page.mouse.up()
    end = view.evaluate("view => [view.scrollLeft, view.scrollTop]")
    assert [end[0] - start[0], end[1] - start[1]] == pytest.approx([60, 40], abs=3)
    page.get_by_role("button", name="Close").click()
    assert not page.locator("dialog.figure-zoom").is_visible()


def test_on_a_phone_a_figure_opens_twice_as_wide_and_may_be_pinched(reader):
    page = reader("notebooks/fig1", width=390)
    small = page.locator("a.figure-open img:visible").bounding_box()["width"]
    page.locator("a.figure-open").click()
    assert page.locator(".figure-zoom-view img").bounding_box()["width"] == pytest.approx(2 * small, rel=0.01)
    viewport = page.locator("meta[name=viewport]").evaluate_all("metas => metas.map((m) => m.content).join()")
    assert not re.search("user-scalable|maximum-scale", viewport)
    assert page.locator(".figure-zoom-view").evaluate("view => getComputedStyle(view).touchAction") == "auto"


def test_without_scripts_the_figure_is_a_link_to_its_file_and_the_row_works(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/notebooks/fig1.html")
    assert page.locator("a.figure-open").get_attribute("href") == "../figures/fig1.svg"
    page.locator(".figure-tools summary", has_text="cite").click()
    assert "@misc{ptacore_fig1," in page.locator(".figure-tools pre:visible").last.inner_text()
    context.close()


def test_the_citation_can_be_copied(browser, site):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{site}/notebooks/fig1.html")
    page.locator(".figure-tools summary", has_text="cite").click()
    page.locator(".figure-tools button.copybtn").first.click()
    page.wait_for_timeout(200)
    assert page.evaluate("navigator.clipboard.readText()").startswith("The ptacore authors (")
    context.close()


def test_figures_work_from_a_folder(browser, html):
    page = browser.new_page()
    page.goto((html / "notebooks" / "fig1.html").as_uri())
    page.locator("a.figure-open").click()
    page.wait_for_function("document.querySelector('.figure-zoom img').naturalWidth > 0")
    page.keyboard.press("Escape")
    assert not page.locator("dialog.figure-zoom").is_visible()
    page.close()


def test_only_pages_with_figures_load_the_script(html):
    with_script = {
        path.relative_to(html).with_suffix("").as_posix()
        for path in html.glob("*/*.html")
        if "figure.js" in path.read_text(encoding="utf-8")
    }
    assert with_script == set(PAGES)
