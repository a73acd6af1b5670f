import json

import pytest

from ptabook import compare

NUMBERS = {"rate": -0.5, "chaos": {"exponents": [30.0, 2.0], "n": 4, "found": True, "backend": "c"}, "none": None}


def write(folder, **changes):
    (folder / "fig").mkdir(parents=True, exist_ok=True)
    (folder / "fig" / "fig.json").write_text(json.dumps(NUMBERS | changes))
    return compare.read(folder)


def test_every_number_has_a_path_and_run_times_are_left_out(tmp_path):
    found = write(tmp_path, seconds=3.0, sweep_seconds=4.0, live=[{"minutes": [1.0]}], seconds_hand=5)
    (tmp_path / "fig" / "provenance.json").write_text('{"hash": 1}')
    assert found == {
        "fig": {
            "rate": -0.5,
            "chaos.exponents[0]": 30.0,
            "chaos.exponents[1]": 2.0,
            "chaos.n": 4,
            "chaos.found": True,
            "chaos.backend": "c",
            "none": None,
            "seconds_hand": 5,
        }
    }
    assert compare.read(tmp_path) == found


def test_a_folder_without_numbers_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no numbers of figures; expected files such as .*fig3/fig3\.json"):
        compare.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [
        (2.0, 1.0, 0.5),
        (-1.0, 1.0, 2.0),
        (4, 5, 0.2),
        (1e-12, 3e-12, 0.0),  # residues of arithmetic
        (1e-12, 1e-3, 1.0),
        (float("nan"), float("nan"), 0.0),
        (1.0, float("nan"), float("inf")),
        (True, False, float("inf")),
        (None, 1.0, float("inf")),
        ("c", "torch", float("inf")),
    ],
)
def test_the_size_of_a_move_is_relative(old, new, size):
    found = compare.moves({"fig": {"x": old}}, {"fig": {"x": new}})
    assert [move.size for move in found] == ([pytest.approx(size, rel=1e-6)] if size else [])


def test_what_is_gone_is_told_and_what_is_new_is_not():
    found = compare.moves({"a": {"x": 1, "y": 2}, "b": {"y": 1}}, {"b": {"z": 1}, "c": {"w": 1}})
    assert [(move.figure, move.number, move.now) for move in found] == [("b", "y", "gone"), ("a", "all", "gone")]


def test_equal_builds_are_told_in_one_line(tmp_path):
    assert compare.moves(write(tmp_path / "old"), write(tmp_path / "new")) == []
    assert compare.report([], [], 7, 1e-3) == (
        "**0 verdicts changed; 0 of 7 numbers moved by more than 0.001 of their size.**"
    )


def test_the_report_counts_by_size_and_lists_the_largest_first():
    row = {f"x{i}": 1.0 for i in range(30)}
    now = {f"x{i}": 1.0 + 10.0**-i for i in range(30)}
    text = compare.report(compare.moves({"fig": row, "still": {"y": 1}}, {"fig": now, "still": {"y": 1}}),
                          ["Fig. 3A: One rests. supports in 1.0.0, now contradicts"], 31, 1e-3)  # fmt: skip
    assert text.startswith("**1 verdicts changed; 3 of 31 numbers moved by more than 0.001")
    assert "\n- Fig. 3A: One rests. supports in 1.0.0, now contradicts\n" in text
    assert "\n| fig | 6 | 3 | 1 |\n" in text  # 1e0 ... 1e-5, for x6 moves by just less than 1e-6 of the larger
    assert "fig, the largest 3 of 3:" in text
    assert text.index("`x0`") < text.index("`x1`") < text.index("`x2`")
    assert "`x3`" not in text
    assert "still" not in text


def test_long_lists_are_cut_and_cells_stay_cells():
    row = {f"x{i}": "a|b" * 100 for i in range(50)}
    text = compare.report(compare.moves({"fig": row}, {"fig": dict.fromkeys(row, 2.0)}), [], 50, 1e-3)
    assert f"the largest {compare.SHOWN} of 50" in text
    lines = [line for line in text.splitlines() if line.startswith("| `x")]
    assert len(lines) == compare.SHOWN
    assert all(len(line.replace("\\|", "").split("|")) == 6 and len(line) < 120 for line in lines)
