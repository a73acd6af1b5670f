"""The coupling at which oscillators that turn at different speeds lock to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from ptacore.checks import finite_array, shown


def locking_coupling(frequencies: ArrayLike) -> float:
    """Least coupling at which all phases of a Kuramoto model lock.

    With a coupling K to the mean field all lock where the order parameter r solves its equation,

        r = mean_i sqrt(1 - (delta_i / K r)^2),

    delta_i being the distance of frequency i from the middle. With u = K r this is K = u / mean_i sqrt(1 - (delta_i /
    u)^2); the least K over all u >= max_i delta_i is the answer. The frequencies have to lie evenly about the middle,
    for a mean field that turns at that speed.

    Parameters
    ----------
    frequencies : array (n,)
        Natural frequencies less that of the mean field, in radians per unit time; only their sizes count.

    Returns
    -------
    float
        In the unit of the frequencies; 0 if all are 0.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If there are none, or one is not finite.

    Examples
    --------
    >>> round(locking_coupling([-0.1, 0.1]), 6)  # two lock where the coupling is their difference
    0.2
    """
    delta = np.abs(finite_array(frequencies, "frequencies"))
    if delta.ndim != 1 or not delta.size:
        raise ValueError(f"frequencies: expected finite numbers (n,), n at least 1, got {shown(frequencies)}")
    most = delta.max()
    if most == 0:
        return 0.0

    def needed(u: float) -> float:
        return u / np.mean(np.sqrt(np.maximum(1 - (delta / u) ** 2, 0)))

    # K(u) >= u, and K(2 most) <= 2 most / sqrt(3/4): the least K is that of a u below 2.4 most
    return float(minimize_scalar(needed, bounds=(most, 5 * most), method="bounded").fun)
