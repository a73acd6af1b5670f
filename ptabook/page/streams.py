"""Streams of random numbers, each drawn for one purpose: a change of one leaves the others as they are."""

from __future__ import annotations

import torch
from torch import Tensor


class Streams:
    """Streams of random numbers that one seed gives.

    Parameters
    ----------
    seed : int
        The seed of the page.

    Examples
    --------
    >>> streams = Streams(seed=0)
    >>> starts, noise = streams.randn(2, stream=1), streams.randn(2, stream=2)
    >>> bool((starts == streams.randn(2, stream=1)).all()), bool((starts == noise).any())
    (True, False)
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, stream: int) -> torch.Generator:
        """Make a new generator at the beginning of a stream, one of a thousand."""
        return torch.Generator().manual_seed(1000 * self.seed + stream)

    def randn(self, *shape: int, stream: int) -> Tensor:
        """Draw Gaussian numbers in double precision from the beginning of a stream."""
        return torch.randn(*shape, generator=self.generator(stream), dtype=torch.float64)
