"""The book on paper: its built pages in one document, printed by Chromium with ``book/_static/print.css``.

What has no use on paper is left out: navigation, folded code, pictures that need a pointer. A link to another chapter
is followed by the page to turn to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import ptacore
from ptabook.pages import BookError
from ptacore import provenance
from ptacore.terminal import UsageError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OLDEST = 131  # the first Chromium that numbers pages as a style sheet says
WIDTH = 658  # pixels: A4 less the margins in print.css
PATIENCE = 600_000  # milliseconds: for the formulas, on a busy machine
PRINTINGS = 5  # at most, until the page numbers in the text are right
LEFT_OUT = (
    "script, style, button, .pta-swing label, .headerlink, .toctree-wrapper, .landing-cards, .only-dark, "
    ".figure-tools, .hide, footer"
)
INTERACTIVE = ".output:has(script, button, canvas), .pta-explorer, .four-or-two"
ASSETS = re.compile("pygments|math|katex", re.IGNORECASE)  # of a page's head; the others are for the screen
SCREEN_ONLY = '<p class="interactive">In the online book there is something to try out in this place: {}.html</p>'

TYPESET = """() => [...document.querySelectorAll(".math:not(.math-error)")].every(
  e => e.querySelector(".katex"))"""
FAULTS = """async () => {
  await document.fonts.ready;
  const all = (what, is) => [...document.querySelectorAll(what)].filter(is);
  return [
    ...all("img", e => !e.naturalWidth).map(e => `no image ${e.src}`),
    ...all(".math-error", () => true).map(e => `faulty formula ${e.textContent}`),
    ...all("body *", e => document.documentElement.scrollWidth > innerWidth
      && e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map(e => `wider than the page: ${e.outerHTML}`),
  ].map(words => words.slice(0, 200));
}"""
NUMBER = "pages => document.querySelectorAll('[data-page-of]').forEach(e => e.textContent = pages[e.dataset.pageOf])"


class Chapter(NamedTuple):
    """A page of the book: its name, the caption of its part, its title in the table of contents, and what it says."""

    page: str
    part: str
    label: str
    body: Any = None


def print_book(root: Path) -> Path:
    """Print the built book, unless the last printing was of the same.

    Parameters
    ----------
    root : Path
        The checkout, whose pages `ptabook.pages.build_book` has built.

    Returns
    -------
    Path
        ``_build/ptacore-book.pdf``. Only a complete printing takes its place.

    Raises
    ------
    UsageError
        If Chromium, playwright or pypdf is missing, or Chromium is too old.
    BookError
        If an image is missing, a formula faulty, or something wider than the page.
    """
    target, part, stamp = (root / "_build" / name for name in ("ptacore-book.pdf", "ptacore-book.part", "pdf.sha256"))
    state = f"{(root / '_build' / 'book.sha256').read_text()} {provenance.commit(root)}"
    if target.is_file() and stamp.is_file() and stamp.read_text() == state:
        print("pdf: unchanged", flush=True)
        return target
    print("pdf: printing", flush=True)
    try:
        part.write_bytes(render(compose(root), _config(root)["author"]))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    stamp.write_text(state)
    return target


# ---- one document of all pages -------------------------------------------------------------------


def compose(root: Path) -> str:
    """Put the built pages into one document, in the order of the table of contents.

    The first page becomes the cover. Identifiers are prefixed by their page, so that links lead within the document;
    a link to what is not printed becomes plain text.

    Parameters
    ----------
    root : Path
        The checkout, as for `print_book`.

    Returns
    -------
    str
        HTML that names the built images, scripts and style sheets by their place on this machine.
    """
    html, config, chapters, assets = root / "_build" / "html", _config(root), list(_chapters(root)), {}
    pages = [chapter.page for chapter in chapters]
    for i, chapter in enumerate(chapters):
        soup = _soup((html / f"{chapter.page}.html").read_text(encoding="utf-8"))
        for tag in soup.select("[src], link[href]"):
            name = "src" if tag.get("src") else "href"
            tag[name] = urljoin(f"{html.as_uri()}/{chapter.page}.html", tag[name])
        assets |= dict.fromkeys(_assets(soup))
        chapters[i] = chapter._replace(body=_for_paper(soup.select_one("article"), chapter, pages))
    cover, *chapters = chapters
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en" data-theme="light">\n<meta charset="utf-8">',
            f"<title>{escape(config['title'])}</title>",
            *assets,
            f"<style>{_fonts()}{_running_heads(config['title'], chapters)}</style>",
            f'<link rel="stylesheet" href="{html.as_uri()}/_static/print.css">',
            f'<section class="cover">{cover.body.decode_contents()}{_imprint(root, config)}</section>',
            f'<nav class="contents"><h1>Contents</h1>{"".join(_contents(chapters))}</nav>',
            *_bodies(root, chapters),
        )
    )


def _chapters(root: Path) -> Iterator[Chapter]:
    """Read the table of contents."""
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def below(part: str, node: dict[str, Any]) -> Iterator[Chapter]:
        yield Chapter(node["file"], part, node.get("title", ""))
        for child in node.get("sections", []):
            yield from below(part, child)

    yield Chapter(toc["root"], "", "")
    for part in toc.get("parts", [toc]):
        for node in part["chapters"]:
            yield from below(part.get("caption", ""), node)


def _assets(soup: Any) -> Iterator[str]:
    """The scripts and style sheets that set formulas and code."""
    for tag in soup.head.select("script, link[rel=stylesheet]"):
        if ASSETS.search(tag.get("src") or tag.get("href") or tag.get_text()):
            yield str(tag)


def _for_paper(article: Any, chapter: Chapter, pages: list[str]) -> Any:
    """Take from a page what belongs to the screen, and make its links and headings those of the whole."""
    for tag in article.select(INTERACTIVE):
        tag.replace_with(_soup(SCREEN_ONLY.format(chapter.page)))
    for tag in article.select(LEFT_OUT):
        tag.decompose()
    for tag in article.select("details"):
        tag["open"] = ""
    for tag in article.select("img[loading]"):
        del tag["loading"]  # nothing loads later on paper
    for tag in article.select("[id]"):
        tag["id"] = _anchor(chapter.page, tag["id"])
    for tag in article.select("a[href]"):
        _redirect(tag, chapter.page, pages)
    if not article.h1.get_text().startswith(chapter.label):
        article.h1.insert(0, f"{chapter.label}: ")
    for level in (5, 4, 3, 2, 1):  # the first level is for the parts
        for tag in article.select(f"h{level}"):
            tag.name = f"h{level + 1}"
    return article


def _redirect(link: Any, page: str, pages: list[str]) -> None:
    """Make a link lead to its target in the document, followed by the page of that, or unlink what is not printed."""
    url = urlsplit(urljoin(f"/{page}.html", link["href"]))
    target = url.path.removeprefix("/").removesuffix(".html")
    if url.scheme:
        return
    state = "=" in url.fragment  # of the explorer, which is not on paper
    if link.find("img") or target not in pages or state:
        link.unwrap()
        return
    anchor = _anchor(target, unquote(url.fragment))
    link["href"] = f"#{anchor}"
    if target != page and link.select_one(".doc, .std-doc, .std-ref"):
        link.insert_after(_soup(_page_number(anchor)))


def _anchor(page: str, identifier: str = "") -> str:
    return page.replace("/", ".") + (f"--{identifier}" if identifier else "")


def _page_number(anchor: str) -> str:
    return f'<span class="page-number" data-page-of="{escape(anchor)}">000</span>'


# ---- what paper needs besides --------------------------------------------------------------------


def _bodies(root: Path, chapters: list[Chapter]) -> Iterator[str]:
    for i, chapter in enumerate(chapters):
        part = f'<h1 class="part">{escape(chapter.part)}</h1>' if _opens_part(chapters, i) else ""
        body = chapter.body.decode_contents()
        yield f'<section class="chapter" id="{_anchor(chapter.page)}" style="page: chapter-{i}">{part}{body}'
        yield f"{_origin(root, chapter.page)}</section>"


def _origin(root: Path, page: str) -> str:
    """How a notebook's page was made."""
    path = root / "_build" / "source" / f"{page}.provenance.json"
    if not path.is_file():
        return ""
    record = json.loads(path.read_text(encoding="utf-8"))
    seed = "" if record["seed"] is None else f", seed {record['seed']}"
    words = (
        f"{page}.ipynb, preset {record['preset']}{seed}, run on {record['started'][:10]} "
        f"in {record['seconds']:.0f} s; commit {_commit(record['commit'], record['dirty'])}, hash {record['hash'][:12]}"
    )
    return f'<p class="provenance">{escape(words)}</p>'


def _commit(commit: str, changed: bool | None) -> str:
    return commit[:10] + " with uncommitted changes" * bool(changed)


def _contents(chapters: list[Chapter]) -> Iterator[str]:
    for i, chapter in enumerate(chapters):
        if _opens_part(chapters, i):
            yield f'<p class="part">{escape(chapter.part)}</p>'
        anchor, title = _anchor(chapter.page), escape(chapter.body.h2.get_text())
        yield f'<p><a href="#{anchor}">{title}</a>{_page_number(anchor)}</p>'


def _opens_part(chapters: list[Chapter], i: int) -> bool:
    return chapters[i].part != (chapters[i - 1].part if i else "")


def _imprint(root: Path, config: dict[str, Any]) -> str:
    """Who, which version, and which figures."""
    paths = (root / "_build" / "source" / "notebooks").glob("*.provenance.json")
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    dates = sorted(record["started"][:10] for record in records)
    made = f"Figures of the preset {records[0]['preset']}, made from {dates[0]} to {dates[-1]}" if records else ""
    lines = (
        f"{config['author']}, version {ptacore.__version__}, commit {_commit(*provenance.commit(root))}",
        made,
        "Code that the online book folds away is left out; it is in the notebook named at the end of a chapter",
        config.get("repository", {}).get("url", ""),
    )
    return f'<p class="imprint">{"<br>".join(escape(line) for line in lines if line)}</p>'


def _running_heads(title: str, chapters: list[Chapter]) -> str:
    heads = [f"@page {{ @top-left {{ content: {_css(title)} }} }}"]
    for i, chapter in enumerate(chapters):
        heads.append(f"@page chapter-{i} {{ @top-right {{ content: {_css(chapter.body.h2.get_text())} }} }}")
    return "\n".join(heads)


def _css(text: str) -> str:
    """Quote a text for a style sheet."""
    return '"' + re.sub(r'[\\"<]', lambda match: f"\\{ord(match[0]):x} ", text) + '"'


def _fonts() -> str:
    """matplotlib brings fonts, so that the print looks the same on every machine."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = (
        ("Text", "STIXGeneral", "normal", "normal"),
        ("Text", "STIXGeneralBol", "bold", "normal"),
        ("Text", "STIXGeneralItalic", "normal", "italic"),
        ("Text", "STIXGeneralBolIta", "bold", "italic"),
        ("Code", "DejaVuSansMono", "normal", "normal"),
        ("Code", "DejaVuSansMono-Bold", "bold", "normal"),
    )
    return "\n".join(
        f"@font-face {{ font-family: {family}; font-weight: {weight}; font-style: {style}; "
        f"src: url({(folder / f'{name}.ttf').as_uri()}) }}"
        for family, name, weight, style in faces
    )


def _config(root: Path) -> dict[str, Any]:
    import yaml

    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def _soup(html: str) -> Any:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


# ---- printing ------------------------------------------------------------------------------------


def render(document: str, author: str) -> bytes:
    """Print a document of `compose`, as often as it takes for the page numbers in the text to be right.

    Parameters
    ----------
    document : str
        HTML.
    author : str
        Named in the properties of the file.

    Returns
    -------
    bytes
        A tagged PDF with an outline of the headings.
    """
    with _chromium() as browser, TemporaryDirectory() as folder:
        from pypdf import PdfReader

        (Path(folder) / "book.html").write_text(document, encoding="utf-8")
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto((Path(folder) / "book.html").as_uri())
        page.wait_for_function(TYPESET)
        if faults := page.evaluate(FAULTS):
            raise BookError("the book was not printed: " + "; ".join(faults))
        numbers: dict[str, int] = {}
        for _ in range(PRINTINGS):
            printed = page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
            before, numbers = numbers, _page_numbers(PdfReader(BytesIO(printed)))
            if numbers == before:
                return _sign(printed, author)
            page.evaluate(NUMBER, numbers)
    raise BookError(f"the book was not printed: after {PRINTINGS} printings its page numbers are not settled")


def check_tools() -> None:
    """Raise a UsageError that names what is missing for printing."""
    with _chromium():
        pass


@contextmanager
def _chromium() -> Iterator[Any]:
    try:
        import pypdf  # noqa: F401 (asked for here, before the long work)
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'ptacore[pdf]'") from error
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)  # else playwright's own
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program)
        except Error as error:
            raise UsageError(
                "Chromium does not start: install your system's package chromium, or run: "
                f"python -m playwright install chromium ({str(error).splitlines()[0]})"
            ) from error
        try:
            if int(browser.version.split(".")[0]) < OLDEST:
                raise UsageError(f"expected Chromium {OLDEST} or newer, got {browser.version} ({program})")
            yield browser
        finally:
            browser.close()


def _page_numbers(printed: Any) -> dict[str, int]:
    """The page of every place that a link leads to."""
    places = printed.named_destinations.items()
    return {name.removeprefix("/"): printed.get_destination_page_number(place) + 1 for name, place in places}


def _sign(printed: bytes, author: str) -> bytes:
    """Add what Chromium does not write: the author, the program, and that the outline be shown."""
    from pypdf import PdfWriter

    writer, signed = PdfWriter(BytesIO(printed), incremental=True), BytesIO()
    writer.add_metadata({"/Author": author, "/Creator": f"ptacore {ptacore.__version__}"})
    writer.page_mode = "/UseOutlines"
    writer.write(signed)
    return signed.getvalue()
