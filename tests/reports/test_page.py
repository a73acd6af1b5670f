"""The page asks for nothing, says in words what it draws, and its tables hold the numbers."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import torch
from torch import nn

import ptacore as pta
from ptacore.reports.drawing import Chart, every, ticks
from ptacore.reports.words import headline, number, overall, verdict

VOID = ("meta", "link", "br")


class Tree(HTMLParser):
    """Every tag with its attributes; an error where tags do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def reports():
    torch.manual_seed(0)
    net = nn.ModuleDict({"<b>bold & odd</b>": nn.GRU(2, 6, 2), "lstm": nn.LSTM(2, 3)})
    yield net, "noise"
    yield nn.RNN(2, 40), 0.3
    yield {"W": 1.5 * torch.randn(30, 30) / 30**0.5}, "zero"  # chaotic
    yield pta.models.TanhMap([[0.0]]), "zero"  # nothing is left after a step
    yield nn.RNN(1, 1, nonlinearity="relu"), "zero"


@pytest.fixture(scope="module", params=range(5))
def made(request, tmp_path_factory):
    thing, given = list(reports())[request.param]
    return pta.report(thing, given, quick=True, output=tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def tree(made):
    return Tree(made.path.read_text(encoding="utf-8"))


def test_nothing_is_asked_for_elsewhere(made, tree):
    for _, attrs in tree.tags:
        assert "src" not in attrs
        target = attrs.get("href", "#")
        assert target.startswith(("#", "data:,")) or (made.path.parent / target).is_file()
    assert "url(" not in made.path.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in made.path.read_text(encoding="utf-8")


def test_charts_speak_and_ids_are_unique(tree):
    charts = [attrs for tag, attrs in tree.tags if tag == "svg"]
    assert len(charts) >= 4
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 20 for attrs in charts)
    ids = [attrs["id"] for _, attrs in tree.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert ("html", {"lang": "en"}) in tree.tags
    headings = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(headings))


def test_the_numbers_are_on_the_page(made, tree):
    text = "".join(tree.words)
    assert "nan" not in text
    for f in made.layers:
        assert headline(f) in text
        assert verdict(f) in text
        assert overall(f) in text
        assert f.layer.name in text
        for value in f.spectrum.exponents.tolist():
            assert number(value, 4) in text


def test_coordinates_of_charts_are_finite(made):
    for points in re.findall(r'(?:points|d|cx|cy|x|y)="([^"]*)"', made.path.read_text(encoding="utf-8")):
        assert "nan" not in points
        assert "inf" not in points


def test_ticks_are_round_and_within():
    for low, high in ((-0.1, 1.05), (-3e-9, 2e-9), (0.0, 1e6), (-24.3, 0.2)):
        found = ticks(low, high, 6)
        assert 2 <= len(found) <= 7
        assert all(low <= value <= high for value in found)
    assert every(3, 10) == [0, 1, 2]
    assert every(100, 3) == [0, 50, 99] or every(100, 3) == [0, 49, 99]


def test_a_chart_of_one_value_has_an_extent():
    chart = Chart([1, 1], [0.0, 0.0], ("a", "b"))
    chart.points([1], [0.0], "first")
    assert "nan" not in chart.svg("One point at zero.")


def test_the_heading_follows_the_signs(made):
    for f in made.layers:
        assert headline(f).startswith("Gradients explode") == bool(f.spectrum.n_positive > 0)
