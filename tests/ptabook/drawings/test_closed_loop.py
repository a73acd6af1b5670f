import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import closed_loop as draw


def shown(fig):
    panels = drawn(fig)
    plt.close(fig)
    return list(panels.values())


def test_costs_are_medians_with_the_range_of_the_seeds_and_ways_are_the_gains():
    cost = np.array([[100.0, 10.0, 1.0], [200.0, 20.0, 2.0], [300.0, 90.0, 9.0]])
    k = np.array([[0.0, -0.1, -0.3], [0.0, -0.2, -0.9]])
    grid = np.meshgrid([-1.0, 0.0], [-1.0, 0.0])
    fig = draw.lessons(
        {"closed loop": cost, "open loop": 2 * cost},
        (1, 2),
        (*grid, np.zeros((2, 2))),
        {"closed loop": k, "open loop": -k},
    )
    left, right = shown(fig)
    assert left["closed loop"]["y"] == pytest.approx([200, 20, 2])
    assert left["open loop"]["y"] == pytest.approx([400, 40, 4])
    assert right["closed loop"]["x"] == pytest.approx(k[0])
    assert right["closed loop"]["y"] == pytest.approx(k[1])


def test_stage_1_has_both_curves_and_both_swings():
    zm = np.array([-0.1, 0.0, 0.1])
    fig = draw.first(
        (zm, [3.0, 2.0, 9.0], [1.0, 1.0, 9.0]), [np.zeros(4)], {"end of stage 1": [1, -2], "end of stage 2": [1, 0]}
    )
    a, _, c = shown(fig)
    assert a["simulated"]["y"] == pytest.approx([3, 2, 9])
    assert a["growth alone"]["y"] == pytest.approx([1, 1, 9])
    assert c["end of stage 1"]["y"] == pytest.approx([1, -2])


def test_stage_2_draws_the_upper_half_of_the_plane():
    path = np.array([1 - 0.15j, 0.99 + 0.15j, 0.98 - 0.15j])
    fig = draw.second(path, 2, {0.0: path.conj(), 1.0: path}, {10: path}, (np.arange(3), -np.ones((2, 3)), 1.0))
    a, b, c, d = shown(fig)
    assert all((column["y"] > 0).all() for column in a.values() if len(column.get("y", [])) == 3)
    assert b["α = 1" if "α = 1" in b else r"$\alpha$ = 1"]["x"] == pytest.approx(path.real)
    assert c["T = 10"]["y"] == pytest.approx(path.imag)
    assert any(np.allclose(column.get("y", [0]), -1) for column in d.values())


def test_stage_3_tells_the_pair_from_the_real_eigenvalue():
    values = np.array([[1 + 0.1j, 1 - 0.1j, 0.2], [0.5, 0.3 + 0.4j, 0.3 - 0.4j]])
    a, b = shown(draw.third(values, (0, 1), {0.5: (1, np.array([3.0, 2.0, 1.0]), np.array([1.5, 0.9]))}))
    assert a["pair"]["y"] == pytest.approx([abs(1 + 0.1j), 0.5], rel=1e-5)
    assert a["third"]["y"] == pytest.approx([0.2, 0.5])
    assert b[r"$\beta$ = 0.5"]["y"] == pytest.approx([3, 2, 1])
    late = [column for column in b.values() if len(column["y"]) == 2]
    assert late[0]["x"] == pytest.approx([2, 3])  # the epochs after the end of stage 2


def test_recorded_runs_are_drawn_as_far_as_all_of_them_go_and_their_absence_is_said():
    exponent = ([5, 10], [0.01, -0.01], [0.001, 0.001], [0.01, -0.01])
    costs = [4.0, 2.0, 1.0], [8.0, 6.0], []
    runs = {"adam": [{"cost": cost, "status": "epoch limit"} for cost in costs]}
    runs["sgd"] = [{"cost": [4.0, 1e30], "status": "diverged"}]
    norms = {name: [1.0, 0.5] for name in ("stage 2", "end of stage 2", "stage 3")}
    *_, d, e = shown(draw.beyond(exponent, [1.0, -1.0], norms, {"pta": [[3.0, 1.0], [5.0, 1.0]]}, runs))
    assert d["oscillators"]["y"] == pytest.approx([4, 1])
    assert e["Adam"]["y"] == pytest.approx([6, 4])
    assert "SGD" not in e  # what diverges at once has no line, nor a place in the key
    fig = draw.beyond(exponent, [1.0, -1.0], norms, {}, {})
    assert [text.get_text() for ax in fig.axes for text in ax.texts].count("no recorded runs") == 2
    plt.close(fig)
