"""Checks: a statement stands where value and expectation differ by no more than the tolerance."""

import math

import pytest
import torch

from ptabook.page import Checks, Numbers


@pytest.fixture
def numbers():
    return Numbers(preset="quick")


@pytest.fixture
def check(numbers):
    return Checks(numbers)


@pytest.mark.parametrize(
    ("value", "expected", "holds"),
    [
        (1.0, 1.0, True),
        (1.5, 1.0, True),
        (0.5, 1.0, True),
        (1.6, 1.0, False),
        (0.4, 1.0, False),
        (math.nan, 1.0, False),
    ],
)
def test_a_statement_holds_within_the_tolerance_on_both_sides(check, value, expected, holds):
    check("key", "statement", value, 0.5, "reason", expected=expected)
    assert check["key"]["reproduced"] is holds


def test_the_file_has_the_check_and_the_prose_its_value(check, numbers, monkeypatch):
    glued = {}
    monkeypatch.setattr("ptabook.page.numbers.glue", lambda key, value, display: glued.update({key: value}))
    check("key", "statement", torch.tensor(2.0), torch.tensor([3]), "reason")
    assert glued == {"key": 2.0}
    assert numbers["key"] == {
        "value": 2.0, "expected": 0.0, "tolerance": 3.0, "reproduced": True, "statement": "statement",
        "reason": "reason",
    }  # fmt: skip


def test_the_table_shows_every_check_in_its_order_with_its_verdict(check, numbers, monkeypatch):
    shown = []
    monkeypatch.setattr("ptabook.page.checks.display", shown.append)
    check("first", "1 < 2 {braces}", 0.12345, 1, "a & b")
    check("second", "falls", 2, 1, "room", expected=0.5)
    check.show()
    html = shown[0].data
    assert html.index("1 &lt; 2 {braces}") < html.index("a &amp; b") < html.index("falls")
    assert "<td>0.123</td><td>0\u00a0±\u00a01</td><td>yes</td>" in html
    assert "<td>2</td><td>0.5\u00a0±\u00a01</td><td><strong>no</strong></td>" in html
    assert "Show all 2" in html
    assert (numbers["n_checks"], numbers["n_differ"]) == (2, 1)
