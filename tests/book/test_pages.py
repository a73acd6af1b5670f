"""The built book as its readers meet it: every page in a real browser, on a desk and on a phone."""

import json
import re
from collections.abc import Iterator
from inspect import ismodule
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import ptacore

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (1280, 390)
WEIGHT = 1.2e6  # bytes, of all that is loaded before a reader does anything


def _pages(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _pages(child)


PAGES = list(_pages(yaml.safe_load((ROOT / "_toc.yml").read_text())))
NOTEBOOKS = [page for page in PAGES if page.startswith("notebooks/")]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", [*PAGES, "index", "search", "genindex"])
def test_page_loads_cleanly_and_from_here_only(visit, page, width):
    assert visit(f"{page}.html", width).problems == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_mathematics_is_typeset(visit, page, width):
    seen = visit(f"{page}.html", width)
    assert seen.errors == seen.raw == []
    assert seen.untypeset == seen.silent == 0
    assert seen.katex == (seen.math > 0)


def test_no_line_begins_with_the_sign_after_a_formula(browser, site):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    seen = set()
    for name in ("book/theory", "book/consequences", "book/exercises"):
        page.goto(f"{site}/{name}.html")
        page.wait_for_function("[...document.querySelectorAll('.math')].every((e) => e.querySelector('.katex'))")
        seen.update(
            page.evaluate("""() => [...document.querySelectorAll("span.math")].filter((formula) => {
          const next = formula.nextSibling;
          if (!/^[.,;:!?)]/.test(next?.data) || !formula.checkVisibility()) return false;
          const sign = document.createRange();
          sign.setStart(next, 0);
          sign.setEnd(next, 1);
          const end = formula.querySelector(".katex-html").lastElementChild.getBoundingClientRect();
          return sign.getBoundingClientRect().top > end.bottom;
        }).map((formula) => formula.textContent + formula.nextSibling.data.slice(0, 20))""")
        )
    page.close()
    assert seen == set()


def test_a_faulty_formula_is_shown_with_the_reason(browser, site):
    page, said = browser.new_page(), []
    page.goto(f"{site}/book/theory.html")
    page.on("console", lambda message: said.append((message.type, message.text)))
    shown = page.evaluate(r"""() => [String.raw`\(\frac{1}\)`, "n + 1"].map((tex) => {
      const element = document.createElement("span");
      element.textContent = tex;
      typeset(element);
      return [element.className, element.textContent];
    })""")
    page.close()
    assert [name for name, _ in shown] == ["math-error", "math-error"]
    assert r"\(\frac{1}\)" in shown[0][1]
    assert "KaTeX parse error" in shown[0][1]
    assert shown[1][1].startswith("n + 1 a formula is not between")
    assert [kind for kind, _ in said if kind == "error"] == ["error", "error"]


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_page_is_light(visit, page):
    assert visit(f"{page}.html").weight <= WEIGHT


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_every_icon_and_font_is_there(visit, page):
    seen = visit(f"{page}.html")
    assert len(seen.icons) > 8
    assert [icon["name"] for icon in seen.icons if not icon["shown"]] == seen.fonts == []


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_nothing_sticks_out_sideways_on_a_phone(visit, page, width):
    seen = visit(f"{page}.html", width)
    assert seen.wide == []
    assert seen.overflow <= 0


def test_theory_has_the_papers_equations_with_the_papers_numbers(visit):
    theory = visit("book/theory.html")
    assert theory.numbers == [f"({n})" for n in range(1, 19)]
    assert theory.math > 80


def test_equation_references_name_and_reach_the_equation(html):
    theory = (html / "book" / "theory.html").read_text(encoding="utf-8")
    links = re.findall(r'href="#(equation-eq-(\d+))">Eq\. (\d+)</a>', theory)
    assert len(links) > 10
    for target, label, shown in links:
        assert label == shown
        assert f'id="{target}"' in theory


@pytest.mark.parametrize("width", WIDTHS)
def test_figure_3_is_visible_and_described(visit, width):
    figure = next(i for i in visit("notebooks/fig3.html", width).images if "fig3" in i["source"])
    assert figure["natural"] > 0
    assert figure["width"] > 0.6 * min(width, 640)
    assert figure["height"] > 150
    assert len(figure["alt"].split()) >= 5
    assert "/" not in figure["alt"]
    assert not re.search(r"\.(svg|png)", figure["alt"])


@pytest.mark.parametrize("page", PAGES)
def test_every_image_loads_and_has_alternative_text(visit, page):
    for image in visit(f"{page}.html").images:
        assert image["natural"] > 0, image["source"]
        assert len(image["alt"].split()) >= 5, image["source"]
        assert not re.search(r"[/\\]\S+\.(svg|png)|^_images", image["alt"]), image["source"]


def test_landing_page_fits_one_screen(visit):
    landing = visit("book/index.html")
    assert len(landing.cards) == 5
    assert max(landing.cards) <= 800


def _prose(page: str) -> str:
    path = ROOT / page
    if path.with_suffix(".md").is_file():
        return path.with_suffix(".md").read_text(encoding="utf-8")
    cells = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    return "".join(cells[1]["source"])  # the first is for those who read it elsewhere


REFERENCE = {"api", "what_it_takes", "glossary", "speed", "accuracy", "runtimes", "bibliography", "accessibility"}
ANSWERED = [page for page in PAGES[1:] if page.split("/")[1] not in {*REFERENCE, "claims"}]  # which has its count


@pytest.mark.parametrize("page", ANSWERED)
def test_a_page_begins_with_its_answer(page):
    title, short, *_ = re.sub(r"(?s)\A---.*?---\n", "", _prose(page)).strip().split("\n\n")
    assert title.startswith("# ")
    opening = re.match(r"\*\*In short\.\*\* |```\{admonition\} In short\n", short)
    assert opening
    assert 1 <= len(re.findall(r"[.?!](?=\s|$)", short[opening.end() :])) <= 7
    assert len(short) < 800


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_that_is_read_elsewhere_leads_to_its_page_here(page):
    first = json.loads((ROOT / page).with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"][0]
    assert first["metadata"]["tags"] == ["remove-cell"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"({citation['url']}{page}.html)" in "".join(first["source"])


@pytest.mark.parametrize("figure", ["1", "2", "3", "4", "5A–B", "5C", "6"])
def test_a_figures_page_bears_its_number(figure):
    name = "fig" + figure.lower().replace("–", "")
    assert re.match(rf"# Figure {figure}\b", _prose(f"notebooks/{name}"))


def test_pages_beyond_a_figure_stand_below_one():
    """So that from one figure "next" leads to the next one soon."""
    figures = [page for page in PAGES if re.fullmatch(r"notebooks/fig\d(ab|c)?", page)]
    places = [PAGES.index(page) for page in figures]
    assert len(figures) == 7
    assert max(b - a for a, b in pairwise(places)) <= 5
    assert places[6] - places[5] <= 3
    assert places[5] - places[4] <= 2  # from 5A-B to 5C


def test_root_leads_to_the_landing_page(visit):
    assert visit("index.html").url == "/book/index.html"


def test_search_finds_lyapunov(visit):
    found = visit("search.html?q=Lyapunov", ready="#search-results ul.search li a")
    assert found.problems == []
    assert any("Learning signals in time" in title for title in found.results)


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_notebook_page_says_how_it_was_made(visit, page):
    made = visit(f"{page}.html").made
    for said in (
        r"Date20\d\d-\d\d-\d\d",
        r"Run time[\d.]+ s",
        r"Machine\w",
        r"Commit[0-9a-f]{10}",
        r"Hash of all inputs[0-9a-f]{12}",
        r"Environmentpython 3\.\d+\.\d+, ptacore \d",
        r'Parameters.*preset"(quick|paper)"',
    ):
        assert re.search(said, made), said


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_a_warning_of_its_run_or_a_path_of_the_machine(html, page):
    """As a run can: what it says to the terminal is kept with the outputs, and would be printed with them."""
    text = (html / f"{page}.html").read_text(encoding="utf-8")
    assert re.findall(r'class="output[^"]*\b(?:stderr|traceback)\b', text) == []
    assert re.findall(r"(?:/[\w.-]+)+/\w+\.py:\d+", text) == []
    assert [place for place in (str(ROOT), str(Path.home()) + "/", "site-packages/") if place in text] == []


def test_figures_are_light_and_in_the_dark_dark(visit):
    light, dark = (visit("notebooks/fig3.html", theme=theme) for theme in (None, "dark"))
    assert light.theme == "light"
    assert dark.theme == "dark"
    assert dark.problems == []
    assert light.images[0]["source"] == "../figures/fig3.svg"
    assert dark.images[0]["source"] == "../figures/fig3.dark.svg"
    assert dark.images[0]["background"] == "rgba(0, 0, 0, 0)"


def test_every_public_name_is_in_the_reference(html):
    page = (html / "book" / "api.html").read_text(encoding="utf-8")
    public = {f"ptacore.{name}": getattr(ptacore, name) for name in ptacore.__all__}
    modules = [value for value in public.values() if ismodule(value)]
    names = [name for name, value in public.items() if value not in modules]
    for m in modules:  # a name that has moved is described where it is now
        moved = {*ptacore.__all__, *getattr(m, "_ELSEWHERE", ())}
        own = [name for name in getattr(m, "__all__", ()) if name not in moved]
        room = re.sub(r"(heading\.)?robustness", "heading", m.__name__)  # by its new path, or its old one
        names += [f"{room}.{name}" for name in own]
    assert [name for name in names if f'id="{name}"' not in page] == []


@pytest.mark.parametrize("registry", [ptacore.tasks.TASKS, ptacore.models.MODELS])
def test_every_registered_name_leads_to_its_class_in_the_reference(html, registry):
    page = (html / "book" / "api.html").read_text(encoding="utf-8")
    shown = dict.fromkeys(re.findall(r'<code class="docutils literal[^"]*">(?:<span class="pre">)?([\w-]+)<', page))
    assert [name for name in registry if name not in shown] == []
    assert [c.__name__ for c in registry.values() if not re.search(rf'id="ptacore\.[\w.]+\.{c.__name__}"', page)] == []


def test_numbers_of_another_page_come_with_a_format():
    """Without one nothing is pasted, and only a warning says so."""
    for path in [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]:
        for reference in re.findall(r"\{glue:text\}`([^`]*::[^`]*)`", path.read_text(encoding="utf-8")):
            assert ":" in reference.partition("::")[2], f"{path.name}: {reference}"


def test_no_two_works_are_cited_alike():
    """Author and year are what a reader sees, and two works of one author and year are not told apart by letters."""
    entries = re.split(r"\n@\w+\{", "\n" + (ROOT / "book" / "references.bib").read_text(encoding="utf-8"))[1:]
    seen = {}
    for entry in entries:
        key = entry.partition(",")[0]
        author, year = (re.search(rf"(?i){name}\s*=\s*[{{\"](.+?)[}}\"],?\s*\n", entry) for name in ("author", "year"))
        names = re.findall(r"([^,]+),[^,]*?(?: and |$)", author.group(1))
        alike = (names[0] if len(names) > 2 else tuple(names), len(names) > 2, year.group(1))
        assert alike not in seen, f"{key} and {seen[alike]} read the same: {alike}"
        seen[alike] = key
    assert len(seen) > 10
