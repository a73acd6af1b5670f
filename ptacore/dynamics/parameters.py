"""The tensors with gradients that a function uses without being given them: weights, and what it closes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def parameters_of(f: Callable[[], Tensor]) -> list[Tensor]:
    """Those that f() depends on: the same tensors at each call, leaves or made before it.

    Torch shows every operation its operands. A tensor that f makes is another one at the second call. What enters
    through an operation of the user's own (torch.autograd.Function), torch shows on the graph, if it is a leaf.

    Examples
    --------
    >>> a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True).exp()
    >>> [p is q for p, q in zip(parameters_of(lambda: torch.sin(a) * b), (a, b))]
    [True, True]
    """
    one, other = _Watched(), _Watched()
    with torch.inference_mode(False), torch.enable_grad():
        with one:
            f()
        with other:
            result = f()
    found = {key: t for key, t in other.seen.items() if key in one.seen}
    made = {t.grad_fn for t in found.values()}
    found |= {id(node.variable): node.variable for node in _nodes([result.grad_fn], made) if hasattr(node, "variable")}
    return list(found.values())


def independent(parameters: list[Tensor]) -> bool:
    """Whether none was made from another, so that the graph of each ends where those of the others do.

    Examples
    --------
    >>> a = torch.ones(2, requires_grad=True)
    >>> independent([a, a.new_ones(2).requires_grad_()]), independent([a, a.exp().sin()])
    (True, False)
    """
    above = [node for t in parameters if t.grad_fn is not None for node, _ in t.grad_fn.next_functions]
    passed = _nodes(above)
    leaves = {id(node.variable) for node in passed if hasattr(node, "variable")}
    return not any(t.grad_fn in passed or id(t) in leaves for t in parameters)


class _Watched(TorchFunctionMode):
    """Keeps what it has seen, so that no tensor made later takes the place of one made before."""

    def __init__(self):
        super().__init__()
        self.seen: dict[int, Tensor] = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        for t in _tensors((*args, *(kwargs or {}).values())):
            if t.requires_grad:
                self.seen[id(t)] = t
        return func(*args, **(kwargs or {}))


def _tensors(values) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


def _nodes(nodes: list, ends: set = frozenset()) -> set:
    """Of a graph, what can be reached from some nodes without passing the ends."""
    known = set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in known and node not in ends:
            known.add(node)
            nodes.extend(of for of, _ in node.next_functions)
    return known


class Replaced(TorchFunctionMode):
    """Within it, torch's operations take other tensors in the place of some: the gradients end there.

    Examples
    --------
    >>> a = torch.ones(2)
    >>> with Replaced([a], [torch.zeros(2)]):
    ...     print(a + 1)
    tensor([1., 1.])
    """

    def __init__(self, old: list[Tensor], new: list[Tensor]):
        super().__init__()
        self.new = {id(t): other for t, other in zip(old, new, strict=True)}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = {name: self._replaced(value) for name, value in kwargs.items()} if kwargs else {}
        return func(*map(self._replaced, args), **kwargs)

    def _replaced(self, value):
        if isinstance(value, Tensor):
            return self.new.get(id(value), value)
        if type(value) in (tuple, list):
            return type(value)(map(self._replaced, value))
        return value
