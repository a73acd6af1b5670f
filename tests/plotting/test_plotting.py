import json
import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ptacore import fixed_points, lyapunov_spectrum, models, plotting, trajectory


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plotting.figure(1, 1, width=3, height=3)[1][0, 0]


def test_principal_components_keep_distances_of_a_plane(ax):
    """Points in a plane of a larger space keep their distances; the fixed point sits where the trajectories end."""
    system = models.LinearFlow(np.diag([-1.0, -1.5, -3.0]))
    x0 = np.array([[1.0, 2.0, 0.0], [-1.0, 0.5, 0.0], [0.3, -2.0, 0.0]])
    t, x = trajectory(system, x0, duration=20.0, dt=0.1)
    plotting.plot_principal_components(ax, t, x, fixed_points(system))
    starts, point = (np.asarray(c.get_offsets()) for c in ax.collections[1:3])
    for i in range(3):
        assert np.linalg.norm(starts[i] - point[0]) == pytest.approx(np.linalg.norm(x0[i]), rel=1e-6)


def test_one_neuron_is_coloured_by_where_it_ends(ax):
    x = np.stack([np.linspace(0, end, 9) for end in (0.0, 1.0, 1.0, 0.5)], 1)
    plotting.plot_one_neuron(ax, np.arange(9), x)
    colors = [line.get_color() for line in ax.lines]
    assert (colors[1] == colors[2]).all()
    assert (colors[0] != colors[1]).any()
    assert (colors[3] != colors[1]).any()


def test_adjoints_are_drawn_backward(ax):
    t = np.array([2.0, 3.0, 4.0])
    plotting.plot_adjoints(ax, t, np.array([[1.0], [2.0], [3.0]]), np.zeros(1))
    assert ax.lines[0].get_xdata().tolist() == [2.0, 1.0, 0.0]
    assert ax.lines[0].get_ydata()[-1] == 3.0  # the error itself, at no time before the end


def test_zero_exponents_get_the_daggers(ax):
    s = lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=50.0, transient=50.0, dt=0.1)
    plotting.plot_spectrum(ax, s)
    assert [(a.get_text(), a.xy[0]) for a in ax.texts] == [("†", 1)]


def test_save_writes_all_or_refuses(tmp_path):
    fig, _ = plotting.figure(1, 1, width=2, height=2)
    numbers = {"a": torch.tensor([1.0, 2.0]), "b": np.float64(3), "c": {"d": [True, "text"]}}
    plotting.save("f", str(tmp_path), fig, numbers)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"f.{kind}" for kind in ("csv", "json", "pdf", "png", "svg")]
    assert json.loads((tmp_path / "f.json").read_text()) == {"a": [1.0, 2.0], "b": 3.0, "c": {"d": [True, "text"]}}
    for bad in (math.nan, torch.tensor(math.inf)):
        with pytest.raises(ValueError, match="JSON"):
            plotting.save("g", str(tmp_path), fig, {"x": bad})
    with pytest.raises(TypeError, match="object"):
        plotting.save("g", str(tmp_path), fig, {"x": object()})
    assert not list(tmp_path.glob("g.*"))
    plotting.save("h", "", fig, {"x": 1.0})  # by hand, in a notebook: nothing is written
    assert len(list(tmp_path.iterdir())) == 5


def test_the_same_figure_is_the_same_files(tmp_path):
    made = []
    for name in "a", "b":
        (tmp_path / name).mkdir()
        fig, axes = plotting.figure(1, 1, width=2, height=2)
        axes[0, 0].plot([1, 2], [3, 4], label="θ")
        axes[0, 0].legend()
        plotting.save("f", str(tmp_path / name), fig)
        made.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"f.csv", "f.pdf", "f.png", "f.svg"}
    pdf = made[0]["f.pdf"]
    assert pdf.startswith(b"%PDF-1.")
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf  # fonts embedded, as outlines that journals take


def test_the_palette_is_distinct_and_fonts_are_legible():
    assert len(set(plotting.COLORS.values())) == len(plotting.COLORS) == 10
    plotting.figure(1, 1)
    assert min(plt.rcParams[k] for k in ("font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize")) >= 8
