"""What pages and the site tell those who link to them, and what a link tells its reader."""

import re
import shutil
import tarfile
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image

from ptabook import versions

ROOT = Path(__file__).resolve().parents[2]
BASE = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["url"]
PAGES = re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def told(html):
    """What each page has in its head."""
    found = {}
    for page in PAGES:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        found[page] = {
            key: unescape(value) for key, value in re.findall(r'<meta property="(og:[^"]+)" content="([^"]*)"', text)
        }
        found[page]["title"] = unescape(re.search(r"<title>(.*?)</title>", text)[1])
        found[page]["canonical"] = re.search(r'<link rel="canonical" href="([^"]+)"', text)[1]
        found[page]["description"] = unescape(re.search(r'<meta name="description" content="([^"]+)"', text)[1])
    return found


def test_titles_tell_pages_apart_and_repeat_nothing(told):
    assert len({said["title"] for said in told.values()}) == len(told)
    assert all(title.count("Persistent learning signals") == 1 for title in (said["title"] for said in told.values()))
    assert told["notebooks/fig6"]["og:title"].startswith("Figure 6: ")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_in_words_what_it_is_about(told, page):
    said = told[page]
    assert said["description"] == said["og:description"]
    assert 30 < len(said["description"]) <= 202
    assert not re.search(r"[\\{}<>]|et al\.$|\bSection \d+\.$", said["description"])


@pytest.mark.parametrize("page", PAGES)
def test_the_card_is_a_picture_that_is_there(html, told, page):
    said = told[page]
    picture = html / said["og:image"].removeprefix(BASE)
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert image.size == (int(said["og:image:width"]), int(said["og:image:height"]))
        assert image.width >= 1000
        assert image.height >= 315
    own = re.search(r'class="only-light" src="../figures/(\w+)\.svg"', (html / f"{page}.html").read_text("utf-8"))
    assert picture.stem == (own[1] if own else "fig3")


def test_the_sitemap_has_every_page_at_its_own_address(html, told):
    tree = ElementTree.parse(html / "sitemap.xml")
    addresses = {node.text for node in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    assert addresses == {f"{BASE}{page}.html" for page in PAGES}
    assert addresses == {said["canonical"] for said in told.values()} == {said["og:url"] for said in told.values()}


def test_machines_find_a_list_of_all_pages(html):
    text = (html / "llms.txt").read_text(encoding="utf-8")
    assert re.match(r"# .+\n\n> .+\n\n## ", text)
    assert re.findall(rf"^- \[.+?\]\({re.escape(BASE)}(\S+)\.html\): .+", text, re.MULTILINE) == PAGES[1:]


def test_an_address_that_leads_nowhere_has_a_page_that_needs_no_other_file(browser, site, watch):
    page = browser.new_page()
    problems = watch(page)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{site}/404.html")
    assert requests == [f"{site}/404.html"]
    assert problems == []
    assert page.locator("a:visible").evaluate_all("(links) => links.map((link) => link.href)") == [BASE]
    assert page.locator("form").get_attribute("action") == f"{BASE}search.html"
    page.close()


@pytest.mark.parametrize(("stored", "dark"), [(None, True), ("light", False), ("dark", True), ("auto", True)])
def test_that_page_is_as_dark_as_the_others(browser, site, stored, dark):
    context = browser.new_context(color_scheme="dark")
    if stored:
        context.add_init_script(f"localStorage.setItem('mode', '{stored}')")
    page = context.new_page()
    page.goto(f"{site}/404.html")
    assert page.evaluate("getComputedStyle(document.querySelector('a')).color") == (
        "rgb(116, 195, 223)" if dark else "rgb(11, 102, 136)"
    )
    context.close()


@pytest.mark.parametrize("system", ["dark", "light"])
def test_a_page_is_as_dark_as_the_system_before_any_script_is_loaded(browser, site, system):
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(f"{site}/book/theory.html")
    assert page.evaluate("document.documentElement.dataset.theme") == system
    context.close()


# ---- previews ------------------------------------------------------------------------------------


@pytest.fixture
def reader(browser, site, watch):
    """A function that opens a page for a reader with a mouse, or with a finger."""
    opened = []

    def open_page(path, touch=False, width=1280):
        context = browser.new_context(has_touch=touch, viewport={"width": width, "height": 800})
        page = context.new_page()
        opened.append((context, watch(page)))
        page.goto(f"{site}/{path}")
        return page

    yield open_page
    for context, problems in opened:
        assert problems == []
        context.close()


@pytest.mark.parametrize(
    ("path", "link", "shown"),
    [
        ("book/consequences.html", "a[href*='bibliography.html#']", r"\d{4}"),
        ("book/consequences.html", "a.reference.internal[href*='#equation-']", r"Equation \d+"),
        ("book/recipes.html", "a.reference.internal[href*='#ptacore.']", r"\w+\(.*\)|class"),
        ("notebooks/fig6.html", "a.reference.internal[href*='#equation-']", r"Equation \d+"),
    ],
)
def test_a_pointer_on_a_link_shows_what_it_leads_to(reader, path, link, shown):
    page = reader(path)
    target, box = page.locator(f"article {link}").first, page.locator("#preview")
    assert page.evaluate("window.PREVIEWS") is None  # loaded when it is wanted
    target.hover()
    box.wait_for()
    assert re.search(shown, box.inner_text())
    assert target.get_attribute("aria-describedby") == "preview"
    if "equation" in link:
        assert box.locator(".katex-mathml math").count() == 1
    box.hover()  # it stays under the pointer
    page.wait_for_timeout(400)
    assert box.is_visible()
    page.keyboard.press("Escape")
    assert box.is_hidden()
    assert target.get_attribute("aria-describedby") is None


def test_the_keyboard_shows_and_closes_a_preview(reader):
    page = reader("book/consequences.html")
    page.locator("article a[href*='bibliography.html#']").first.evaluate("(link) => link.focus({ focusVisible: true })")
    box = page.locator("#preview")
    box.wait_for()
    page.keyboard.press("Escape")
    assert box.is_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    box.wait_for()


def test_a_finger_sees_the_preview_first_and_then_goes_there(reader):
    page = reader("book/consequences.html", touch=True, width=390)
    link = page.locator("article a[href*='bibliography.html#']").first
    link.tap()
    box = page.locator("#preview")
    box.wait_for()
    place = box.bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    assert page.url.endswith("consequences.html")
    box.locator("a").tap()
    page.wait_for_url("**/bibliography.html#*")


# ---- versions ------------------------------------------------------------------------------------


def test_readers_go_from_a_page_to_the_same_one_of_another_version(html, tmp_path, serve, browser):
    new, old = tmp_path / "html", tmp_path / "ptacore-0.0.9-site"
    for folder, pages in ((new, ("book/index", "book/faq", "book/glossary")), (old, ("book/index", "book/faq"))):
        shutil.copytree(html / "_static", folder / "_static")
        (folder / "book").mkdir()
        for page in pages:
            shutil.copyfile(html / f"{page}.html", folder / f"{page}.html")
        shutil.copyfile(html / "index.html", folder / "index.html")
    archive = tmp_path / f"{old.name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(old, old.name)
    assert versions.assemble(new, "9.9.9", [archive]) == ["9.9.9", "0.0.9"]
    page, site = browser.new_page(), serve(new)
    page.goto(f"{site}/book/faq.html")
    page.locator(".version select").select_option("0.0.9")
    page.wait_for_url(f"{site}/versions/0.0.9/book/faq.html")
    page.get_by_role("link", name="9.9.9 is newer").click()
    page.wait_for_url(f"{site}/book/faq.html")
    page.goto(f"{site}/book/glossary.html")
    page.locator(".version select").select_option("0.0.9")
    page.wait_for_url(f"{site}/versions/0.0.9/book/index.html")  # which has no glossary
    page.close()


def test_a_book_alone_says_which_version_it_is(reader):
    page = reader("book/faq.html")
    assert re.fullmatch(r"Version \d+\.\d+\.\d+", page.locator(".version").inner_text())
