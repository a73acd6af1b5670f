"""Gradients of Lyapunov exponents: back through QR decompositions and steps, which are taken anew in stretches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Module

from ptacore.dynamics.integrate import check_finite, start_of, step
from ptacore.dynamics.network_steps import RK4, network_of, network_steps
from ptacore.dynamics.parameters import Replaced, independent, parameters_of
from ptacore.dynamics.tangents import TangentSystem, flushed_denormals
from ptacore.dynamics.threads import threads_that_pay
from ptacore.kernels.orthonormal import SINGLE_STEP, bounds
from ptacore.models.module_map import ModuleMap
from ptacore.models.system import System

STRETCH = 1.0  # steps of a stretch, by the square root of their number in all


class Stretch(NamedTuple):
    """Where it starts, in state, basis and steps taken; how many steps it has; by how much the columns grow in it."""

    x: Tensor
    Q: Tensor
    done: int
    steps: int
    growth: Tensor


class Recording:
    """A `TangentSystem` of which states and bases are kept, so that gradients of its growth can be taken.

    N steps are divided into some sqrt(2 N) stretches, whose starts are kept; the graph of one of them is held at a
    time. Both together are a small multiple of sqrt(N) n k numbers.

    Parameters
    ----------
    tangents : TangentSystem
        At its start.
    steps : int
        N, in all.
    """

    def __init__(self, tangents: TangentSystem, steps: int):
        self.tangents, self.steps = tangents, steps
        self.length = math.ceil(STRETCH * math.sqrt(steps))
        self.kept: list[Stretch] = []

    def stretches(self, steps: Sequence[int], told: Callable[[int], object] | None = None) -> tuple[Tensor, Tensor]:
        """As `TangentSystem.stretches`.

        Raises
        ------
        ValueError
            If a column is lost in rounding: its growth has no gradient.
        """
        t = self.tangents
        ends = list(accumulate(steps, initial=t.done))
        total = {t.done: torch.zeros_like(t.Q[..., 0, :])}
        for start, end in pairwise([*range(t.done, ends[-1], self.length), ends[-1]]):
            marks = sorted({start, end, *(mark for mark in ends if start < mark < end)})
            x, Q = t.x, t.Q
            growth, lost = t.stretches([b - a for a, b in pairwise(marks)], told)
            if lost.any():
                raise ValueError(
                    f"k: expected exponents that have gradients, but the tangent map is singular to rounding between "
                    f"t = {t.t0 + start * t.dt:g} and {t.time:g}; ask for fewer"
                )
            total |= {mark: total[start] + row for mark, row in zip(marks[1:], growth.cumsum(0), strict=True)}
            self.kept.append(Stretch(x, Q, start, end - start, total[end] - total[start]))
        growth = torch.stack([total[b] - total[a] for a, b in pairwise(ends)])
        return growth, torch.zeros_like(growth, dtype=torch.long)

    def attached(self, exponents: Tensor, x0, skipped: int) -> Tensor:
        """Exponents (..., k), the mean growth after the `skipped` steps, with their graph.

        Raises
        ------
        ValueError
            If nothing that they depend on requires gradients.
        """
        t = self.tangents
        with torch.inference_mode(False), torch.enable_grad():
            x = t.system.as_state(start_of(x0, None)[0]).expand_as(t.x)
            found = {}
            for i in range(self.steps if t.system.driven else 1):  # some may act at some times only
                first_step = partial(step, t.system, x.detach(), t.t0 + i * t.dt, t.dt)
                found |= {id(p): p for p in parameters_of(first_step)}
            if not found and not x.requires_grad:
                raise ValueError(
                    "differentiable: expected a system with parameters that require gradients, got one without; give "
                    "it tensors with requires_grad, or a module (as ModuleMap(module, input, differentiable=True))"
                )
            smooth = _with_smooth_jvp(t.system, *self.kept[0][:2], t.t0)
            return _Exponents.apply(exponents, self, smooth, skipped, x, *found.values())

    def pulled(self, weights: Tensor, skipped: int, smooth: System, parameters: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of the sum of weights (..., k) times the growth after the skipped steps: by x0, by parameters."""
        t, apart = self.tangents, independent(parameters)
        inner = parameters if apart else [p.detach().requires_grad_() for p in parameters]
        of_x, of_Q, of_all = torch.zeros_like(t.x), torch.zeros_like(t.Q), [torch.zeros_like(p) for p in parameters]
        following = t.Q
        with flushed_denormals(), threads_that_pay(2 * t.Q.numel() * t.system.dim):
            for stretch in reversed(self.kept):
                x, Q = (part.detach().clone().requires_grad_() for part in stretch[:2])
                with torch.enable_grad(), nullcontext() if apart else Replaced(parameters, inner):
                    new_x, new_Q, growth = self._again(smooth, stretch, x, Q)
                turned = torch.linalg.vecdot(new_Q.detach(), following, dim=-2).sign()[..., None, :]
                given = (of_x, turned * of_Q, weights if stretch.done >= skipped else torch.zeros_like(weights))
                if not new_x.requires_grad:  # the next state depends on nothing
                    new_x, of_x = growth, given[2]
                of_x, of_Q, *of_each = torch.autograd.grad(
                    (new_x, new_Q, growth), (x, Q, *inner), given, materialize_grads=True
                )
                for total, part in zip(of_all, of_each, strict=True):
                    total += part
                following = stretch.Q
                for part in (of_x, of_Q):
                    check_finite(part, t.t0 + stretch.done * t.dt, "gradient of the exponents")
        return [of_x, *of_all]

    def _again(self, smooth: System, stretch: Stretch, x: Tensor, Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The state, the basis and the growth at the end of a stretch, with their graph."""
        t, (limit, far) = self.tangents, bounds(x.dtype)
        widest = max(_spread(stretch.growth) / limit, stretch.growth.abs().max().item() / far, 1.0)
        every = -(-stretch.steps // math.ceil(widest))  # steps between decompositions
        while True:
            x_now, V, growth = x, Q, torch.zeros_like(stretch.growth)
            for i in range(0, stretch.steps, every):
                first = stretch.done + i
                steps = range(first, min(first + every, stretch.done + stretch.steps))
                x_now, V = _steps(smooth, x_now, V, steps, t.t0, t.dt)
                V, grown = decompose(V)
                if not _spread(grown.detach()) < SINGLE_STEP * limit:
                    break
                growth = growth + grown
            else:
                return x_now, V, growth
            if every == 1:
                raise ValueError(
                    f"k: expected exponents that have gradients, but the tangent map is nearly singular at t = "
                    f"{t.t0 + (stretch.done + i) * t.dt:g}; ask for fewer"
                )
            every = max(1, every // 4)


def _spread(growth: Tensor) -> float:
    low, high = growth.aminmax(dim=-1)
    return (high - low).max().item()


def with_gradients(system: System | Module) -> System | Module:
    """A module as a map whose gradients reach its parameters; all else as it is."""
    if not isinstance(system, Module):
        return system
    with torch.inference_mode(False), torch.enable_grad():
        return ModuleMap(system, differentiable=True)


class _Exponents(torch.autograd.Function):
    """Exponents that are known already, on the graph."""

    @staticmethod
    def forward(ctx, exponents, recording, smooth, skipped, x, *parameters):
        ctx.recording, ctx.smooth, ctx.skipped, ctx.parameters = recording, smooth, skipped, parameters
        ctx.save_for_backward(*parameters)
        return exponents.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, weights):
        _ = ctx.saved_tensors  # refuses parameters that have been changed since
        recording, skipped = ctx.recording, ctx.skipped
        weights = weights / ((recording.steps - skipped) * recording.tangents.dt)
        return None, None, None, None, *recording.pulled(weights, skipped, ctx.smooth, ctx.parameters)


def decompose(V: Tensor) -> tuple[Tensor, Tensor]:
    """V (..., n, k) = Q R, with gradients: Q (..., n, k) and log |R_ii| (..., k).

    Examples
    --------
    >>> V = torch.tensor([[3.0, 1.0], [0.0, 2.0]], requires_grad=True)
    >>> decompose(V)[1].sum().backward()  # log |det V|, whose gradient is the transposed inverse
    >>> torch.allclose(V.grad, torch.linalg.inv(V).T)
    True
    """
    return _Decomposition.apply(V)


class _Decomposition(torch.autograd.Function):
    @staticmethod
    def forward(ctx, V):
        Q, R = torch.linalg.qr(V)
        ctx.save_for_backward(Q, R)
        ctx.set_materialize_grads(False)
        return Q, R.diagonal(dim1=-2, dim2=-1).abs().log()

    @staticmethod
    @once_differentiable
    def backward(ctx, of_Q, of_growth):
        """V's gradient is (Q' + Q (M + M^T - diag M)) R^-T, with M = diag(growth') - tril(Q'^T Q)."""
        Q, R = ctx.saved_tensors
        pulled = 0.0 if of_growth is None else Q * of_growth[..., None, :]
        if of_Q is not None:
            M = torch.tril(of_Q.mT @ Q)
            pulled = pulled + of_Q - Q @ (M + M.tril(-1).mT)
        return torch.linalg.solve_triangular(R.mT, pulled, upper=False, left=False)


def _with_smooth_jvp(system: System, x: Tensor, Q: Tensor, t: float) -> System | _ByAutograd:
    """The system, or what takes its derivative from F alone, if that is the one that the system has.

    Raises
    ------
    ValueError
        If it is not, or torch does not differentiate F twice.
    """
    if system.smooth_jvp:
        return system
    try:
        with torch.enable_grad():
            found = _ByAutograd(system).at(t).jvp(x, Q)[1]
    except Exception as error:  # anything that a function of the user's raises
        raise ValueError(f"differentiable: torch cannot differentiate {system!r} twice: {error}") from error
    expected, rtol = system.at(t).jvp(x, Q)[1], torch.finfo(x.dtype).eps ** 0.5
    if not torch.allclose(found, expected, rtol=rtol, atol=rtol * expected.abs().max().item()):
        raise ValueError(f"differentiable: the jacobian of {system!r} is not what automatic differentiation finds")
    return _ByAutograd(system)


class _ByAutograd:
    """A system whose tangents are the derivative of the transposed product J^T w, which is linear in w."""

    def __init__(self, system: System):
        self.system, self.kind = system, system.kind

    def at(self, t: float) -> _ByAutograd:
        return _ByAutograd(self.system.at(t)) if self.system.driven else self

    def jvp(self, x: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        V = V.movedim(-1, 0)
        copies = x.expand_as(V).clone()  # one for each column
        copies = copies if copies.requires_grad else copies.requires_grad_()
        new = self.system(copies)
        w = torch.zeros_like(new, requires_grad=True)
        (pulled,) = torch.autograd.grad(new, copies, w, create_graph=True)
        return new[0], torch.autograd.grad(pulled, w, V, create_graph=True)[0].movedim(0, -1)


def _steps(
    system: System | _ByAutograd, x: Tensor, V: Tensor, steps: range, t0: float, dt: float
) -> tuple[Tensor, Tensor]:
    """The same steps as `step_tangent`, to rounding, at the same times to the bit, with a shorter graph."""
    network = network_of(system, dt)
    if network is not None:
        return network_steps(network, x, V, len(steps))
    for i in steps:
        x, V = _step(system, x, V, t0 + i * dt, dt)
    return x, V


def _step(system: System | _ByAutograd, x: Tensor, V: Tensor, t: float, dt: float) -> tuple[Tensor, Tensor]:
    if system.kind == "map":
        return system.at(t).jvp(x, V)
    new, new_V, at, at_V = x, V, x, V
    for ahead, share, following in RK4:
        slope, slope_V = system.at(t + ahead * dt).jvp(at, at_V)
        new, new_V = (torch.add(a, b, alpha=share * dt) for a, b in ((new, slope), (new_V, slope_V)))
        if following:
            at, at_V = (torch.add(a, b, alpha=following * dt) for a, b in ((x, slope), (V, slope_V)))
    return new, new_V
