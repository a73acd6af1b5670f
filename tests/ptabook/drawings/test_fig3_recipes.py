import numpy as np
import pytest
import torch
from drawn import drawn

from ptabook.drawings.fig3_recipes import Example, Lasting, Survey, Survival, shares_and_examples, transients
from ptacore import lyapunov_spectrum, models


def test_shares_intervals_and_the_distribution_are_those_given():
    spectrum = lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=20.0, transient=20.0, dt=0.1)
    t = np.arange(5.0)
    example = Example(7, spectrum, t, np.stack([t, -t], 1))
    share = np.array([0.0, 0.25, 0.75])
    interval = np.array([[1e-17, 0.1], [0.2, 0.3], [0.7, 0.8]])
    survey = Survey(share, interval, np.array([30.0, -20.0, 10.0, -50.0]))
    recipes = {"one": survey, "two": survey, "three": survey}
    fig = shares_and_examples(["rests", "0", "1+"], {100: recipes, 20: recipes}, {100: example, 20: example})
    panels = list(drawn(fig).values())
    assert len(panels) == 8
    shares, leading = panels[:2]
    assert all(shares[name]["y_high"].tolist() == share.tolist() for name in recipes)
    bars = shares["two"]
    assert ((bars["x_low"] + bars["x_high"]) / 2).tolist() == [0, 1, 2]
    sticks = [series for name, series in shares.items() if name not in recipes]
    assert sticks[0]["y_low"] == pytest.approx([0, 0.2, 0.7])
    assert sticks[0]["y_high"] == pytest.approx([0.1, 0.3, 0.8])
    curve = next(iter(leading.values()))
    assert curve["x"].tolist() == [-50, -20, 10, 30]
    assert curve["y"].tolist() == [0.25, 0.5, 0.75, 1]
    assert [line.get_ydata().tolist() for line in fig.axes[2].lines] == [t.tolist(), (-t).tolist()]
    assert fig.axes[2].get_title() == "sparse, seed 7"
    assert {text.get_text() for text in fig.axes[3].texts} == {"†"}


def test_survival_ends_and_sizes_are_those_given():
    survivals = [
        Survival("one", np.array([0.0, 10.0]), np.array([1.0, 0.6]), np.array([[1.0, 1.0], [0.4, 0.8]]), 300.0)
    ]
    gains = [Lasting(1.8, np.array([40, 100]), np.array([0.1, 0.8]), np.array([0.5, 0.25]),
                     np.array([[0.3, 0.7], [0.2, 0.4]]))]  # fmt: skip
    fig = transients({"seed 1": np.array([20.0, 0.0])}, survivals, gains, 120.0)
    growth, share, first, ended = fig.axes
    assert growth.lines[0].get_xdata().tolist() == [5.0, 15.0]
    assert growth.lines[0].get_ydata().tolist() == [20.0, 0.0]
    assert share.lines[0].get_xdata().tolist() == [0.0, 10.0, 300.0]
    assert share.lines[0].get_ydata().tolist() == [1.0, 0.6, 0.6]
    assert first.lines[0].get_ydata().tolist() == [0.1, 0.8]
    (bars,) = ended.collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [
        pytest.approx([0.3, 0.7]),
        pytest.approx([0.2, 0.4]),
    ]
    assert ended.get_ylabel() == "ended by 120 s"
