"""Sphinx extension: of large style sheets, mostly about what no page has, pages get the rules that can apply to them.

A rule can apply when every class that its selector asks for is a word in some page or script, be it only of the prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

SHEETS = ("styles/bootstrap.css", "sphinx-design.min.css", "mystnb.*.css")
COMMENT = re.compile(r"/\*(?!!).*?\*/", re.DOTALL)  # not /*! ... */, which holds a licence
LICENCE = re.compile(r"(?:\s*/\*!.*?\*/)+", re.DOTALL)
TOKEN = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]""", re.DOTALL)
GROUPS = ("@media", "@supports", "@container", "@layer")
ALTERNATIVES = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
COMMA = re.compile(r",(?![^()]*\))")
CLASS = re.compile(r"\.(-?[a-zA-Z_][\w-]*)")


def rules(sheet: str) -> Iterator[tuple[str, str | None]]:
    """Yield what stands before each pair of braces and what is in it; None for a statement without braces."""
    start = brace = depth = 0
    for token in TOKEN.finditer(sheet):
        if token[0] == "{":
            brace, depth = (brace if depth else token.start()), depth + 1
        elif token[0] == "}":
            depth -= 1
        if depth or token[0] not in ("}", ";"):
            continue
        if token[0] == "}":
            yield sheet[start:brace], sheet[brace + 1 : token.start()]
        else:
            yield sheet[start : token.end()], None
        start = token.end()


def cut_style(sheet: str, words: Set[str]) -> str:
    """Return a style sheet without the rules of classes that are not among the words."""

    def applies(selector: str) -> bool:
        return words.issuperset(CLASS.findall(ALTERNATIVES.sub("", selector)))

    kept = []
    for head, body in rules(COMMENT.sub("", sheet)):
        if licence := LICENCE.match(head):
            kept.append(licence[0])
            head = head[licence.end() :]
        if body is None:
            kept.append(head)
        elif head.lstrip().startswith(GROUPS):
            if body := cut_style(body, words):
                kept.append(f"{head}{{{body}}}")
        elif head.lstrip().startswith("@"):
            kept.append(f"{head}{{{body}}}")
        elif selectors := [selector for selector in COMMA.split(head) if applies(selector)]:
            kept.append(f"{','.join(selectors)}{{{body}}}")
    return "".join(kept)


def cut_styles(app: Sphinx, exception: Exception | None) -> None:
    """Cut the large style sheets of the built pages."""
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    texts = [path.read_text(encoding="utf-8") for path in (*Path(app.outdir).rglob("*.html"), *static.rglob("*.js"))]
    words = {word for text in texts for word in re.findall(r"[\w-]+", text)}
    for path in (path for name in SHEETS for path in static.glob(name)):
        path.write_text(cut_style(path.read_text(encoding="utf-8"), words), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handler."""
    app.connect("build-finished", cut_styles, priority=900)  # once every page is written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
