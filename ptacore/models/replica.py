"""Modules read without being touched: their effective weights, and copies that run in another precision."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from types import CellType, FunctionType, MethodType

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

CELLS = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
_COMPOSING = (WeightNorm, SpectralNorm, prune.BasePruningMethod)  # hooks that set a weight, ahead of each forward
_STEPPING = ("forward", "__call__", "_call_impl", "__getattr__", "permute_hidden")


def usable(module: nn.Module) -> nn.Module:
    """The module behind torch.compile, if it is one that can be computed with.

    Raises
    ------
    TypeError
        If it wraps the module that is meant, or is quantized or complex.
    ValueError
        If it is bidirectional, or its parameters are not there.
    """
    while hasattr(module, "_orig_mod"):  # torch.compile
        module = module._orig_mod
    name = type(module).__name__
    if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        raise TypeError(f"module: expected the network itself, got {name}; pass its .module")
    if isinstance(module, nn.Sequential):
        raise TypeError("module: expected a recurrent network, got Sequential; pass the recurrent part, such as net[0]")
    if any(".quantized" in type(part).__module__ for part in module.modules()):
        raise TypeError(f"module: a quantized {name} has no derivative; take the network from before")
    if getattr(module, "bidirectional", False):
        raise ValueError("module: a bidirectional network is not a dynamical system in time; take one direction")
    check_present(module)
    for key, p in module.named_parameters():
        if not torch.isfinite(p).all():
            raise ValueError(f"module: entries of {key} must be finite, got NaN or infinity")
    return module


def check_present(module: nn.Module) -> None:
    """Refuse parameters without values."""
    for key, p in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(p):
            raise ValueError(f"module: {key} has no shape before the first call of a lazy module; call it once")
        if p.is_meta:
            raise ValueError(f"module: {key} is on the meta device and has no values; load or initialize the weights")


def is_network(module: nn.Module) -> bool:
    """Whether it is one of this package's trainable networks, or has the same interface."""
    return callable(getattr(module, "step", None)) and hasattr(module, "state_size") and hasattr(module, "n_inputs")


def torch_cell(module: nn.Module) -> type[nn.Module] | None:
    """Which of torch's classes the module computes as; None where a forward or a hook of its own says otherwise."""
    if isinstance(module, torch.jit.ScriptModule):
        path = getattr(getattr(module, "_c", None), "qualified_name", "")
        found = re.fullmatch(r"__torch__\.torch\.nn\.modules\.rnn\.(?:___torch_mangle_\d+\.)?(\w+)", path)
        return next((cell for cell in CELLS if found and cell.__name__ == found[1]), None)
    own = parametrize.type_before_parametrizations(module)
    cell = next((cell for cell in CELLS if issubclass(own, cell)), None)
    if cell is None or "forward" in vars(module) or module._forward_hooks:
        return None
    if not all(isinstance(hook, _COMPOSING) for hook in module._forward_pre_hooks.values()):
        return None
    return cell if all(getattr(own, name, None) is getattr(cell, name, None) for name in _STEPPING) else None


def replica(module: nn.Module) -> nn.Module:
    """A deep copy in evaluation mode, without gradients, that shares nothing with the module.

    Raises
    ------
    TypeError
        If it cannot be copied.
    """
    # deepcopy refuses tensors that autograd made, such as old weight norms
    memo = {id(value): value.detach().clone() for value in held(module) if value.grad_fn is not None}
    for part in module.modules():
        if hasattr(part, "_orig_mod"):  # compiled code has first derivatives only
            memo[id(part)] = copy.deepcopy(part._orig_mod, memo)
    try:
        new = copy.deepcopy(module, memo)
    except Exception as error:  # anything that an attribute of the user's raises
        raise TypeError(f"module: {type(module).__name__} cannot be copied: {error}") from error
    for part in new.modules():
        if vars(part).get("_compiled_call_impl") is not None:
            part._compiled_call_impl = None
        if isinstance(vars(part).get("forward"), FunctionType):
            part.forward = _rebound(part.forward, memo)
    for p in new.parameters():
        p.requires_grad = False
    return new.eval()


def _rebound(value, memo: dict):
    """A function that a forward was replaced by, referring to the copies of the modules that it refers to."""
    if isinstance(value, (nn.Module, MethodType)):
        return copy.deepcopy(value, memo)
    if not isinstance(value, FunctionType):
        return value
    if id(value) in memo:
        return memo[id(value)]
    named = {name: value.__globals__.get(name) for name in value.__code__.co_names}
    copies = {name: memo[id(part)] for name, part in named.items() if isinstance(part, nn.Module) and id(part) in memo}
    scope = value.__globals__ | copies if copies else value.__globals__
    cells = tuple(CellType() for _ in value.__closure__ or ())
    new = memo[id(value)] = FunctionType(value.__code__, scope, value.__name__, value.__defaults__, cells)
    new.__kwdefaults__ = value.__kwdefaults__
    for cell, own in zip(cells, value.__closure__ or (), strict=True):
        cell.cell_contents = _rebound(own.cell_contents, memo)
    return new


def held(module: nn.Module) -> Iterator[Tensor]:
    """All tensors that the module and its parts keep, parameters or not."""
    for part in module.modules():
        stack = list(vars(part).values())
        while stack:
            value = stack.pop()
            if isinstance(value, Tensor):
                yield value
            elif isinstance(value, dict):
                stack.extend(value.values())
            elif isinstance(value, (list, tuple)):
                stack.extend(value)


def composed(module: nn.Module) -> bool:
    """Whether one of torch's recurrent modules works its weights out from other parameters, at each forward."""
    return not isinstance(module, torch.jit.ScriptModule) and (
        parametrize.is_parametrized(module) or bool(module._forward_pre_hooks)
    )


def weights(module: nn.Module, attached: bool = False) -> dict[str, Tensor]:
    """Effective weights of one of torch's recurrent modules, by name, as its forward in evaluation mode uses them.

    They are the module's attributes, in which parametrizations, weight and spectral norms and pruning are worked out.
    A copy is asked wherever the question itself could change the module. They are without gradients unless `attached`,
    which a `composed` module cannot have.
    """
    if composed(module):
        module = replica(module)
        for hook in module._forward_pre_hooks.values():
            hook(module, ())
    names = {f"{kind}_{part}" for kind in ("weight", "bias") for part in ("ih", "hh", "hr")}
    layers = getattr(module, "num_layers", None)
    if layers is not None:
        ends = [f"_l{k}{d}" for k in range(layers) for d in ("", "_reverse")]
        names = [name + end for end in ends for name in sorted(names)]
    found = {name: value for name in names if isinstance(value := getattr(module, name, None), Tensor)}
    return found if attached else {name: value.detach() for name, value in found.items()}
