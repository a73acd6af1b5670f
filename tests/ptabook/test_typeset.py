"""Numbers as print has them: what is shown is the number that was there, and nothing else has changed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptabook.typeset import html, numerals

BACK = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def value(text):
    """What a reader makes of a printed number."""
    digits, power = re.fullmatch(r"(.*?)([⁻⁰¹²³⁴-⁹]*)", text.translate({0x2212: "-"})).groups()
    if power:
        digits = re.sub("×?10$", "", digits)
    return float(digits if digits.strip("-") else f"{digits}1") * 10.0 ** int(power.translate(BACK) or 0)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 5))
def test_a_number_keeps_its_value_and_its_digits(x, digits):
    written = f"{x:.{digits}e}"
    shown = numerals(written)
    assert value(shown) == pytest.approx(float(written), rel=1e-12)
    assert not re.search(r"\de|-|\s", shown)  # a true minus sign, and no place to break a line
    if float(written) and "×" in shown:
        assert len(re.sub(r"×.*|\D", "", shown)) == digits + 1


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2e-04", "2×10⁻⁴"),
        ("1e-06", "10⁻⁶"),
        ("-1e-06", "−10⁻⁶"),
        ("1.7e+00 (1.7e+00 to 1.8e+00)", "1.7 (1.7 to 1.8)"),
        ("zero (0.0e+00), -0.000, -0.0e+00", "zero (0), 0.000, 0"),
        ("5e-02, 1.3e-02, 2.3e+01, 4e+02, 9.33e+3", "0.05, 0.013, 23, 400, 9.33×10³"),
        ("[-1, .5], (-0.3 to -.1), λ=-2", "[−1, .5], (−0.3 to −.1), λ=−2"),
        ("0.31 ± 0.02", "0.31\u00a0±\u00a00.02"),
        ("25e-3 s, 12.5e+04", "25×10⁻³ s, 12.5×10⁴"),
        ("from -π/2 to -√2, -∞, -λ₁", "from −π/2 to −√2, −∞, −λ₁"),
        ("1 - O(t), n - 1 negative", "1 − O(t), n − 1 negative"),
        ("10**-4 of 2**64, 0.3 +/- 0.1", "10⁻⁴ of 2⁶⁴, 0.3\u00a0±\u00a00.1"),
        ("4e-05°, 3.0e-3 ms; 2e-4/s", "4×10⁻⁵°, 3.0×10⁻³ ms; 2×10⁻⁴/s"),
    ],
)
def test_programmers_numbers_become_printed_ones(written, shown):
    assert numerals(written) == shown
    assert numerals(shown) == shown


@pytest.mark.parametrize(
    "text",
    ["2026-11-30", "pp. 10-20", "S1-2", "x-1", "5%-10%", "83e5c1f", "12e45", "1234e567", "well-known",
     "α-helix", "1391e12b", "12345e6", "1e6x", "v1.2e3.4", "R2-D2", "arXiv:2301-4", "ISO 8601-1", "0 to 1",
     "e^10.7", "A4-2", "2°-3°"],
)  # fmt: skip
def test_what_is_no_number_stays(text):
    assert numerals(text) == text


@pytest.mark.parametrize(
    "kept",
    ["<pre>1e-05</pre>", "<code class='x'>-1e-05</code>", r"<b>\(1e-5 - -1\)</b>", "<i title='1e-5'></i>",
     '<dt class="sig sig-object py">f(<em>x=-1e-05</em>)</dt>', '<span class="classifier">float, default 1e-9</span>',
     "<script>let x = 1e-5</script>", "<!-- 1e-5 -->"],
)  # fmt: skip
def test_code_formulas_and_tags_are_not_touched(kept):
    assert html(kept) == kept
    assert html(f"<p>1e-05 {kept} -1</p>") == f"<p>10⁻⁵ {kept} −1</p>"


def test_a_formula_that_is_a_number_looks_as_numbers_do():
    cell = r'<td><p><span class="math notranslate nohighlight">\(-1.4\times10^{-9}\)</span></p></td>'
    assert html(cell) == "<td><p>−1.4×10⁻⁹</p></td>"
    assert html(r"<p>losses of $2.4\times10^{-4}$ ($10^{4}$ at most)</p>") == "<p>losses of 2.4×10⁻⁴ (10⁴ at most)</p>"
    formula = r'<span class="math notranslate nohighlight">\(a\times10^{-9}\)</span>'
    assert html(formula) == formula


def test_powers_are_raised():
    assert numerals("dt^4, 2^64 − 1, x^-1, (1+h)^2") == "dt⁴, 2⁶⁴ − 1, x⁻¹, (1+h)²"
    assert numerals("e^(i theta), 2^1.5, a^b, ^3") == "e^(i theta), 2^1.5, a^b, ^3"
