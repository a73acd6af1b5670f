"""Orbits that have come back to a state, to the last bit: a cycle of the system, or one that rounding has closed."""

from __future__ import annotations

import torch
from torch import Tensor


class ClosedOrbits:
    """Whether orbits have come back to a state, to the last bit (Brent's method): from there on they repeat."""

    def __init__(self, x: Tensor):
        self.mark, self.at = x, 0  # a state to come back to, and its step
        self.period = torch.zeros(x.shape[:-1], dtype=torch.long, device=x.device)  # or a multiple of it; 0: none seen
        self.from_start = self.period > 0
        self.size = x.abs().amax(-1)
        self.strayed = self.size  # between the last two marks before it closed

    def look(self, x: Tensor, done: int) -> None:
        if (x[..., 0] == self.mark[..., 0]).any() and (same := (x == self.mark).all(-1)).any():
            self.period = torch.where(same & (self.period == 0), done - self.at, self.period)
            if self.at == 0:
                self.from_start = same
        if done >= 2 * self.at:
            self.size = torch.maximum(self.size, x.abs().amax(-1))
            self.strayed = torch.where(self.period == 0, (x - self.mark).abs().amax(-1), self.strayed)
            self.mark, self.at = x, done

    @property
    def by_rounding(self) -> Tensor:
        """Orbits that neither started on their cycle nor came to rest by and by."""
        rested = self.strayed < torch.finfo(self.strayed.dtype).eps ** 0.25 * self.size
        return (self.period > 0) & ~self.from_start & ~rested
