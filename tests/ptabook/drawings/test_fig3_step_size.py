import torch
from drawn import drawn

from ptabook.drawings.fig3_step_size import Exponents, exponents_against_steps
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
    assert lines == [[5, 3, 2], [6.25, 3.75, 2.5], [2, 0, -1], [2.5, 0, -1.25]]
    lines = [series["y"].tolist() for series in right if len(series.get("x", [])) == len(STEPS)]
    assert lines == [[1, 1, 1], [-2, -2, -2]]
    assert [text.get_text() for text in fig.axes[0].texts] == ["2", "1", "1"]  # 0 and -1 do not count
    assert [text.get_text() for text in fig.axes[1].texts] == ["1", "1", "1"]
    assert [text.get_text() for text in fig.axes[2].get_xticklabels()] == ["4", "2", "1"]
    levels = [line.get_ydata()[0] for line in fig.axes[1].lines if line.get_linestyle() == ":"]
    assert levels == reference.exponents.tolist()
