"""The built book as a PDF, printed anew and read by pypdf."""

import math
import re
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader
from pypdf.generic import IndirectObject
from toy import in_own_thread

from ptabook import pdf
from ptabook.pages import BookError
from ptacore.terminal import UsageError

pytestmark = [pytest.mark.slow, pytest.mark.browser]
A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def root(html, chromium) -> Path:
    return html.parents[1]


@pytest.fixture(scope="module")
def document(root) -> BeautifulSoup:
    return BeautifulSoup(pdf.compose(root), "html.parser")


@pytest.fixture(scope="module")
def printed(document) -> PdfReader:
    return PdfReader(BytesIO(in_own_thread(pdf.render, str(document), "A. Author")))


@pytest.fixture(scope="module")
def outline(printed) -> list[tuple[int, str, int]]:
    """Depth, title and page, from 1, of every heading."""

    def below(items: list[Any], depth: int) -> Any:
        for item in items:
            if isinstance(item, list):
                yield from below(item, depth + 1)
            else:
                yield depth, item.title, printed.get_destination_page_number(item) + 1

    return list(below(printed.outline, 1))


def text(printed: PdfReader, number: int) -> str:
    return re.sub(r"\s+", " ", printed.pages[number - 1].extract_text())


def test_it_is_a_book_of_a4_pages(printed):
    assert 20 < len(printed.pages) < 500
    for page in printed.pages:
        assert (round(page.mediabox.width), round(page.mediabox.height)) == A4
    assert printed.metadata.author == "A. Author"
    assert printed.metadata.title == "Persistent learning signals"
    assert printed.root_object["/Lang"] == "en"
    assert printed.root_object["/MarkInfo"]["/Marked"]


def test_the_outline_holds_every_part_and_chapter_of_the_table_of_contents_in_order(outline, document):
    expected = [(int(tag.name[1]), tag.get_text()) for tag in document.select(".chapter :is(h1, h2)")]
    assert len(expected) > 25
    start = [title for _, title, _ in outline].index(expected[0][1])
    assert [(depth, title) for depth, title, _ in outline[start:] if depth <= 2] == expected


def test_the_contents_give_the_pages_of_the_chapters(printed, outline, document):
    pages = {title: page for _, title, page in reversed(outline)}  # a section elsewhere may be called as a chapter is
    first = min(page for title, page in pages.items() if page > pages["Contents"])
    contents = " ".join(text(printed, page) for page in range(pages["Contents"], first))
    for link in document.select(".contents a"):
        assert f"{link.get_text()} {pages[link.get_text()]} " in f"{contents} "
        assert f" {pages[link.get_text()]} " in f" {text(printed, pages[link.get_text()])} "


def test_every_link_within_the_book_leads_somewhere(printed, document):
    links = {link["href"][1:] for link in document.select("a[href^='#']")}
    assert len(links) > 100
    assert links - {tag["id"] for tag in document.select("[id]")} == set()
    assert links - {name.removeprefix("/") for name in printed.named_destinations} == set()


def test_every_figure_is_printed_with_its_description(printed, document):
    images = Counter(image["alt"] for image in document.select("img"))
    assert len(images) >= 20
    described: Counter[str] = Counter()
    stack: list[Any] = [printed.root_object["/StructTreeRoot"]["/K"]]
    while stack:
        node = stack.pop()
        node = node.get_object() if isinstance(node, IndirectObject) else node
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            described[node.get("/Alt")] += node.get("/S") == "/Figure"
            stack.append(node.get("/K"))
    assert images - described == Counter()


def test_the_words_in_figures_are_words_and_legible(printed, outline):
    """Six points at least; exponents and indices may be smaller."""
    sizes: Counter[float] = Counter()

    def note(words: str, current: list[float], matrix: list[float], font: Any, size: float) -> None:
        scale = math.hypot(*matrix[2:4]) * math.hypot(*current[2:4])
        sizes[round(size * scale, 2)] += len(words.strip())

    start = next(page for _, title, page in outline if title.startswith("Figure 3:"))
    page = next(page for page in range(start, start + 3) if "PC 1" in text(printed, page))  # that of the figure itself
    printed.pages[page - 1].extract_text(visitor_text=note)
    assert {"time (τ)", "exponents"} <= set(re.findall("time \\(τ\\)|exponents", text(printed, page)))
    assert sum(count for size, count in sizes.items() if size < 6) < 0.05 * sizes.total()
    assert min(size for size, count in sizes.items() if count) > 4


def test_equations_are_printed_with_their_numbers(printed, outline):
    start = next(page for _, title, page in outline if title == "Learning signals in time")
    words = " ".join(text(printed, page) for page in range(start, start + 6))
    assert "Their separation obeys the linearized dynamics" in words
    for number in range(1, 19):
        assert f"({number})" in words


def test_fonts_are_embedded(printed):
    fonts = {}
    for page in printed.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            kind = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            fonts[font["/BaseFont"]] = kind
    assert any("STIXGeneral" in name for name in fonts)
    for name, font in fonts.items():
        if font["/Subtype"] != "/Type3":  # which is drawn in the file
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(font["/FontDescriptor"].get_object()), name


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<img src='file:///nowhere.svg'>", "no image file:///nowhere.svg"),
        ("<p style='width: 700px'>wide</p>", "wider than the page: <p style"),
        ("<p><span class='math math-error'>\\x</span></p>", r"faulty formula \\x"),
    ],
)
def test_a_page_that_would_print_badly_is_named(chromium, body, message):
    with pytest.raises(BookError, match=message):
        in_own_thread(pdf.render, f"<!doctype html>{body}", "A")


def test_an_old_chromium_is_refused(chromium, monkeypatch):
    monkeypatch.setattr(pdf, "OLDEST", 10_000)
    with pytest.raises(UsageError, match="expected Chromium 10000 or newer, got "):
        in_own_thread(pdf.check_tools)
