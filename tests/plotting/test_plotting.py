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
