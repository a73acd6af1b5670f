import math

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from ptabook.drawings import gates_and_spikes as drawings
from ptacore.plotting import BLUE, PURPLE


@pytest.fixture
def axes():
    return drawings.layout()[1]


def heights(ax):
    return [np.asarray(line.get_ydata()).tolist() for line in ax.lines]


def test_errors_found_are_dots_and_derived_ones_lines(axes):
    t = np.array([5.0, 10.0])
    found = {"line": (t, 2 * t), "cycle": (3 * t, 4 * t)}
    derived, fluctuating = {"line": 5 * t, "cycle": 6 * t}, {"line": 7 * t, "cycle": 8 * t}
    drawings.draw_state_noise(axes["A"], t, found, derived)
    drawings.draw_changed_weights(axes["B"], t, found, derived, fluctuating)
    assert heights(axes["A"]) == [(k * t).tolist() for k in (1, 2, 5, 3, 4, 6)]
    assert heights(axes["B"]) == [(k * t).tolist() for k in (1, 2, 5, 7, 3, 4, 6, 8)]
    assert [line.get_marker() for line in axes["B"].lines[:4]] == ["o", "o", "None", "None"]
    assert axes["B"].lines[1].get_markerfacecolor() == "none"  # the difference
    assert axes["A"].get_xscale() == axes["A"].get_yscale() == "log"


def test_each_network_has_a_dot_and_their_mean_is_on_the_line(axes):
    shares = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.5, 1.0]])
    drawings.draw_zeros(axes["C"], [0.0, 0.01], shares, torch.tensor([0.5, 20.0]))
    *networks, mean = heights(axes["C"])
    assert networks == shares.tolist()
    assert mean == [1, 0.5]
    assert [tick.get_text() for tick in axes["C"].get_xticklabels()] == ["0", "0.01"]
    beside = axes["C"].figure.axes[-1]
    assert heights(beside) == [[0.5, 20]]
    assert beside.get_yscale() == "log"


def test_exponents_are_drawn_at_their_bias(axes):
    biases = torch.tensor([0.0, 2.0])
    rates = [torch.tensor([-0.7, -0.6]), torch.tensor([-0.1])]  # one has not come to rest
    drawings.draw_forgetting(axes["D"], biases, rates, torch.nn.functional.logsigmoid(biases))
    first, second, exact, zero = axes["D"].lines
    assert first.get_xdata().mean() == pytest.approx(0)
    assert second.get_xdata().tolist() == pytest.approx([2 - 0.15])
    assert np.asarray(first.get_ydata()) == pytest.approx([-0.7, -0.6])
    assert np.asarray(exact.get_ydata()) == pytest.approx([math.log(0.5), -math.log1p(math.exp(-2))])
    assert list(zero.get_ydata()) == [0, 0]


def test_growth_is_a_mean_with_its_range_beside_the_true_gradients(axes):
    rates = np.array([[-0.1, 0.0, 0.4], [0.1, 0.2, 0.3]])
    arms = [(0.0, 25.0), (0.5, 25.0), (1.0, 25.0), (1.0, 5.0)]
    drawings.draw_growth(axes["E"], [0.0, 1.5], dict.fromkeys(arms, rates), tau=20.0)
    bars = axes["E"].containers
    assert [bar.get_label() for bar in bars] == ["gain 0, k 25", "0.5, 25", "1, 25", "1, 5"]
    assert bars[0][0].get_ydata() == pytest.approx([0.1, 0.2])
    ends = np.array(bars[0][2][0].get_segments())[:, :, 1]
    assert ends == pytest.approx(np.array([[-0.1, 0.4], [0.1, 0.3]]))
    true = [list(line.get_ydata()) for line in axes["E"].lines if line.get_color() == "black"]
    assert true == [[-0.05, -0.05], [0, 0]]


def test_losses_are_coloured_by_whether_neurons_fire_and_not_drawn_below_the_edge(axes):
    drawings.draw_losses(axes["F"], [0.9, 1.1], np.array([[0.7, 0.2], [1e-9, 0.3]]))
    rest, fire, chance = axes["F"].lines
    assert [to_hex(line.get_color()) for line in (rest, fire)] == [BLUE, PURPLE]
    assert rest.get_ydata().tolist() == [0.7, 0.2]
    assert fire.get_ydata().tolist() == [1e-4, 0.3]
    assert chance.get_ydata()[0] == math.log(2)
