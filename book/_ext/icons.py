"""Sphinx extension: of Font Awesome, which the theme loads whole (1.9 MB), pages get the icons that they show.

The theme's style sheet of icons, less those that no page and no style sheet shows, becomes `_static/icons.css`, which
carries the fonts, cut down likewise, within itself: a page opened from disk may load no font from another folder.
"""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools import subset
from sphinx.application import Sphinx

FONTS = (("solid", 900, "Free"), ("regular", 400, "Free"), ("brands", 400, "Brands"))
FONT_RULE = re.compile(r"@font-face\{[^}]*\}")
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
ICON_CLASS = re.compile(r"\bfa-[\w-]+")
ICON_IN_STYLE = re.compile(r"([\ue000-\uf8ff])|\\(f[0-9a-f]{3})\b")  # the character, or its number
STYLE_LINK = re.compile(r'(<link href="[^"]*)vendor/fontawesome/[^"]*\.css[^"]*"')
OTHER_LINKS = re.compile(r'<(?:link rel="preload"|script)[^>]*/fontawesome/[^>]*>(?:</script>)?\n?')


def font_rule(path: Path, weight: int, family: str, characters: Iterable[int]) -> str:
    """Return a font cut down to some characters, nameless, as a rule of a style sheet."""
    options = subset.Options(flavor="woff", name_IDs=[], hinting=False, notdef_outline=False)
    cutter, file = subset.Subsetter(options), BytesIO()
    cutter.populate(unicodes=characters)
    with subset.load_font(str(path), options) as font:
        cutter.subset(font)
        subset.save_font(font, file, options)
    source = f"url(data:font/woff;base64,{b64encode(file.getvalue()).decode()})"
    return f'@font-face{{font-family:"Font Awesome 6 {family}";font-weight:{weight};font-display:block;src:{source}}}\n'


def icon_style(vendor: Path, pages: Iterable[str], styles: Iterable[str]) -> str:
    """Return the style sheet of the icons that pages show by their class, and styles by their characters."""
    classes = {f".{name}:before" for page in pages for name in ICON_CLASS.findall(page)}
    characters = {ord(m[1]) if m[1] else int(m[2], 16) for style in styles for m in ICON_IN_STYLE.finditer(style)}

    def keep(rule: re.Match[str]) -> str:
        if classes.isdisjoint(rule[1].split(",")):
            return ""
        characters.add(int(rule[2], 16))
        return rule[0]

    rules = ICON_RULE.sub(keep, FONT_RULE.sub("", (vendor / "css" / "all.min.css").read_text(encoding="utf-8")))
    fonts = [font_rule(vendor / "webfonts" / f"fa-{n}-{w}.ttf", w, family, characters) for n, w, family in FONTS]
    return rules + "\n" + "".join(fonts)


def cut_icons(app: Sphinx, exception: Exception | None) -> None:
    """Put the style sheet of the icons that are shown in the place of all of Font Awesome."""
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    vendor = next(
        (path for path in (static / "vendor" / "fontawesome").glob("*") if (path / "webfonts").is_dir()), None
    )
    if vendor is None:
        return  # themes of pydata-sphinx-theme 0.17 and later draw icons by a script, and load no font
    pages = {path: path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")}
    styles = [path.read_text(encoding="utf-8") for path in static.rglob("*.css") if vendor not in path.parents]
    (static / "icons.css").write_text(icon_style(vendor, pages.values(), styles), encoding="utf-8")
    for path, page in pages.items():
        path.write_text(OTHER_LINKS.sub("", STYLE_LINK.sub(r'\1icons.css"', page)), encoding="utf-8")
    for folder in ("css", "js", "webfonts"):  # the licence stays
        shutil.rmtree(vendor / folder)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handler."""
    app.connect("build-finished", cut_icons, priority=900)  # once every page is written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
