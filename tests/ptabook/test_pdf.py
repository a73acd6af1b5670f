"""The book as one document for paper: from small pages as the theme makes them, without a browser."""

import json
import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from toy import in_own_thread

from ptabook import pdf
from ptacore.terminal import UsageError

TOC = """\
format: jb-book
root: book/index
parts:
  - caption: Work & play
    chapters:
      - file: book/theory
      - file: notebooks/fig
        title: Figure 1
        sections:
          - file: notebooks/more
            title: Figure 1
"""
PAGE = """\
<!doctype html><html><head><link rel="stylesheet" href="../_static/pygments.css">
<script src="../_static/menu.js"></script><script>window.MathJax = {{}}</script>
<script src="../_static/mathjax/tex.js"></script></head>
<body><nav>Menu</nav><article>{}</article></body></html>"""
PAGES = {
    "book/index": '<h1>The "book"</h1><p><a href="../notebooks/fig.html"><img src="../_images/a.svg" alt="A"></a></p>'
    '<div class="landing-cards">Cards</div>',
    "book/theory": """<section id="theory"><h1>Theory<a class="headerlink" href="#theory">#</a></h1>
        <p id="same">Here.</p> <a href="#same"><span class="std std-ref">above</span></a>
        <a href="../notebooks/fig.html#same"><span class="std std-ref">there</span></a>
        <a href="../genindex.html">index</a> <a href="https://example.org/x">outside</a>
        <button>Press</button><script>Run()</script></section>""",
    "notebooks/fig": """<h1>Five systems</h1><p id="same">There.</p><h2>Two</h2><h3>Three</h3>
        <div class="cell"><details class="hide above-input"><summary>Show</summary>folded code</details>
        <div class="output text_html"><div><b>toy</b><script>play()</script></div></div></div>
        <div class="cell"><div class="cell_input">shown code</div></div><div class="figure-tools">Download</div>
        <img class="only-light" loading="lazy" src="../_images/a.svg" alt="A">
        <img class="only-dark" src="../_images/b.svg" alt="B">
        <details><summary>More</summary>opened</details>
        <footer class="provenance"><p>How</p></footer>""",
    "notebooks/more": "<h1>Figure 1 again</h1>",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What `make book` leaves, in small."""
    for name, body in PAGES.items():
        page = tmp_path / "_build" / "html" / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(PAGE.format(body))
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_config.yml").write_text('title: The "book"\nauthor: A. Author\n')
    (tmp_path / "_build" / "book.sha256").write_text("state")
    (tmp_path / "_build" / "source" / "notebooks").mkdir(parents=True)
    record = {"started": "2025-02-03T04:05:06", "seconds": 7.8, "preset": "quick", "seed": 9, "commit": "c" * 40}
    record |= {"dirty": True, "hash": "f" * 64}
    (tmp_path / "_build" / "source" / "notebooks" / "fig.provenance.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture
def document(root) -> BeautifulSoup:
    return BeautifulSoup(pdf.compose(root), "html.parser")


@pytest.fixture
def printings(monkeypatch) -> list[str]:
    """Record what would be printed, instead of printing it."""
    recorded = []

    def render(document: str, author: str) -> bytes:
        recorded.append(document)
        return f"printing {len(recorded)} for {author}".encode()

    monkeypatch.setattr(pdf, "render", render)
    return recorded


def test_chapters_stand_in_the_order_of_the_table_of_contents_under_their_part(document):
    headings = [(tag.name, tag.get_text()) for tag in document.select("section :is(h1, h2, h3, h4)")]
    assert headings == [
        ("h2", 'The "book"'),
        ("h1", "Work & play"),
        ("h2", "Theory"),
        ("h2", "Figure 1: Five systems"),
        ("h3", "Two"),
        ("h4", "Three"),
        ("h2", "Figure 1 again"),
    ]
    contents = [(a["href"], a.get_text()) for a in document.select(".contents a")]
    assert contents == [
        ("#book.theory", "Theory"),
        ("#notebooks.fig", "Figure 1: Five systems"),
        ("#notebooks.more", "Figure 1 again"),
    ]


def test_every_link_leads_to_its_own_target_or_out_of_the_book(document):
    theory = document.select_one("[id='book.theory']")
    links = {a.get_text(): a["href"] for a in theory.select("a")}
    assert links.pop("outside") == "https://example.org/x"
    targets = {words: document.select_one(f"[id='{href[1:]}']").get_text() for words, href in links.items()}
    assert targets == {"above": "Here.", "there": "There."}
    assert "index" in theory.get_text()
    identifiers = [tag["id"] for tag in document.select("[id]")]
    assert len(identifiers) == len(set(identifiers))


def test_links_to_other_chapters_and_the_contents_carry_a_page_number(document):
    numbered = [tag["data-page-of"] for tag in document.select(".page-number")]
    assert numbered == ["book.theory", "notebooks.fig", "notebooks.more", "notebooks.fig--same"]


def test_what_has_no_use_on_paper_is_left_out(document):
    body = "".join(section.get_text() for section in document.select("section"))
    for words in ("Menu", "Cards", "Press", "Run()", "#", "folded code", "toy", "Download", "How"):
        assert words not in body
    for words in ("shown code", "opened", "In the online book", "notebooks/fig.html"):
        assert words in body
    assert document.select_one("details").has_attr("open")
    assert [image["alt"] for image in document.select("img")] == ["A", "A"]


def test_images_styles_and_scripts_of_formulas_are_named_by_their_place(document, root):
    here = (root / "_build" / "html").as_uri()
    assert not document.select("[loading]")  # a picture that comes when scrolled to does not come
    assert {image["src"] for image in document.select("img")} == {f"{here}/_images/a.svg"}
    assert [tag["href"] for tag in document.select("link")] == [
        f"{here}/_static/{n}.css" for n in ("pygments", "print")
    ]
    assert [tag.get("src") for tag in document.select("script")] == [None, f"{here}/_static/mathjax/tex.js"]


def test_the_cover_names_authors_version_commit_and_figures(document):
    imprint = document.select_one(".cover .imprint").get_text()
    assert re.search(r"A\. Author, version \d+\.\d+\.\d+.*, commit unknown", imprint)
    assert "Figures of the preset quick, made from 2025-02-03 to 2025-02-03" in imprint


def test_a_notebook_page_ends_with_how_it_was_made(document):
    (origin,) = document.select(".provenance")
    assert origin.parent["id"] == "notebooks.fig"
    assert origin.get_text() == (
        "notebooks/fig.ipynb, preset quick, seed 9, run on 2025-02-03 in 8 s; "
        "commit cccccccccc with uncommitted changes, hash ffffffffffff"
    )


def test_a_running_head_is_quoted_for_a_style_sheet():
    assert pdf._css('a "b" \\ </style>') == '"a \\22 b\\22  \\5c  \\3c /style>"'


def test_the_same_book_is_printed_once(root, printings, capsys):
    target = pdf.print_book(root)
    assert (target, target.read_text()) == (root / "_build/ptacore-book.pdf", "printing 1 for A. Author")
    pdf.print_book(root)
    assert len(printings) == 1
    assert capsys.readouterr().out == "pdf: printing\npdf: unchanged\n"
    (root / "_build" / "book.sha256").write_text("another state")
    assert pdf.print_book(root).read_text() == "printing 2 for A. Author"


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_an_interrupted_printing_leaves_the_last_one_and_is_made_up_for(root, printings, monkeypatch, step):
    def interrupted(path: Path, *_):
        path.touch()
        raise KeyboardInterrupt

    before = pdf.print_book(root).read_text()
    (root / "_build" / "book.sha256").write_text("another state")
    files = sorted((root / "_build").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(*((pdf.os, step) if step == "replace" else (Path, step)), interrupted)
        with pytest.raises(KeyboardInterrupt):
            pdf.print_book(root)
    assert (root / "_build/ptacore-book.pdf").read_text() == before
    assert sorted((root / "_build").iterdir()) == files
    assert pdf.print_book(root).read_text() == "printing 3 for A. Author"


@pytest.mark.parametrize("name", ["playwright", "pypdf"])
def test_a_missing_package_is_named_with_its_remedy(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "playwright.sync_api" if name == "playwright" else name, None)
    with pytest.raises(UsageError, match=rf"{name}.* is missing: pip install 'ptacore\[pdf\]'"):
        pdf.check_tools()


@pytest.mark.slow
def test_a_missing_chromium_is_named_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match=r"package chromium, or run: python -m playwright install chromium"):
        in_own_thread(pdf.check_tools)
