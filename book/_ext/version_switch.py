"""Sphinx extension: the sidebar says of which version the book is, and leads to the others (`ptabook.versions`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx

from ptabook import versions


def _version(app: Sphinx) -> str:
    return str(yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8")).get("version"))


def add_version(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the template its version."""
    context["book_version"] = _version(app)


def write_versions(app: Sphinx, exception: Exception | None) -> None:
    """A book built by itself knows its own version alone."""
    if exception is None and app.builder.name == "html":
        versions.write(Path(app.outdir), _version(app), [{"version": _version(app), "folder": "", "pages": []}])


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    app.connect("html-page-context", add_version)
    app.connect("build-finished", write_versions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
