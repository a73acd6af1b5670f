"""How many threads a long row of products takes."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

LONG = 1e9  # operations of a product, some 20 ms: the threads that share it are seldom waited for


@functools.cache
def _openmp() -> Callable[[int], None] | None:
    """What sets the number of threads of the OpenMP that torch computes with; None where torch has another."""
    for name in ("libtorch_cpu.so", "libtorch_cpu.dylib"):
        with suppress(OSError, AttributeError):
            return ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / name)).omp_set_num_threads
    return None


@contextmanager
def threads_that_pay(operations: float) -> Iterator[None]:
    """One thread of torch, unless each product of so many operations is long enough to gain by more.

    A thread whose core has been taken away is waited for at the end of each product, for some milliseconds. On a busy
    machine, products of microseconds took fifteen times as long with two threads as with one.

    OpenMP is asked, not ``torch.set_num_threads``: that leaves its mark on MKL when it sets the number back, after
    which factorizations of batches of large matrices did not end (torch 2.13).
    """
    before = torch.get_num_threads()
    if before == 1 or operations > LONG or _openmp() is None:
        yield
        return
    _openmp()(1)
    try:
        yield
    finally:
        _openmp()(before)
