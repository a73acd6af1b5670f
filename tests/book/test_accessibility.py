"""The pages of the built book without sight, without a mouse, on a narrow screen: axe-core, and the keyboard alone."""

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["book/index", *re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())]
pytestmark = pytest.mark.browser
# What is folded away counts too; of code one token of each kind is enough, as they differ only in colour.
UNFOLD = """() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const kinds = new Set();
  for (const token of document.querySelectorAll("pre span[class]"))
    if (kinds.has(token.className)) token.replaceWith(...token.childNodes); else kinds.add(token.className);
}"""
VIOLATIONS = """async () => (await axe.run({ resultTypes: ["violations"] })).violations
  .flatMap((found) => found.nodes.slice(0, 3).map(
    (node) => `${found.impact} ${found.id}: ${node.html.slice(0, 200)}`))"""
# What the keyboard is on: the element itself, and whether a reader can see that.
FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  element.dataset.reached = "";
  const styles = [element, ...element.children].flatMap(
    (part) => [getComputedStyle(part), getComputedStyle(part, "::after")]);
  const ring = styles.some(
    ({ outlineStyle, boxShadow }) => outlineStyle !== "none" || boxShadow.includes("0px 0px 0px 3px"));
  return { name: element.outerHTML.slice(0, 160), seen: ring && element.checkVisibility() };
}"""
MISSED = """(controls) => {
  const box = (control) => control.getBoundingClientRect();
  const visible = (control) =>
    control.checkVisibility({ visibilityProperty: true }) && box(control).width > 0 && box(control).height > 0;
  const missed = controls.filter((control) => visible(control) && control.dataset.reached === undefined);
  return [controls.length, missed.map((control) => control.outerHTML.slice(0, 160))];
}"""
READERS = ((1280, "light"), (320, "dark"))
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def axe() -> Path:
    """The script of axe-core, in the package that carries it; its Python part is not used."""
    return Path(find_spec("axe_playwright_python").origin).with_name("axe.min.js")


@pytest.fixture(scope="session")
def tabs(browser: Any) -> dict[tuple[int, str], Any]:
    """Those of two readers: a wide light one, and a narrow dark one."""
    found = {}
    for width, theme in READERS:
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
        found[width, theme] = context.new_page()
    return found


@pytest.fixture
def opened(tabs: Any, site: str) -> Iterator[Callable[[str, tuple[int, str]], Any]]:
    """A function that opens a page in a reader's tab."""

    def opened(path: str, reader: tuple[int, str]) -> Any:
        page = tabs[reader]
        page.goto(f"{site}/{path}.html")
        page.wait_for_function("document.fonts.status === 'loaded'")
        return page

    yield opened
    for page in tabs.values():
        page.goto("about:blank")  # ends what a page computes


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", [*PAGES, "search", "genindex"])
def test_axe_finds_nothing(opened, axe, path, reader):
    page = opened(path, reader)
    page.evaluate(UNFOLD)
    page.add_script_tag(path=axe)
    assert page.evaluate(VIOLATIONS) == []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", ["book/index", "book/recipes", "book/explorer", "notebooks/fig1", "search"])
def test_tab_reaches_every_control_and_shows_where_it_is(opened, path, reader):
    page = opened(path, reader)
    page.add_style_tag(content="* { transition: none !important; }")
    for _ in range(300):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus is None:
            break
        assert focus["seen"], focus["name"]
    assert focus is None  # Tab leads out of the page again
    controls, missed = page.locator(CONTROLS).evaluate_all(MISSED)
    assert missed == []
    assert controls > 20


def test_the_first_key_skips_to_the_text(opened):
    page = opened("book/theory", (1280, "light"))
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize(
    ("path", "box"),
    [
        ("book/theory", "div.math > [role=group]"),
        ("book/claims", ".pst-scrollable-table-container[role=group]"),
        ("book/recipes", "pre[role=group]"),
        ("notebooks/identities", ".output [style*=overflow][role=group]"),
    ],
)
def test_the_arrow_keys_scroll_what_is_wider_than_a_phone(opened, path, box):
    page = opened(path, (320, "dark"))
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    wide = page.locator(box).first
    wide.focus()
    assert wide.get_attribute("aria-label") in ("Formula", "Wide table", "Code")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 20")


def test_escape_closes_the_sidebar_of_a_phone(opened):
    page = opened("book/theory", (320, "dark"))
    page.locator(".primary-toggle").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.bd-sidebar-primary').contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.wait_for_function(
        "!document.querySelector('.bd-sidebar-primary').checkVisibility({ visibilityProperty: true })"
    )
