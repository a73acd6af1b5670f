"""What axe-core finds on the pages of the built book: nothing serious, in light and dark, on a desk and on a phone."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["book/index", *re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())]
pytestmark = pytest.mark.browser
SERIOUS = """async () => (await axe.run()).violations
  .filter((found) => ["serious", "critical"].includes(found.impact))
  .flatMap((found) => found.nodes.slice(0, 3).map((node) => `${found.id}: ${node.html.slice(0, 200)}`))"""


@pytest.fixture(scope="module")
def axe() -> Path:
    """The script of axe-core, in the package that carries it; its Python part is not used."""
    return Path(find_spec("axe_playwright_python").origin).with_name("axe.min.js")


@pytest.fixture(scope="module")
def contexts(browser: Any) -> Iterator[dict[tuple[int, str], Any]]:
    """Two readers: a wide light one, and a narrow dark one."""
    found = {}
    for width, theme in ((1280, "light"), (320, "dark")):
        found[width, theme] = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        found[width, theme].add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    yield found
    for context in found.values():
        context.close()


@pytest.mark.parametrize("reader", [(1280, "light"), (320, "dark")])
@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_axe_finds_nothing_serious(contexts, site, axe, page, reader):
    opened = contexts[reader].new_page()
    try:
        opened.goto(f"{site}/{page}.html")
        opened.wait_for_function("[...document.querySelectorAll('.math')].every((e) => e.querySelector('.katex'))")
        opened.add_script_tag(path=axe)
        assert opened.evaluate(SERIOUS) == []
    finally:
        opened.close()
