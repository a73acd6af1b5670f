"""The map of a module's state through the module's own forward, with derivatives by automatic differentiation."""

from __future__ import annotations

import contextlib
import inspect
from itertools import product
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrize import type_before_parametrizations

from ptacore.checks import integer, refuse_tangents
from ptacore.models.replica import held, is_network, replica
from ptacore.models.state_form import StateForm, form_of, shapes

STATES = ("h", "hx", "h0", "hidden", "hidden_state", "state")  # names by which a forward calls its state
ROWS = 3  # of the batch on which a module shows what it takes: seldom a size of anything else


class _Called(nn.Module):
    """What is called of a module, as a module."""

    def __init__(self, module: nn.Module, stepwise: bool):
        super().__init__()
        self.module, self.stepwise = module, stepwise

    def forward(self, u, state):
        return self.module.step(u, state) if self.stepwise else self.module(u, state)


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
    attached : bool
        Compute with the module's own parameters, as they are now, so that gradients reach them.

    Raises
    ------
    TypeError, ValueError
        As for `ModuleMap`.
    """

    bound = None

    def __init__(
        self,
        module: nn.Module,
        input: Tensor | None,
        dtype: torch.dtype,
        state=None,
        dim: int | None = None,
        attached: bool = False,
    ):
        self.name = getattr(module, "original_name", type_before_parametrizations(module).__name__)  # scripted, or not
        self.module, self.stepwise, self.dtype = replica(module), is_network(module), dtype
        tensors = [*self.module.parameters(), *self.module.buffers()]
        self.device = tensors[0].device if tensors else torch.device("cpu")
        self._cast(dtype)
        self.own = None  # parameters in place of the copy's
        self._check_order()
        candidates, faults = self._candidates(state, dim), []
        self.n_inputs = self._number_of_inputs(input)
        for self.form, self.time_axis in candidates:
            self.dim, self.batch_first = self.form.dim, self.time_axis == 1
            fault = self._fault()
            if fault is None:
                self.twice = self._twice_differentiable()
                if attached:
                    self._attach(module)
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

    def _check_order(self) -> None:
        try:
            names = [*inspect.signature(self.module.forward).parameters]
        except (TypeError, ValueError):  # of scripted modules
            return
        if not self.stepwise and names and names[0] in STATES:
            raise ValueError(
                f"module: expected a forward that takes (input, state), but that of {self.name} takes "
                f"({', '.join(names)}); wrap it in a module that changes their order"
            )

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
            return [form_of(state)]
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

    def _attach(self, module: nn.Module) -> None:
        attached = {id(p) for p in module.parameters()}
        refuse_tangents("module", *(t for t in held(module) if id(t) not in attached))  # which has been copied
        u, x = self.probe()
        before = self(u, x)
        own = {name.replace("_orig_mod.", ""): p for name, p in module.named_parameters()}  # torch.compile's
        self.own = {f"module.{name}": p.to(self.device, self.dtype) for name, p in own.items()}
        try:
            fits = torch.allclose(self(u, x), before, rtol=1e-4, atol=1e-5)
        except Exception as error:  # anything that a forward of the user's raises
            raise TypeError(f"module: {self.name} cannot be computed with other parameters: {error}") from error
        if not fits:
            raise TypeError(f"module: {self.name} does not compute with its parameters as they are")

    def _fault(self) -> str | None:
        """What is wrong with the current form, found out by a step."""
        u, x = self.probe()
        try:
            with torch.enable_grad():
                new = self(u, x.clone().requires_grad_())
                leaking = self(u, x).requires_grad
            alone = torch.stack([self(a, b) for a, b in zip(u, x, strict=True)])
        except Exception as error:  # anything that a forward of the user's raises
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
        """Whether products with tangents may go by second derivatives, which an operation of the user's may lack."""
        u, x = self.probe()
        V = torch.ones(self.dim, 1, dtype=self.dtype, device=self.device)
        try:
            found = self._jvp(u, x, V)
        except Exception:
            return False
        rtol = 1e-6 if self.dtype == torch.float64 else 1e-3
        return torch.allclose(found, self.jacobian(u, x) @ V, rtol=rtol, atol=rtol)

    def ungated(self) -> OwnForward:
        """See `System.ungated`; what a forward of somebody else gates is not known."""
        return self

    def kernel(self, input, driven) -> None:
        """See `System.kernel`: only torch knows what a forward of somebody else does."""

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
            new = self._called(u, x) if self.stepwise else self._forward(u, x)
        return new.reshape(*batch, self.dim)

    def _called(self, u: Tensor, state):
        """What is called sees copies, since it may write on them."""
        u, state = u.clone(), state.clone() if isinstance(state, Tensor) else tuple(part.clone() for part in state)
        called = _Called(self.module, self.stepwise)
        return called(u, state) if self.own is None else functional_call(called, self.own, (u, state))

    def _forward(self, u: Tensor, x: Tensor) -> Tensor:
        state = self.form.unpack(x)
        out = self._called(u if self.time_axis is None else u.unsqueeze(self.time_axis), state)
        if isinstance(out, (tuple, list)):
            count = len(self.form.leaves)
            if self.form.bare or (len(out) == 2 and isinstance(out[1], (tuple, list))):
                out = out[-1]
            else:
                out = tuple(out[-count:])
        if shapes(out) != shapes(state):
            raise ValueError(f"for a state {shapes(state)} it returned {shapes(out)}")
        return self.form.pack(out)

    def jacobian(self, u, x):
        return self.vjp(u, x, torch.eye(self.dim, dtype=x.dtype, device=x.device)).mT

    def vjp(self, u, x, P):
        with torch.inference_mode(False), torch.enable_grad():
            copies, P, new = self._copies(u, x, P)
            # of a sum: see `System.from_function`'s vjp
            return torch.autograd.grad((new * P).sum(), copies, materialize_grads=True)[0].movedim(0, -1)

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
        refuse_tangents("x", u, x, V)
        batch = torch.broadcast_shapes(u.shape[:-1], x.shape[:-1], V.shape[:-2])
        V = V.detach().broadcast_to(*batch, self.dim, V.shape[-1]).movedim(-1, 0).clone()
        copies = x.detach().expand_as(V).clone().requires_grad_()
        return copies, V, self(u.detach().clone(), copies)

    def __repr__(self):
        return f"{self.name}, dim={self.dim}"
