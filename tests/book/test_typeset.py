"""What no page may show: sources instead of what they stand for, and numbers as programs write them."""

import re
from pathlib import Path

import pytest

bs4 = pytest.importorskip("bs4")
ROOT = Path(__file__).resolve().parents[2]
PAGES = ["book/index", *re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())]

# What is quoted as it is typed: code, what a cell printed, formulas before they are set, signatures and their defaults.
QUOTED = "pre, code, script, style, svg, .math, dt.sig, .classifier, dl.field-list dt, textarea, .headerlink"
FORBIDDEN = {
    "a table as text": r"(?m)^\s*\|.*\|.*\|\s*$|\|\s*:?-{3,}",
    "a formula as text": r"\\[a-zA-Z]{2,}|\\[()\[\]{}]|\$[^$\n]+\$|\w\^[{-]?\d",
    "a role as text": r"\{[a-z]+(:[a-z]+)*\}`|glue:",
    "a number of Python's": r"(?<![\w.])\d(\.\d+)?[eE]\d{1,3}(?!\w)|\d[eE][+-]\d|\d\*\*-?\d|np\.\w+\d+\(|tensor\(",
    "a word of Python's": r"\bnan\b|\binf\b",
    "a hyphen for a minus sign": r"(?<![\w)\]}.%°–−/-])-(\.?\d|[α-ωΑ-Ω∞√])| - ",
    "a minus before zero": r"(?<![\w)\]}.])[-−]0(\.0+)?(?![\d.]*\d)(?!×)",
    "a place to break a number": r" ± ",
}


def shown(html: str) -> str:
    """The text of a page's article, without what is quoted."""
    article = bs4.BeautifulSoup(html, "html.parser").select_one("article")
    for tag in article.select(QUOTED):
        tag.replace_with(" ")
    for tag in article.select("p, td, th, li, dd, dt, h1, h2, h3, summary, figcaption"):
        tag.append("\n")
    return article.get_text()


def faults(text: str, allowed: tuple[str, ...] = ()) -> list[str]:
    rules = {what: pattern for what, pattern in FORBIDDEN.items() if what not in allowed}
    found = ((what, match) for what, pattern in rules.items() for match in re.finditer(pattern, text))
    return [f"{what}: {text[max(match.start() - 30, 0) : match.end() + 20]!r}" for what, match in found]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_sources_or_programmers_numbers(html, page):
    words = ("a word of Python's",) * (page == "book/api")  # which says what functions return
    assert faults(shown((html / f"{page}.html").read_text(encoding="utf-8")), words) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "<p>| 64 | tanh | 0.5 |</p>",
        r"<p>about $1.4\times10^{-9}$</p>",
        "<td>{glue:text}`slope:.2f`</td>",
        "<td>2e-04</td>",
        "<li>-0.5</li>",
        "<p>(−0.000)</p>",
        "<p>0.5 ± 0.1</p>",
        "<p>e^10.7</p>",
        "<p>np.float64(1)</p>",
    ],
)
def test_what_is_wrong_is_found(wrong):
    assert len(faults(shown(f"<article>{wrong}</article>"))) >= 1
    assert (
        faults(shown(f"<article><pre>{wrong}</pre><p>−0.5 is 5×10⁻¹, 0.31\u00a0±\u00a00.02, |x|</p></article>")) == []
    )
