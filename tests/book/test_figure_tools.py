"""The row of links under a figure, without a build."""

import html
import importlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
URL = "https://example.org/companion"
RECORD = {
    "figure": "fig9",
    "hash": "0123456789abcdef" * 4,
    "commit": "fedcba9876543210" * 2 + "01234567",
    "dirty": False,
    "preset": "quick",
    "seed": 0,
    "parameters": {"preset": "quick", "seed": 0, "weights": "<W>.csv"},
    "seconds": 12.34,
    "machine": {"cpu": "Some <CPU>", "cores": 2, "os": "Linux"},
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "started": "2026-01-02T03:04:05+00:00",
}
FILES = {".svg": "../figures/fig9_turned.svg", ".csv": "../figures/fig9_turned.csv", ".json": "../figures/fig9.json"}


@pytest.fixture(scope="module")
def tools():
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    yield importlib.import_module("figure_tools")
    sys.path.pop(0)


def toolbar(tools, title="A turn", **changes):
    record = {key: value for key, value in {**RECORD, **changes}.items() if value is not None}
    return tools.toolbar_html("fig9_turned", title, FILES, record, "../figures/fig9.provenance.json", URL, CFF)


class Nesting(HTMLParser):
    """Open tags, which must close in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_link_for_each_file_there_is(tools):
    links = dict(reversed(link) for link in re.findall(r'<a href="([^"]*)" download>([^<]*)</a>', toolbar(tools)))
    assert links == {"SVG": FILES[".svg"], "data (CSV)": FILES[".csv"], "numbers (JSON)": FILES[".json"]}


def test_it_is_well_formed_and_escaped(tools):
    shown = toolbar(tools, title="A <turn>")
    parser = Nesting()
    parser.feed(shown)
    assert parser.open == []
    for text in ("Some &lt;CPU&gt;, 2 cores", "&lt;W&gt;.csv", "A &lt;turn&gt;"):
        assert text in shown


def test_the_notebook_is_linked_at_its_commit(tools):
    shown = toolbar(tools)
    assert f'href="{URL}/blob/{RECORD["commit"]}/notebooks/fig9.ipynb"' in shown
    assert f'href="{URL}/blob/{RECORD["commit"]}/requirements.lock"' in shown
    assert "notebook (fedcba9)" in shown
    assert "uncommitted" not in shown


def test_it_says_where_the_commit_is_not_all(tools):
    shown = toolbar(tools, dirty=True)
    assert "notebook (fedcba9 + changes)" in shown
    assert shown.count("fedcba9876 with uncommitted changes") == 3  # how it was made, and both citations


def test_an_unknown_commit_is_not_linked(tools):
    shown = toolbar(tools, commit="unknown", dirty=None)
    assert "blob" not in shown
    assert "commit unknown, preset quick" in shown


def test_how_it_was_made(tools):
    shown = html.unescape(re.sub(r"</?(dt|dd|th|td|code)[^>]*>", "|", toolbar(tools)))
    for text in ("Date||2026-01-02", "Run time||12 s", "Commit||fedcba9876|", "Hash of all inputs||0123456789ab|"):
        assert text in shown
    assert "Environment||python 3.11.7, torch 2.13.0" in shown
    assert "||seed||||0||" in shown
    assert '||weights||||"<W>.csv"||' in shown
    assert 'href="../figures/fig9.provenance.json"' in shown


def test_what_is_unknown_is_left_out(tools):
    shown = toolbar(tools, machine=None, seconds=None, versions=None)
    assert not re.search("Machine|Run time|Environment", shown)


def test_the_citation_names_the_figure_the_state_and_the_paper(tools):
    words, bibtex = tools.citation("fig9_turned", "A turn", RECORD, CFF)
    ours, paper = words.split("\n\n")
    assert ours == (
        f"The ptacore authors (2026). “A turn” (fig9_turned), in: {CFF['title']}, version {CFF['version']}, "
        f"commit fedcba9876, preset quick, made on 2026-01-02. {CFF['repository-code']}"
    )
    assert paper.startswith("Il Memming Park, Ábel Ságodi and Piotr Aleksander Sokół (2023). Persistent learning")
    entries = dict(re.findall(r"@\w+\{(\w+),\n((?:  .*\n)+)\}", bibtex))
    assert list(entries) == ["ptacore_fig9_turned", "Park2023"]
    assert (
        "  author = {{The ptacore authors}},\n  title = {{``A turn'' (fig9\\_turned), in:"
        in entries["ptacore_fig9_turned"]
    )
    assert "  author = {Park, Il Memming and Ságodi, Ábel and Sokół, Piotr Aleksander},\n" in entries["Park2023"]
    assert bibtex.count("{") == bibtex.count("}")


@pytest.mark.parametrize(("title", "called"), [("Figure 3", "Figure 3 (fig3)"), ("", "Figure (fig3)")])
def test_the_citation_of_a_figure_without_a_title_of_its_own(tools, title, called):
    assert f"(2026). {called}, in:" in tools.citation("fig3", title, RECORD, CFF)[0]


def test_both_variants_keep_room(tools, tmp_path):
    from docutils import nodes

    (tmp_path / "f.svg").write_text('<svg viewBox="0 0 300 150">')
    node = nodes.image(alt='a "b" <c>', width="75%")
    light, dark = re.findall("<img[^>]*>", tools.picture_html(node, tmp_path / "f.svg", "../figures/"))
    for image, name in ((light, "f.svg"), (dark, "f.dark.svg")):
        assert f'src="../figures/{name}"' in image
        assert 'width="400" height="200" style="width: 75%"' in image
        assert 'alt="a &quot;b&quot; &lt;c&gt;"' in image
