"""Sphinx extension: what a link to a citation, an equation, an API name or a term of the glossary leads to, in short.

`_static/preview_text.js` has it for every such link of the book; `previews.js` loads that when a reader stops at one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from prose import text_of
from sphinx import addnodes
from sphinx.application import Sphinx

LINK = re.compile(
    r'<a class="reference internal" href="[^"#]*(?:bibliography\.html#|#(?=equation-|ptacore\.|term-))([^"]+)"'
)
LONGEST = 400  # characters


def targets(doctree: nodes.document) -> Iterator[tuple[str, dict[str, str]]]:
    """Anchors of a page with what stands there: a text, with a heading or a formula."""
    for node in doctree.findall(nodes.citation):
        yield node["ids"][0], {"text": " ".join(text_of(child) for child in node[1:])}
    for node in doctree.findall(nodes.math_block):
        if node.get("label"):
            yield f"equation-{node['label']}", {"head": f"Equation {node['number']}", "tex": node.astext()}
    for node in doctree.findall(addnodes.desc):
        first = next((child for child in node[-1] if isinstance(child, nodes.paragraph)), None)
        for signature in node.findall(addnodes.desc_signature):
            if signature.parent is node and signature.get("ids"):
                said = text_of(first) if first is not None else ""
                yield signature["ids"][0], {"code": signature.astext(), "text": said}
    for term in doctree.findall(nodes.term):
        if term.get("ids"):
            yield term["ids"][0], {"head": text_of(term), "text": " ".join(map(text_of, term.parent[-1]))}


def collect(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Note what a page's anchors and its links are."""
    linked = LINK.findall(context.get("body", ""))
    if doctree is None:
        return
    app.previews.update((f"{app.builder.get_target_uri(pagename)}#{anchor}", said) for anchor, said in targets(doctree))
    app.preview_links.update(linked)
    if linked:
        app.add_js_file("previews.js", loading_method="defer")
        app.add_css_file("previews.css")


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0] + " …"


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write what the links of all pages lead to."""
    if exception is not None or app.builder.name != "html":
        return
    shown = {
        key: {part: text if part == "tex" else _short(text) for part, text in said.items() if text}
        for key, said in sorted(app.previews.items())
        if key.partition("#")[2] in app.preview_links
    }
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    (Path(app.outdir) / "_static" / "preview_text.js").write_text(f"window.PREVIEWS = {text};\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    app.previews, app.preview_links = {}, set()
    app.connect("html-page-context", collect)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
