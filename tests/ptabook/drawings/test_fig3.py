import pytest
import torch

from ptabook.drawings.fig3 import Row, five_questions, own_label
from ptacore import adjoint, fixed_points, lyapunov_spectrum, models, trajectory


def row(name, rates, unit):
    system = models.LinearFlow(torch.diag(torch.tensor(rates, dtype=torch.float64)))
    starts = torch.tensor([[1.0, 0.5], [-0.5, 1.0]], dtype=torch.float64)
    t, x = trajectory(system, starts, duration=2.0, dt=0.01)
    psi = adjoint(system, x, dt=0.01, terminal=[1.0, 0.0])
    spectra = lyapunov_spectrum(system, starts, duration=20.0, dt=0.01, k=2)
    found = fixed_points(system) if max(rates) < 0 else None
    return Row(name, unit, found, t, x, t, psi, spectra, 1)


def test_an_adjoint_that_explodes_is_drawn_by_its_norm_beside_the_exponents_growth():
    rows = [row("rests", [-1.0, -2.0], "τ"), row("grows", [3.0, 2.0], "s")]
    fig = five_questions(rows)
    assert [ax.get_title() for ax in fig.axes[:5]][-1] == "exponents"
    quiet, loud = fig.axes[3], fig.axes[8]
    assert (quiet.get_yscale(), loud.get_yscale()) == ("linear", "log")
    assert (quiet.get_ylabel(), loud.get_ylabel()) == (r"$\psi_1$", r"$\|\psi\|$")
    assert loud.get_xlabel() == "time before end (s)"
    for line in quiet.lines[:2]:
        assert line.get_ydata() == pytest.approx(torch.exp(torch.tensor(-line.get_xdata())).numpy(), rel=1e-6)
    dashed = loud.lines[-1]
    for line in loud.lines[:2]:  # of a diagonal system: the norm is the first component, and grows at the exponent
        assert line.get_ydata() == pytest.approx(dashed.get_ydata(), rel=1e-3)
        assert line.get_xdata().tolist() == dashed.get_xdata().tolist()


def test_units_are_those_of_the_trial_that_is_shown():
    rows = [row("rests", [-1.0, -2.0], "τ"), row("grows", [3.0, 2.0], "s")]
    fig = five_questions(rows)
    for i, shown in enumerate(rows):
        units, neuron = fig.axes[5 * i + 1], fig.axes[5 * i + 2]
        assert [line.get_ydata()[0] for line in units.lines] == [-0.5, 1.0]
        assert [line.get_ydata()[0] for line in neuron.lines] == [1.0, -0.5]
        assert units.get_xlabel() == f"time ({shown.unit})"
        assert fig.axes[5 * i].texts[0].get_text() == f"{'AB'[i]}  {shown.name}"


@pytest.mark.parametrize(
    ("rates", "label"),
    [([3.0, -1.0], "own: chaos"), ([0.0, -1.0], "own: 1 at zero"), ([-1.0, -2.0], "own: all negative")],
)
def test_a_network_of_ones_own_is_called_by_what_was_found(rates, label):
    assert own_label(row("chaos", rates, "s").spectra[1]) == label
