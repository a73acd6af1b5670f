import json
import re
import types
from dataclasses import replace

import pytest

from ptabook.claims import claim as claim_module
from ptabook.claims import closed_loop, evidence
from ptabook.claims import ledger as read_claims
from ptabook.claims import verdicts as claims
from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Claim, Found

FIG3 = {
    "one_fixed_point": dict(n_stable=1, n_fixed_points=1, n_positive=0, n_zero=0, exponents=[-0.4] * 6,
                            standard_error=[0.01] * 6, tolerance=[0.05] * 6, adjoint_start=[1e-4] * 10),
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


@pytest.fixture
def written(monkeypatch, tmp_path):
    """The text of a ledger of these rows, which need no numbers."""

    def write(rows):
        monkeypatch.setattr(claims, "read_claims", lambda: rows)
        (tmp_path / "fig3").mkdir()
        (tmp_path / "fig3" / "fig3.json").write_text("{}")
        claims.write_ledger(tmp_path, tmp_path / "ledger.md")
        return (tmp_path / "ledger.md").read_text()

    return write


def test_verdicts_follow_the_numbers(ledger, tmp_path):
    yes, no, open_ = claims.SUPPORTS, claims.CONTRADICTS, claims.UNDECIDED
    assert ledger(tmp_path) == [yes, yes, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"n_stable": 2, "n_fixed_points": 3}) == [no, yes, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"exponents": [0.4] * 6}) == [yes, no, yes, yes, open_]
    assert ledger(tmp_path, one_fixed_point={"adjoint_start": [1e-4] * 9 + [0.5]}) == [yes, yes, no, yes, open_]
    assert ledger(tmp_path, line_attractor={"adjoint_start": [0.5] * 9 + [1e-5]}) == [yes, yes, yes, no, open_]


def test_the_table_has_a_row_for_each_claim_and_a_summary_that_counts(ledger, tmp_path):
    ledger(tmp_path, one_fixed_point={"exponents": [0.4] * 6})
    claims.write_ledger(tmp_path, tmp_path / "ledger.md")
    text = (tmp_path / "ledger.md").read_text()
    summary, _, table = text.partition("<!-- statements -->")
    assert "| of the paper | 3 | 1 | 1 | 0 |" in summary
    assert "| {doc}`../notebooks/fig3` | 3 | 1 | 1 | 0 |" in summary
    rows = table.splitlines()[4:]
    assert len(rows) == 5
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 8  # a bar within a cell is escaped


def test_each_row_has_an_anchor_its_evidence_and_the_note_if_there_is_one(ledger, tmp_path):
    ledger(tmp_path)
    claims.write_ledger(tmp_path, tmp_path / "ledger.md")
    rows = (tmp_path / "ledger.md").read_text().partition("<!-- statements -->")[2].splitlines()[4:]
    for row, claim in zip(rows, claims.read_claims(), strict=True):
        assert re.search(rf"{{#claim-{claim.id} \.claim \.verdict-\w+ \.page-fig3( \.figure-\d)*}}", row)
        assert f"[{claim.id}](#claim-{claim.id})" in row
        assert "[evidence](../notebooks/fig3.ipynb" in row
        assert ("[note](notes.md#" in row) == bool(claim.note)
    assert ".figure-3}" in rows[0]
    assert "fig3.ipynb#reading-it-row-by-row" in rows[0]


def test_what_differs_is_listed_by_whose_it_is(written):
    no = Found("off by 2", CONTRADICTS)
    rows = [row("a", no), row("b", Found("1", SUPPORTS)), replace(row("c", no), work="Doe 2020", note="the-note")]
    text = written(rows)
    assert "| of the paper | 1 | 1 | 0 | 0 |\n| of its neighbours | 0 | 1 | 0 | 0 |\n" in text
    listed = text.partition("<!-- differs -->")[2].partition("<!-- statements -->")[0]
    ours, theirs = listed.split("Of its neighbours, 1:")
    assert "Of the paper, 1:" in ours
    assert "*Ours:* off by 2. [row](#claim-a) [evidence](../notebooks/fig3.ipynb)\n" in ours
    assert "[row](#claim-c) [evidence](../notebooks/fig3.ipynb) [note](notes.md#the-note)" in theirs
    assert "claim-b" not in listed


def test_what_this_book_says_beside_a_work_is_none_of_its_statements(written):
    no = Found("off by 2", CONTRADICTS)
    rows = [replace(row("a", no), work="Doe 2020"), replace(row("b", no), work="beside Doe 2020")]
    text = written(rows)
    assert "| of its neighbours | 0 | 1 | 0 | 0 |\n| of this book, beside them | 0 | 1 | 0 | 0 |\n" in text
    theirs, ours = text.partition("<!-- differs -->")[2].split("Of this book, beside them, 1:")
    assert "[row](#claim-a)" in theirs
    assert "[row](#claim-b)" in ours.partition("<!-- statements -->")[0]


def test_a_missing_figure_is_named(tmp_path):
    first = min(claim.figure for claim in read_claims())
    with pytest.raises(FileNotFoundError, match=f"ptacore figures {first}"):
        claims.entries(tmp_path)


def test_a_verdict_that_changed_since_the_release_is_told(ledger, tmp_path):
    ledger(tmp_path)
    released = tmp_path / "verdicts.json"
    claims.release(claims.entries(tmp_path), released, "1.2.3")
    assert claims.changes(claims.entries(tmp_path), released) == []
    ledger(tmp_path, one_fixed_point={"exponents": [0.4] * 6})
    (line,) = claims.changes(claims.entries(tmp_path), released)
    assert re.search("All six leading exponents.* supports in 1.2.3, now contradicts", line)


def test_a_new_statement_is_no_change_and_a_lost_one_is(ledger, tmp_path):
    ledger(tmp_path)
    released = tmp_path / "verdicts.json"
    every = claims.entries(tmp_path)
    claims.release(every[1:], released, "1.2.3")
    assert claims.changes(every, released) == []
    (line,) = claims.changes(every[2:], released)
    assert line.endswith("supports in 1.2.3, now gone")


def test_a_statement_that_was_undecided_is_told_only_when_it_is_lost(ledger, tmp_path):
    ledger(tmp_path)
    released, every = tmp_path / "verdicts.json", claims.entries(tmp_path)
    before = [claims.Entry(every[0].claim, "", claims.UNDECIDED), *every[1:]]
    claims.release(before, released, "1.2.3")
    assert claims.changes(every, released) == []
    (line,) = claims.changes(every[1:], released)
    assert line.endswith("undecided in 1.2.3, now gone")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": "1", "verdicts": {"Fig. 1": "fine"}}', '{"verdicts": {}}']
)
def test_a_file_that_holds_no_verdicts_is_refused(tmp_path, text):
    with pytest.raises(FileNotFoundError, match="ptacore claims --release"):
        claims.changes([], tmp_path / "none.json")
    (tmp_path / "verdicts.json").write_text(text)
    with pytest.raises(ValueError, match="not a record of verdicts"):
        claims.changes([], tmp_path / "verdicts.json")


def test_the_words_of_older_releases_are_read(ledger, tmp_path):
    ledger(tmp_path)
    every, released = claims.entries(tmp_path), tmp_path / "verdicts.json"
    names = {word: old for old, word in claims.BEFORE.items()}
    old = {entry.claim.id: names[entry.verdict] for entry in every}
    released.write_text(json.dumps({"version": "0.2.0", "verdicts": old}))
    assert claims.changes(every, released) == []
    released.write_text(json.dumps({"version": "0.2.0", "verdicts": old | {every[0].claim.id: "differs"}}))
    (line,) = claims.changes(every, released)
    assert line.endswith("contradicts in 0.2.0, now supports")


def row(name, found, by_construction=False):
    return Claim(name, "Sec. 1", f"{name}.", "", "", lambda _: found, by_construction, figure="fig3")


def test_what_is_true_by_construction_is_shown_and_not_counted(written):
    rows = [row("a", Found("1", SUPPORTS), by_construction=True), row("b", Found("2", UNDECIDED, "two seeds"))]
    text = written(rows)
    assert "| of the paper | 0 | 0 | 1 | 1 |" in text
    assert "`by construction`" in text
    assert "`undecided` two seeds" in text  # the reason stands beside the verdict


def test_the_rows_of_a_page_are_judged_together(monkeypatch, tmp_path):
    """Twenty rows at 4% each: one of them is to be expected by luck alone."""
    rows = [row(f"a{i}", Found("", SUPPORTS, p=0.04)) for i in range(20)] + [row("b", Found("", SUPPORTS, p=1e-6))]
    monkeypatch.setattr(claims, "read_claims", lambda: rows)
    (tmp_path / "fig3").mkdir()
    (tmp_path / "fig3" / "fig3.json").write_text("{}")
    found = claims.entries(tmp_path)
    assert [entry.verdict for entry in found] == [UNDECIDED] * 20 + [SUPPORTS]
    assert "among the 21 sampled rows" in found[0].reason


def functions_of(check):
    """All functions of the ledger that a check may call: by name, in its closure, in functions within it."""
    found, ahead = set(), [check]
    while ahead:
        function = ahead.pop()
        if function in found:
            continue
        found.add(function)
        if function in JUDGES:
            continue
        codes = [function.__code__]
        for code in codes:
            codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
        known = [function.__globals__.get(name) for code in codes for name in code.co_names]
        known += [cell.cell_contents for cell in function.__closure__ or ()]
        ahead += [one for one in known if isinstance(one, types.FunctionType) and "ptabook.claims" in one.__module__]
    return found


SAMPLED = re.compile(r"interval|\bseeds\b")  # in words that say when a statement holds
ROWS = [claim for claim in read_claims() if claim.check and SAMPLED.search(claim.tolerance)]
JUDGES = {evidence.by_seeds, evidence.by_difference, evidence.by_share, evidence.by_estimate}


@pytest.mark.parametrize("claim", ROWS, ids=lambda claim: claim.id)
def test_no_row_with_an_interval_escapes_the_correction(claim):
    """Its verdict comes from where each has a p, and from there alone."""
    called = functions_of(claim.check)
    assert called & JUDGES
    assert not called & {claim_module.by_interval, evidence.by_tails, evidence.over_seeds}


def test_a_row_that_decides_by_an_interval_of_its_own_would_be_seen():
    (exact,) = [claim for claim in read_claims() if claim.id == "li2-boundary-41"]
    assert claim_module.by_interval in functions_of(exact.check)
    assert not functions_of(exact.check) & JUDGES


def test_all_rows_over_seeds_of_a_page_are_corrected(monkeypatch, tmp_path):
    """Twenty rows of networks that differ so much that each of them alone is just below 5%."""
    weak = [0.1, 0.3, 1.0, 1.2, 1.8, 2.2]  # p = 0.02 to be above 0
    (mean,) = [row for row in closed_loop.CLAIMS if row.id == "loop-both-terms"]
    numbers = dict(short_only=[1 + v for v in weak], long_only=[2 + v for v in weak], balanced=[1 - v for v in weak])
    rows = [replace(mean, id=f"row-{i}", figure="closed_loop") for i in range(20)]
    monkeypatch.setattr(claims, "read_claims", lambda: rows)
    (tmp_path / "closed_loop").mkdir()
    (tmp_path / "closed_loop" / "closed_loop.json").write_text(json.dumps(numbers))
    alone = mean.check(numbers)
    assert alone.verdict == SUPPORTS
    assert 0.0025 < alone.p < 0.05
    assert {entry.verdict for entry in claims.entries(tmp_path)} == {UNDECIDED}
    monkeypatch.setattr(claims, "read_claims", lambda: rows[:1])
    assert [entry.verdict for entry in claims.entries(tmp_path)] == [SUPPORTS]
