"""The map of a module's state through the module's own forward, with derivatives by automatic differentiation."""

from __future__ import annotations

import contextlib
from itertools import product
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from ptacore.checks import integer
from ptacore.models.replica import is_network, replica

ROWS = 3  # of the batch on which a module shows what it takes: seldom a size of anything else


class StateForm(NamedTuple):
    """How a vector (..., n) and the state that a forward takes, a tensor or several, follow from each other.

    Attributes
    ----------
    leaves : tuple
        Of each tensor the axes before and behind those of the batch: ((layers,), (n,)), or ((), (n,)).
    bare : bool
        Whether it is one tensor and not a tuple.
    """

    leaves: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    bare: bool

    @property
    def dim(self) -> int:
        return sum(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        return [torch.Size(before + behind).numel() for before, behind in self.leaves]

    def unpack(self, x: Tensor):
        state = []
        for part, (before, behind) in zip(x.split(self._sizes, -1), self.leaves, strict=True):
            leaf = part.unflatten(-1, before + behind)
            state.append(leaf.movedim(-1 - len(behind), 0) if before else leaf)
        return state[0] if self.bare else tuple(state)

    def pack(self, state) -> Tensor:
        state = (state,) if self.bare else state
        if not isinstance(state, (tuple, list)) or len(state) != len(self.leaves):
            raise ValueError(f"state: expected {self}, got {_shapes(state)}")
        parts = []
        for leaf, (before, behind) in zip(state, self.leaves, strict=True):
            fits = isinstance(leaf, Tensor) and leaf.ndim >= len(before + behind)
            if not fits or leaf.shape[: len(before)] != before or leaf.shape[leaf.ndim - len(behind) :] != behind:
                raise ValueError(f"state: expected {self}, got {_shapes(state)}")
            leaf = leaf.movedim(0, -1 - len(behind)) if before else leaf
            parts.append(leaf.flatten(leaf.ndim - len(before + behind)))
        return torch.cat(parts, -1)

    def __str__(self) -> str:
        each = [f"({', '.join([*map(str, before), '...', *map(str, behind)])})" for before, behind in self.leaves]
        return each[0] if self.bare else f"({', '.join(each)})"


def _shapes(value) -> str:
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_shapes, value))})"
    return type(value).__name__


class OwnForward:
    """x <- F(u, x) of a module whose forward takes (input, state), or of a network with a ``step``.

    What the forward takes, a step or a sequence, a tensor or (h, c), is tried out, on a copy.

    Parameters
    ----------
    module : torch.nn.Module
    input : Tensor, optional
        Tells the number of inputs where the module does not.
    dtype : torch.dtype
    state, dim
        As for `ModuleMap`.

    Raises
    ------
    TypeError, ValueError
        As for `ModuleMap`.
    """

    def __init__(self, module: nn.Module, input: Tensor | None, dtype: torch.dtype, state=None, dim: int | None = None):
        self.name = getattr(module, "original_name", type_before_parametrizations(module).__name__)  # scripted, or not
        self.module, self.stepwise, self.dtype = replica(module), is_network(module), dtype
        tensors = [*self.module.parameters(), *self.module.buffers()]
        self.device = tensors[0].device if tensors else torch.device("cpu")
        self._cast(dtype)
        candidates, faults = self._candidates(state, dim), []
        self.n_inputs = self._number_of_inputs(input)
        for self.form, self.time_axis in candidates:
            self.dim, self.batch_first = self.form.dim, self.time_axis == 1
            fault = self._fault()
            if fault is None:
                self.twice = self._twice_differentiable()
                return
            faults.append(fault)
        said = next((fault for fault in faults if not fault.startswith("it raised")), faults[0])
        raise ValueError(
            f"module: expected a forward that takes (input, state) and returns the state, (output, state) or (h, c), "
            f"and treats each state of a batch by itself; {self.name} does not: {said}"
        )

    def _cast(self, dtype: torch.dtype) -> None:
        """All that the module computes with, also tensors that are neither parameters nor buffers."""
        whole = {torch.float64: torch.complex128, torch.float32: torch.complex64}[dtype]

        def cast(t: Tensor) -> Tensor:
            return t.to(dtype) if t.is_floating_point() else t.to(whole) if t.is_complex() else t

        try:
            self.module._apply(cast)
            for part in self.module.modules():
                for name, value in vars(part).items():
                    if isinstance(value, Tensor):
                        vars(part)[name] = cast(value)
        except (TypeError, RuntimeError) as error:
            raise TypeError(f"module: cannot be computed in {dtype} ({error}); pass another dtype") from error

    def _number_of_inputs(self, input: Tensor | None) -> int:
        for name in ("n_inputs", "input_size"):
            if isinstance(count := getattr(self.module, name, None), Integral):
                return int(count)
        if input is None or input.ndim == 0:
            raise ValueError(
                f"module: {self.name} does not tell how many inputs it takes (no attribute input_size); pass input"
            )
        return input.shape[-1]

    def _candidates(self, state, dim: int | None) -> list[tuple[StateForm, int | None]]:
        """Forms of the state, and axes of time in the input (None: a single step), in the order to be tried."""
        if self.stepwise:
            return [(StateForm((((), (int(self.module.state_size),)),), True), None)]
        first = getattr(self.module, "batch_first", None)
        axes = (None, 0, 1) if first is None else (None, int(bool(first)))
        return list(product(self._forms(state, dim), axes))

    def _forms(self, state, dim: int | None) -> list[StateForm]:
        if state is not None:
            return [_form_of(state)]
        if dim is not None:
            n = (integer("dim", dim, 1),)
            return [StateForm((((), n),), True), StateForm((((1,), n),), True)]
        size, layers = (getattr(self.module, name, None) for name in ("hidden_size", "num_layers"))
        if not isinstance(size, Integral):
            raise ValueError(
                f"module: expected torch.nn's RNN, GRU, LSTM or their cells, or a forward that takes (input, state); "
                f"{self.name} does not tell its state (no hidden_size): pass state=, an example of it, or dim="
            )
        h = (int(getattr(self.module, "proj_size", 0) or size),)
        before = [(int(layers),)] if isinstance(layers, Integral) else [(), (1,)]
        return [
            StateForm(leaves, len(leaves) == 1)
            for lead in (*before, *([()] if layers == 1 else []))
            for leaves in (((lead, h),), ((lead, h), (lead, (int(size),))))
        ]

    def probe(self) -> tuple[Tensor, Tensor]:
        """Inputs and states to try out: (ROWS, d), (ROWS, n)."""
        generator = torch.Generator().manual_seed(0)
        u, x = (
            torch.randn(ROWS, n, generator=generator, dtype=torch.float64).to(self.dtype).to(self.device)
            for n in (self.n_inputs, self.dim)
        )
        return u, x / 2

    def _fault(self) -> str | None:
        """What is wrong with the current form, found out by a step."""
        u, x = self.probe()
        try:
            with torch.enable_grad():
                new = self(u, x.clone().requires_grad_())
                leaking = self(u, x).requires_grad
            alone = torch.stack([self(a, b) for a, b in zip(u, x, strict=True)])
        except Exception as error:  # whatever a forward of the user's raises
            return f"it raised {type(error).__name__}: {str(error).strip()[:300]}"
        if new.dtype != self.dtype:
            return f"its new state is {new.dtype} where everything else is {self.dtype}"
        if not new.requires_grad:
            return "its new state cannot be differentiated by the old one"
        if leaking:
            return "it uses parameters that are not the module's own"
        rtol = 1e-9 if self.dtype == torch.float64 else 1e-4
        if not torch.allclose(new, alone, rtol=rtol, atol=rtol):
            return "on a batch it differs from state by state, or from call to call"
        return None

    def _twice_differentiable(self) -> bool:
        u, x = self.probe()
        try:
            self._jvp(u, x, torch.ones(self.dim, 1, dtype=self.dtype, device=self.device))
        except Exception:  # such as an operation of the user's with first derivatives only
            return False
        return True

    def to(self, target) -> OwnForward:
        new = object.__new__(OwnForward)
        new.__dict__.update(vars(self))
        new.module = replica(self.module)
        probe = torch.empty(0, dtype=self.dtype, device=self.device).to(target)
        new.module._apply(lambda t: t.to(probe.device))
        new._cast(probe.dtype)
        new.dtype, new.device = probe.dtype, probe.device
        return new

    def __call__(self, u, x):
        batch = torch.broadcast_shapes(u.shape[:-1], x.shape[:-1])
        u = u.expand(*batch, -1).reshape(-1, self.n_inputs)
        x = x.expand(*batch, -1).reshape(-1, self.dim)
        # cuDNN has no derivatives in evaluation mode, and no second ones
        with torch.backends.cudnn.flags(enabled=False) if x.is_cuda else contextlib.nullcontext():
            new = self.module.step(u, x) if self.stepwise else self._forward(u, x)
        return new.reshape(*batch, self.dim)

    def _forward(self, u: Tensor, x: Tensor) -> Tensor:
        state = self.form.unpack(x)
        out = self.module(u if self.time_axis is None else u.unsqueeze(self.time_axis), state)
        if isinstance(out, (tuple, list)):
            count = len(self.form.leaves)
            if self.form.bare or (len(out) == 2 and isinstance(out[1], (tuple, list))):
                out = out[-1]
            else:
                out = tuple(out[-count:])
        if _shapes(out) != _shapes(state):
            raise ValueError(f"for a state {_shapes(state)} it returned {_shapes(out)}")
        return self.form.pack(out)

    def jacobian(self, u, x):
        return self.vjp(u, x, torch.eye(self.dim, dtype=x.dtype, device=x.device)).mT

    def vjp(self, u, x, P):
        with torch.inference_mode(False), torch.enable_grad():
            copies, P, new = self._copies(u, x, P)
            return torch.autograd.grad(new, copies, P, materialize_grads=True)[0].movedim(0, -1)

    def jvp(self, u, x, V):
        if self.twice and V.shape[-1] < self.dim:
            return self(u, x), self._jvp(u, x, V)
        return self(u, x), self.jacobian(u, x) @ V

    def _jvp(self, u, x, V):
        """By the derivative of the transposed product J^T w, which is linear in w."""
        with torch.inference_mode(False), torch.enable_grad():
            copies, V, new = self._copies(u, x, V)
            w = torch.zeros_like(new, requires_grad=True)
            (pulled,) = torch.autograd.grad(new, copies, w, create_graph=True, materialize_grads=True)
            if not pulled.requires_grad:  # the new state does not depend on the old one
                return torch.zeros_like(V).movedim(0, -1)
            return torch.autograd.grad(pulled, w, V, materialize_grads=True)[0].movedim(0, -1)

    def _copies(self, u: Tensor, x: Tensor, V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A state for each column of V (..., n, k), the columns (k, ..., n), and the new states."""
        batch = torch.broadcast_shapes(u.shape[:-1], x.shape[:-1], V.shape[:-2])
        V = V.detach().broadcast_to(*batch, self.dim, V.shape[-1]).movedim(-1, 0).clone()
        copies = x.detach().expand_as(V).clone().requires_grad_()
        return copies, V, self(u.detach().clone(), copies)

    def __repr__(self):
        return f"{self.name}, dim={self.dim}"


def _form_of(state) -> StateForm:
    """From an example for a batch of one: its axis is the second of three, else the first."""
    bare = isinstance(state, Tensor)
    leaves = []
    for leaf in [state] if bare else list(state) if isinstance(state, (tuple, list)) else [None]:
        if not isinstance(leaf, Tensor) or leaf.ndim == 0 or leaf.numel() == 0:
            raise TypeError(f"state: expected a tensor or a tuple of tensors, got {_shapes(state)}")
        axis = 1 if leaf.ndim == 3 and leaf.shape[1] == 1 else 0
        shape = tuple(leaf.shape) if leaf.ndim > 1 else (1, *leaf.shape)
        if shape[axis] != 1:
            raise ValueError(f"state: expected a batch of one, (1, n) or (layers, 1, n), got {_shapes(state)}")
        leaves.append((shape[:axis], shape[axis + 1 :]))
    if not leaves:
        raise TypeError("state: expected a tensor or a tuple of tensors, got ()")
    return StateForm(tuple(leaves), bare)
