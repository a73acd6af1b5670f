"""Where all oscillators lock to one."""

import numpy as np
import pytest

from ptacore.oscillators.synchrony import locking_coupling


def test_closed_forms():
    assert locking_coupling([-0.3, 0.3]) == pytest.approx(0.6, rel=1e-6)  # Adler: the difference
    assert locking_coupling([0.5, -0.5] * 8) == pytest.approx(1, rel=1e-6)
    dense = np.linspace(-1, 1, 2001)  # a uniform density of half-width g locks at 4 g / pi
    assert locking_coupling(dense) == pytest.approx(4 / np.pi, rel=1e-2)
    assert locking_coupling([0.0, 0.0]) == 0


def test_it_scales_with_the_frequencies_and_only_their_sizes_count():
    delta = np.random.default_rng(0).normal(size=9)
    assert locking_coupling(3 * delta) == pytest.approx(3 * locking_coupling(delta), rel=1e-6)
    assert locking_coupling(-delta[::-1]) == pytest.approx(locking_coupling(delta))


def drift(delta, K, time=300.0, dt=0.05):
    """Largest phase, less the mean field's, that the Kuramoto model gains in the second half of a run."""
    phase = np.zeros(len(delta))
    for step in range(round(time / dt)):
        if step == round(time / dt / 2):
            half = phase.copy()
        field = np.exp(1j * phase).mean()
        phase = phase + dt * (delta + K * (field * np.exp(-1j * phase)).imag)
    return abs(phase - half).max()


def test_the_kuramoto_model_locks_above_and_slips_below():
    half = np.array([0.2, 0.5, 0.6, 1.0])
    delta = np.concatenate([half, -half])
    K = locking_coupling(delta)
    assert drift(delta, 1.02 * K) < 1e-3
    assert drift(delta, 0.98 * K) > np.pi


@pytest.mark.parametrize("wrong", [[], [np.nan], [np.inf, 0], 0.5, [[0.1, 0.2]]])
def test_it_refuses_what_is_no_list_of_numbers(wrong):
    with pytest.raises(ValueError, match="frequencies: expected finite numbers"):
        locking_coupling(wrong)


@pytest.mark.parametrize("wrong", [["a"], "0.1", [0.1, 1j], [[0.1], [0.1, 0.2]], None])
def test_it_refuses_what_is_no_number(wrong):
    with pytest.raises(TypeError, match="^frequencies: expected"):
        locking_coupling(wrong)
