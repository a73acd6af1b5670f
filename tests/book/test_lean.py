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
