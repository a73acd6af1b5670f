"""Sphinx extension: every page's numbers go through one formatter, whoever wrote them: prose, tables, the ledger."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from ptabook import typeset


def set_numbers(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the numbers in a page's body their printed form."""
    if "body" in context:
        context["body"] = typeset.html(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handler."""
    app.connect("html-page-context", set_numbers, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
