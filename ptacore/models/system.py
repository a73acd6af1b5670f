"""What evolves: a flow ``dx/dt = F(x)`` or a map ``x(t + 1) = F(x)``."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ptacore.checks import floating, integer, place, to_tensor


class System:
    """A dynamical system, batched over any leading axes of its state.

    Subclasses set `dim` and `kind` and define ``__call__`` and `jacobian`; `jvp` and `vjp` follow from the
    Jacobian, and a subclass overrides them where it has something cheaper. Tensor attributes hold the
    parameters; all have one dtype and one device, those of the states that the system takes.

    Attributes
    ----------
    dim : int
        State dimension n.
    kind : {"flow", "map"}
        Whether ``self(x)`` is the time derivative of x or the state one step later.
    """

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

    def to(self, target: torch.dtype | torch.device | str) -> System:
        """A copy whose parameters have another dtype or are on another device, as in ``torch.nn.Module.to``.

        Raises
        ------
        TypeError, ValueError
            If the target is neither single or double precision nor a device that is there.
        """
        target = place("target", target)
        new = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
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
            If the last axis is not `dim` long, the batch is empty or an entry is not finite.
        """
        x = to_tensor(x0, name, self.dtype, self.device)
        if x.ndim == 0 or x.shape[-1] != self.dim or x.numel() == 0:
            raise ValueError(f"{name}: expected shape (..., {self.dim}), got {tuple(x.shape)}")
        if not torch.isfinite(x).all():
            raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
        return x

    @staticmethod
    def from_function(
        f: Callable[[Tensor], Tensor],
        dim: int,
        kind: str,
        jacobian: Callable[[Tensor], Tensor] | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> System:
        """Wrap any differentiable torch function of one state as a system.

        Parameters
        ----------
        f : callable
            (..., n) -> (..., n), written in torch operations that batch over leading axes.
        dim : int
            State dimension n.
        kind : {"flow", "map"}
            Whether f is a vector field or a map.
        jacobian : callable, optional
            (..., n) -> (..., n, n); by default derived by automatic differentiation.
        dtype : torch.dtype
            Of the states.

        Raises
        ------
        ValueError
            If `kind` or `dim` is not as above, or f does not return the shape that it was given.

        Examples
        --------
        >>> lorenz = System.from_function(
        ...     lambda x: torch.stack((10 * (x[..., 1] - x[..., 0]),
        ...                            x[..., 0] * (28 - x[..., 2]) - x[..., 1],
        ...                            x[..., 0] * x[..., 1] - 8 / 3 * x[..., 2]), -1), dim=3, kind="flow")
        >>> lorenz.jacobian(torch.zeros(3, dtype=torch.float64)).diagonal().sum()
        tensor(-13.6667, dtype=torch.float64)
        """
        return _FunctionSystem(f, dim, kind, jacobian, dtype)


class _FunctionSystem(System):
    def __init__(self, f, dim, kind, jacobian, dtype):
        if kind not in ("flow", "map"):
            raise ValueError(f'kind: expected "flow" or "map", got {kind!r}')
        dim, dtype = integer("dim", dim, 1), floating("dtype", dtype)
        self.f, self.dim, self.kind, self.user_jacobian, self.dtype = f, dim, kind, jacobian, dtype
        rows = dim + 3  # not dim: a function of one state could pass for one of a batch
        probe = torch.randn(rows, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
        try:
            got = f(probe)
        except (RuntimeError, IndexError) as error:
            raise ValueError(f"f: must take states (..., {dim}); for ({rows}, {dim}) it raised: {error}") from error
        if not isinstance(got, Tensor) or got.shape != (rows, dim):
            shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
            raise ValueError(f"f: must map (..., {dim}) to (..., {dim}); for ({rows}, {dim}) it gave {shape}")
        if not torch.allclose(got, torch.stack([f(row) for row in probe]), rtol=1e-3, atol=1e-5, equal_nan=True):
            raise ValueError("f: must act on each state by itself; on a batch it differs from state by state")
        if jacobian is not None and (J := jacobian(probe)).shape != (rows, dim, dim):
            raise ValueError(f"jacobian: must map (..., {dim}) to (..., {dim}, {dim}); it gave {tuple(J.shape)}")

    def __call__(self, x):
        return self.f(x)

    def jacobian(self, x):
        if self.user_jacobian is not None:
            return self.user_jacobian(x)
        return self.vjp(x, torch.eye(self.dim, dtype=x.dtype, device=x.device)).mT

    def vjp(self, x, P):
        if self.user_jacobian is not None:
            return super().vjp(x, P)
        P = P.broadcast_to(*x.shape, P.shape[-1]).movedim(-1, 0)  # (k, ..., n): one copy of x for each column
        with torch.enable_grad():
            copies = x.detach().expand_as(P).clone().requires_grad_()
            F = self.f(copies)
            if not F.requires_grad:
                raise ValueError("f: cannot be differentiated (it leaves torch, or does not use x); pass jacobian")
            return torch.autograd.grad(F, copies, P)[0].movedim(0, -1)
