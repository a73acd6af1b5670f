"""The three stages of learning in a closed loop, told by eigenvalues and not by the look of a loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Stages(NamedTuple):
    """When stages end.

    Attributes
    ----------
    oscillates : int or None
        End of stage 1: the first epoch from which on the leading eigenvalue is complex, until the loop is stable.
    stable : int or None
        End of stage 2: the first epoch from which on the spectral radius is below 1 to the end. None if it never is.
    """

    oscillates: int | None
    stable: int | None


def stages(epochs, leading) -> Stages:
    """The ends of stages 1 and 2 from the loop's leading eigenvalue along training.

    Parameters
    ----------
    epochs : array (E,)
        Ascending.
    leading : complex array (E,)
        The eigenvalue of largest modulus, or one of the pair.

    Returns
    -------
    Stages

    Raises
    ------
    ValueError
        If the shapes differ or there is no epoch.

    Examples
    --------
    >>> stages([0, 1, 2, 3], [1.1, 1 + 0.2j, 1 + 0.1j, 0.9])
    Stages(oscillates=1, stable=3)
    """
    epochs, leading = np.asarray(epochs), np.asarray(leading, complex)
    if epochs.ndim != 1 or epochs.shape != leading.shape or not len(epochs):
        raise ValueError(f"leading: expected a value for each of the epochs {epochs.shape}, got {leading.shape}")
    stable = _first_of_last_run(np.abs(leading) < 1)
    until = len(epochs) if stable is None else stable
    oscillates = _first_of_last_run(np.abs(leading.imag[:until]) > 0)
    if oscillates is None and stable is not None and leading.imag[stable]:
        oscillates = stable
    return Stages(*(None if place is None else int(epochs[place]) for place in (oscillates, stable)))


def _first_of_last_run(holds: np.ndarray) -> int | None:
    """The first place from which on it holds to the end."""
    if not len(holds) or not holds[-1]:
        return None
    fails = np.flatnonzero(~holds)
    return int(fails[-1]) + 1 if len(fails) else 0
