"""Numbers as print has them: 2×10⁻⁴ for 2e-04, a true minus sign, no break between a value and its error.

Programs, the ledger and tables write numbers in Python's way; this is the one place that gives them their look. The
book's extension ``numerals`` sends every page through it.
"""

from __future__ import annotations

import re

FLOAT = re.compile(r"(?<![\w.])(\d(?:\.\d+)?|\d+(?:\.\d+)?(?=[eE][+-]))[eE]([+-]?\d{1,3})(?![\w.]*\w)")
"""One digit before the point, or a sign behind the e: a hash such as 83e5 is not a number."""
ZERO = re.compile(r"(?<![\w)\]}–−-])[-−](0(?:\.0+)?)(?![\d.,]*\d)(?!×)")
MINUS = re.compile(r"(?<![\w)\]}.%°–−-])-(?=\.?\d|[∞√|]?[α-ωΑ-Ω∞√])")
POWER = re.compile(r"(?<=[\w)])(?:\^|\*\*)(-?\d+)(?![\w.]*\w)")
SIGNS = {" - ": " − ", " +/- ": " ± ", " ± ": "\u00a0±\u00a0"}  # no dash of the book's prose is a hyphen
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = range(-2, 3)  # powers of ten that are written out

TEX = r"(-?\d[\d.]*(?=\\))?(?:\\times\s*)?10\^\{?(-?\d+)\}?"
FORMULA = re.compile(rf'<span class="math[^"]*">\\\({TEX}\\\)</span>|\${TEX}\$')
"""A formula that is a number and nothing else, as notebooks make it for tables, or paste it into prose."""

KEPT = re.compile(
    r"(<(pre|code|script|style|svg|math|textarea)\b.*?</\2>"
    r"|<dt class=\"sig.*?</dt>"  # what one types: signatures, the types and defaults of arguments
    r"|<span class=\"classifier\">.*?</span>"
    r"|\\\(.*?\\\)|\\\[.*?\\\]"  # formulas
    r"|<!--.*?-->|<[^>]*>|&#?\w+;)",
    re.DOTALL,
)


def numerals(text: str) -> str:
    """Give the numbers of a text their printed form.

    Parameters
    ----------
    text : str
        Words and numbers without markup.

    Examples
    --------
    >>> numerals("falls from 1.7e+00 to 2e-04, zero (0.0e+00), at a slope of -0.97")
    'falls from 1.7 to 2×10⁻⁴, zero (0), at a slope of −0.97'
    >>> numerals("1e-12 (rounding); commit 83e5c1f, 2026-11-30, -0.000 of it")
    '10⁻¹² (rounding); commit 83e5c1f, 2026-11-30, 0.000 of it'
    """
    text = FLOAT.sub(_float, POWER.sub(lambda match: match[1].translate(RAISED), text))
    text = MINUS.sub("−", ZERO.sub(r"\1", text))
    for typed, printed in SIGNS.items():
        text = text.replace(typed, printed)
    return text


def _float(match: re.Match[str]) -> str:
    digits, power = match[1], int(match[2])
    if not float(digits):
        return "0"
    if power in PLAIN:
        places = len(digits.partition(".")[2])
        return f"{float(match[0]):.{max(places - power, 0)}f}"
    return f"{digits}×10".removeprefix("1×") + str(power).translate(RAISED)


def _formula(match: re.Match[str]) -> str:
    digits, power = match[1] or match[3], match[2] or match[4]
    return (f"{digits}×10" if digits else "10") + power.translate(RAISED)


def html(page: str) -> str:
    """Give the numbers of a page their printed form; code, formulas, signatures and tags stay as they are.

    Examples
    --------
    >>> html('<p class="a-1">off by 3e-05, as <code>f(3e-05)</code> says</p>')
    '<p class="a-1">off by 3×10⁻⁵, as <code>f(3e-05)</code> says</p>'
    """
    page = FORMULA.sub(_formula, page)
    parts, start = [], 0
    for kept in KEPT.finditer(page):
        parts += [numerals(page[start : kept.start()]), kept[0]]
        start = kept.end()
    return "".join([*parts, numerals(page[start:])])
