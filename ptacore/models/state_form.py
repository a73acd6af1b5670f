"""The state that a module's forward takes, and the vector that it is in a dynamical system."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class StateForm(NamedTuple):
    """How a vector (..., n) and the state that a forward takes, a tensor or several, follow from each other.

    Attributes
    ----------
    leaves : tuple
        For each tensor the axes before and behind those of the batch: ((layers,), (n,)), or ((), (n,)).
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
            raise ValueError(f"state: expected {self}, got {shapes(state)}")
        parts = []
        for leaf, (before, behind) in zip(state, self.leaves, strict=True):
            fits = isinstance(leaf, Tensor) and leaf.ndim >= len(before + behind)
            if not fits or leaf.shape[: len(before)] != before or leaf.shape[leaf.ndim - len(behind) :] != behind:
                raise ValueError(f"state: expected {self}, got {shapes(state)}")
            leaf = leaf.movedim(0, -1 - len(behind)) if before else leaf
            parts.append(leaf.flatten(leaf.ndim - len(before + behind)))
        return torch.cat(parts, -1)

    def __str__(self) -> str:
        each = [f"({', '.join([*map(str, before), '...', *map(str, behind)])})" for before, behind in self.leaves]
        return each[0] if self.bare else f"({', '.join(each)})"


def shapes(value) -> str:
    """The shapes in a tensor or a nested tuple of them, for messages."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(shapes, value))})"
    return type(value).__name__


def form_of(state) -> StateForm:
    """From an example for a batch of one: its axis is the second of three, else the first."""
    bare = isinstance(state, Tensor)
    leaves = []
    for leaf in [state] if bare else list(state) if isinstance(state, (tuple, list)) else [None]:
        if not isinstance(leaf, Tensor) or leaf.ndim == 0 or leaf.numel() == 0:
            raise TypeError(f"state: expected a tensor or a tuple of tensors, got {shapes(state)}")
        axis = 1 if leaf.ndim == 3 and leaf.shape[1] == 1 else 0
        shape = tuple(leaf.shape) if leaf.ndim > 1 else (1, *leaf.shape)
        if shape[axis] != 1:
            raise ValueError(f"state: expected a batch of one, (1, n) or (layers, 1, n), got {shapes(state)}")
        leaves.append((shape[:axis], shape[axis + 1 :]))
    if not leaves:
        raise TypeError("state: expected a tensor or a tuple of tensors, got ()")
    return StateForm(tuple(leaves), bare)
