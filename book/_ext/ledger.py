"""Sphinx extension of the ledger: each row carries the anchor and the classes that its first cell was written with.

Markdown's tables cannot name a row, so `ptabook.claims.verdicts` gives them to a span of the class "claim".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def _above(node: nodes.Node, kind: type) -> Iterator[nodes.Element]:
    while node := node.parent:
        if isinstance(node, kind):
            yield node


def name_rows(app: Sphinx, doctree: nodes.document) -> None:
    """Move the anchors and classes of these spans to their rows, and mark the table."""
    for span in [node for node in doctree.findall(nodes.inline) if "claim" in node["classes"]]:
        row, table = (next(_above(span, kind)) for kind in (nodes.row, nodes.table))
        row["ids"], span["ids"] = span["ids"], []
        row["names"], span["names"] = span["names"], []
        row["classes"] += span["classes"]
        span["classes"] = ["where"]
        if "ledger" not in table["classes"]:
            table["classes"].append("ledger")


def add_assets(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load the filters and their style on the page that has the table."""
    if re.search(r'<table class="[^"]*\bledger\b', context.get("body", "")):
        app.add_js_file("ledger.js", loading_method="defer")
        app.add_css_file("ledger.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    app.connect("doctree-read", name_rows)
    app.connect("html-page-context", add_assets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
