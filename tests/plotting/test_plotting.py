from itertools import combinations

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


def test_the_palette_is_distinct_and_fonts_are_legible():
    assert len(set(plotting.COLORS.values())) == len(plotting.COLORS) == 10
    plotting.figure(1, 1)
    assert min(plt.rcParams[k] for k in ("font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize")) >= 8


# What is seen without one kind of cone, in linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
SIGHT = {
    "all cones": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(color: str, sight: np.ndarray) -> np.ndarray:
    """CIELAB of a colour as it is seen, D65."""
    code = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(sight @ linear, 0, 1) / XYZ.sum(1))  # none of ours is so dark as to be linear
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_are_told_apart_without_one_kind_of_cone(sight):
    seen = [lab(color, np.array(SIGHT[sight])) for color in plotting.COLORS.values()]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10  # 2 is just noticeable side by side


def test_red_and_green_of_equal_lightness_are_not_told_apart_without_middle_cones():
    red, green = "#c0392b", "#6b7a1e"
    assert np.linalg.norm(lab(red, SIGHT["all cones"]) - lab(green, SIGHT["all cones"])) > 60
    assert np.linalg.norm(lab(red, np.array(SIGHT["no middle"])) - lab(green, np.array(SIGHT["no middle"]))) < 25
