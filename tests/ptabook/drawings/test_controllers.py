import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import controllers as draw
from ptacore.reinforcement.policy import policy_map
from ptacore.reinforcement.proximity import Line

MAP = policy_map([[0.1, 1.0], [-3.0, -1.0]], [1.0, -2.0], bins=(2, 2))


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_returns_maps_and_the_last_place_of_the_pendulum_are_drawn():
    courses = {"partial": np.array([[-900.0, -300.0], [-1100.0, -500.0]]), "full": np.array([[-800.0, -200.0]])}
    maps = {kind: [(update, MAP) for update in (4, 20, 100)] for kind in courses}
    fig = draw.policies(np.linspace(np.pi, 0, 50), courses, [-1000.0, -900.0], maps)
    panels = list(drawn(fig).values())
    plt.close(fig)
    a, b, maps = panels[-2], panels[-1], panels[:-2]  # the wide ones were added last
    assert any(np.allclose([p["x"][-1], p["y"][-1]], [0, 1], atol=1e-9) for p in a.values())
    assert b["sees the angle"]["y"] == pytest.approx([-1000, -400])
    assert b["trained on this page"]["y"] == pytest.approx([-1000, -900])
    assert len(maps) == 6
    (series,) = maps[0].values()
    assert sorted(series["value"][~np.isnan(series["value"])]) == [-2, 1]


def test_states_ways_pairs_and_times_are_drawn():
    theta = np.linspace(-3, 3, 20)
    points = np.stack([np.cos(theta), np.sin(theta)], 1)
    clouds = [(update, points, theta, np.array([1.0, 0.0]), np.array([-1.0, 0.0])) for update in (4, 20, 100)]
    way = np.array([[3.0, 1.0], [1.0, 0.0]]), np.array([-900.0, -200.0])
    times = {key: np.ones((3, 2, 5)) * np.array([3.0, 2.0, 4.0])[:, None, None] for key in ("one", "all")}
    pairs = [(np.array([2.0, 1.0]), np.array([700.0, 300.0]))]
    fig = draw.rings(clouds, way, pairs, Line(400.0, -100.0, 1.0, 0.0), [0, 100], times)
    panels = list(drawn(fig).values())
    plt.close(fig)
    assert panels[0]["held upright"]["x"] == pytest.approx([1.0])
    assert panels[2]["held hanging"]["x"] == pytest.approx([-1.0])
    against = next(p for p in panels if "seed 0" in p)
    assert against["seed 0"]["y"] == pytest.approx([700, 300])
    assert any(np.allclose(s["y"], [-100, 700]) for s in against.values())
    bars = [s for p in panels for s in p.values() if "y_low" in s]
    assert len(bars) == 10
    assert all(np.allclose(s["y_low"], 2) and np.allclose(s["y_high"], 4) for s in bars)


def test_multipliers_exponents_and_other_ways_are_drawn():
    radii = {"upright": np.array([[1.2, 0.9], [1.2, 0.8]]), "hanging": np.array([[1.0, 1.1], [1.0, np.nan]])}
    exponents = {"agent and pendulum": np.array([[0.0, -0.1]]), "agent": []}
    fig = draw.measures(
        ([0, 50, 100], {"held": np.array([[0.5, 0.7, 0.9]]), "hanging": [], "none": []}), ([0, 100], radii), 1.2133,
        ([0, 100], exponents), ([0, 100], {"fit": np.array([[0.9, 0.8], [0.7, 0.8]]), "off": []}),
        {"orthogonal": np.array([[-900.0, -300.0]]), "oscillators": []}, {"orthogonal": [-300.0, -500.0], "none": []},
    )  # fmt: skip
    a, b, c, d, e, f = drawn(fig).values()
    plt.close(fig)
    assert a["held"]["x"] == pytest.approx([0, 50, 100])
    assert a["held"]["y"] == pytest.approx([0.5, 0.7, 0.9])
    assert b["upright"]["y"] == pytest.approx([1.2, 0.85])
    assert b["hanging"]["y"] == pytest.approx([1.0, 1.1])
    assert c["agent and pendulum"]["y"] == pytest.approx([0, -0.1])
    assert d["fit"]["y"] == pytest.approx([0.8, 0.8])
    assert e["orthogonal"]["x"] == pytest.approx([1, 2])
    assert e["orthogonal"]["y"] == pytest.approx([-900, -300])
    assert any(np.allclose(s["x"], -400) for s in f.values())


def test_missing_runs_are_said():
    empty = {"partial": [], "full": []}
    for fig in (
        draw.policies(np.array([3.0, 3.0]), empty, [-1000.0], {}),
        draw.rings([], (), [], None, [0], {}),
        draw.measures(
            ([0], {"a": [], "b": [], "c": []}),
            ([0], {"a": [], "b": []}),
            1.2,
            *[([0], {"a": [], "b": []})] * 2,
            {"a": [], "b": []},
            {"a": []},
        ),
    ):
        assert "no recorded runs" in texts(fig)
        plt.close(fig)
