import re

import numpy as np
import pytest

from ptabook.page.swing_up import swing_up

THETA = np.linspace(np.pi, 0.0, 5)
TORQUE = np.array([2.0, 1.0, 0.0, -1.0, -4.0])


def test_every_time_has_its_angle_and_its_torque():
    page = swing_up(THETA, TORQUE, dt=0.5).data
    turns = re.findall(r"([\d.]+)%\{transform:rotate\((-?[\d.]+)deg\)\}", page)
    assert [(float(p), float(v)) for p, v in turns] == [(0, -180), (25, -135), (50, -90), (75, -45), (100, 0)]
    bars = re.findall(r"%\{transform:scaleX\((-?[\d.]+)\)\}", page)
    assert [float(v) for v in bars] == [-1, -0.5, 0, 0.5, 1]  # counterclockwise is to the left; no more than the bound
    assert "animation: 2s linear infinite paused" in page
    assert "starts at 180 degrees from upright and is at 0 degrees after 2 seconds" in page


def test_it_moves_by_style_sheets_alone_when_asked_to_and_never_on_paper_or_against_the_readers_wish():
    page = swing_up(THETA, TORQUE).data
    assert not re.search(r"<(script|link|img|iframe)|src=|https?:", page)
    assert ":has(input:checked)" in page
    for medium in ("print", r"\(prefers-reduced-motion: reduce\)"):
        assert re.search(rf"@media {medium} {{[^}}]*animation: none", page)
    assert page.count('r="8"') == 14  # the still
    assert "FIRST" not in page
    assert "GHOSTS" not in page


@pytest.mark.parametrize(
    ("change", "name"),
    [({"theta": [0.0]}, "theta"), ({"theta": np.zeros(3000)}, "theta"), ({"theta": [0.0, np.nan]}, "theta"),
     ({"torque": [0.0]}, "torque"), ({"dt": 0.0}, "dt"), ({"bound": -1.0}, "bound")],
)  # fmt: skip
def test_wrong_frames_are_named(change, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        swing_up(**{"theta": [0.0, 1.0], "torque": [0.0, 1.0], **change})
