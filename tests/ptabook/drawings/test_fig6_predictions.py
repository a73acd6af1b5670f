import math

import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import fig6_predictions as drawings


@pytest.fixture
def page():
    return drawings.layout()


def test_decoded_headings_are_drawn_between_minus_180_and_180_degrees(page):
    fig, axes = page
    stored = np.radians([-90.0, 0.0, 170.0])
    drawings.draw_decoded(axes["M1"], stored, stored + 0.1, stored + np.radians(20) + 2 * np.pi)
    shown = drawn(fig)["M1"]
    assert shown["phases"]["x"] == pytest.approx([-90, 0, 170])
    assert shown["phases"]["y"] == pytest.approx([-70, 20, -170])
    assert shown["spike counts"]["y"] == pytest.approx([-84.2704, 5.72958, 175.730], rel=1e-5)


def test_each_refractory_time_has_its_map_with_the_pulse_and_the_time_below(page):
    _, axes = page
    t, bump = np.linspace(0, 1, 5), np.arange(40.0).reshape(5, 8)
    drawings.draw_pulsed(axes["M2"], t, {0.002: bump, 0.006: 2 * bump, 0.0125: bump[::-1]}, onset=0.4)
    maps = axes["M2"].child_axes
    images = [ax.images[0].get_array() for ax in maps]
    assert np.array_equal(images[0], images[1])  # each relative to its highest
    assert np.array_equal(images[2], images[0][:, ::-1])
    assert images[0].max() == 1
    assert {ax.lines[0].get_xdata()[0] for ax in maps} == {0.4}
    assert [ax.texts[0].get_text().split("\n")[1] for ax in maps] == ["2 ms", "6 ms", "12.5 ms"]
    assert [ax.get_xlabel() for ax in maps] == ["", "", "time (s)"]


def test_the_other_four_panels_show_what_they_are_given(page):
    fig, axes = page
    n = np.arange(4.0)
    drawings.draw_shifts(axes["M3"], 90 * n, np.ones(4), np.zeros(4))
    drawings.draw_synchrony(axes["M4"], n, n / 10, n / 20, n / 30, n / 40)
    rings = {"8 neurons": n / 2, "100 neurons": n / 4}
    drawings.draw_lesions(axes["M5"], n / 8, n / 100, rings)
    drawings.draw_learning(axes["L3"], n, 1 + n / 100, n > 1)
    shown = drawn(fig)
    heights = {name: {key: series["y"] for key, series in shown[name].items() if "y" in series} for name in shown}
    assert heights["M3"]["+ pair"].tolist() == [1, 1, 1, 1]
    assert heights["M3"]["− pair"].tolist() == [0, 0, 0, 0]
    synchrony = {"pairs, no input": n / 10, "pairs, input": n / 20, "derived": n / 30, "headings": n / 40}
    for key, values in synchrony.items():
        assert heights["M4"][key] == pytest.approx(values, rel=1e-5)
    lesions = {"read-out, intact part": n / 100}
    for key, values in (lesions | {f"ring, {name}": e for name, e in rings.items()}).items():
        assert heights["M5"][key] == pytest.approx(values, rel=1e-5)
    assert axes["M5"].lines[-1].get_ydata()[0] == math.pi / math.sqrt(3)
    assert axes["L3"].lines[0].get_ydata().tolist() == [1, 1.01, 1.02, 1.03]
    corners = axes["L3"].collections[0].get_paths()[0].vertices
    assert (corners[:, 0].min(), corners[:, 0].max()) == (2, 3)
