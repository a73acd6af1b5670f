"""The ledger in a browser: found, filtered, cited, read on a phone and without scripts."""

import re
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin

import pytest

bs4 = pytest.importorskip("bs4")
pytestmark = pytest.mark.browser
LEDGER = "book/claims.html"
ROWS = "table.ledger tbody tr"
SHOWN = f"{ROWS}:not([hidden])"
# Where the row of the address is, and where what lies over it ends: the page's bar and the head of the table.
PLACES = """() => {
  const box = (what) => document.querySelector(what).getBoundingClientRect();
  const row = box("table.ledger tr:target"), head = box("table.ledger thead th");
  return { top: row.top, bottom: row.bottom, over: Math.max(box(".bd-header-article").bottom, head.bottom),
           gap: head.top - box(".bd-header-article").bottom, height: innerHeight };
}"""


@pytest.fixture(scope="module")
def soup(html) -> object:
    return bs4.BeautifulSoup((html / LEDGER).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def ledger(browser, site) -> Iterator:
    """A function that opens the ledger: what follows its address, the width, and whether scripts run."""
    contexts = []

    def ledger(state: str = "", width: int = 1280, scripts: bool = True):
        size = {"width": width, "height": 800}
        contexts.append(browser.new_context(viewport=size, java_script_enabled=scripts, reduced_motion="reduce"))
        page = contexts[-1].new_page()
        page.goto(f"{site}/{LEDGER}{state}")
        return page

    yield ledger
    for context in contexts:
        context.close()


def field(page, label: str):
    return page.get_by_role("search", name="Statements").get_by_label(label, exact=True)


def count(page) -> list[int]:
    """Shown, all, of the paper, of its neighbours, of this book."""
    return [int(number) for number in re.findall(r"\d+", page.locator(".ledger-count").inner_text())][:5]


def test_every_row_has_its_anchor_and_leads_to_what_there_is(soup, html):
    rows, known = soup.select(ROWS), {}
    assert len(rows) == len({row["id"] for row in rows}) > 100
    for row in rows:
        assert row.select_one(f"td:first-child a[href='#{row['id']}']").get_text() == row["id"].removeprefix("claim-")
        links = {link.get_text(): link["href"] for link in row.select("td:last-child a")}
        assert "evidence" in links
        for link in links.values():
            page, anchor = urldefrag(urljoin(LEDGER, link))
            if page not in known:
                text = (html / page).read_text(encoding="utf-8")
                known[page] = set(re.findall(r'\bid="([^"]+)"', text))
            assert not anchor or anchor in known[page], link
    assert sum("#" in row.select_one("td:last-child a")["href"] for row in rows) > 0.9 * len(rows)


def test_what_differs_is_what_is_contradicted(soup):
    listed = [link["href"][1:] for link in soup.select("#what-differs li a") if link.get_text() == "row"]
    assert listed
    rows = soup.select("table.ledger tr.verdict-contradicts")
    assert sorted(listed) == sorted(row["id"] for row in rows)
    for row in rows:  # the paper's have a note
        assert row.select_one(".work, a[href*='notes.html']"), row["id"]


def test_filters_leave_what_they_ask_for_and_count_it(ledger):
    page = ledger()
    shown, every, paper, theirs, own = count(page)
    assert shown == every == paper + theirs + own == page.locator(SHOWN).count()
    field(page, "Verdict").select_option("contradicts")
    shown, _, paper, theirs, own = count(page)
    assert 0 < shown == paper + theirs + own == page.locator("tr.verdict-contradicts").count()
    assert shown == page.locator(SHOWN).count()
    assert theirs + own == page.locator("tr.verdict-contradicts .work").count()
    assert own == page.locator("tr.verdict-contradicts .work", has_text="beside ").count()
    field(page, "Figure").select_option("3")
    assert count(page)[0] == page.locator("tr.verdict-contradicts.figure-3").count() > 0
    field(page, "Figure").select_option("")
    field(page, "Page").select_option("fig4")
    assert count(page)[0] == page.locator("tr.verdict-contradicts.page-fig4").count() > 0
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(f"document.querySelectorAll('{SHOWN}').length === {every}")
    assert "?" not in page.url


def test_search_takes_all_words_in_any_order_and_either_minus(ledger):
    page = ledger()
    for words in ("torus dense", "DENSE  Torus", "pairwise-irrational"):
        field(page, "Search").fill(words)
        assert "claim-pairwise-irrational-dense" in page.locator(SHOWN).evaluate_all("rows => rows.map(row => row.id)")
    field(page, "Search").fill("-0.709")
    minus = count(page)[0]
    field(page, "Search").fill("−0.709")
    assert count(page)[0] == minus > 0
    field(page, "Search").fill("nowhere at all")
    assert count(page) == [0, page.locator(ROWS).count(), 0, 0, 0]


def test_a_view_can_be_shared_by_its_address(ledger):
    page = ledger()
    field(page, "Search").fill("torus")
    field(page, "Verdict").select_option("contradicts")
    field(page, "Whose").select_option("the paper")
    other = ledger(f"?{page.url.partition('?')[2]}")
    ids = "rows => rows.map(row => row.id)"
    assert other.locator(SHOWN).evaluate_all(ids) == page.locator(SHOWN).evaluate_all(ids) != []
    assert field(other, "Search").input_value() == "torus"
    assert field(other, "Whose").input_value() == "the paper"


def test_an_address_that_asks_for_what_is_not_there_is_told(ledger):
    page = ledger("?verdict=reproduced&page=fig4")
    assert "no row has verdict “reproduced”" in page.locator(".ledger-count").inner_text()
    assert page.locator(SHOWN).count() == page.locator("tr.page-fig4").count()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("filters", ["", "?verdict=contradicts&page=fig4"])
def test_the_row_of_the_address_is_seen(ledger, width, filters):
    page = ledger(f"{filters}#claim-fig3c-line", width)
    row = page.locator("tr:target")
    row.wait_for(state="visible")
    assert row.evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
    places = page.evaluate(PLACES)
    bar = places["over"] if width > 960 else 48  # cards have no head
    assert bar - 1 <= places["top"] < places["bottom"] <= places["height"]
    if filters:
        assert "besides, the row that the address names" in page.locator(".ledger-count").inner_text()
        field(page, "Page").select_option("fig6")  # another question
        row.wait_for(state="hidden")


def test_a_link_in_the_page_shows_a_row_that_a_filter_hides(ledger):
    page = ledger("?page=fig6")
    link = page.locator("#what-differs a[href='#claim-fig3d-four-positive']")
    link.focus()
    page.keyboard.press("Enter")
    page.locator("#claim-fig3d-four-positive").wait_for(state="visible")
    assert page.url.endswith("?page=fig6#claim-fig3d-four-positive")


def test_the_head_of_the_table_stays_in_sight(ledger):
    page = ledger("#claim-timing")
    assert -2 <= page.evaluate(PLACES)["gap"] <= 0


def test_the_keyboard_alone_filters(ledger):
    page = ledger()
    field(page, "Search").focus()
    page.keyboard.type("golden")
    assert page.locator(SHOWN).count() == 1
    for label in ("Verdict", "Figure", "Page", "Whose"):
        page.keyboard.press("Tab")
        assert field(page, label).evaluate("field => field === document.activeElement")
        assert page.locator(":focus").evaluate("field => getComputedStyle(field).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{SHOWN}').length > 100")
    assert page.get_by_role("status").inner_text().endswith("of this book beside them")  # which is read out


def test_a_phone_shows_cards_that_are_no_wider_than_it(ledger):
    page = ledger("", 390)
    edges = page.locator(f"{ROWS} .sd-badge").evaluate_all("all => all.map(e => e.getBoundingClientRect().right)")
    assert len(edges) == page.locator(ROWS).count()
    assert max(edges) <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cell = page.locator(f"{ROWS} td:nth-child(4)").first
    assert "Ours" in cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert page.get_by_role("row").count() > 100  # still a table to those who hear it


@pytest.mark.parametrize("width", [1280, 390])
def test_without_scripts_it_is_a_table_with_anchors(ledger, width):
    page = ledger("?verdict=contradicts#claim-fig3d-four-positive", width, scripts=False)
    assert page.locator(".ledger-filters").count() == 0
    assert page.locator(ROWS).count() > 100
    assert page.locator(f"{ROWS}:visible").count() == page.locator(ROWS).count()
    assert page.locator("tr:target td:first-child a").inner_text() == "fig3d-four-positive"


def test_on_paper_there_are_no_controls(ledger):
    page = ledger()
    page.emulate_media(media="print")
    assert not page.locator(".ledger-filters").is_visible()
    assert page.locator(f"{ROWS}:visible").count() == page.locator(ROWS).count()


def test_other_pages_do_not_load_it(html):
    for page in ("book/index.html", "book/notes.html", "notebooks/fig4.html"):
        assert "_static/ledger" not in (html / page).read_text(encoding="utf-8")
