"""A state and tangent vectors that move together, step by step: what a Lyapunov spectrum averages."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from ptacore.checks import check_seed, choice, integer, refuse_tangents, to_tensor
from ptacore.dynamics.closed_orbits import ClosedOrbits
from ptacore.dynamics.integrate import DivergenceError, check_finite, start_of, step_size, step_tangent
from ptacore.dynamics.orthonormal import householder, orthonormalize, orthonormalize_graded
from ptacore.dynamics.threads import threads_that_pay
from ptacore.kernels.orthonormal import SINGLE_STEP, bounds
from ptacore.models.module_map import LOW, as_system
from ptacore.models.system import System

WHOLE = sys.maxsize  # steps between decompositions, where there is nothing to wait for


class Factor(NamedTuple):
    """A stretch of the tangent map M between two QR decompositions: ``M Q = Q' R``.

    Attributes
    ----------
    steps : int
        Length of the stretch.
    R : Tensor (..., k, k)
        Upper triangular.
    lost : Tensor (..., k) or None
        Which columns did not stand out from rounding; None where all did.
    """

    steps: int
    R: Tensor
    lost: Tensor | None


class Images(NamedTuple):
    """Where `TangentSystem.factor` writes what it passes on the way.

    Attributes
    ----------
    points : sequence of int
        Ascending numbers of steps, counted as `done` counts them.
    states : Tensor (at least as many, ..., n)
        Receives the states there.
    vectors : Tensor (at least as many, ..., n, k)
        Receives the images of the basis at the start of the stretch in which a point lies.
    """

    points: Sequence[int]
    states: Tensor
    vectors: Tensor


class Place(NamedTuple):
    """Where a `TangentSystem` has been: what it needs to go on from there, to the last bit as it did."""

    x: Tensor
    Q: Tensor
    done: int
    interval: int


class TangentSystem:
    """A state and k orthonormal tangent vectors, advanced together and kept orthonormal by QR on the way.

    The tangents go through the stages of the same Runge-Kutta step, so they are its exact derivative. Between two QR
    decompositions the growth of a network's columns may not differ by more than eps^(-1/3) (a factor of 165,000 in
    double precision): what the columns share then leaves them independent to far better than the square root of the
    rounding error. The interval follows the growth that is measured. Compiled steps read the system's parameters when
    the object is made or reinitialized; they do not see a change in between.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or map; a module is taken as `ptacore.models.ModuleMap` (undriven).
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of tangent vectors; n by default.
    seed : int
        Seed of the random orthonormal start basis.
    backend : {"auto", "compiled", "torch"}
        As for `ptacore.lyapunov_spectrum`.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.

    Attributes
    ----------
    x : Tensor (..., n)
        The state.
    Q : Tensor (..., n, k)
        The tangent vectors.
    time : float
        Where the state is.
    done : int
        Steps taken.
    lost : Tensor (..., k)
        In how many steps a column did not stand out from rounding; its growth leaves them out.

    Raises
    ------
    ValueError
        If an argument is not valid; the message names it.

    Examples
    --------
    Local exponents along an orbit, ten steps at a time:

    >>> from ptacore.models import LinearFlow
    >>> tangents = TangentSystem(LinearFlow([[-1.0, 0.0], [0.0, -2.0]]), [1.0, 1.0], dt=0.01)
    >>> _ = tangents.step(1000)  # the vectors align
    >>> [round(rate, 6) for rate in (tangents.step(10) / 0.1).tolist()], round(tangents.time, 9)
    ([-1.0, -2.0], 10.1)
    """

    def __init__(
        self,
        system: System | Module,
        x0,
        *,
        dt: float | None = None,
        k: int | None = None,
        seed: int = 0,
        backend: str = "auto",
        t0: float | None = None,
    ):
        self.system = as_system(system)
        self.dt = step_size(self.system, dt)
        self.k = integer("k", self.system.dim if k is None else k, 1, self.system.dim)
        self._wanted = choice("backend", backend, ("auto", "compiled", "torch"))
        self._seed = check_seed(seed)
        self.reinitialize(x0, t0=t0)

    def _choose_backend(self) -> None:
        compiled = self._wanted != "torch" and self.system.device.type == "cpu"
        advance = self.system.kernel(self.dt) if compiled else None
        if self._wanted == "compiled" and advance is None:
            why = f": {self.system.uncompiled}" if self.system.uncompiled else ""
            raise ValueError(
                f"backend: nothing compiled for {self.system!r} ({self.system.dtype}, {self.system.device}){why}"
            )
        self.backend = "torch" if advance is None else "compiled"
        self._advance = advance or self._with_torch

    @torch.no_grad()
    def reinitialize(self, x0, Q=None, t0: float | None = None) -> None:
        """Start anew at another state, with the system's parameters as they are now.

        Parameters
        ----------
        x0 : array (..., n) or earlier result
            Initial states.
        Q : array (..., n, k), optional
            Tangent vectors to start from, which are orthonormalized; the random ones of the seed if omitted.
        t0 : float, optional
            Time at x0; 0, or that of the earlier result.

        Raises
        ------
        TypeError
            If x0 or Q does not consist of real numbers.
        ValueError
            If a shape does not fit, or the vectors are not finite and linearly independent.
        """
        self._choose_backend()
        x0, self.t0 = start_of(x0, t0)
        x = self.system.as_state(x0)
        refuse_tangents("x0", x)
        F = self.system.at(self.t0)(x)
        refuse_tangents("system", F)
        self.x = x.expand_as(F)  # weights may carry batch axes that x0 lacks
        self.Q = self._random_basis().to(x).expand(*self.x.shape, self.k) if Q is None else self._orthonormal(Q)
        self.done, self._interval = 0, 1
        self._limit, self._far = bounds(x.dtype)
        self.lost = torch.zeros(*self.x.shape[:-1], self.k, dtype=torch.long, device=x.device)
        self.singular: tuple | None = None  # time, state and basis before the last step that lost a column
        self.closed = ClosedOrbits(self.x)

    def _random_basis(self) -> Tensor:
        generator = torch.Generator().manual_seed(self._seed)
        start = torch.randn(self.system.dim, self.k, generator=generator, dtype=torch.float64)
        return householder(start)[0]

    def _orthonormal(self, Q) -> Tensor:
        Q, wanted = to_tensor(Q, "Q", self.x.dtype, self.x.device), (*self.x.shape, self.k)
        try:
            Q = Q.expand(wanted)
        except RuntimeError as error:
            raise ValueError(f"Q: expected tangent vectors {wanted}, got shape {tuple(Q.shape)}") from error
        refuse_tangents("Q", Q)
        if not torch.isfinite(Q).all() or (torch.linalg.matrix_rank(Q) < self.k).any():
            raise ValueError("Q: expected finite, linearly independent tangent vectors, got others")
        return torch.linalg.qr(Q)[0]

    @property
    def time(self) -> float:
        return self.t0 + self.done * self.dt

    def step(self, steps: int = 1, told: Callable[[int], object] | None = None) -> Tensor:
        """Take steps.

        Parameters
        ----------
        steps : int
            0 or more.
        told : callable, optional
            Called now and then with the number of steps taken since the last call.

        Returns
        -------
        Tensor (..., k)
            The logarithm by which each column has grown, without the steps in which it was `lost`.

        Raises
        ------
        DivergenceError
            If the state or a tangent vector overflows, with the time at which it did.
        """
        return self.stretches([integer("steps", steps, 0)], told)[0][0]

    @torch.no_grad()
    def stretches(self, steps: Sequence[int], told: Callable[[int], object] | None = None) -> tuple[Tensor, Tensor]:
        """Take M stretches of steps, one after the other, with no more QR decompositions than the basis needs.

        Parameters
        ----------
        steps : sequence of int
            Of each stretch, 0 or more.
        told : callable, optional
            As for `step`.

        Returns
        -------
        growth : Tensor (M, ..., k)
            As `step` returns it.
        lost : Tensor (M, ..., k)
            In how many steps of the stretch a column was lost.
        """
        ends = list(accumulate((integer("steps", m, 0) for m in steps), initial=self.done))[1:]
        rows, lost = [], [self.lost]
        products = 0 if self.backend == "compiled" else 2 * self.Q.numel() * self.system.dim
        with flushed_denormals(), threads_that_pay(products):
            for end in ends:
                row = torch.zeros_like(self.Q[..., 0, :])
                while (before := self.done) < end:
                    row = row + self._advance_basis(end)
                    if told:
                        told(self.done - before)
                rows.append(row)
                lost.append(self.lost)
        return torch.stack(rows), torch.stack(lost).diff(dim=0)

    @torch.no_grad()
    def factor(self, steps: int, images: Images | None = None) -> Factor:
        """Advance to the next QR decomposition, at most so many steps away, and keep its triangular factor.

        Stretches are half as long as those of `step`, as a rule, so that the directions of all columns are
        known to eps^(4/5).

        Parameters
        ----------
        steps : int
            1 or more.
        images : Images, optional
            Receives what lies at its points after the start of the stretch, up to its end. Points beyond may be
            written, too, and are written again when they are reached.

        Returns
        -------
        Factor
            The length of the stretch and R.

        Raises
        ------
        DivergenceError
            If the state or a tangent vector overflows, with the time at which it did.

        Examples
        --------
        A shear carries (0, 1) to (0.5, 1), of which 0.5 lies along the first vector:

        >>> from ptacore.models import LinearFlow
        >>> tangents = TangentSystem(LinearFlow([[0.0, 0.5], [0.0, 0.0]]), [0.0, 0.0], dt=1.0)
        >>> tangents.reinitialize([0.0, 0.0], torch.eye(2))
        >>> tangents.factor(1).R
        tensor([[1.0000, 0.5000],
                [0.0000, 1.0000]], dtype=torch.float64)
        """
        integer("steps", steps, 1)
        products = 0 if self.backend == "compiled" else 2 * self.Q.numel() * self.system.dim
        with flushed_denormals(), threads_that_pay(products):
            while (found := self._factor(min(self._interval, steps), images)) is None:
                pass
        return found

    def _factor(self, m: int, images: Images | None) -> Factor | None:
        last = self.done + m
        x, V = self._image(m, images)
        renewed = None if self._overflows(V, m, last) else self._renewed(V, m, 0.48 * self._limit, overwrite=False)
        if renewed is None:
            self._shorter(m)
            return None
        Q, growth, lost = renewed
        R = (Q.mT @ V).triu()
        R.diagonal(dim1=-2, dim2=-1).copy_(growth.exp().copysign(R.diagonal(dim1=-2, dim2=-1)))
        if lost is not None and lost.any():
            self.lost = self.lost + lost
        self.x, self.Q, self.done = x, Q, last
        self._look(x, last)
        return Factor(m, R, lost)

    def _image(self, m: int, images: Images | None) -> tuple[Tensor, Tensor]:
        """The state and the image of the basis after m steps, and what lies on the way."""
        x, V, at, last = self.x, self.Q, self.done, self.done + m
        points, states, vectors = images or ((), None, None)
        first, beyond = bisect_right(points, at), bisect_right(points, last)
        record = getattr(self._advance, "record", None)
        if record and beyond - first == m:  # a point after each step
            x, V = record(x, V, states[first:beyond], vectors[first:beyond])
            check_finite(x, self.t0 + last * self.dt)
            return x, V
        for place in range(first, beyond + 1):
            end = points[place] if place < beyond else last
            if end > at:
                x, V = self._advance(x, V, end - at, self.t0 + at * self.dt, plain=True)[:2]
                check_finite(x, self.t0 + end * self.dt)
                at = end
            if place < beyond:
                states[place], vectors[place] = x, V
        return x, V

    def place(self) -> Place:
        """Where the system is, to `go_back` to."""
        return Place(self.x, self.Q, self.done, self._interval)

    def go_back(self, place: Place) -> None:
        """Be again where the system was: `factor` then repeats itself to the last bit."""
        self.x, self.Q, self.done, self._interval = place

    def _advance_basis(self, end: int) -> Tensor | float:
        """Advance to the next QR decomposition, at `end` at the latest; the growth.

        Where the basis was not well conditioned there, nothing has happened, except that the interval is shorter.
        """
        left = end - self.done
        m = -(-left // -(-left // self._interval))  # stretches up to `end` are equally long
        x, V, growth, lost = self._advance(self.x, self.Q, m, self.time)
        check_finite(x, self.t0 + (self.done + m) * self.dt)
        if self._overflows(V, m, self.done + m):
            return self._shorter(m)
        if growth is None:
            own = V.data_ptr() != self.Q.data_ptr()  # an identity may give Q back
            renewed = self._renewed(V, m, self._limit, overwrite=own)
            if renewed is None:
                return self._shorter(m)
            V, growth, lost = renewed
        else:  # the kernel has kept the basis orthonormal, and needs no help
            self._interval = WHOLE
        if lost is not None and lost.any():
            self.lost = self.lost + lost
        self.x, self.Q, self.done = x, V, self.done + m
        self._look(x, self.done)
        return growth

    def _overflows(self, V: Tensor, m: int, end: int) -> bool:
        """Whether the images after m steps or less, at step `end`, are too long; raised if less than m cannot help.

        A compiled derivative may be 0 times infinity where torch knows better, as of a norm at 0. Torch goes on there.
        """
        try:
            check_finite(V, self.t0 + end * self.dt, "tangent basis")
        except DivergenceError:
            if m == 1 and self.backend == "torch":
                raise
            if m == 1:
                self.backend, self._advance = "torch", self._with_torch
            return True
        return False

    def _renewed(self, V: Tensor, m: int, aim: float, overwrite: bool) -> tuple[Tensor, Tensor, Tensor | None] | None:
        """The basis, from its image after m steps; its growth; which columns were lost. None if m were too many."""
        Q, growth = orthonormalize(V, overwrite)
        low, high = growth.aminmax(dim=-1)
        spread, lost = high - low, None
        widest = spread.max().item()
        resolved = self._limit * (SINGLE_STEP if m == 1 else 1.2)
        collapsed = not widest <= resolved  # nan: a column vanished
        if m > 1 and (collapsed or growth.abs().max().item() > 3 * self._far):
            return None
        if collapsed:
            some, lost = ~(spread <= resolved), torch.zeros_like(self.lost, dtype=torch.bool)
            V = V if V.data_ptr() != Q.data_ptr() else self._advance(self.x, self.Q, 1, self.time)[1]
            Q[some], growth[some], lost[some] = orthonormalize_graded(V[some])
            self._remember(lost)
        self._interval = 1 if collapsed else self._next_interval(growth, widest / aim, m)
        return Q, growth, lost

    def _shorter(self, m: int) -> float:
        """Nothing has happened: a burst came after a quiet stretch, and columns are lost or near over- or underflow."""
        self._interval = max(1, m // 4)
        return 0.0

    def _with_torch(self, x: Tensor, V: Tensor, steps: int, t: float, plain: bool = True):
        closes = self.system.kind == "map" and x.shape[-1] <= LOW
        start = round((t - self.t0) / self.dt)
        for i in range(start, start + steps):
            x, V = step_tangent(self.system, x, V, self.t0 + i * self.dt, self.dt)
            if closes:
                self._look(x, i + 1)
        refuse_tangents("system", x)  # of some times only
        return x, V, None, None

    def _look(self, x: Tensor, done: int) -> None:
        if not self.system.driven:
            self.closed.passes(x, done)

    def _next_interval(self, growth: Tensor, spread: float, m: int) -> int:
        size = growth.abs().max().item() / self._far  # from overflow, shared by the columns or not
        return max(1, min(2 * self._interval, int(m / max(spread, size, 1e-9))))

    def _remember(self, lost: Tensor) -> None:
        some = lost.any(-1)
        if some.any():
            _, x, Q = self.singular or (0.0, self.x, self.Q)
            x, Q = torch.where(some[..., None], self.x, x), torch.where(some[..., None, None], self.Q, Q)
            self.singular = self.t0 + self.done * self.dt, x, Q


@contextmanager
def flushed_denormals():
    """Decaying tangent vectors and states end as denormal numbers, which are several times slower.

    A worker thread takes over what is set when it starts, and keeps it: torch's are all started before.
    """
    if (torch.tensor(1e-310, dtype=torch.float64) * 1).item() == 0:  # they are already
        yield
        return
    torch.empty(torch.get_num_threads() << 15, dtype=torch.uint8).fill_(0)  # 2^15: the least that torch gives a thread
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
