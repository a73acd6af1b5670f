"""Many systems of one law, each with parameters of its own, which run compiled as one batch."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ptacore.kernels.functions import Reference, function_kernel
from ptacore.kernels.tape import Unrecordable, reason
from ptacore.models.system import System


class Ensemble(System):
    """Systems of one law that differ in their parameters: member i of a batch of states has the parameters i.

    A subclass keeps its parameters as tensors (members, ...) in attributes, and defines what a system does with torch
    operations that batch over leading axes. In double precision on the CPU its Lyapunov spectra run compiled, as those
    of `ptacore.System.from_function` do, with the members side by side, and so do its trajectories where no gradient
    is asked for. States have the shape (..., members, n).

    Examples
    --------
    The map x <- p x (1 - x), where it comes to rest, where to cycles of two and four steps, and where it is chaotic:

    >>> from ptacore import lyapunov_spectrum
    >>> class Logistic(Ensemble):
    ...     kind, dim = "map", 1
    ...     def __init__(self, p):
    ...         self.p = torch.as_tensor(p, dtype=torch.float64)[:, None]
    ...     def __call__(self, x):
    ...         return self.p * x * (1 - x)
    ...     def jacobian(self, x):
    ...         return (self.p * (1 - 2 * x))[..., None]
    >>> s = lyapunov_spectrum(Logistic([2.5, 3.2, 3.5, 4.0]), torch.full((4, 1), 0.3), duration=20_000, transient=1000)
    >>> [round(v, 2) for v in s.exponents[:, 0].tolist()]
    [-0.69, -0.92, -0.87, 0.69]
    """

    compiled_from = 0

    def kernel(self, dt):
        self.uncompiled = "the law depends on time" if self.driven else ""
        if self.driven or self.dtype != torch.float64:
            return None
        try:
            one, own = self._first()
            return function_kernel(one, Reference(self, self.vjp), self.dim, dt, self.kind == "flow", set(), own)
        except Exception as error:  # the law may raise anything while it is watched
            self.uncompiled = reason(error)
            return None

    def _first(self) -> tuple[Ensemble, list[tuple[Tensor, Tensor]]]:
        """The first member alone, and its parameters beside those of all."""
        one, own = copy.copy(self), []
        for name, value in self._tensors().items():
            first = value[0].clone(memory_format=torch.contiguous_format)
            setattr(one, name, first)
            own.append((first, value))
        if len({len(value) for _, value in own}) > 1:
            raise Unrecordable("parameters of different numbers of members")
        return one, own
