"""The search page: what readers ask for is among the first pages, and is quoted from prose."""

from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
ASKED = {
    "run times": "Run times",
    "how long does it take": "Run times",
    "install": "Troubleshooting",
    "CLV": "The package",
    "covariant": "The package",
    "binder": "Questions and answers",
    "phase precession": "What phases predict",
    "lyapunov_spectrum": "The package",
    "is it the oscillation": "Is it the oscillation?",
    "my own network": "Use it in your own network",
    "explorer": "Explorer",
    "exersises": "Exercises",
} | {f"figure {number}": f"Figure {number}" for number in (1, 2, 3, 4, "5A", "5C", 6)}


@pytest.fixture(scope="module")
def ask(browser, site):
    """A function that returns the titles of the first pages found."""
    page = browser.new_page()

    def ask(question: str) -> list[str]:
        page.goto(f"{site}/search.html?q={question.replace(' ', '+')}")
        page.wait_for_selector("#search-results .search-summary")
        return page.evaluate("""() => [...document.querySelectorAll("#search-results ul.search > li > a")].map(
            (link) => link.textContent)""")

    ask.page = page
    yield ask
    page.close()


@pytest.mark.parametrize(("question", "title"), ASKED.items())
def test_the_page_that_answers_is_among_the_first_three(ask, question, title):
    assert any(found.startswith(title) for found in ask(question)[:3])


def test_excerpts_are_prose_with_the_words_marked(ask):
    ask("lyapunov_spectrum")
    excerpts = ask.page.locator("p.context").all_inner_texts()
    assert len(excerpts) > 5
    assert not any(code in text for text in excerpts for code in (">>>", "import ", "plt.", "print(", "\\"))
    assert {word.lower() for word in ask.page.locator("p.context mark").all_inner_texts()} >= {"lyapunov", "spectrum"}


def test_what_is_typed_is_answered_at_once_and_stays_in_the_address(ask):
    ask("install")
    ask.page.fill(".bd-search-container input[name=q]", "explorer")
    assert ask.page.locator("ul.search > li > a").first.inner_text() == "Explorer"
    assert ask.page.url.endswith("?q=explorer")
    ask.page.fill(".bd-search-container input[name=q]", "xyzzy")
    assert ask.page.locator("[role=status]").inner_text() == "No page has these words."


@pytest.mark.parametrize("width", [1280, 390])
def test_the_magnifier_does_not_cover_what_is_typed(ask, width):
    ask.page.set_viewport_size({"width": width, "height": 800})
    ask("figure")
    icon, field, padding = ask.page.evaluate("""() => {
      const form = document.querySelector(".bd-search-container form"), field = form.querySelector("input");
      return [form.querySelector("i").getBoundingClientRect().right, field.getBoundingClientRect().left,
              parseFloat(getComputedStyle(field).paddingLeft)];
    }""")
    assert icon < field + padding


def test_it_searches_a_book_opened_from_disk(browser, html, watch):
    page = browser.new_page()
    page.goto((html / "search.html").as_uri() + "?q=run+times")
    assert page.locator("ul.search > li > a").first.inner_text() == "Run times"
    assert "notebook took" in page.locator("p.context").first.inner_text()
    page.close()


def test_sections_keep_prose_and_code_apart(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(EXTENSIONS)
    from docutils.core import publish_doctree
    from prose import sections

    page = "Title\n=====\n\nSome :math:`\\tau` prose.\n\n::\n\n    code\n\nPart\n----\n\nMore.\n\n>>> code\n"
    first, second = sections(publish_doctree(page, settings_overrides={"doctitle_xform": False}))
    assert (first.title, first.prose, first.code) == ("Title", "Some τ prose.", "code\n")
    assert (second.anchor, second.title, second.prose, second.code) == ("part", "Part", "More.", ">>> code\n")
