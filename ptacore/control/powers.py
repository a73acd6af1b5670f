"""Linear loops, all steps at once: rows of the powers of a matrix, by doubling, and convolution with what drives."""

from __future__ import annotations

import torch
from torch import Tensor


def rows_of_powers(E: Tensor, P: Tensor, count: int) -> Tensor:
    """E P^k for k = 0, ..., count - 1, in about log2(count) products: (q, n), (n, n) -> (count, q, n).

    Examples
    --------
    >>> rows_of_powers(torch.eye(1), torch.tensor([[2.0]]), 5).flatten()
    tensor([ 1.,  2.,  4.,  8., 16.])
    """
    rows, power = E[None], P
    while len(rows) < count:
        more = rows[: count - len(rows)] @ power
        if len(rows) + len(more) < count:
            power = power @ power
        rows = torch.cat([rows, more])
    return rows


def response(E: Tensor, P: Tensor, D: Tensor, inputs: Tensor) -> Tensor:
    """E s(t) for s(t) = P s(t - 1) + D r(t) from s(0) = 0, for t = 1, ..., T: inputs (T, r, B) -> (T, q, B).

    Examples
    --------
    >>> one = torch.ones(1, 1)
    >>> response(one, 0.5 * one, one, torch.ones(3, 1, 1)).flatten()  # 1, 1 + 1/2, 1 + 1/2 + 1/4
    tensor([1.0000, 1.5000, 1.7500])
    """
    steps = len(inputs)
    impulse = rows_of_powers(E, P, steps) @ D  # (T, q, r)
    twice = 2 * steps  # so that the end does not reach round to the beginning
    spectrum = torch.fft.rfft(impulse, twice, dim=0) @ torch.fft.rfft(inputs, twice, dim=0)
    return torch.fft.irfft(spectrum, twice, dim=0)[:steps]
