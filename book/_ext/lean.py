"""Sphinx extension: a page loads what it uses and nothing besides, and no script keeps it from being shown.

The theme and the extensions put their scripts and style sheets on every page. Here each that has nothing to do on a
page is taken off it, the others wait until the page has been read (`defer`), and the sheets that all pages need become
one, cut like those of `styles`. Pictures wait until the text is shown: one figure is drawn for longer than the text
takes to be shown. Elements in code and names that say nothing to the style sheet are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from styles import cut_style

FIRST = "styles/theme.css"  # which imports the next one
SHARED = ("basic.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css", "icons.css")
# What a page has that uses a file; None: the search that it was for is another one now.
USED_BY = {
    "copybutton.js": '<div class="highlight">',
    "clipboard.min.js": '<div class="highlight">',
    "copybutton.css": '<div class="highlight">',
    "pygments.css": '<div class="highlight',
    "togglebutton.js": r'class="(?:[^"]* )?(?:toggle\b|admonition[^"]* dropdown)',
    "togglebutton.css": r'class="(?:[^"]* )?(?:toggle\b|admonition[^"]* dropdown)',
    "design-tabs.js": r"\bsd-tab-set\b",
    "sphinx-design.min.css": r'class="(?:[^"]* )?sd-',
    "mystnb.css": r'class="(?:cell|(?:[^"]* )?(?:cell_\w+|pasted-\w+|output)\b)',
    "doctools.js": None,
    "sphinx_highlight.js": None,
}
FILE = re.compile(r"[ \t]*<(?:link|script)\b[^>]*(?:href|src)=\"[^\"]*_static/([^\"?]+)[^\"]*\"[^>]*>(?:</script>)?\n?")
PRELOAD = re.compile(r'[ \t]*(?:<!-- Pre-loaded[^>]*-->\s*)?<link rel="preload" as="script"[^>]*>\n?')
INLINE = re.compile(
    r"[ \t]*<script>(?:let toggle\w+ = [^<]*|var togglebuttonSelector[^<]*|DOCUMENTATION_OPTIONS\.\w+ = [^<]*|"
    r"kernelName[^<]*)</script>\n?|[ \t]*<script type=\"text/x-thebe-config\">.*?</script>\n?",
    re.DOTALL,
)
TOGGLE = (
    "<script>const toggleHintShow = 'Click to show', toggleHintHide = 'Click to hide', toggleOpenOnPrint = 'true', "
    "togglebuttonSelector = '.toggle, .admonition.dropdown';</script>\n"
)
TOKEN_RULE = re.compile(r'html\[data-theme="(\w+)"\] \.highlight(?: \.(\w+))? \{([^}]*)\}')
TOKEN = re.compile(r'<span class="(\w+)">([^<]*)</span>')
TITLE = re.compile(r'(<a class="reference internal" href="[^"]*#([\w.]+)") title="\2"')  # a tip that repeats the link
PICTURE = re.compile(r"<img\b(?![^>]*\bloading=)")
NAME = re.compile(r'<span class="pre">([\w.()\[\]{}=,*:]*)</span>')  # where no line could be broken


def plain_tokens(sheet: str) -> Set[str]:
    """Classes of code that look like the code around them, in both themes.

    Examples
    --------
    >>> rule = 'html[data-theme="light"] .highlight%s { color: #%s }'
    >>> sorted(plain_tokens("".join(rule % part for part in (("", "080808"), (" .n", "080808"), (" .k", "6730C5")))))
    ['n']
    """
    base, styles = {}, {}
    for theme, name, style in TOKEN_RULE.findall(sheet):
        color = re.search(r"(?<!-)color: (#\w+)", style)
        if not name:
            base[theme] = color and color[1]
        else:
            styles.setdefault(name, {})[theme] = style.strip()
    return {name for name, found in styles.items() if all(s == f"color: {base[t]}" for t, s in found.items())}


def lighten(page: str, plain: Set[str]) -> str:
    """Return a page that loads what it uses, without elements that change nothing."""

    def asset(match: re.Match[str]) -> str:
        name = re.sub(r"^mystnb\.\w+\.css", "mystnb.css", match[1])
        if name == FIRST:
            return match[0].replace(name, "shared.css")
        if name in SHARED:
            return ""
        needs = USED_BY.get(name, "")
        if needs is None or not re.search(needs, body):
            return ""
        if name.endswith(".js") and "defer" not in match[0]:
            before = TOGGLE if name == "togglebutton.js" else ""
            return before + match[0].replace("<script ", "<script defer ", 1)
        return match[0]

    body = page.partition("<body")[2]
    page = INLINE.sub("", PRELOAD.sub("", page))
    page = PICTURE.sub('<img loading="lazy"', FILE.sub(asset, page))
    page = TOKEN.sub(lambda token: token[2] if token[1] in plain else token[0], page)
    return NAME.sub(r"\1", TITLE.sub(r"\1", page))


def lighten_pages(app: Sphinx, exception: Exception | None) -> None:
    """Write the one sheet that all pages share, and every page anew."""
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    plain = plain_tokens((static / "pygments.css").read_text(encoding="utf-8"))
    for path, page in pages.items():
        pages[path] = lighten(page, plain)
        path.write_text(pages[path], encoding="utf-8")
    scripts = [path.read_text(encoding="utf-8") for path in static.rglob("*.js") if path.name != "search_text.js"]
    words = {word for text in (*pages.values(), *scripts) for word in re.findall(r"[\w-]+", text)}
    sheets = [(static / name).read_text(encoding="utf-8") for name in SHARED if (static / name).is_file()]
    (static / "shared.css").write_text("\n".join(cut_style(sheet, words) for sheet in sheets), encoding="utf-8")
    for name in (FIRST, *SHARED, *(name for name, needs in USED_BY.items() if needs is None), "searchtools.js"):
        (static / name).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handler."""
    app.connect("build-finished", lighten_pages, priority=950)  # after what mends and cuts
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
