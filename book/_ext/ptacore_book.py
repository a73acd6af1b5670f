"""Sphinx extension of the book: local assets, the paper's equation numbers, docstrings.

- No page loads anything from another host: the scripts of sphinx-thebe, which point at a CDN, are dropped.
- An equation labelled `eq-7` carries the number 7, the paper's own, and is cited by ``{eq}`eq-7```; any other
  label is an error, so that no page can grow a second numbering.
- Docstrings may write |x| and "Eq. 15", and their references are plain text.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext import autosummary
from sphinx.util import logging

logger = logging.getLogger(__name__)

ABBREVIATIONS = ("Eq.", "Eqs.", "Fig.", "Figs.", "Sec.")
EQUATION_LABEL = re.compile(r"eq-(s?\d+)")
LITERAL_OR_BAR = re.compile(r"(``.*?``|\\\|)|\|")
REFERENCE_TARGET = re.compile(r"^(\s*)\.\. \[R[0-9a-f]{12}-(\w+)\] ")
REFERENCE = re.compile(r"\[R[0-9a-f]{12}-(\w+)\]_")


def write_entrance(app: Sphinx, exception: Exception | None) -> None:
    """Write the index.html at the top of the site, which leads to the first page."""
    if exception is not None or app.builder.format != "html":
        return
    title, first = escape(app.config.html_title), escape(app.builder.get_target_uri(app.config.root_doc))
    text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<link rel="icon" href="_static/{Path(app.config.html_favicon).name}">\n'
        f'<meta http-equiv="refresh" content="0; url={first}">\n</head>\n'
        f'<body><p><a href="{first}">{title}</a></p></body>\n</html>\n'
    )
    (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Take the scripts and the style sheet of sphinx-thebe off every page."""

    def foreign(asset: Any) -> bool:
        text = f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', {}).get('body', '')}"
        return "thebe" in text.lower()

    for kind in ("script_files", "css_files"):
        context[kind][:] = [asset for asset in context.get(kind, []) if not foreign(asset)]


def number_equations(app: Sphinx, doctree: nodes.document) -> None:
    """Give every labelled equation the number that its label names."""
    equations = app.env.get_domain("math").data["objects"]
    for node in doctree.findall(nodes.math_block):
        label = node.get("label")
        if not label:
            continue
        match = EQUATION_LABEL.fullmatch(label)
        if match is None:
            logger.warning(
                "equation label %r: labelled equations carry the paper's numbers, as eq-7 or eq-s1",
                label,
                location=node,
            )
            continue
        node["number"] = match[1].upper()
        equations[label] = (app.env.docname, node["number"])


def tidy_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let docstrings write |x| for a norm, and show their numbered references as plain text.

    reStructuredText takes |x| for a substitution, and numpydoc's references would carry hashes as labels.
    """
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            line = LITERAL_OR_BAR.sub(lambda match: match[1] or r"\|", line)
            line = REFERENCE_TARGET.sub(r"\1| [\2] ", line)  # a line block, which may run over several lines
            lines[i] = REFERENCE.sub(r"[\1]", line)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    # Without these a summary ends at "(Eq."; a set, because an extension can be loaded more than once.
    autosummary.WELL_KNOWN_ABBREVIATIONS = tuple({*autosummary.WELL_KNOWN_ABBREVIATIONS, *ABBREVIATIONS})
    app.connect("doctree-read", number_equations)
    app.connect("autodoc-process-docstring", tidy_docstring, priority=900)  # after numpydoc
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", write_entrance, priority=400)  # before sphinx-external-toc writes its own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
