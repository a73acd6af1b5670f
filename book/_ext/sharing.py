"""Sphinx extension: what a page tells those who link to it, and what the site tells machines.

A page gets a title with the number of its figure, a description, its address and a card: the first figure on it, as
PNG. The site gets `sitemap.xml`, `llms.txt` (https://llmstxt.org) and a `404.html` that needs no other file. Addresses
begin with the `url` of CITATION.cff.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from prose import Section, called, sections
from sphinx.application import Sphinx

FIRST = "A reproducible companion"  # of the paper: what the first page is, whose title is the book's
CARD = "fig3"  # of pages without a figure
FIGURE = re.compile(r'<img class="only-light" src="[./]*figures/([\w-]+)\.svg" alt="([^"]*)"')
END = re.compile(r"(?<=[\w)\]”’]{3})(?<!et al)[.?!](?= )")  # of a sentence, not of an initial or an abbreviation
SHORTEST, LONGEST = 30, 200  # characters of a description


def set_base(app: Sphinx, config: Any) -> None:
    """Take the address of the site from where the project is cited, unless it is configured."""
    cff = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
    config.html_baseurl = config.html_baseurl or cff["url"]


def description(found: list[Section]) -> str:
    """The first sentences of a page, as many as fit.

    Examples
    --------
    >>> description([Section("", "Title", "As A. Uthor et al. [1] say, short. " + "x" * 300)])
    'As A. Uthor et al. [1] say, short.'
    """
    prose = next((section.prose for section in found if len(section.prose) > 40), "").removeprefix("In short. ")
    if len(prose) <= LONGEST:
        return prose
    ends = [end.end() for end in END.finditer(prose[: LONGEST + 1])]
    whole = prose[: ends[-1]] if ends else ""
    return whole if len(whole) > SHORTEST else prose[:LONGEST].rpartition(" ")[0] + " …"


def tell(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Put a page's title, description and card in its head."""
    if doctree is None or app.builder.name != "html":
        return
    found, first = sections(doctree), pagename == app.config.root_doc
    context["title"] = FIRST if first else escape(called(app, pagename, found[0].title))
    said = (context.get("meta") or {}).get("description") or description(found)
    app.shared_pages[pagename] = (unescape(context["title"]), said)
    figure = FIGURE.search(context["body"])
    name, alt = figure.groups() if figure else (CARD, "")
    with Image.open(Path(app.srcdir) / "notebooks" / f"{name}.png") as card:
        width, height = card.size
    base = app.config.html_baseurl
    properties = {
        "og:type": "website" if first else "article",
        "og:site_name": app.config.html_title,
        "og:title": app.config.html_title if first else unescape(context["title"]),
        "og:description": said,
        "og:url": base + app.builder.get_target_uri(pagename),
        "og:image": f"{base}figures/{name}.png",
        "og:image:width": str(width),
        "og:image:height": str(height),
        "og:image:alt": unescape(alt),
    }
    tags = [f'<meta property="{key}" content="{escape(text)}">' for key, text in properties.items() if text]
    if said and "description" not in (context.get("meta") or {}):
        tags.append(f'<meta name="description" content="{escape(said)}">')
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] = context.get("metatags", "") + "\n".join(["", *tags, ""])


def _parts(app: Sphinx) -> Iterator[tuple[str, list[str]]]:
    """The captions of the table of contents, with all pages below each."""
    site_map = app.config.external_site_map

    def below(item: Any) -> Iterator[str]:
        yield str(item)
        for tree in site_map[str(item)].subtrees:
            for child in tree.items:
                yield from below(child)

    for tree in site_map.root.subtrees:
        yield tree.caption, [name for item in tree.items for name in below(item)]


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write the files that the site has for machines, and the page for addresses that lead nowhere."""
    if exception is not None or app.builder.name != "html":
        return
    base, out, root = app.config.html_baseurl, Path(app.outdir), app.config.root_doc
    address = {name: base + app.builder.get_target_uri(name) for name in app.shared_pages}
    urls = "".join(f"<url><loc>{escape(address[name])}</loc></url>\n" for name in sorted(address))
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{urls}</urlset>\n",
        encoding="utf-8",
    )
    lines = [f"# {app.config.html_title}", "", f"> {app.shared_pages[root][1]}"]
    for caption, names in _parts(app):
        lines += ["", f"## {caption or FIRST}", ""]
        lines += [f"- [{app.shared_pages[n][0]}]({address[n]}): {app.shared_pages[n][1]}" for n in names]
    (out / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    page = (Path(app.srcdir) / "book" / "404.html").read_text(encoding="utf-8")
    (out / "404.html").write_text(page.replace("{base}", base).replace("{title}", app.config.html_title), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    app.shared_pages = {}
    app.connect("config-inited", set_base, priority=400)  # before others read it
    app.connect("html-page-context", tell)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
