import json
import re

import pytest

from ptabook.claims import ledger as read_claims
from ptabook.claims import verdicts as claims

FIG3 = {
    "one_fixed_point": dict(n_stable=1, n_fixed_points=1, n_positive=0, n_zero=0, exponents=[-0.4] * 6,
                            standard_error=[0.01] * 6, adjoint_start=[1e-4] * 10),
    "line_attractor": dict(n_lines=1, n_zero_by_trial=[1] * 10, adjoint_start=[0.5] * 10),
}  # fmt: skip


@pytest.fixture
def ledger(monkeypatch):
    """Three of the claims, on numbers written by hand."""
    chosen = [c for c in read_claims() if c.figure == "fig3" and "chaos" not in c.statement][:3]
    chosen += [c for c in read_claims() if "constant and not zero" in c.statement]
    chosen.append(claims.Claim("bar", "Sec. 2.7", "A conjecture | with a bar.", "", "", None, figure="fig3"))
    monkeypatch.setattr(claims, "read_claims", lambda: chosen)

    def write(folder, **changes):
        numbers = {row: values | changes.get(row, {}) for row, values in FIG3.items()}
        (folder / "fig3").mkdir(exist_ok=True)
        (folder / "fig3" / "fig3.json").write_text(json.dumps(numbers))
        return [entry.verdict for entry in claims.entries(folder)]

    return write


def test_verdicts_follow_the_numbers(ledger, tmp_path):
    yes, no, open_ = claims.REPRODUCED, claims.DIFFERS, claims.NOT_TESTABLE
    assert ledger(tmp_path) == [yes, yes, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"n_stable": 2, "n_fixed_points": 3}) == [no, yes, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"n_zero": 1}) == [yes, no, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"adjoint_start": [1e-4] * 9 + [0.5]}) == [yes, yes, no, yes, open_]
    assert ledger(tmp_path, line_attractor={"adjoint_start": [0.5] * 9 + [1e-5]}) == [yes, yes, yes, no, open_]


def test_the_table_has_a_row_for_each_claim_and_a_summary_that_counts(ledger, tmp_path):
    ledger(tmp_path, one_fixed_point={"n_zero": 1})
    claims.write_ledger(tmp_path, tmp_path / "ledger.md")
    text = (tmp_path / "ledger.md").read_text()
    assert text.startswith("**3 reproduced, 1 differs, 1 not testable here (5 statements of the paper).**")
    summary, _, table = text.partition("<!-- statements -->")
    assert "| {doc}`../notebooks/fig3` | 3 | 1 | 1 |" in summary
    rows = [line for line in table.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == 5
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 9  # a bar within a cell is escaped


def test_a_missing_figure_is_named(tmp_path):
    first = min(claim.figure for claim in read_claims())
    with pytest.raises(FileNotFoundError, match=f"ptacore figures {first}"):
        claims.entries(tmp_path)


def test_a_verdict_that_changed_since_the_release_is_told(ledger, tmp_path):
    ledger(tmp_path)
    released = tmp_path / "verdicts.json"
    claims.release(claims.entries(tmp_path), released, "1.2.3")
    assert claims.changes(claims.entries(tmp_path), released) == []
    ledger(tmp_path, one_fixed_point={"n_zero": 1})
    (line,) = claims.changes(claims.entries(tmp_path), released)
    assert re.search("All six leading exponents.* reproduced in 1.2.3, now differs", line)


def test_a_new_statement_is_no_change_and_a_lost_one_is(ledger, tmp_path):
    ledger(tmp_path)
    released = tmp_path / "verdicts.json"
    every = claims.entries(tmp_path)
    claims.release(every[1:], released, "1.2.3")
    assert claims.changes(every, released) == []
    (line,) = claims.changes(every[2:], released)
    assert line.endswith("reproduced in 1.2.3, now gone")


def test_a_statement_that_could_not_be_tested_is_told_only_when_it_is_lost(ledger, tmp_path):
    ledger(tmp_path)
    released, every = tmp_path / "verdicts.json", claims.entries(tmp_path)
    before = [claims.Entry(every[0].claim, "", claims.NOT_TESTABLE), *every[1:]]
    claims.release(before, released, "1.2.3")
    assert claims.changes(every, released) == []
    (line,) = claims.changes(every[1:], released)
    assert line.endswith("not testable here in 1.2.3, now gone")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": "1", "verdicts": {"Fig. 1": "fine"}}', '{"verdicts": {}}']
)
def test_a_file_that_holds_no_verdicts_is_refused(tmp_path, text):
    with pytest.raises(FileNotFoundError, match="ptacore claims --release"):
        claims.changes([], tmp_path / "none.json")
    (tmp_path / "verdicts.json").write_text(text)
    with pytest.raises(ValueError, match="not a record of verdicts"):
        claims.changes([], tmp_path / "verdicts.json")
