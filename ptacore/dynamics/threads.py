"""How many threads a long row of products takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

LONG = 1e9  # operations of a product, some 20 ms: the threads that share it are seldom waited for


@contextmanager
def threads_that_pay(operations: float) -> Iterator[None]:
    """One thread of torch, unless each product of so many operations is long enough to gain by more.

    A thread whose core has been taken away is waited for at the end of each product, for some milliseconds. On a busy
    machine, products of microseconds took fifteen times as long with two threads as with one.
    """
    before = torch.get_num_threads()
    if before == 1 or operations > LONG:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
