r"""Sphinx extension: formulas are typeset by KaTeX, from `_static/katex`, on the pages that have some.

It is KaTeX 0.19.1 as published: its script, its style sheet and its fonts in the format that every browser reads.
"""

from __future__ import annotations

from typing import Any

from myst_parser.sphinx_ext.mathjax import html_visit_displaymath
from sphinx.application import Sphinx
from sphinx.ext.mathjax import html_visit_math


def add_katex(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load KaTeX on a page that has a formula."""
    if 'class="math ' in context.get("body", ""):
        app.add_css_file("katex/katex.min.css")
        app.add_js_file("katex/katex.min.js", loading_method="defer")
        app.add_js_file("mathematics.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register KaTeX as `html_math_renderer`; formulas are written as for MathJax, by the same visitors."""
    app.add_html_math_renderer("katex", (html_visit_math, None), (html_visit_displaymath, None))
    app.connect("html-page-context", add_katex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
