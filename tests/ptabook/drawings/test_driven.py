import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import drawn

from ptabook.drawings import driven


@pytest.fixture(scope="module")
def panels():
    size, fine = np.array([0.02, 0.2]), np.array([0.015, 0.1, 0.8])
    noisy = {
        name: (size, -strength * size**2, 0.1 * size**2, fine, -strength * fine**2)
        for name, strength in {"fast": 1.0, "slow": 2.0}.items()
    }
    at, between = np.array([0.98, 1.0, 1.02]), np.linspace(0.96, 1.04, 5)
    tones = {a: (at, -a * np.ones(3), between, -a * np.ones(5)) for a in (0.005, 0.01, 0.02)}
    lives = {"fast noise": (fine, -(fine**2)), "slow noise": (fine, -2 * fine**2), "periodic": (fine, -fine)}
    fig = driven.draw(noisy, tones, lives)
    yield drawn(fig)
    plt.close(fig)


def test_exponents_under_noise_are_drawn_positive_with_two_standard_errors(panels):
    slow = panels["A"]["slow noise"]
    assert slow["y"] == pytest.approx([2 * 0.02**2, 2 * 0.2**2])
    assert slow["y_high"] - slow["y"] == pytest.approx([0.2 * 0.02**2, 0.2 * 0.2**2])


def test_every_amplitude_has_its_points(panels):
    for amplitude in (0.005, 0.01, 0.02):
        assert panels["B"][f"{amplitude:g}"]["y"] == pytest.approx([-amplitude] * 3)


def test_a_gradient_at_the_end_of_its_life_has_shrunk_a_thousandfold(panels):
    for name, rate in (("fast noise", lambda s: s**2), ("slow noise", lambda s: 2 * s**2), ("periodic", lambda s: s)):
        life = panels["C"][name]
        assert np.exp(-rate(life["x"]) * life["y"]) == pytest.approx([1e-3] * 3, rel=1e-4)
    assert math.log(1000) / 0.8 == pytest.approx(panels["C"]["periodic"]["y"][-1], rel=1e-5)
