"""Steps of a tanh or ReLU network with their pullback written out: fewer products and passes than autograd takes.

A state and its tangent vectors are the rows of one array X (..., 1 + k, n), so that a stage of a Runge-Kutta step is
one product with the weights. Its pullback is two: one for X, one for the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ptacore.kernels.tangents import MAP, OUTSIDE, Form
from ptacore.models.rate import ReLUFlow, TanhFlow, TanhMap, TanhRateFlow, slope_of_tanh
from ptacore.models.system import System

NETWORKS = (TanhFlow, TanhRateFlow, ReLUFlow, TanhMap)
# of each stage: its time in the step; the share of its slope in the step, and in the way to the next stage
RK4 = ((0, 1 / 6, 1 / 2), (1 / 2, 1 / 3, 1 / 2), (1 / 2, 1 / 3, 1), (1, 1 / 6, 0))


def network_of(system: System, dt: float) -> Form | None:
    """One of `NETWORKS`, by its parameters; None for all else.

    A subclass may compute something else, a time constant that is a tensor may have a gradient, and a bias that is a
    number has none.
    """
    if type(system) not in NETWORKS or isinstance(system.tau, Tensor) or not isinstance(system.b, Tensor):
        return None
    return Form(system.form, system.nonlinearity == "tanh", system.W, system.b, dt / system.tau)


def network_steps(network: Form, x: Tensor, V: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The state (..., n) and tangent vectors (..., n, k) some steps later, on the graph of all that they depend on.

    Examples
    --------
    x -> tanh(w x) has the slope w / cosh(w x)^2, whose derivative by w at x = 0 is 1:

    >>> w = torch.tensor([[0.5]], requires_grad=True)
    >>> x, V = network_steps(Form(MAP, True, w, torch.zeros(1), 1.0), torch.zeros(1), torch.ones(1, 1), 1)
    >>> V.item(), torch.autograd.grad(V.sum(), w)[0].item()
    (0.5, 1.0)
    """
    X = torch.cat((x[..., None, :], V.mT), -2)
    M, b = network.W.mT.contiguous(), network.b.expand_as(x)
    M = M if M.ndim == 2 else M.expand(*x.shape, x.shape[-1])
    X = _Steps.apply(network, steps, X, M, b)
    return X[..., 0, :], X[..., 1:, :].mT


class _Steps(torch.autograd.Function):
    """Of rows, which the transposed weights M multiply from the right."""

    @staticmethod
    def forward(ctx, network, steps, X, M, b):
        kind, tanh, *_, h = network
        kept = []  # of each stage: the factor of M, phi's image, phi's slope

        def image(X):
            if kind == OUTSIDE:
                Z, slope = _activated(X, tanh)
                kept.extend((Z, Z, slope))
                return _affine(Z, M, b)
            Z, slope = _activated(_affine(X, M, b), tanh)
            kept.extend((X, Z, slope))
            return Z

        for _ in range(steps):
            if kind == MAP:
                X = image(X)
                continue
            new, at = X, X
            for _, share, following in RK4:
                K = image(at) - at
                new, at = new.add(K, alpha=share * h), X.add(K, alpha=following * h)
            X = new
        ctx.network, ctx.steps = network, steps
        ctx.save_for_backward(M, *kept)
        return X

    @staticmethod
    @once_differentiable
    def backward(ctx, of_X):
        (kind, tanh, *_, h), (M, *kept) = ctx.network, ctx.saved_tensors
        of_M, of_b = torch.zeros_like(M), torch.zeros_like(of_X[..., 0, :])

        def pulled(C):
            slope, Z, factor = kept.pop(), kept.pop(), kept.pop()
            C = C if kind == OUTSIDE else _pulled(C, Z, slope, tanh)
            of_b.add_(C[..., 0, :])
            if ctx.needs_input_grad[3] and M.ndim == 2:
                of_M.addmm_(factor.flatten(0, -2).mT, C.flatten(0, -2))
            elif ctx.needs_input_grad[3]:
                of_M.add_(factor.mT @ C)
            C = C @ M.mT
            return _pulled(C, Z, slope, tanh) if kind == OUTSIDE else C

        for _ in range(ctx.steps):
            if kind == MAP:
                of_X = pulled(of_X)
                continue
            total, of_at = of_X, torch.zeros_like(of_X)
            for _, share, following in reversed(RK4):
                of_K = torch.add(of_X * (share * h), of_at, alpha=following * h)
                of_at = pulled(of_K) - of_K
                total = total + of_at
            of_X = total
        return None, None, of_X, of_M, of_b


def _affine(X: Tensor, M: Tensor, b: Tensor) -> Tensor:
    Y = X @ M
    Y[..., 0, :] += b
    return Y


def _activated(U: Tensor, tanh: bool) -> tuple[Tensor, Tensor]:
    """Rows [phi(u), phi'(u) V] of [u, V], and phi'(u)."""
    u = U[..., :1, :]
    slope = slope_of_tanh(u) if tanh else (u > 0).to(u)
    Z = slope * U
    Z[..., :1, :] = torch.tanh(u) if tanh else torch.relu(u)
    return Z, slope


def _pulled(C: Tensor, Z: Tensor, slope: Tensor, tanh: bool) -> Tensor:
    """Cotangents C of what `_activated` gives, as those of what it is given; tanh'' = -2 tanh tanh'."""
    pulled = slope * C
    if tanh:
        pulled[..., 0, :] -= 2 * Z[..., 0, :] * (C[..., 1:, :] * Z[..., 1:, :]).sum(-2)
    return pulled
