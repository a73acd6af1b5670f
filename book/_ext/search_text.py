"""Sphinx extension: what the search page reads, the text of every section, in the place of Sphinx's own index.

That index drops numbers and short words, asks for all words at once and weighs a word in passing like a section about
it. Here the pages' prose is written to `_static/search_text.js`, and `search.js` ranks the sections in the browser.
Code is searched with little weight and never quoted; the code of notebooks is left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import astuple
from pathlib import Path
from typing import Any

from prose import called, sections
from sphinx.application import Sphinx

SCRIPTS = re.compile(r"<script[^>]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*")


def collect(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep the sections of a page that is being written."""
    if doctree is None:
        return
    found = sections(doctree)
    words = " ".join(app.config.search_words.get(pagename, []))
    found[0].title = called(app, pagename, found[0].title)
    app.search_pages[pagename] = [app.builder.get_target_uri(pagename), words, *map(astuple, found)]


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the text, and let the search page read it."""
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    data = {"same": app.config.search_same, "pages": [app.search_pages[name] for name in sorted(app.search_pages)]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    (out / "_static" / "search_text.js").write_text(f"const SEARCH_TEXT = {text};\n", encoding="utf-8")
    page = (out / "search.html").read_text(encoding="utf-8")
    scripts = "".join(
        f'<script src="_static/{name}.js"></script>\n' for name in ("language_data", "search_text", "search")
    )
    style = '<link rel="stylesheet" type="text/css" href="_static/search.css">\n'
    page = SCRIPTS.sub("", page).replace("</head>", f"{style}{scripts}</head>", 1)
    (out / "search.html").write_text(page, encoding="utf-8")
    (out / "searchindex.js").unlink(missing_ok=True)  # nothing reads it


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers.

    `search_words` gives a page words by which it is to be found, `search_same` words that mean the same.
    """
    app.search_pages = {}
    app.add_config_value("search_words", {}, "html")
    app.add_config_value("search_same", [], "html")
    app.connect("html-page-context", collect)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
