import json
import re

import numpy as np
import pytest

from ptabook.page import compass


def read(page) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page.data, re.S)[1])


def test_the_page_carries_degrees_and_shares_of_the_largest_activity():
    bump = np.array([[0.0, 1.0, 2.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    data = read(compass([1.0, 1.5], [-np.pi / 2, 7.0], bump, [np.pi, 0.0], dark=[False, True]))
    assert (data["start"], data["dt"]) == (1.0, 0.5)
    assert data["heading"] == [270, round(np.degrees(7.0 - 2 * np.pi))]
    assert data["decoded"] == [180, 0]
    assert np.allclose(np.array(data["bump"]) / 99, bump / 4, atol=0.5 / 99)
    assert data["dark"] == [0, 1]


def test_the_page_loads_nothing_and_names_no_other_host():
    page = compass([0.0, 0.1], [0.0, 0.2], np.ones((2, 8)), [0.0, 0.1]).data
    hosts = set(re.findall(r"https?://[^\"' ]+", page))
    assert hosts == {"http://www.w3.org/2000/svg"}  # a namespace
    assert not re.search(r"<(link|img|iframe)|src=", page)


@pytest.mark.parametrize(
    "change",
    [
        {"t": [0.0]},
        {"heading": [0.0, 0.1, 0.2]},
        {"heading": [0.0, np.nan]},
        {"bump": np.ones(8)},
        {"bump": -np.ones((2, 8))},
        {"decoded": [0.0]},
        {"dark": [True]},
    ],
)
def test_frames_that_do_not_fit_are_refused(change):
    good = {"t": [0.0, 0.1], "heading": [0.0, 0.2], "bump": np.ones((2, 8)), "decoded": [0.0, 0.1]}
    with pytest.raises(ValueError, match=r"^(bump|t, heading)"):
        compass(**{**good, **change})


def test_a_page_too_large_is_refused():
    n = 30_000
    with pytest.raises(ValueError, match="fewer times"):
        compass(np.arange(n) / 10, np.zeros(n), np.ones((n, 8)), np.zeros(n))
