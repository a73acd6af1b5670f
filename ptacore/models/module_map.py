"""A user's own recurrent module as a map of its hidden state."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ptacore.checks import flag, of_step, refuse_tangents, to_tensor
from ptacore.models.cells import Stack
from ptacore.models.own_forward import OwnForward
from ptacore.models.replica import composed, held, is_network, torch_cell, usable, weights
from ptacore.models.system import System

LOW = 4  # dimensions in which rounding closes orbits within common runs, which only single steps show


class ModuleMap(System):
    """The map h(t) -> h(t + 1) of a recurrent module, undriven or driven.

    Torch's own layers and cells are read through their attributes, with parametrizations, weight and spectral norms and
    pruning worked out, and have Jacobians in closed form. Any other module goes through its own forward, by automatic
    differentiation: subclasses and modules with hooks, networks that `networks.build` makes, and every module whose
    forward takes (input, state) and returns the state, (output, state) or (h, c). For a compiled module the original is
    taken. Everything is as in ``module.eval()``; the module itself is copied and never changed.

    The state joins what forward takes: the layers' h, first layer first, and then, for an LSTM, their c. `pack` and
    `unpack` change between the two forms.

    Parameters
    ----------
    module : torch.nn.Module
        RNN, GRU, LSTM, RNNCell, GRUCell, LSTMCell (one direction, any number of layers), or as above.
    input : array (d,), (T, d) or (T, B, d), optional
        Constant input, or an input for each step; zero by default. A module with ``batch_first`` takes (B, T, d). A
        driven map is not autonomous: it has no zero exponent along its flow, and can be followed for T steps only. A
        state (n,) with a batch of inputs gives B trajectories.
    dtype : torch.dtype
        Precision of the computation: float64, or float32; the module's own does not matter.
    state : tensor or tuple of tensors, optional
        Where a module does not tell its state by ``hidden_size`` (and ``num_layers``): an example of what its forward
        takes, for a batch of one: (1, n), or (layers, 1, n).
    dim : int, optional
        In place of `state`: n, where it is one vector (B, n).
    differentiable : bool
        Keep the graph from the module's parameters, as they are now, to the weights of the map, so that gradients of
        `trajectory` and of spectra reach the parameters.

    Raises
    ------
    TypeError
        If the module is of another kind.
    ValueError
        If the network is bidirectional, its state is not recognised, its forward does not act on each state by itself
        or cannot be differentiated, or the input has the wrong shape.

    Examples
    --------
    >>> rnn = nn.GRU(3, 5, num_layers=2)
    >>> ModuleMap(rnn).dim
    10
    >>> lstm = ModuleMap(nn.LSTM(3, 5))
    >>> h, c = lstm.unpack(torch.zeros(10))
    >>> h.shape, lstm.pack((h, c)).shape
    (torch.Size([1, 5]), torch.Size([10]))
    >>> class Leaky(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.W = nn.Linear(4, 4)
    ...     def forward(self, input, h):
    ...         return 0.9 * h + 0.1 * torch.tanh(self.W(h) + input)
    >>> ModuleMap(Leaky(), input=torch.zeros(4), dim=4)
    ModuleMap(Leaky, dim=4)
    """

    kind = "map"
    driven = False

    def __init__(
        self,
        module: nn.Module,
        input=None,
        dtype: torch.dtype = torch.float64,
        *,
        state=None,
        dim: int | None = None,
        differentiable: bool = False,
    ):
        if not isinstance(module, nn.Module):
            raise TypeError(f"module: expected a torch.nn module, got {type(module).__name__}")
        if dtype not in (torch.float64, torch.float32):
            raise ValueError(f"dtype: expected torch.float64 or torch.float32, got {dtype!r}")
        if isinstance(input, PackedSequence):
            raise TypeError("input: a PackedSequence has sequences of several lengths; pass one length, as a tensor")
        module = usable(module)
        if not flag("differentiable", differentiable):
            refuse_tangents("module", *held(module))
        recording = differentiable or torch.is_grad_enabled()
        with torch.inference_mode(False), torch.set_grad_enabled(recording):  # what is kept can be differentiated later
            input = None if input is None else to_tensor(input, "input", dtype)
            with torch.set_grad_enabled(differentiable):
                self.net = _closed_form(module, dtype, differentiable)
                self.net = self.net or OwnForward(module, input, dtype, state, dim, differentiable)
            self.dim, self.dtype, self.device = self.net.dim, dtype, self.net.device
            if dim not in (None, self.dim):
                raise ValueError(f"dim: expected {self.dim}, as the module has it, got {dim!r}")
            self.input = self._checked(input)
        self.driven = self.input.ndim > 1

    def _checked(self, input: Tensor | None) -> Tensor:
        """The input with time first."""
        d, batch_first = self.net.n_inputs, self.net.batch_first
        if input is None:
            return torch.zeros(d, dtype=self.dtype, device=self.device)
        if input.ndim == 0 or input.shape[-1] != d or input.numel() == 0 or (batch_first and input.ndim > 3):
            form = f"(B, T, {d})" if batch_first else f"(T, ..., {d})"
            raise ValueError(f"input: expected ({d},), (T, {d}) or {form}, got {tuple(input.shape)}")
        if not torch.isfinite(input).all():
            raise ValueError("input: entries must be finite, got NaN or infinity")
        input = input.to(self.device, copy=True)
        return input.transpose(0, 1) if batch_first and input.ndim == 3 else input

    @property
    def bound(self):
        return self.net.bound

    @property
    def smooth_jvp(self):
        return isinstance(self.net, Stack)

    def ungated(self):
        new = copy.copy(self)
        new.net = self.net.ungated()
        return new

    @property
    def steps(self):
        return len(self.input) if self.driven else None

    def at(self, t):
        if not self.driven:
            return self
        frozen = copy.copy(self)
        frozen.input, frozen.driven = of_step("input", self.input, t), False
        return frozen

    def kernel(self, dt):
        if self.dim <= LOW:
            return None
        advance = self.net.kernel(self.input, self.driven)
        if advance is None or not self.driven:
            return advance

        def within_inputs(x: Tensor, V: Tensor, steps: int, t: float = 0.0, plain: bool = False):
            if steps:
                self.at(t)
                self.at(min(int(t) + steps - 1, len(self.input)))  # refuses steps that have none
            return advance(x, V, steps, t, plain)

        return within_inputs

    def to(self, target):
        new = super().to(target)
        new.net = self.net.to(target)
        return new

    def as_state(self, x0, name="x0"):
        x = super().as_state(x0, name)
        batch = self.input.shape[int(self.driven) : -1]
        if any(a != b and 1 not in (a, b) for a, b in zip(reversed(x.shape[:-1]), reversed(batch), strict=False)):
            raise ValueError(
                f"{name}: expected a batch that fits that of the input, {tuple(batch)}, got shape {tuple(x.shape)}"
            )
        return x

    def pack(self, state) -> Tensor:
        """What the module's forward takes as its state, a tensor or (h, c), as a state (..., n) of the map."""
        return self.net.form.pack(state)

    def unpack(self, x: Tensor):
        """A state (..., n) of the map as the module's forward takes it: (layers, ..., n), or (h, c)."""
        return self.net.form.unpack(x)

    def __call__(self, x):
        return self.net(self.input, x)

    def jacobian(self, x):
        return self.net.jacobian(self.input, x)

    def jvp(self, x, V):
        return self.net.jvp(self.input, x, V)

    def vjp(self, x, P):
        return self.net.vjp(self.input, x, P)

    def __repr__(self):
        return f"ModuleMap({self.net!r})"


def _closed_form(module: nn.Module, dtype: torch.dtype, attached: bool) -> Stack | None:
    """The module's map if it computes as one of torch's own does, or is a network made around one of them."""
    inner = getattr(module, "recurrent", None)
    if is_network(module) and isinstance(inner, nn.Module) and type(inner) is getattr(module, "layer", None):
        own, closed = OwnForward(module, None, dtype), _closed_form(inner, dtype, attached)
        return closed if closed and closed.dim == own.dim and _agree(own, closed) else None
    cell = torch_cell(module)
    if cell is None or (attached and composed(module)):
        return None
    found = weights(module, attached)
    for name, weight in found.items():
        if not weight.is_floating_point():
            raise TypeError(f"module: expected real weights, got {name} of {weight.dtype}")
    relu = "relu" in str(getattr(module, "mode", getattr(module, "nonlinearity", ""))).lower()
    try:
        return Stack(cell, found, relu, bool(getattr(module, "batch_first", False)), dtype)
    except TypeError as error:  # float64 on Apple's GPU
        raise TypeError(f"module: {error}; move it to the CPU, or pass dtype=torch.float32") from error


def _agree(own: OwnForward, closed: Stack) -> bool:
    u, x = own.probe()
    return torch.allclose(own(u, x), closed(u, x), rtol=1e-4, atol=1e-5)


def as_system(system, input=None) -> System:
    """What a caller handed over as a system: a `System` itself, a module or network as `ModuleMap`.

    Parameters
    ----------
    system : System or torch.nn.Module
        A module's weights are copied.
    input : array, optional
        Input of a module, as `ModuleMap` takes it; zero by default.

    Raises
    ------
    TypeError
        If it is neither; the message says how to make it one.

    Examples
    --------
    >>> from ptacore.models import build
    >>> as_system(build("lstm", 3, 2, 5)).dim
    10
    """
    if isinstance(system, nn.Module):
        return ModuleMap(system, input)
    if input is not None:
        raise TypeError(f"input: expected a torch.nn module to go with it, got {type(system).__name__}")
    if isinstance(system, System):
        return system
    if isinstance(system, Mapping):
        raise TypeError(
            "system: expected a System or a module, got a mapping; load a state_dict into its module and pass that"
        )
    hint = "; wrap it: System.from_function(f, dim, kind)" if callable(system) else ""
    if hasattr(system, "shape"):
        hint = "; say which network its weights belong to, such as models.TanhMap(W)"
    raise TypeError(f"system: expected a System or a torch.nn module, got {type(system).__name__}{hint}")
