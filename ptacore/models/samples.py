"""An input that was sampled, as a function of time."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ptacore.checks import choice, flag, floating, to_tensor

KINDS = {"previous": 0, "linear": 1, "cubic": 3}


class Samples:
    """A sampled input as a function of time, to be used inside ``f(x, t)`` of `ptacore.System.from_function`.

    Parameters
    ----------
    times : array (T,)
        When the samples were taken, ascending.
    values : array (T, ...)
        The samples; what an evaluation returns has the axes after the first.
    kind : {"linear", "cubic", "previous"}
        Straight lines between samples, a cubic spline (not-a-knot), or the last sample held. A Runge-Kutta step over a
        kink or a jump is of first or second order: let samples fall on whole steps.
    periodic : bool
        Whether the input goes on periodically, with the period ``times[-1] - times[0]``; first and last value must
        then be equal.
    dtype : torch.dtype
        Type of the result: that of the states.

    Attributes
    ----------
    start, end : float
        First and last time.

    Raises
    ------
    ValueError
        If times do not ascend, the lengths do not match, an entry is not finite, or `kind` is unknown. Later, if a
        time outside the samples is asked for.

    Examples
    --------
    >>> drive = Samples([0.0, 1.0, 2.0], [[0.0], [10.0], [0.0]])
    >>> drive(0.25), drive(2.0)
    (tensor([2.5000], dtype=torch.float64), tensor([0.], dtype=torch.float64))
    >>> from ptacore import System
    >>> pushed = System.from_function(lambda x, t: -x + drive(t), dim=1, kind="flow")
    """

    def __init__(self, times, values, kind: str = "linear", periodic: bool = False, dtype: torch.dtype = torch.float64):
        choice("kind", kind, KINDS)
        flag("periodic", periodic)
        t = to_tensor(times, "times", torch.float64).to("cpu", copy=True)  # not a view of the user's array
        v = to_tensor(values, "values", torch.float64).to("cpu", copy=True)
        least = 4 if kind == "cubic" else 2
        if t.ndim != 1 or len(t) < least or not torch.isfinite(t).all() or (t.diff() <= 0).any():
            raise ValueError(f"times: expected at least {least} ascending, finite times (T,), got {tuple(t.shape)}")
        if v.ndim == 0 or len(v) != len(t) or not torch.isfinite(v).all():
            raise ValueError(f"values: expected finite numbers of shape ({len(t)}, ...), got {tuple(v.shape)}")
        if periodic and not torch.equal(v[0], v[-1]):
            raise ValueError("values: the first and the last of a periodic input must be equal")
        self.start, self.end, self.periodic, self.kind = t[0].item(), t[-1].item(), periodic, kind
        self.dtype = floating("dtype", dtype)
        self._times, self._values = t.numpy(), v
        if kind == "cubic":
            from scipy.interpolate import make_interp_spline  # here: importing SciPy costs more than this package

            self._spline = make_interp_spline(self._times, v.numpy(), 3, bc_type="periodic" if periodic else None)

    def __call__(self, t: float) -> Tensor:
        """The input at time t: the axes of `values` after the first."""
        t = float(t)
        if self.periodic:
            t = self.start + math.fmod(t - self.start, self.end - self.start)
            t += (self.end - self.start) * (t < self.start)
        slack = 1e-9 * (self.end - self.start)  # times of steps are sums and products
        if not self.start - slack <= t <= self.end + slack:
            raise ValueError(f"t: the samples reach from {self.start:g} to {self.end:g}, but time {t:g} is needed")
        t = min(max(t, self.start), self.end)
        if self.kind == "cubic":
            return torch.from_numpy(np.asarray(self._spline(t))).to(self.dtype)
        i = min(
            int(np.searchsorted(self._times, t + slack * (self.kind == "previous"), "right")) - 1, len(self._times) - 1
        )
        if self.kind == "previous" or i == len(self._times) - 1:
            return self._values[i].to(self.dtype)
        share = (t - self._times[i]) / (self._times[i + 1] - self._times[i])
        return torch.lerp(self._values[i], self._values[i + 1], float(share)).to(self.dtype)
