import numpy as np
import pytest
import torch
from drawn import drawn

from ptabook.drawings.fig3_recipes import Example, Survey, shares_and_examples
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
