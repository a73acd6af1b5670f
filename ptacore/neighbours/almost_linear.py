"""Piecewise linear networks that reconstruct a system from its data, forced by them while they are trained.

Almost-linear RNNs (Brenner et al. 2024) and shallow piecewise linear RNNs with generalized teacher forcing (Hess et
al. 2023). A network's map is ``z' = A z + W phi(z) + h`` or ``z' = A z + W1 max(0, W2 z + h2) + h1``, A diagonal; its
first N units are read out. Training unrolls it over windows of data, by hand (`unroll`).
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, choice, finite, floating, integer, of_step, within
from ptacore.kernels import piecewise
from ptacore.kernels.advance import fits
from ptacore.models.system import System
from ptacore.networks.bptt import first_derivatives_only

BACKENDS = ("auto", "compiled", "autograd")


class PiecewiseLinear(nn.Module):
    """What the two networks share: decay A (M,), shift h (M,), outward W (M, H), inward (H, M), threshold (H,).

    Attributes
    ----------
    n_units, n_observed : int
        M and N, the number of units that data are compared with.
    linear : int
        How many of the hidden units, the first, are not rectified.
    """

    linear = 0

    def __init__(self, units: int, observed: int, generator: torch.Generator, dtype: torch.dtype):
        super().__init__()
        self.n_units, self.n_observed = integer("units", units, 1), integer("observed", observed, 1, units)
        R = torch.randn(units, units, generator=generator, dtype=floating("dtype", dtype))
        K = R.mT @ R / units + torch.eye(units, dtype=dtype)
        self.decay = nn.Parameter(K.diagonal() / torch.linalg.eigvalsh(K)[-1])
        self.shift = nn.Parameter(torch.zeros(units, dtype=dtype))
        bound = 1 / math.sqrt(observed)
        rest = torch.rand(units - observed, observed, generator=generator, dtype=dtype)
        self.lift = nn.Parameter(bound * (2 * rest - 1)) if units > observed else None
        for name in ("outward", "inward", "threshold"):
            self.register_parameter(name, None)

    def start(self, x: Tensor) -> Tensor:
        """State (..., M) from the first observation (..., N): x itself, and L x for the units that are not seen."""
        if not isinstance(x, Tensor):
            raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
        if x.shape[-1:] != (self.n_observed,) or x.dtype != self.decay.dtype:
            wanted = f"shape (..., {self.n_observed}) of {self.decay.dtype}"
            raise ValueError(f"x: expected {wanted}, got {tuple(x.shape)} of {x.dtype}")
        return x if self.lift is None else torch.cat([x, x @ self.lift.T], -1)

    def hidden(self, z: Tensor) -> Tensor:
        """What the weights W take up: (..., M) -> (..., H)."""
        q = z if self.inward is None else z @ self.inward.T + self.threshold
        return torch.cat([q[..., : self.linear], q[..., self.linear :].relu()], -1) if self.linear else q.relu()

    def forward(self, z: Tensor) -> Tensor:
        """One step, (..., M) -> (..., M)."""
        return self.decay * z + self.hidden(z) @ self.outward.T + self.shift

    def jacobian(self, z: Tensor) -> Tensor:
        """A + W D(z), or A + W1 D(z) W2: (..., M) -> (..., M, M)."""
        slope = (self.hidden(z) > 0).to(z.dtype)
        slope[..., : self.linear] = 1
        W = self.outward * slope[..., None, :]
        return torch.diag(self.decay) + (W if self.inward is None else W @ self.inward)

    def unroll(self, start: Tensor, data: Tensor, alpha: Tensor, backend: str = "auto") -> Tensor:
        """Predictions of data that force the network as it goes.

        After each step the observed units are moved: z becomes (1 - alpha) z + alpha x.

        Parameters
        ----------
        start : Tensor (B, M)
            States before the first step.
        data : Tensor (T, B, N)
            x after each step.
        alpha : Tensor (T,)
            0 for none, 1 to put the data in place of the observed units.
        backend : {"auto", "compiled", "autograd"}
            In C, with the adjoint written by hand, for single and double precision on the CPU, with gradients of the
            weights and the start; or as a loop that autograd records. "auto" takes the first where it can.

        Returns
        -------
        Tensor (T, B, N)
            The observed units after each step, before data move them.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes do not fit, or "compiled" is asked for where it cannot be had.

        Examples
        --------
        >>> network = AlmostLinear(4, P=1, observed=2)
        >>> data = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0))
        >>> network.unroll(network.start(data[0]), data[1:], torch.full((5,), 0.1)).shape
        torch.Size([5, 3, 2])
        """
        for name, value, shape in (
            ("data", data, (None, None, self.n_observed)),
            ("start", start, (data.shape[1] if isinstance(data, Tensor) and data.ndim == 3 else None, self.n_units)),
            ("alpha", alpha, (len(data) if isinstance(data, Tensor) and data.ndim else None,)),
        ):
            _check(name, value, shape, self.decay.dtype)
        if not ((alpha >= 0) & (alpha <= 1)).all():
            raise ValueError("alpha: expected numbers from 0 to 1")
        given = not (data.requires_grad or alpha.requires_grad)
        compiled = given and fits(start) and piecewise.available()
        if choice("backend", backend, BACKENDS) == "autograd" or (backend == "auto" and not compiled):
            return self._plain(start, data, alpha)
        if not compiled:
            raise ValueError(
                "backend: compiled takes float32 or float64 on the CPU, data and alpha that need no gradient, and a "
                "C compiler"
            )
        weights = (self.decay, self.shift, self.outward, self.inward, self.threshold)
        return _Unroll.apply(*weights, start, data, alpha, self.linear)

    def _plain(self, z: Tensor, data: Tensor, alpha: Tensor) -> Tensor:
        seen, rest = [], slice(self.n_observed, None)
        for x, a in zip(data, alpha, strict=True):
            z = self(z)
            seen.append(z[:, : self.n_observed])
            z = torch.cat([(1 - a) * seen[-1] + a * x, z[:, rest]], 1)
        return torch.stack(seen)

    def system(self) -> System:
        """The map in double precision, with the weights as they are."""
        twin = self._twin()
        return System.from_function(twin.forward, self.n_units, "map", jacobian=twin.jacobian)

    def forced_system(self, data: Tensor, alpha: float) -> System:
        """The map driven by data: (1 - alpha) F(z) + alpha x(t + 1) for the units that are observed, F(z) for others.

        Parameters
        ----------
        data : array (T + 1, N)
            x; the first is not used.
        alpha : float
            In [0, 1].

        Raises
        ------
        TypeError, ValueError
            If data are not finite numbers of that shape, or a step is asked for behind their end.
        """
        data = finite(data, "data")
        if data.ndim != 2 or data.shape[1] != self.n_observed or len(data) < 2:
            raise ValueError(f"data: expected shape (T + 1, {self.n_observed}), got {tuple(data.shape)}")
        twin, keep = self._twin(), torch.ones(self.n_units, dtype=torch.float64)
        keep[: self.n_observed] -= within("alpha", alpha, 0, 1, "[]")
        pull = torch.zeros(len(data) - 1, self.n_units, dtype=torch.float64)
        pull[:, : self.n_observed] = alpha * data[1:]
        return System.from_function(
            lambda z, t: keep * twin(z) + of_step("data", pull, t),
            self.n_units,
            "map",
            jacobian=lambda z, t: keep[:, None] * twin.jacobian(z),
        )

    def _twin(self) -> PiecewiseLinear:
        return copy.deepcopy(self).double().requires_grad_(False)


class AlmostLinear(PiecewiseLinear):
    """z' = A z + W phi(z) + h with max(0, .) on the last P units only (Brenner et al. 2024).

    Parameters
    ----------
    units : int
        M.
    P : int
        Units that are rectified.
    observed : int
        N, the number of observed variables; these units come first.
    seed : int
    dtype : torch.dtype

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> network = AlmostLinear(20, P=2, observed=3)
    >>> network(torch.zeros(7, 20)).shape, network.system().dim
    (torch.Size([7, 20]), 20)
    """

    def __init__(self, units: int, P: int, observed: int, seed: int = 0, dtype: torch.dtype = torch.float32):
        generator = torch.Generator().manual_seed(check_seed(seed))
        super().__init__(units, observed, generator, dtype)
        self.linear = units - integer("P", P, 0, units)
        W = torch.randn(units, units, generator=generator, dtype=dtype)
        self.outward = nn.Parameter(0.01 * W)

    def extra_repr(self) -> str:
        return f"{self.n_units}, P={self.n_units - self.linear}, observed={self.n_observed}"


class Shallow(PiecewiseLinear):
    """z' = A z + W1 max(0, W2 z + h2) + h1 (Hess et al. 2023).

    Parameters
    ----------
    units : int
        M.
    hidden : int
        H.
    observed : int
        N.
    seed : int
    dtype : torch.dtype

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> Shallow(3, hidden=50, observed=3).jacobian(torch.zeros(3)).shape
    torch.Size([3, 3])
    """

    def __init__(self, units: int, hidden: int, observed: int, seed: int = 0, dtype: torch.dtype = torch.float32):
        generator = torch.Generator().manual_seed(check_seed(seed))
        super().__init__(units, observed, generator, dtype)
        for name, rows, inputs in (("outward", units, integer("hidden", hidden, 1)), ("inward", hidden, units)):
            drawn = torch.rand(rows, inputs, generator=generator, dtype=dtype)
            setattr(self, name, nn.Parameter((2 * drawn - 1) / math.sqrt(inputs)))
        self.threshold = nn.Parameter(torch.zeros(hidden, dtype=dtype))

    def extra_repr(self) -> str:
        return f"{self.n_units}, hidden={len(self.threshold)}, observed={self.n_observed}"


def _check(name: str, value, shape: tuple, dtype) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
    fits = value.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, value.shape, strict=True))
    if not fits or value.dtype != dtype or not value.numel():
        wanted = tuple("any" if n is None else n for n in shape)
        raise ValueError(f"{name}: expected shape {wanted} of {dtype}, got {tuple(value.shape)} of {value.dtype}")


class _Unroll(torch.autograd.Function):
    """`PiecewiseLinear.unroll` in C, forward and backward; the gradients of weights are one product each."""

    @staticmethod
    def forward(ctx, decay, shift, outward, inward, threshold, start, data, alpha, linear):
        weights, alpha = (decay, shift, outward, inward, threshold), alpha.contiguous()
        net = piecewise.Forced(*weights, linear)
        states, hidden, predicted = net.advance(piecewise.columns(data), alpha, piecewise.columns(start))
        ctx.linear, ctx.batch = linear, len(start)
        ctx.save_for_backward(*weights, alpha, states, hidden)
        return predicted[..., : ctx.batch].mT

    @staticmethod
    def backward(ctx, received):
        first_derivatives_only('take backend="autograd"')
        *weights, alpha, states, hidden = ctx.saved_tensors
        net = piecewise.Forced(*weights, ctx.linear)
        of_next, of_hidden, of_start = net.retreat(alpha, hidden, piecewise.columns(received))
        before = states[:-1]
        of_decay, of_shift = (of_next * before).sum((0, 2)), of_next.sum((0, 2))
        of_outward = _over_batch(of_next, hidden)
        of_inward, of_threshold = None, None
        if weights[3] is not None:
            of_inward, of_threshold = _over_batch(of_hidden, before), of_hidden.sum((0, 2))
        return of_decay, of_shift, of_outward, of_inward, of_threshold, of_start[:, : ctx.batch].mT, None, None, None


def _over_batch(left: Tensor, right: Tensor) -> Tensor:
    """Sum over steps and batch of products: (T, M, B), (T, H, B) -> (M, H)."""
    return left.transpose(0, 1).flatten(1) @ right.transpose(0, 1).flatten(1).mT
