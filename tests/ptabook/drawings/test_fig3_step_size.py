import pytest
import torch
from drawn import drawn

from ptabook.drawings.fig3_step_size import Exponents, exponents_against_steps, four_or_two
from ptacore import lyapunov_spectrum, models

STEPS = [4, 2, 1]


def test_both_schemes_the_reference_and_the_counts_are_those_given():
    rates = torch.tensor([1.0, -2.0], dtype=torch.float64)
    reference = lyapunov_spectrum(models.LinearFlow(rates.diag()), [0.1, 0.1], duration=5.0, dt=0.01, k=2)
    ours = rates + torch.zeros(3, 1)
    printed = rates + torch.tensor([[4.0], [2.0], [1.0]])  # too high, in proportion to the step
    found = Exponents(printed, printed / 0.8, ours, reference)
    fig = exponents_against_steps(STEPS, {"one": found, "two": found})
    left, right = (list(series.values()) for series in list(drawn(fig).values())[:2])
    lines = [series["y"].tolist() for series in left if len(series.get("x", [])) == len(STEPS)]
    assert lines == [[6.25, 3.75, 2.5], [5, 3, 2], [2.5, 0, -1.25], [2, 0, -1]]
    of_steps = [line for line in fig.axes[0].lines if len(line.get_xdata()) == len(STEPS)]
    assert [line.get_linestyle() for line in of_steps] == ["-", "--"] * 2  # what the program prints is dashed
    lines = [series["y"].tolist() for series in right if len(series.get("x", [])) == len(STEPS)]
    assert lines == [[1, 1, 1], [-2, -2, -2]]
    assert [text.get_text() for text in fig.axes[0].texts] == ["2", "1", "1"]  # 0 and -1 do not count
    assert [text.get_text() for text in fig.axes[1].texts] == ["1", "1", "1"]
    assert [text.get_text() for text in fig.axes[2].get_xticklabels()] == ["4", "2", "1"]
    levels = [line.get_ydata()[0] for line in fig.axes[1].lines if line.get_linestyle() == ":"]
    assert levels == reference.exponents.tolist()


def test_lines_lead_to_the_networks_own_exponents_at_step_zero():
    rates = torch.tensor([1.0, -2.0], dtype=torch.float64)
    reference = lyapunov_spectrum(models.LinearFlow(rates.diag()), [0.1, 0.1], duration=5.0, dt=0.01, k=2)
    mended = rates + torch.tensor([[4.0], [2.0], [1.0]])
    fig = four_or_two(STEPS, Exponents(0.8 * mended, mended, mended, reference))
    (ax,) = fig.axes
    lines = [line.get_ydata().tolist() for line in ax.lines if list(line.get_xdata()) == STEPS]
    assert lines == [[5, 3, 2], pytest.approx([4, 2.4, 1.6]), [2, 0, -1], pytest.approx([1.6, 0, -0.8])]
    at_zero = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0] and line.get_marker() == "D"]
    assert at_zero == reference.exponents.tolist()
    assert [text.get_text() for text in ax.texts if text.get_text().isdigit()] == ["2", "1", "1", "1"]
