"""What evolves: a flow ``dx/dt = F(x, t)`` or a map ``x(t + 1) = F(x, t)``."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from ptacore.checks import choice, floating, integer, place, refuse_tangents, to_tensor
from ptacore.kernels.advance import Advance, orbit
from ptacore.kernels.functions import Reference, function_kernel
from ptacore.kernels.tape import reason

HINTS = {  # to what a function of the user's may say when it is tried
    "numpy": "; write it with torch, which can differentiate it",
    "unpack": "; take the entries of a state by x.unbind(-1)",
}


class System:
    """A dynamical system, batched over any leading axes of its state.

    Subclasses set `dim` and `kind` and define ``__call__`` and `jacobian`; `jvp` and `vjp` follow from the
    Jacobian, and a subclass overrides them where it has something cheaper. A subclass that depends on time
    overrides `at`, and what it returns is asked for all of these. Tensor attributes hold the parameters; all
    have one dtype and one device, those of the states that the system takes.

    Attributes
    ----------
    dim : int
        State dimension n.
    kind : {"flow", "map"}
        Whether ``self(x)`` is the time derivative of x or the state one step later.
    steps : int or None
        How many steps the input of a driven map lasts; None where it never ends.
    bound : float or None
        Largest modulus that an entry of a fixed point can have, where the form of F tells; None where it does not.
    smooth_jvp : bool
        Whether gradients go through `jvp` to the state, the tangent vectors and all parameters.
    """

    steps: int | None = None
    smooth_jvp = False
    bound: float | None = None
    uncompiled: str = ""  # why the last `kernel` was None, where the system can tell
    compiled_from = math.inf  # evaluations of F from which on a trajectory is compiled, by kernels that can `follow`
    dim: int
    kind: str
    dtype: torch.dtype = torch.float64
    device: torch.device = torch.device("cpu")

    def __call__(self, x: Tensor) -> Tensor:
        """Vector field (flow) or image (map) at x: (..., n) -> (..., n)."""
        raise NotImplementedError

    def jacobian(self, x: Tensor) -> Tensor:
        """Jacobian matrix dF_i/dx_j at x (Eq. 10): (..., n) -> (..., n, n)."""
        raise NotImplementedError

    def jvp(self, x: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """F(x), and the Jacobian times k tangent vectors: (..., n), (..., n, k) -> (..., n), (..., n, k)."""
        return self(x), self.jacobian(x) @ V

    def vjp(self, x: Tensor, P: Tensor) -> Tensor:
        """Transposed Jacobian times k cotangent vectors: (..., n), (..., n, k) -> (..., n, k)."""
        return self.jacobian(x).mT @ P

    def at(self, t: float) -> System:
        """The system frozen at time t; itself where nothing depends on time."""
        return self

    def ungated(self) -> System:
        """A system with the same fixed points and no flat regions: for a gated unit z h + (1 - z) n(h), the map n(h).

        z < 1, but in doubles a saturated gate is 1, and every state at rest.
        """
        return self

    def kernel(self, dt: float) -> Advance | None:
        """Compiled steps of the state and its tangents (``ptacore.kernels``); None where torch takes them."""
        return None

    def orbit(
        self, x: Tensor, skipped: int, steps: int, dt: float, told: Callable[[int], object] | None = None
    ) -> Tensor | None:
        """States (steps + 1, ..., n) after some first steps, compiled, or fewer, up to one that is not finite; None
        where torch takes them."""
        evaluations = (skipped + steps) * (4 if self.kind == "flow" else 1)
        if evaluations < self.compiled_from or self.driven or self.device.type != "cpu":
            return None
        if any(map(_followed, (x, self(x)))):  # F also tells of tensors that it holds elsewhere or closes over
            return None
        kernel = self.kernel(dt)
        return None if kernel is None or not kernel.is_faster_for(x) else orbit(kernel, x, skipped, steps, told)

    def _tensors(self) -> dict[str, Tensor]:
        """The tensors that it holds."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    @property
    def driven(self) -> bool:
        """Whether F depends on time, so that `at` has to be asked."""
        return type(self).at is not System.at

    def to(self, target: torch.dtype | torch.device | str) -> System:
        """A copy whose parameters have another dtype or are on another device, as in ``torch.nn.Module.to``.

        Raises
        ------
        TypeError, ValueError
            If the target is neither single or double precision nor a device that is there.
        """
        target = place("target", target)
        new = copy.copy(self)
        for name, value in self._tensors().items():
            setattr(new, name, value.to(target))
        probe = torch.empty(0, dtype=self.dtype, device=self.device).to(target)
        new.dtype, new.device = probe.dtype, probe.device
        return new

    def as_state(self, x0, name: str = "x0") -> Tensor:
        """x0 as a tensor (..., n) of the system's dtype and device.

        Raises
        ------
        TypeError
            If x0 does not consist of numbers.
        ValueError
            If the last axis is not `dim` long, the batch is empty or an entry is not finite; if ``torch.autocast``
            would compute in lower precision.
        """
        if self.dtype != torch.float64 and torch.is_autocast_enabled(self.device.type):
            low = torch.get_autocast_dtype(self.device.type)
            raise ValueError(
                f"system: expected {self.dtype} to be kept, but here torch.autocast computes its products in {low}; "
                f"leave it, as by torch.autocast({self.device.type!r}, enabled=False), or take float64"
            )
        x = to_tensor(x0, name, self.dtype, self.device)
        if x.ndim == 0 or x.shape[-1] != self.dim or x.numel() == 0:
            raise ValueError(f"{name}: expected shape (..., {self.dim}), got {tuple(x.shape)}")
        if not torch.isfinite(x).all():
            raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
        return x

    @staticmethod
    def from_function(
        f: Callable[..., Tensor],
        dim: int,
        kind: str,
        jacobian: Callable[..., Tensor] | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> System:
        """Wrap any differentiable torch function of a state, or of a state and the time, as a system.

        Lyapunov spectra of undriven systems in double precision run compiled: f is watched on two states, translated
        to C with its derivative, and compared with torch. It is watched anew for each spectrum, so that parameters may
        change in between. A function that decides by the state's numbers (a branch, ``.item()``), leaves torch or does
        something that has no translation runs in torch; ``backend="compiled"`` says what it was.

        Parameters
        ----------
        f : callable
            f(x) or f(x, t), x (..., n) -> (..., n), written in torch operations that batch over a leading axis. A
            function with two parameters that must be given is driven: t is a float, the time (flows) or the step
            (maps). `models.Samples` turns sampled inputs into a function of time.
        dim : int
            State dimension n.
        kind : {"flow", "map"}
            Whether f is a vector field or a map.
        jacobian : callable, optional
            As f, with the result (..., n, n); by default derived by automatic differentiation.
        dtype : torch.dtype
            Type of the states.

        Raises
        ------
        ValueError
            If `kind` or `dim` is not as above, f raises or does not return the shape that it was given, or
            `jacobian` is not the derivative of f.

        Examples
        --------
        >>> lorenz = System.from_function(
        ...     lambda x: torch.stack((10 * (x[..., 1] - x[..., 0]),
        ...                            x[..., 0] * (28 - x[..., 2]) - x[..., 1],
        ...                            x[..., 0] * x[..., 1] - 8 / 3 * x[..., 2]), -1), dim=3, kind="flow")
        >>> lorenz.jacobian(torch.zeros(3, dtype=torch.float64)).diagonal().sum()
        tensor(-13.6667, dtype=torch.float64)
        >>> from math import cos
        >>> pushed = System.from_function(lambda x, t: -x + cos(t), dim=1, kind="flow")
        >>> pushed.driven, pushed.at(0.0)(torch.zeros(1, dtype=torch.float64))
        (True, tensor([1.], dtype=torch.float64))
        """
        return _FunctionSystem(f, dim, kind, jacobian, dtype)


def _followed(t: Tensor) -> bool:
    """Whether torch takes derivatives of what is computed with a tensor, backward or forward."""
    return (torch.is_grad_enabled() and t.requires_grad) or unpack_dual(t).tangent is not None


def _takes_time(f: Callable, name: str) -> bool:
    """Whether a function of a state must be given a second argument, the time."""
    try:
        parameters = inspect.signature(f.forward if isinstance(f, torch.nn.Module) else f).parameters.values()
    except (TypeError, ValueError):  # some builtins
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in places]
    if len(needed) > 2 or (len(needed) == 2 and needed[0] in ("t", "time")):
        raise ValueError(f"{name}: expected {name}(x) or {name}(x, t), got {name}({', '.join(needed)})")
    return len(needed) == 2


class _FunctionSystem(System):
    compiled_from = 50_000  # torch takes a second for them, as the compiler does for f

    def __init__(self, f, dim, kind, jacobian, dtype):
        if not callable(f):
            raise TypeError(f"f: expected a function of a state, got {type(f).__name__}")
        self.f, self.user_jacobian = f, jacobian
        self.dim, self.kind = integer("dim", dim, 1), choice("kind", kind, ("flow", "map"))
        self.dtype = floating("dtype", dtype)
        self.timed, self.t, self.frozen = _takes_time(f, "f"), 0.0, False
        if jacobian is not None and not callable(jacobian):
            raise TypeError(f"jacobian: expected a function, got {type(jacobian).__name__}")
        self.jacobian_timed = jacobian is not None and _takes_time(jacobian, "jacobian")
        self._compiled: set[str] = set()  # what has been checked
        self._probe()

    def kernel(self, dt):
        self.uncompiled = ""
        if self.timed or self.jacobian_timed:
            self.uncompiled = "f depends on time"
        if self.uncompiled or self.dtype != torch.float64:
            return None
        try:
            return function_kernel(self.f, Reference(self, self.vjp), self.dim, dt, self.kind == "flow", self._compiled)
        except Exception as error:  # f may raise anything while it is watched
            self.uncompiled = reason(error)
            return None

    def _probe(self):
        """Call f once on states and see that what it says of itself holds."""
        rows = self.dim + 3  # not dim: a function of one state could pass for one of a batch
        generator = torch.Generator().manual_seed(0)
        probe = torch.randn(rows, self.dim, generator=generator, dtype=torch.float64).to(self.dtype)
        self._tried("f", self, probe, (self.dim,))
        if self.user_jacobian is not None:
            self._probe_jacobian(probe)

    def _tried(self, name: str, function: Callable[[Tensor], Tensor], probe: Tensor, ends: tuple[int, ...]) -> Tensor:
        """What a function gives for a batch, if it maps (..., n) to (..., *ends), also for each state by itself."""
        states, results = (f"(..., {', '.join(map(str, shape))})" for shape in (probe.shape[1:], ends))

        def called(x: Tensor) -> Tensor:
            try:
                got = function(x)
            except Exception as error:  # anything that a function of the user's raises
                said = str(error) or type(error).__name__
                hint = next((hint for word, hint in HINTS.items() if word in said), "")
                raise ValueError(
                    f"{name}: must take states {states}; for {tuple(x.shape)} it raised: {said}{hint}"
                ) from error
            shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
            if shape != (*x.shape[:-1], *ends):
                raise ValueError(f"{name}: must map {states} to {results}; for {tuple(x.shape)} it gave {shape}")
            if got.dtype != self.dtype:
                raise ValueError(f"{name}: must keep the states' dtype {self.dtype}, it gave {got.dtype}")
            return got

        batch = called(probe)
        with torch.no_grad():
            single = torch.stack([called(row) for row in probe])
        if not torch.allclose(batch, single, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise ValueError(f"{name}: must act on each state by itself; on a batch it differs from state by state")
        return batch

    def _probe_jacobian(self, probe: Tensor):
        J = self._tried("jacobian", self.jacobian, probe, (self.dim, self.dim))
        direction = torch.randn(self.dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(J)
        h = torch.finfo(self.dtype).eps ** (1 / 3)
        with torch.no_grad():
            slope = (self(probe + h * direction) - self(probe - h * direction)) / (2 * h)
        along = J @ direction
        wrong = (slope - along).norm(dim=-1) > 0.01 * (slope.norm(dim=-1) + along.norm(dim=-1)) + 100 * h**2
        if wrong.float().mean() > 0.5:  # a few states may lie on a kink
            row = int(wrong.nonzero()[0, 0])
            raise ValueError(
                "jacobian: is not the derivative of f: along a direction f changes by "
                f"{slope[row].tolist()}, by the Jacobian {along[row].tolist()}, at {probe[row].tolist()}"
            )

    @property
    def driven(self):
        return (self.timed or self.jacobian_timed) and not self.frozen

    def at(self, t):
        if not self.driven:
            return self
        frozen = copy.copy(self)
        frozen.t, frozen.frozen = float(t), True
        return frozen

    def __call__(self, x):
        return self._given(self.f, self.timed, x)

    def _given(self, function, timed: bool, x: Tensor) -> Tensor:
        """What a function of the user's gives for states (..., n).

        It sees a copy, since it may write on it, with one batch axis at most: with more, x.T is something else.
        """
        rows = (x.flatten(0, -2) if x.ndim > 2 else x).clone()
        result = function(rows, self.t) if timed else function(rows)
        return result.unflatten(0, x.shape[:-1]) if x.ndim > 2 else result

    def jacobian(self, x):
        if self.user_jacobian is not None:
            return self._given(self.user_jacobian, self.jacobian_timed, x)
        return self.vjp(x, torch.eye(self.dim, dtype=x.dtype, device=x.device)).mT

    def vjp(self, x, P):
        if self.user_jacobian is not None:
            return super().vjp(x, P)
        refuse_tangents("x", x)
        P = P.broadcast_to(*x.shape, P.shape[-1]).movedim(-1, 0)  # (k, ..., n): one copy of x for each column
        with torch.inference_mode(False), torch.enable_grad():
            copies = x.detach().expand_as(P).clone().requires_grad_()
            F = self(copies)
            if not F.requires_grad:
                raise ValueError("f: cannot be differentiated (it leaves torch, or does not use x); pass jacobian")
            # of a sum: told weights, torch would import sympy, which takes as long as to compile f
            return torch.autograd.grad((F * P.clone()).sum(), copies)[0].movedim(0, -1)
