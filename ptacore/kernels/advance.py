"""What the kernels of all systems share: how they are called, in which precisions, and for how long at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

SUFFIX = {torch.float32: "float", torch.float64: "double"}  # of the functions' names (NAME of real.h)
WORK = 2**30  # operations of one call, less than a second: Python sees Ctrl-C between calls only


def fits(x: Tensor) -> bool:
    """Whether kernels take a tensor of this kind.

    Examples
    --------
    >>> fits(torch.zeros(3)), fits(torch.zeros(3, dtype=torch.bfloat16))
    (True, False)
    """
    return x.dtype in SUFFIX and x.device.type == "cpu"


class Advance(Protocol):
    """Steps of a state and its tangent vectors, in compiled code.

    x (..., n) and V (..., n, k) at time t are not changed. growth (..., k), where it is not None, says that V has been
    kept orthonormal on the way and by how much (logarithm) its columns have grown, and lost (..., k) in how many steps
    they did not stand out from rounding, which growth leaves out (`orthonormal.orthonormalize_graded`); None for none.
    Where `plain` is asked for, V is the image itself, and growth is None. Some have a method `record`, which tells all
    images on the way; some a method `follow`, which writes down the states alone.
    """

    def __call__(
        self, x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]: ...


def calls(steps: int, operations: int, whole: int = 1) -> Iterator[int]:
    """Split steps of so many operations into calls that are short, each but the last a multiple of `whole` steps.

    Examples
    --------
    >>> list(calls(20, WORK // 16, whole=8))
    [16, 4]
    """
    most = max(1, WORK // max(1, operations * whole)) * whole
    for done in range(0, steps, most):
        yield min(most, steps - done)


def orbit(kernel: Advance, x: Tensor, skipped: int, steps: int, told: Callable[[int], object] | None = None) -> Tensor:
    """States (steps + 1, ..., n) after some first steps, by a kernel that can follow them; fewer, the last of them not
    finite, where they leave the finite numbers. `told` is called now and then with the number of steps taken since."""
    told, none = told or (lambda count: None), x.new_empty(*x.shape, 0)
    operations = 32 * x.numel() * (x.shape[-1] + 64)  # of a step, so that a piece takes some tenth of a second
    for count in calls(skipped, operations):
        x = kernel(x, none, count)[0]
        told(count)
        if not torch.isfinite(x).all():
            return x[None]
    states, done = x.new_empty(steps + 1, *x.shape), 1
    states[0] = x
    for count in calls(steps, operations):
        kernel.follow(states[done - 1], states[done : done + count])
        done += count
        told(count)
        if not torch.isfinite(states[done - 1]).all():
            return states[:done]
    return states
