"""Icons and styles cut down to what pages show, without a build."""

import re
import sys
from base64 import b64decode
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THEME = "theme/pydata_sphinx_theme/static/vendor/fontawesome"
SHEET = """/*! licence */ @import "a;b.css"; /* .shown{} */
.shown, .lost > p { content: "}" }
.lost.shown{a:b}
p:not(.lost):is(.lost, .gone), #lost { a: b }
@media (width > 1px) { .lost { a: b } .shown { a: b } }
@media print { .lost { a: b } }
@keyframes lost { from { a: b } to { a: c } }"""


@pytest.fixture(scope="module", autouse=True)
def extensions():
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    yield
    sys.path.remove(str(ROOT / "book" / "_ext"))


def test_a_style_sheet_keeps_what_can_apply():
    from styles import cut_style

    assert re.sub(r"\s+", " ", cut_style(SHEET, {"shown"})) == (
        '/*! licence */ @import "a;b.css"; .shown{ content: "}" } p:not(.lost):is(.lost, .gone), #lost { a: b } '
        "@media (width > 1px) { .shown { a: b }} @keyframes lost { from { a: b } to { a: c } }"
    )


def test_a_licence_before_a_rule_is_no_part_of_its_selector():
    from styles import cut_style

    assert cut_style("/*! A, b.c */.shown, .lost{a:b}", {"shown"}) == "/*! A, b.c */.shown{a:b}"


LIGHT, DARK = (f'html[data-theme="{theme}"] .highlight' for theme in ("light", "dark"))
TOKENS = f"""{LIGHT} {{ background: #fefefe; color: #080808 }}
{LIGHT} .k {{ color: #6730C5 }} /* Keyword */
{LIGHT} .n {{ color: #080808 }}
{LIGHT} .o {{ color: #080808 }}
{DARK} {{ background: #2b2b2b; color: #f8f8f2 }}
{DARK} .k {{ color: #DCC6E0 }}
{DARK} .n {{ color: #f8f8f2 }}
{DARK} .o {{ color: #00E0E0 }}"""


def test_code_keeps_the_elements_that_are_seen_in_one_of_the_themes():
    from lean import lighten, plain_tokens

    assert plain_tokens(TOKENS) == {"n"}
    code = '<body><pre><span class="k">if</span> <span class="n">x</span> <span class="o">-</span></pre>'
    assert lighten(code, {"n"}) == code.replace('<span class="n">x</span>', "x")


HEAD = """<link href="../_static/styles/theme.css?v=1" rel="stylesheet" />
<link href="../_static/styles/bootstrap.css?v=1" rel="stylesheet" />
<link href="../_static/sphinx-design.min.css" /><link href="../_static/mystnb.0a1b.css" />
<link rel="preload" as="script" href="../_static/scripts/bootstrap.js" />
<script src="../_static/doctools.js"></script>
<script src="../_static/copybutton.js"></script><script src="../_static/togglebutton.js"></script>
<script>let toggleHintShow = 'Click to show';</script>
<script defer="defer" src="../_static/own.js"></script>
"""


@pytest.mark.parametrize(
    ("body", "loaded"),
    [
        ("<p>none", ["shared.css", "own.js"]),
        ('<div class="highlight">', ["shared.css", "copybutton.js", "own.js"]),
        ('<div class="note admonition dropdown">', ["shared.css", "togglebutton.js", "own.js"]),
        ('<button class="btn dropdown-toggle">', ["shared.css", "own.js"]),
        ('<i class="sd-badge">', ["shared.css", "sphinx-design.min.css", "own.js"]),
        ('<div class="cell docutils">', ["shared.css", "mystnb.0a1b.css", "own.js"]),
    ],
)
def test_a_page_loads_what_it_uses(body, loaded):
    from lean import lighten

    page = lighten(f"<head>{HEAD}</head><body>{body}", set())
    assert re.findall(r'_static/([^"?]+)', page) == loaded
    assert all("defer" in tag for tag in re.findall(r"<script [^>]*src[^>]*>", page))
    assert ("toggleHintShow" in page) == ("togglebutton.js" in page)


def test_a_link_has_no_tip_that_says_where_it_leads_and_nothing_besides():
    from lean import lighten

    link = '<body><a class="reference internal" href="api.html#a.b" title="%s">b</a>'
    assert "title" not in lighten(link % "a.b", set())
    assert lighten(link % "Why", set()) == link % "Why"


def test_no_picture_keeps_the_text_from_being_shown():
    from lean import lighten

    page = lighten('<body><img src="a.svg"><p>text<img alt="b" loading="lazy" src="b.svg">', set())
    assert page == '<body><img loading="lazy" src="a.svg"><p>text<img alt="b" loading="lazy" src="b.svg">'


def test_every_rule_of_the_themes_sheet_is_kept_where_every_class_is_shown():
    from styles import COMMENT, cut_style

    theme = Path(find_spec("pydata_sphinx_theme").submodule_search_locations[0])
    sheet = (theme / "theme/pydata_sphinx_theme/static/styles/bootstrap.css").read_text()
    assert cut_style(sheet, set(re.findall(r"[\w-]+", sheet))) == COMMENT.sub("", sheet).rstrip("\n")
    assert len(cut_style(sheet, set())) < 0.2 * len(sheet)


def test_icons_keep_the_characters_that_pages_and_styles_show():
    from fontTools.ttLib import TTFont
    from icons import icon_style

    (vendor,) = (Path(find_spec("pydata_sphinx_theme").submodule_search_locations[0]) / THEME).iterdir()
    page = '<i class="fa-solid fa-bars fa-lg"></i> <i class="fab fa-github"></i>'
    sheet = icon_style(vendor, [page], [":root{--icon:'\uf05a'} a::after{content:'\\f107'}"])
    fonts = [TTFont(BytesIO(b64decode(data))) for data in re.findall(r"base64,([^)]+)\)", sheet)]
    solid, regular, brands = (set(font.getBestCmap() or {}) for font in fonts)
    assert solid == {0xF0C9, 0xF05A, 0xF107}
    assert regular == set()
    assert brands == {0xF09B}
    assert '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}' in sheet
    assert ".fa-lg{" in sheet
    assert ".fa-moon" not in sheet
    assert "url(../" not in sheet
    assert len(sheet) < 30_000
    assert not any(font["name"].names for font in fonts)  # a changed font may not bear its name
