"""Piecewise linear networks that data force, and their adjoints: piecewise.c, called through ctypes."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ptacore.kernels import build
from ptacore.kernels.advance import SUFFIX
from ptacore.kernels.bptt import SLAB

SOURCE = Path(__file__).with_name("piecewise.c")


class _Net(ctypes.Structure):
    """Net of piecewise.c."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("units", "hidden", "linear", "forced", "width")),
        *((name, ctypes.c_void_p) for name in ("decay", "shift", "outward", "inward", "threshold")),
    )


@functools.cache
def _library() -> ctypes.CDLL | None:
    names = [f"{name}_{suffix}" for suffix in SUFFIX.values() for name in ("advance", "retreat")]
    library = build.load(SOURCE, names)
    if library is None:
        return None
    net, i64, pointer = ctypes.POINTER(_Net), ctypes.c_int64, ctypes.c_void_p
    for suffix in SUFFIX.values():
        getattr(library, f"advance_{suffix}").argtypes = [net, i64, *[pointer] * 5]
        getattr(library, f"retreat_{suffix}").argtypes = [net, i64, *[pointer] * 6]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return _library() is not None


def columns(x: Tensor) -> Tensor:
    """(..., B, n) as (..., n, width), the batch filled up with zeros to whole vectors.

    Examples
    --------
    >>> columns(torch.ones(7, 3, 2)).shape
    torch.Size([7, 2, 16])
    """
    return pad(x.mT, (0, -x.shape[-2] % SLAB)).contiguous()


class Forced:
    """A network z(t + 1) = decay z + shift + outward phi(inward z + threshold), forced behind each step.

    Parameters
    ----------
    decay, shift : Tensor (M,)
    outward : Tensor (M, H)
    inward, threshold : Tensor (H, M) and (H,), or None
        None for hidden units that are z itself.
    linear : int
        How many of the hidden units, the first, are not rectified.
    """

    def __init__(self, decay, shift, outward, inward, threshold, linear: int):
        self.weights = (decay, shift, outward, inward, threshold)
        self.linear, self.suffix = linear, SUFFIX[outward.dtype]

    def advance(self, data: Tensor, alpha: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From `columns` of start (M, width), of data (T, N, width): states (T + 1, M, width), phi, predictions."""
        (M, H), steps, width = self.weights[2].shape, len(data), start.shape[-1]
        states, hidden = start.new_empty(steps + 1, M, width), start.new_empty(steps, H, width)
        states[0], predicted = start, torch.empty_like(data)
        kept = [None if w is None else w.contiguous() for w in self.weights]
        self._call("advance", kept, data.shape[1], width, steps, data, alpha, states, hidden, predicted)
        return states, hidden, predicted

    def retreat(self, alpha: Tensor, hidden: Tensor, received: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From phi and the gradient of predictions: those of states before forcing, of inputs to phi, of the start."""
        decay, _, outward, inward, _ = self.weights
        M, (steps, forced, width) = len(outward), received.shape
        kept = [
            decay.contiguous(),
            None,
            outward.mT.contiguous(),
            None if inward is None else inward.mT.contiguous(),
            None,
        ]
        of_next, of_hidden = received.new_empty(steps, M, width), torch.empty_like(hidden)
        start = received.new_zeros(M, width)
        self._call("retreat", kept, forced, width, steps, alpha, hidden, received, of_next, of_hidden, start)
        return of_next, of_hidden, start

    def _call(self, name: str, weights: list, forced: int, width: int, steps: int, *arrays: Tensor) -> None:
        M, H = self.weights[2].shape
        pointers = [None if w is None else w.data_ptr() for w in weights]
        net = _Net(M, H, self.linear, forced, width, *pointers)
        getattr(_library(), f"{name}_{self.suffix}")(net, steps, *(a.data_ptr() for a in arrays))
