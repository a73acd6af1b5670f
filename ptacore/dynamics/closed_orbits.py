"""Orbits that have come back to a state, to the last bit: a cycle of the system, or one that rounding has closed."""

from __future__ import annotations

import torch
from torch import Tensor

TOGETHER = 2**12  # numbers that are compared at once: many small states for the price of one


class ClosedOrbits:
    """Whether orbits have come back to a state, to the last bit (Brent's method): from there on they repeat."""

    def __init__(self, x: Tensor):
        self.mark, self.at = x, 0  # a state to come back to, and its step
        self._states, self._steps = [], []  # passed since then, and not compared with it yet
        self._period = torch.zeros(x.shape[:-1], dtype=torch.long, device=x.device)
        self._from_start = self._period > 0
        self._all_closed, self._last = False, 0
        self.size = x.abs().amax(-1)
        self.strayed = self.size  # between the last two marks before it closed

    def passes(self, x: Tensor, done: int) -> None:
        """The orbits pass states x (..., n) at a step; x must not be changed later."""
        if done <= self._last:  # a stretch that is taken again has been seen
            return
        self._last = done
        if not self._all_closed:
            self._states.append(x)
            self._steps.append(done)
        if done >= 2 * self.at:
            self._compare()
            self.size = torch.maximum(self.size, x.abs().amax(-1))
            if not self._all_closed:
                self.strayed = torch.where(self._period == 0, (x - self.mark).abs().amax(-1), self.strayed)
            self.mark, self.at = x, done
        elif len(self._states) * x.numel() >= TOGETHER:
            self._compare()

    def _compare(self) -> None:
        if not self._states:
            return
        same = (torch.stack(self._states) == self.mark).all(-1)
        if same.any():
            first = torch.tensor(self._steps, device=same.device)[same.int().argmax(0)]
            self._period = torch.where(same.any(0) & (self._period == 0), first - self.at, self._period)
            self._all_closed = bool((self._period > 0).all())
            if self.at == 0:
                self._from_start = same[0]
        self._states, self._steps = [], []

    @property
    def period(self) -> Tensor:
        """Steps of the cycle, or a multiple of them (...); 0 where no orbit has closed."""
        self._compare()
        return self._period

    @property
    def by_rounding(self) -> Tensor:
        """Orbits that neither started on their cycle nor came to rest by and by."""
        rested = self.strayed < torch.finfo(self.strayed.dtype).eps ** 0.25 * self.size
        return (self.period > 0) & ~self._from_start & ~rested
