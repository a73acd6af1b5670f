"""Sphinx extension: names and roles that pages lack, for readers who hear them or go by the keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

MENDS = (
    # as dark as the reader's system from the first frame on, not from the theme's own script on
    (
        re.compile(r'(dataset\.theme = )localStorage\.getItem\("theme"\) \|\| "auto";'),
        r'\1{light: "light", dark: "dark"}[document.documentElement.dataset.mode]'
        r' ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");',
    ),
    # the logo and the search in the sidebar are part of a landmark
    (
        re.compile(r'<div class="bd-sidebar-primary\b'),
        r'<div role="navigation" aria-label="Book" class="bd-sidebar-primary',
    ),
    # what opens the pages below a page has a name
    (re.compile(r'<summary>(?=<span class="toctree-toggle")'), r'<summary aria-label="Pages below this one">'),
    # no list that is none, no deprecated role
    (re.compile(r'<div role="list" class="citation-list">'), r'<div class="citation-list">'),
    (re.compile(r' role="doc-biblioentry"'), ""),
    # the empty corner of a table heads nothing
    (re.compile(r"<th([^>]*)>(?:<p></p>)?</th>"), r"<td\1></td>"),
)


def mend_pages(app: Sphinx, exception: Exception | None) -> None:
    """Mend every page as it was written."""
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        for wrong, right in MENDS:
            page = wrong.sub(right, page)
        path.write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handler, and load the script for the keyboard."""
    app.add_js_file("keyboard.js", loading_method="defer")
    app.connect("build-finished", mend_pages, priority=900)  # once every page is written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
