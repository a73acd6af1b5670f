"""Covariant Lyapunov vectors (Ginelli's method): where the directions point that grow at each exponent's rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import integer, shown
from ptacore.dynamics.integrate import step_count
from ptacore.dynamics.orthonormal import orthonormalize
from ptacore.dynamics.tangents import Factor, Images, Place, TangentSystem, flushed_denormals
from ptacore.dynamics.threads import threads_that_pay
from ptacore.memory import foretell, on_large_pages
from ptacore.models.system import System

KEPT = 2**22  # numbers in the triangular factors that are kept in any case
AT_ONCE = 2**16  # numbers in the images that are turned together: they stay in the cache


@dataclass(frozen=True)
class CovariantVectors:
    """What `covariant_vectors` returns: M + 1 evenly spaced points of an orbit with k vectors at each.

    Attributes
    ----------
    times : Tensor (M + 1,)
        Times, of which the first is ``t0 + transient``.
    states : Tensor (M + 1, ..., n)
        The orbit.
    vectors : Tensor (M + 1, ..., n, k)
        Columns of length one. The tangent map from one time to the next carries each onto its successor, which has the
        same sign. Column i grows at the rate of the i-th exponent, forward and backward in time.
    growth : Tensor (M, ..., k)
        Logarithm of the factor by which each vector grows from a time to the next.
    misalignment : Tensor (2, ..., k)
        How far (an angle) the transients may have left the vectors from where they belong, by a second start of each:
        how much the span of the first i vectors would differ at the first time, and how much vector i at the last. Of
        order one among vectors of equal exponents (complex pairs), where only what they span is defined.
    backend : str
        "compiled" or "torch".
    """

    times: Tensor
    states: Tensor
    vectors: Tensor
    growth: Tensor
    misalignment: Tensor
    backend: str

    def __getitem__(self, index) -> CovariantVectors:
        """The vectors of one member (or several) of the batch."""
        index = (slice(None), *(index if isinstance(index, tuple) else (index,)))
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)[1:5]})

    @property
    def state(self) -> Tensor:
        """Last state (..., n), from which other computations go on."""
        return self.states[-1]

    @property
    def time(self) -> float:
        """Time of `state`."""
        return self.times[-1].item()

    @property
    def rates(self) -> Tensor:
        """Covariant growth rates from each time to the next, per unit time: (M, ..., k)."""
        return self.growth / self.times.diff().reshape(-1, *[1] * (self.growth.ndim - 1)).to(self.growth)

    @property
    def exponents(self) -> Tensor:
        """Their mean over the window: (..., k)."""
        return self.growth.sum(0) / (self.times[-1] - self.times[0]).to(self.growth)

    def angle(self, i: int, j: int) -> Tensor:
        """Angle between the lines of vectors i and j, in [0, pi / 2]: (M + 1, ...).

        Examples
        --------
        >>> from ptacore.models import LinearFlow
        >>> shear = LinearFlow([[-1.0, 1.0], [0.0, -2.0]])  # eigenvectors (1, 0) and (1, -1)
        >>> found = covariant_vectors(shear, [0.0, 0.0], duration=1.0, transient=40.0, dt=0.1)
        >>> round(found.angle(0, 1)[0].item() / math.pi, 9)
        0.25
        """
        k = self.vectors.shape[-1]
        return _angle(*(self.vectors[..., integer(name, c, 0, k - 1)] for name, c in (("i", i), ("j", j))))

    def principal_angles(self, first: int | Sequence[int], second: Sequence[int] | None = None) -> Tensor:
        """Principal angles, ascending, between what two sets of vectors span: (M + 1, ..., size of the smaller set).

        Parameters
        ----------
        first : int or sequence of int
            Indices of vectors, or how many are split off at the front.
        second : sequence of int, optional
            Indices of other vectors; by default all that are not in `first`.

        References
        ----------
        .. [1] A. Bjorck, G. H. Golub, Mathematics of Computation 27:579-594, 1973.
        """
        k = self.vectors.shape[-1]
        if isinstance(first, (list, tuple, range)):
            first = _indices("first", first, k)
        else:
            first = list(range(integer("first", first, 1, k - 1)))
        rest = [i for i in range(k) if i not in first]
        second = rest if second is None else _indices("second", second, k)
        if not second or set(first) & set(second):
            raise ValueError(f"second: expected other vectors than the first, {first}, got {second}")
        return _principal_angles(self.vectors[..., first], self.vectors[..., second])


def _indices(name: str, values, k: int) -> list[int]:
    if not isinstance(values, (list, tuple, range)) or not values or len(set(values)) < len(values):
        raise ValueError(f"{name}: expected different indices of vectors, got {shown(values)}")
    return [integer(name, v, 0, k - 1) for v in values]


def _angle(u: Tensor, v: Tensor) -> Tensor:
    """Between the lines of unit vectors (..., n), with all digits of small and of right angles."""
    v = torch.where((u * v).sum(-1, keepdim=True) < 0, -v, v)
    return 2 * torch.atan2((u - v).norm(dim=-1), (u + v).norm(dim=-1))


def _principal_angles(A: Tensor, B: Tensor) -> Tensor:
    if A.shape[-1] < B.shape[-1]:
        A, B = B, A
    A, B = torch.linalg.qr(A)[0], torch.linalg.qr(B)[0]
    within = A.mT @ B
    cosine = torch.linalg.svdvals(within).clamp(max=1.0)
    sine = torch.linalg.svdvals(B - A @ within).flip(-1).clamp(max=1.0)
    return torch.where(cosine > sine, sine.asin(), cosine.acos())


class _Stretch(NamedTuple):
    """A factor, and which of the points (first to last - 1) lie after its start, up to its end."""

    factor: Factor
    first: int
    last: int


class _Block(NamedTuple):
    """Stretches in a row: where they start and end, where all would end, and they themselves, if they are kept."""

    start: Place
    last: int
    end: int
    stretches: list[_Stretch] | None


class _Forward:
    """The forward pass: points of the orbit, images of the bases at them, triangular factors."""

    def __init__(self, tangents: TangentSystem, points: list[int], told):
        self.tangents, self.points, self.told = tangents, points, told
        (*batch, n, k), numbers = tangents.Q.shape, tangents.Q.numel()
        foretell("samples", (len(points) + 1) * numbers * tangents.x.element_size(),
                 "take fewer samples, vectors (k) or initial states")  # fmt: skip
        self.states = tangents.x.new_empty(len(points), *batch, n)
        self.vectors = tangents.x.new_empty(len(points), *batch, n, k)
        if self.vectors.device.type == "cpu":
            on_large_pages(self.vectors.data_ptr(), self.vectors.nbytes)
        self.states[0], self.vectors[0] = tangents.x, tangents.Q

    def stretches(self, end: int, most: float = math.inf, last: float = math.inf) -> list[_Stretch]:
        """From here to the step `end`: so many, or until the step `last`, beyond which all images are left alone."""
        found, images = [], Images(self.points[: bisect_right(self.points, last)], self.states, self.vectors)
        while (here := self.tangents.done) < min(end, last) and len(found) < most:
            factor = self.tangents.factor(end - here, images)
            _refuse_lost(factor)
            reached = [bisect_right(self.points, done) for done in (here, self.tangents.done)]
            found.append(_Stretch(factor, *reached))
            self.told(factor.steps)
        return found

    def blocks(self, steps: int) -> list[_Block]:
        """So many steps, in blocks with as many stretches as may be kept; only the last is."""
        tangents, found = self.tangents, []
        end, most = tangents.done + steps, max(KEPT, self.vectors.numel() // 4)
        most = max(1, most // (tangents.k * tangents.Q[..., 0, :].numel()))
        while tangents.done < end:
            start, stretches = tangents.place(), self.stretches(end, most)
            kept = stretches if tangents.done == end else None
            found.append(_Block(start, tangents.done, end, kept))
        return found

    def again(self, block: _Block) -> list[_Stretch]:
        """The stretches of a block, computed anew if they were not kept."""
        if block.stretches is not None:
            return block.stretches
        self.tangents.go_back(block.start)
        return self.stretches(block.end, last=block.last)


def _earlier(R: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """The coordinates C, one stretch earlier, of unit vectors again, and the logarithm of their growth since."""
    C = torch.linalg.solve_triangular(R, C, upper=True)
    shrunk = torch.linalg.vector_norm(C, dim=-2)
    return C / shrunk[..., None, :], -shrunk.log()


def _refuse_lost(factor: Factor) -> None:
    if factor.lost is not None and factor.lost.any():
        kept = factor.lost.reshape(-1, factor.lost.shape[-1]).any(0).nonzero()[0].item()
        raise ValueError(
            f"k: expected at most {kept}, since the tangent map is singular, to rounding, and has no more directions"
            if kept
            else "system: the tangent map vanishes, to rounding: no direction is left"
        )


def _aligned(tangents: TangentSystem, steps: int, seed: int, told) -> Tensor:
    """Take the steps of the transient; by how much the spans of the first columns depend on the start: angles (..., k).

    One more column is taken along, since the span of all k turns towards it. The same steps with another start, which
    spans the same, are products of the small triangular factors.
    """
    system, x, k = tangents.system, tangents.x, tangents.k
    more = min(k + 1, system.dim)
    wide = TangentSystem(system, x, dt=tangents.dt, k=more, seed=seed, backend=tangents.backend, t0=tangents.t0)
    U = torch.randn(more, more, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    U = torch.linalg.qr(U)[0].to(x).expand(*x.shape[:-1], more, more)
    while wide.done < steps:
        factor = wide.factor(steps - wide.done)
        U = orthonormalize(factor.R @ U)[0]
        told(factor.steps)
    tangents.t0 = wide.time
    tangents.go_back(wide.place()._replace(Q=wide.Q[..., :k], done=0))
    outside = U.square().cumsum(-1).tril(-1).sum(-2)  # of the first i columns, what lies in the rows below i
    return outside[..., :k].clamp(0.0, 1.0).sqrt().asin()


def _settled(forward: _Forward, blocks: list[_Block]) -> tuple[Tensor, Tensor]:
    """Go back through the blocks after the window, from two starts.

    Returns the coordinates (..., k, k) of the vectors at its end, and the angles (..., k) between those of both starts.
    """
    *batch, _, k = forward.tangents.Q.shape
    one, generator = torch.eye(k, dtype=torch.float64), torch.Generator().manual_seed(2)
    other = torch.randn(k, k, generator=generator, dtype=torch.float64).triu(1) + one
    C = torch.stack([one, other / other.norm(dim=0)]).to(forward.vectors)
    C = C.reshape(2, *[1] * len(batch), k, k).expand(2, *batch, k, k)
    for block in reversed(blocks):
        for stretch in reversed(forward.again(block)):
            C = _earlier(stretch.factor.R, C)[0]
    return C[0], _angle(*C.mT)


def _through_the_window(forward: _Forward, blocks: list[_Block], C: Tensor) -> Tensor:
    """Turn the images at all points into covariant vectors; the logarithm of their growth (M, ..., k)."""
    vectors, length = forward.vectors, torch.zeros_like(C[..., 0, :])  # logarithm, 0 at the end of the window
    lengths, many = torch.empty_like(vectors[..., 0, :]), max(1, AT_ONCE // vectors[0].numel())
    room = torch.empty_like(vectors[:many])

    def turn(first: int, last: int) -> None:
        for i in range(first, last, many):
            part = vectors[i : min(i + many, last)]
            turned = torch.matmul(part, C, out=room[: len(part)])
            norm = torch.mul(turned, turned, out=part).sum(-2).sqrt_()
            torch.mul(turned, norm.reciprocal()[..., None, :], out=part)
            lengths[i : i + len(part)] = length + norm.log_()

    for block in reversed(blocks):
        for stretch in reversed(forward.again(block)):
            C, growth = _earlier(stretch.factor.R, C)
            length = length - growth
            turn(stretch.first, stretch.last)
    turn(0, 1)
    return lengths.diff(dim=0)


@torch.no_grad()
def covariant_vectors(
    system: System | Module,
    x0,
    *,
    duration: float,
    transient: float | None = None,
    backward_transient: float | None = None,
    dt: float | None = None,
    k: int | None = None,
    samples: int = 200,
    seed: int = 0,
    backend: str = "auto",
    t0: float | None = None,
    progress: bool = False,
) -> CovariantVectors:
    """Covariant Lyapunov vectors along an orbit: directions that the tangent map carries onto each other.

    Vector i grows at the i-th Lyapunov exponent, on average, forward and backward in time. Unlike the orthonormal
    vectors behind a spectrum, covariant vectors depend on no scalar product and point where perturbations really go:
    along an orbit of a flow (exponent zero), into a fixed point's eigenvectors, to tangencies of stable and unstable
    directions. They are found by Ginelli's method [1]_: QR decompositions forward in time, and triangular solves
    backward. What each decomposition spans is converged before the window of `duration` begins, and the solves have
    settled before they enter it, from behind; the vectors are those of the window alone.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or map; a module is taken as `models.ModuleMap` (undriven).
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch. Of an earlier result the last state and time are taken.
    duration : float
        Length of the window.
    transient : float, optional
        Time before the window, in which the state settles and the basis aligns; by default a fifth of `duration`.
    backward_transient : float, optional
        Time after the window, from the end of which the vectors settle backward; by default as long as `transient`.
        Both align at the rates by which neighbouring exponents differ; ``misalignment`` tells how far they came.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of vectors; all n by default.
    samples : int
        M: vectors are returned at M + 1 points of the window, whole steps apart. At most one each step.
    seed : int
        Seed of the random orthonormal start basis.
    backend : {"auto", "compiled", "torch"}
        As for `lyapunov_spectrum`.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.
    progress : bool
        Show a progress bar.

    Returns
    -------
    CovariantVectors
        Times, states, vectors, their growth, angles.

    Raises
    ------
    ValueError
        If an argument is not valid, or k is more than the directions that a singular tangent map has; the message
        names the argument.
    DivergenceError
        If the state overflows, with the time at which it did.

    Notes
    -----
    Where exponents are equal, as those of a complex pair are, single vectors are arbitrary and only what they span is
    defined; take `CovariantVectors.principal_angles`. Vectors of exponents that differ by little need long transients.

    A point between two decompositions costs a product of k columns, and the memory is that of the vectors that are
    returned: the images of the bases are turned in their place. Triangular factors beyond a fourth of that (or 32 MB)
    are computed again, block by block, from the states and bases at which the blocks begin.

    References
    ----------
    .. [1] F. Ginelli, P. Poggi, A. Turchi, H. Chate, R. Livi, A. Politi, Physical Review Letters 99:130601, 2007.
    .. [2] P. V. Kuptsov, U. Parlitz, Journal of Nonlinear Science 22:727-762, 2012.

    Examples
    --------
    The vectors of a linear system are its eigenvectors, at every time:

    >>> from ptacore.models import LinearFlow
    >>> A = torch.tensor([[-1.0, 1.0], [0.0, -2.0]], dtype=torch.float64)
    >>> found = covariant_vectors(LinearFlow(A), [0.0, 0.0], duration=5.0, transient=40.0, dt=0.1)
    >>> v = found.vectors[7]
    >>> bool((A @ v - v * torch.tensor([-1.0, -2.0])).abs().max() < 1e-12)
    True
    >>> [round(rate, 3) for rate in found.exponents.tolist()]
    [-1.0, -2.0]
    """
    tangents = TangentSystem(system, x0, dt=dt, k=k, seed=seed, backend=backend, t0=t0)
    dt = tangents.dt
    steps = step_count(duration, dt, "duration")
    skipped = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    after = skipped
    if backward_transient is not None:
        after = step_count(backward_transient, dt, "backward_transient", least=0)
    samples = min(integer("samples", samples, 1), steps)
    points = torch.linspace(0, steps, samples + 1, dtype=torch.float64).round().long().tolist()
    work = 2 * tangents.Q.numel() * tangents.k
    with (
        flushed_denormals(),
        threads_that_pay(work),
        tqdm(total=skipped + steps + after, disable=not progress, desc="covariant vectors", unit="step") as bar,
    ):
        start = _aligned(tangents, skipped, seed, bar.update)
        forward = _Forward(tangents, points, bar.update)
        window, beyond = forward.blocks(steps), forward.blocks(after)
        C, end = _settled(forward, beyond)
        growth = _through_the_window(forward, window, C)
    times = (tangents.t0 + torch.tensor(points, dtype=torch.float64) * dt).to(forward.states.device)
    misalignment = torch.stack([start, end])
    return CovariantVectors(times, forward.states, forward.vectors, growth, misalignment, tangents.backend)
