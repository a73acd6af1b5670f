"""Covariant Lyapunov vectors: the directions in which perturbations grow at each exponent's rate, along an orbit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from ptacore.checks import integer
from ptacore.dynamics.integrate import check_finite, step_count
from ptacore.dynamics.tangents import TangentSystem, flushed_denormals
from ptacore.memory import foretell
from ptacore.models.system import System

KEPT = 2**27  # bytes of triangular factors that are kept; of longer runs, stretches are computed again


@dataclass(frozen=True, eq=False)
class CovariantVectors:
    """What `covariant_vectors` returns, at M + 1 times.

    Attributes
    ----------
    t : Tensor (M + 1,)
        Times, t0 and the transient included.
    x : Tensor (M + 1, ..., n)
        States.
    vectors : Tensor (M + 1, ..., n, k)
        Columns of length one; column j has the exponent j. The tangent map carries each onto a positive multiple of
        itself.
    growth : Tensor (M, ..., k)
        Logarithm of that multiple, from each time to the next.
    misalignment : Tensor (..., k)
        Sine of the angle, at the last time, between vectors from two different ends of the backward pass: what the time
        `settle` has left of them. It is large where exponents are equal and only their common subspace is defined.
    """

    t: Tensor
    x: Tensor
    vectors: Tensor
    growth: Tensor
    misalignment: Tensor

    @property
    def exponents(self) -> Tensor:
        """Mean growth rates (..., k): the Lyapunov exponents of the window."""
        return self.growth.sum(0) / (self.t[-1] - self.t[0])

    def angles(self, i: int, j: int) -> Tensor:
        """Angles between vectors i and j, counted from 0, in [0, pi / 2]: (M + 1, ...)."""
        k = self.vectors.shape[-1]
        i, j = (self.vectors[..., integer(name, v, 0, k - 1)] for name, v in (("i", i), ("j", j)))
        sine = torch.linalg.vector_norm(i - j * (i * j).sum(-1, keepdim=True), dim=-1)
        return torch.atan2(sine, (i * j).sum(-1).abs())  # exact for small angles too

    def subspace_angles(self, split: int) -> Tensor:
        """Least angles between the span of the first `split` vectors and that of the others: (M + 1, ...).

        Where they come near zero, growing and decaying directions touch: the orbit is not hyperbolic there.
        """
        split = integer("split", split, 1, self.vectors.shape[-1] - 1)
        first, second = (torch.linalg.qr(part)[0] for part in self.vectors.tensor_split((split,), dim=-1))
        cosine = torch.linalg.matrix_norm(first.mT @ second, 2).clamp_max(1.0)
        apart = second - first @ (first.mT @ second)  # its least singular value is the sine of the least angle
        if second.shape[-1] > first.shape[-1]:
            apart = first - second @ (second.mT @ first)
        return torch.atan2(torch.linalg.svdvals(apart)[..., -1], cosine)


class _Place(NamedTuple):
    """Where the forward pass is: state, basis, steps done, and how many steps it dares until the next QR."""

    x: Tensor
    Q: Tensor
    done: int
    reach: int


@torch.no_grad()
def covariant_vectors(
    system: System | Module,
    x0,
    *,
    duration: float,
    transient: float | None = None,
    settle: float | None = None,
    dt: float | None = None,
    k: int | None = None,
    samples: int = 200,
    seed: int = 0,
    backend: str = "auto",
    t0: float | None = None,
) -> CovariantVectors:
    """The k leading covariant Lyapunov vectors along an orbit, by Ginelli's method [1]_.

    An orthonormal basis is carried forward, as for `lyapunov_spectrum`; its triangular factors R, read backward from a
    time `settle` after the window, carry any upper triangular matrix C onto the one whose columns are the coordinates
    of the vectors, V = Q C. The error falls as exp(-gap t) on both ends: t is the transient on the first and `settle`
    on the second, the gap that between neighbouring exponents.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or map; a module is taken as `models.ModuleMap` (undriven). Driven ones have to be given for the time
        that all three parts take.
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch.
    duration : float
        Length of the window, after the transient.
    transient : float, optional
        Time before it; a fifth of `duration` by default.
    settle : float, optional
        Time after it, from whose end the backward pass begins; as `transient` by default.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of vectors; all n by default.
    samples : int
        M: the vectors are given at its ends and M - 1 times between, at most at each step.
    seed : int
        Of the random start on both ends.
    backend : {"auto", "compiled", "torch"}
        As for `lyapunov_spectrum`.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.

    Returns
    -------
    CovariantVectors

    Raises
    ------
    ValueError
        If an argument is not valid, or a direction vanishes, so that it cannot be read backward; the message names the
        argument.
    DivergenceError
        If the state overflows, with the time at which it did.

    Notes
    -----
    Of long runs some bases are kept, and the factors between them are computed a second time when they are needed: what
    is held besides the result grows as the square root of the length.

    References
    ----------
    .. [1] F. Ginelli, P. Poggi, A. Turchi, H. Chate, R. Livi, A. Politi, Phys. Rev. Lett. 99:130601, 2007.

    Examples
    --------
    The vectors of a linear system are its eigenvectors:

    >>> from ptacore.models import LinearFlow
    >>> flow = LinearFlow([[-1.0, 1.0], [0.0, -3.0]])
    >>> found = covariant_vectors(flow, [1.0, 1.0], duration=1.0, transient=20.0, dt=0.01)
    >>> found.vectors[0].abs().round(decimals=4)  # (1, 0) and (1, -2) / sqrt(5)
    tensor([[1.0000, 0.4472],
            [0.0000, 0.8944]], dtype=torch.float64)
    """
    tangents = TangentSystem(system, x0, dt=dt, k=k, seed=seed, backend=backend, t0=t0)
    dt, k = tangents.dt, tangents.k
    steps = step_count(duration, dt, "duration")
    before = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    after = before if settle is None else step_count(settle, dt, "settle", least=0)
    samples = min(integer("samples", samples, 1), steps)
    size = tangents.Q.element_size()
    foretell("samples", 2 * samples * tangents.Q.numel() * size, "take fewer samples, vectors or initial states")
    edges = torch.linspace(0, steps, samples + 1).round().long()
    spacing = max(1, steps // samples)
    lengths = [*edges.diff().tolist(), *[spacing] * (after // spacing), *[after % spacing] * (after % spacing > 0)]
    with flushed_denormals():
        tangents.step(before)
        forward = _Forward(tangents)
        fit = KEPT // (k * tangents.Q[..., 0, :].numel() * size)  # intervals whose factors may be kept
        together = len(lengths) if len(lengths) <= fit else math.isqrt(len(lengths)) + 1
        places = forward.places(lengths, together)
        return _backward(forward, places, lengths, together, samples, before, edges, seed)


class _Forward:
    """The pass that carries the basis on, interval by interval, and gives its factors."""

    def __init__(self, tangents: TangentSystem):
        self.tangents = tangents
        self.start = _Place(tangents.x, tangents.Q, tangents.done, 1)

    def places(self, lengths: list[int], together: int) -> list[_Place]:
        """Where each stretch of so many intervals begins."""
        place, places = self.start, []
        for i, length in enumerate(lengths):
            if i % together == 0:
                places.append(place)
                if len(lengths) - i <= together:  # the last one is met on the way back
                    break
            place, _ = self.interval(place, length)
        return places

    def interval(self, place: _Place, length: int) -> tuple[_Place, list[Tensor]]:
        """Some steps on: where that is, and the factors on the way."""
        end, factors = place.done + length, []
        while place.done < end:
            m = min(place.reach, end - place.done)
            x, V = self.image(place, m)
            Q, R = torch.linalg.qr(V)
            logs = R.diagonal(dim1=-2, dim2=-1).abs().log()
            spread, limit = float((logs.amax(-1) - logs.amin(-1)).max()), self.tangents._limit
            if m > 1 and not spread <= 1.25 * limit:
                place = place._replace(reach=max(1, m // 4))
                continue
            self.check_independent(V, logs, place.done + m)
            factors.append(R)
            place = _Place(x, Q, place.done + m, max(1, min(2 * m, int(m * limit / max(spread, 1e-9)))))
        return place, factors

    def image(self, place: _Place, steps: int) -> tuple[Tensor, Tensor]:
        """State and basis, not orthonormalized, some steps later."""
        tangents, (x, Q) = self.tangents, place[:2]
        t = tangents.t0 + place.done * tangents.dt
        new, V, growth, _ = tangents._advance(x, Q, steps, t)
        check_finite(new, t + steps * tangents.dt)
        if growth is not None:  # a kernel that keeps the basis orthonormal: each column alone, as it is
            columns = Q.movedim(-1, 0)[..., None]
            _, V, growth, _ = tangents._advance(x.expand(len(columns), *x.shape), columns, steps, t)
            V = V if growth is None else V * growth.exp()[..., None, :]
            V = V[..., 0].movedim(0, -1)
        check_finite(V, t + steps * tangents.dt, "tangent basis")
        return new, V

    def check_independent(self, V: Tensor, logs: Tensor, done: int) -> None:
        rounding = 16 * math.sqrt(V.shape[-2]) * torch.finfo(V.dtype).eps
        lost = logs < torch.linalg.vector_norm(V, dim=-2).log() + math.log(rounding)
        if lost.any():
            alive = int(lost.flatten(0, -2).any(0).nonzero()[0]) if lost.ndim > 1 else int(lost.nonzero()[0])
            t = self.tangents.t0 + done * self.tangents.dt
            raise ValueError(
                f"k: expected at most {alive} vectors: what others add to them is lost in rounding at t = {t:g} "
                f"(the tangent map is singular there, and nothing can be read backward), got {self.tangents.k}"
            )


def _backward(forward, places, lengths, together, samples, before, edges, seed) -> CovariantVectors:
    """Read the factors backward, stretch by stretch, from two random ends."""
    tangents = forward.tangents
    generator = torch.Generator().manual_seed(seed)
    shape = (2, tangents.k, tangents.k)
    random = torch.randn(shape, generator=generator, dtype=torch.float64).triu().to(tangents.Q)
    random = random.reshape(2, *[1] * (tangents.x.ndim - 1), *shape[1:]).expand(2, *tangents.x.shape[:-1], *shape[1:])
    C, _ = _unit(random + 3 * torch.eye(tangents.k).to(random))
    x, vectors, growth, apart = [], [], [], None
    for number, place in reversed(list(enumerate(places))):
        first = number * together
        marks, rows = [], []
        for i in range(first, min(first + together, len(lengths))):
            marks.append(place if i <= samples else None)
            place, factors = forward.interval(place, lengths[i])
            rows.append(factors)
        if first + len(rows) == samples == len(lengths):
            apart = _keep(place, C, x, vectors)
        for i, factors in reversed(list(enumerate(rows, start=first))):
            grown = 0.0
            for R in reversed(factors):
                C, shrunk = _unit(torch.linalg.solve_triangular(R, C, upper=True))
                grown = grown - shrunk
            if i <= samples:
                kept = _keep(marks[i - first], C, x, vectors)
                apart = kept if apart is None else apart
            if i < samples:
                growth.append(grown[0])
    t = tangents.t0 + (before + edges.to(tangents.x.device)).to(torch.float64) * tangents.dt
    x, vectors, growth = (torch.stack(part[::-1]) for part in (x, vectors, growth))
    return CovariantVectors(t, x, vectors, growth, apart)


def _keep(place: _Place, C: Tensor, x: list[Tensor], vectors: list[Tensor]) -> Tensor:
    """Note state and vectors of a place; the sine between those of both ends."""
    x.append(place.x)
    vectors.append(place.Q @ C[0])
    return torch.linalg.vector_norm(C[1] - C[0] * (C[0] * C[1]).sum(-2, keepdim=True), dim=-2)


def _unit(C: Tensor) -> tuple[Tensor, Tensor]:
    """Columns of length one, and the logarithms of their lengths (..., k)."""
    lengths = torch.linalg.vector_norm(C, dim=-2)
    return C / lengths[..., None, :], lengths.log()
