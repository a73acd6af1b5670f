"""The book on paper: its built pages, one after another, printed by Chromium with ``book/_static/print.css``.

What has no use on paper is left out: navigation, folded code, pictures that need a pointer. Links to other chapters
carry the page to turn to; the first printing tells which it is, the second prints it.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ptacore import __version__, provenance
from ptacore.reproduce import BookError, UsageError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OLDEST = 131  # the first Chromium that numbers pages as a style sheet says
LEFT_OUT = (
    "script, style, button, .headerlink, .toctree-wrapper, .landing-cards, .only-dark, .figure-tools, .cell details.hide"
)
INTERACTIVE = ".output:has(script, button, canvas)"
ASSETS = re.compile("pygments|mathjax|katex", re.IGNORECASE)  # of a page's head; the rest is the theme's
FACES = (("", "normal", "normal"), ("Italic", "normal", "italic"), ("Bol", "bold", "normal"))

TYPESET = "() => [...document.querySelectorAll('.math')].every(e => e.querySelector('mjx-container, .katex'))"
FAULTS = """async () => {
  await document.fonts.ready;
  return [
    ...[...document.images].filter(e => !e.naturalWidth).map(e => `no image ${e.getAttribute("src")}`),
    ...[...document.querySelectorAll("[data-mjx-error], .katex-error")].map(e => `formula ${e.textContent}`),
  ];
}"""
NUMBER = "pages => document.querySelectorAll('[data-page-of]').forEach(e => e.textContent = pages[e.dataset.pageOf])"


def print_book(root: Path, preset: str) -> Path:
    """Print the built book, unless the last printing was of the same.

    Parameters
    ----------
    root : Path
        The checkout; its pages have been built by `ptacore.reproduce.build_book`.
    preset : str
        That of the figures in them.

    Returns
    -------
    Path
        ``_build/ptacore-book.pdf``, tagged, with an outline. Only a complete one takes its place.

    Raises
    ------
    UsageError
        If Chromium, playwright or pypdf is missing, or Chromium is too old.
    BookError
        If an image is missing or a formula faulty.
    """
    page, target, stamp = (root / "_build" / name for name in ("print.html", "ptacore-book.pdf", "pdf.sha256"))
    state = (root / "_build" / "book.sha256").read_text() + provenance.commit(root)[0]
    if target.is_file() and stamp.is_file() and stamp.read_text() == state:
        print("pdf: unchanged", flush=True)
        return target
    print("pdf: printing", flush=True)
    page.write_text(compose(root, preset), encoding="utf-8")
    part = target.with_suffix(".part")
    try:
        part.write_bytes(_finish(_print(page), _config(root)))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    stamp.write_text(state)
    return target


# ---- one document of all pages -------------------------------------------------------------------


def compose(root: Path, preset: str) -> str:
    """Put the built pages into one document, in the order of the table of contents.

    The first page becomes the cover, followed by the contents. Identifiers are prefixed by their page, so that
    every link leads within the document; a link to what is not printed becomes plain text.

    Returns
    -------
    str
        HTML, to lie in ``_build/``.
    """
    entries = list(_entries(root))
    pages = [page for _, _, page in entries]
    assets: dict[str, None] = {}
    chapters = []
    for part, label, page in entries:
        soup = _soup((root / "_build" / "html" / f"{page}.html").read_text(encoding="utf-8"))
        assets |= dict.fromkeys(_assets(soup, page))
        chapters.append((part, page, _chapter(soup, page, label, pages)))
    (_, _, cover), *chapters = chapters
    cover.append(_soup(_imprint(root, preset)))
    config = _config(root)
    return "\n".join(
        (
            f'<!doctype html>\n<html lang="en" data-theme="light">\n<meta charset="utf-8">\n<title>{config["title"]}</title>',
            *assets,
            f"<style>{_fonts()}{_running_heads(config['title'], chapters)}</style>",
            '<link rel="stylesheet" href="html/_static/print.css">',
            f'<section class="cover">{cover.decode_contents()}</section>',
            _contents(chapters),
            *_body(chapters),
        )
    )


def _entries(root: Path) -> Iterator[tuple[str, str, str]]:
    """The caption of the part, the title given in the table of contents and the name of every page, in order."""
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def below(part: str, node: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        yield part, node.get("title", ""), node["file"]
        for child in node.get("sections", []):
            yield from below(part, child)

    yield "", "", toc["root"]
    for part in toc.get("parts", [toc]):
        for node in part["chapters"]:
            yield from below(part.get("caption", ""), node)


def _chapter(soup: Any, page: str, label: str, pages: list[str]) -> Any:
    """Make what a page says fit for paper."""
    article = soup.select_one("article")
    for tag in article.select(INTERACTIVE):
        tag.replace_with(_soup(f'<p class="interactive">Here the online book has something to play with: {page}.html</p>'))
    for tag in article.select(LEFT_OUT):
        tag.decompose()
    for tag in article.select("details"):
        tag["open"] = ""
    for tag in article.select("footer.provenance"):
        tag.replace_with(_soup(f'<div class="provenance"><p>{page}.ipynb</p>{tag.dl or ""}</div>'))
    for tag in article.select("[id]"):
        tag["id"] = _anchor(page, tag["id"])
    for tag in article.select("[src]"):
        tag["src"] = _built(tag["src"], page)
    for tag in article.select("a[href]"):
        _lead(tag, page, pages)
    if label and not article.h1.get_text().startswith(label):
        article.h1.insert(0, f"{label}: ")
    for level in (5, 4, 3, 2, 1):  # the first level is for the parts
        for tag in article.select(f"h{level}"):
            tag.name = f"h{level + 1}"
    return article


def _lead(link: Any, page: str, pages: list[str]) -> None:
    """Make a link lead to its target in the document, and name the page of that; unlink what is not printed."""
    url = urlsplit(link["href"])
    if url.scheme:
        return
    other = posixpath.normpath(posixpath.join(posixpath.dirname(page), url.path)) if url.path else f"{page}.html"
    if link.find("img") or other.removesuffix(".html") not in pages:
        link.unwrap()
        return
    anchor = _anchor(other.removesuffix(".html"), url.fragment)
    link["href"] = f"#{anchor}"
    if url.path and link.select_one(".std-doc, .std-ref, .doc"):
        link.insert_after(_soup(f'<span class="page-number" data-page-of="{anchor}">000</span>'))


def _anchor(page: str, fragment: str = "") -> str:
    return page.replace("/", ".") + (f"--{unquote(fragment)}" if fragment else "")


def _built(source: str, page: str) -> str:
    """Where a file that a built page names lies, seen from ``_build/``."""
    return source if urlsplit(source).scheme else posixpath.normpath(f"html/{posixpath.dirname(page)}/{source}")


def _assets(soup: Any, page: str) -> Iterator[str]:
    """The scripts and style sheets by which a page's formulas and code are set."""
    for tag in soup.head.select("script, link[rel=stylesheet]"):
        name = "href" if tag.name == "link" else "src"
        if ASSETS.search(tag.get(name) or tag.get_text()):
            if tag.get(name):
                tag[name] = _built(tag[name], page)
            yield str(tag)


# ---- what paper needs besides --------------------------------------------------------------------


def _body(chapters: list[tuple[str, str, Any]]) -> Iterator[str]:
    before = ""
    for i, (part, page, chapter) in enumerate(chapters):
        head = f'<h1 class="part">{escape(part)}</h1>' if part != before else ""
        before = part
        yield f'<section class="chapter" id="{_anchor(page)}" style="page: chapter-{i}">{head}{chapter.decode_contents()}</section>'


def _contents(chapters: list[tuple[str, str, Any]]) -> str:
    lines, before = [], ""
    for part, page, chapter in chapters:
        if part != before:
            lines.append(f'<p class="part">{escape(part)}</p>')
        before, anchor = part, _anchor(page)
        lines.append(
            f'<p><a href="#{anchor}">{_title(chapter)}</a><span class="page-number" data-page-of="{anchor}">000</span></p>'
        )
    return f'<nav class="contents"><h1>Contents</h1>{"".join(lines)}</nav>'


def _title(chapter: Any) -> str:
    return escape(chapter.h2.get_text())


def _imprint(root: Path, preset: str) -> str:
    """Who, which version, and which figures."""
    config, (commit, changed) = _config(root), provenance.commit(root)
    records = (root / "_build" / "source" / "notebooks").glob("*.provenance.json")
    dates = sorted(json.loads(path.read_text(encoding="utf-8"))["started"][:10] for path in records)
    lines = [
        f"{config['author']}. Version {__version__}, commit {commit[:10]}{' with uncommitted changes' * bool(changed)}.",
        f"Figures of the preset {preset}, made from {dates[0]} to {dates[-1]}." if dates else "",
        "Code that the online book folds away is left out here; it is in the notebook named at the end of each chapter.",
        config.get("repository", {}).get("url", ""),
    ]
    return f'<p class="imprint">{"<br>".join(escape(line) for line in lines if line)}</p>'


def _running_heads(title: str, chapters: list[tuple[str, str, Any]]) -> str:
    heads = [f"@page {{ @top-left {{ content: {json.dumps(title, ensure_ascii=False)} }} }}"]
    for i, (_, _, chapter) in enumerate(chapters):
        text = json.dumps(chapter.h2.get_text(), ensure_ascii=False)
        heads.append(f"@page chapter-{i} {{ @top-right {{ content: {text} }} }}")
    return "\n".join(heads)


def _fonts() -> str:
    """matplotlib brings fonts, so that the print looks the same on every machine."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    files = [("Text", f"STIXGeneral{suffix}", weight, style) for suffix, weight, style in FACES]
    files += [("Code", "DejaVuSansMono", "normal", "normal"), ("Code", "DejaVuSansMono-Bold", "bold", "normal")]
    return "\n".join(
        f"@font-face {{ font-family: {family}; font-weight: {weight}; font-style: {style}; "
        f"src: url('{(folder / f'{name}.ttf').as_uri()}') }}"
        for family, name, weight, style in files
    )


def _config(root: Path) -> dict[str, Any]:
    import yaml

    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def _soup(html: str) -> Any:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


# ---- printing ------------------------------------------------------------------------------------


def _print(document: Path) -> bytes:
    """Print twice: the page numbers that the first printing finds are in the second."""
    try:
        from playwright.sync_api import Error, sync_playwright
        from pypdf import PdfReader
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'ptacore[pdf]'") from error
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program)
        except Error as error:
            raise UsageError(
                "Chromium is missing: install it with the system's package manager, or by: playwright install chromium"
            ) from error
        if int(browser.version.split(".")[0]) < OLDEST:
            raise UsageError(f"{program}: expected Chromium {OLDEST} or newer, got {browser.version}")
        page = browser.new_page()
        page.goto(document.as_uri())
        page.wait_for_function(TYPESET, timeout=300_000)
        if faults := page.evaluate(FAULTS):
            raise BookError(f"the book was not printed: {'; '.join(faults)}")
        settings = {"prefer_css_page_size": True, "print_background": True, "tagged": True, "outline": True}
        first = PdfReader(BytesIO(page.pdf(**settings)))
        places = {name.removeprefix("/"): place for name, place in first.named_destinations.items()}
        page.evaluate(NUMBER, {name: first.get_destination_page_number(place) + 1 for name, place in places.items()})
        return page.pdf(**settings)


def _finish(printed: bytes, config: dict[str, Any]) -> bytes:
    """Add what Chromium does not write: the author, and that the outline be shown."""
    from pypdf import PdfWriter

    writer, finished = PdfWriter(clone_from=BytesIO(printed)), BytesIO()
    writer.add_metadata({"/Title": config["title"], "/Author": config["author"], "/Creator": f"ptacore {__version__}"})
    writer.page_mode = "/UseOutlines"
    writer.write(finished)
    return finished.getvalue()
