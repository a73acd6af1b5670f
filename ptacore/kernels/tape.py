"""A function of n numbers as a tape of operations on single numbers.

A number is known by its place on the tape. Places are handed out in blocks, one for each operation on arrays: what
belongs together lies together, and loops can be made of it. Constants hold their values; an operation on constants
alone is carried out at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ZERO, ONE, MINUS, HALF = range(4)  # constants that every tape begins with
LARGEST = 200_000  # places: beyond it, recording takes longer than it gains


class Unrecordable(Exception):
    """Something that a tape cannot hold; the message says what."""


def reason(error: Exception) -> str:
    """Why a function was not compiled, in a line."""
    told = str(error) if isinstance(error, Unrecordable) else f"{type(error).__name__}: {error}"
    return " ".join(told.split())


class Block(NamedTuple):
    """One operation on several numbers each.

    A "product" has the operands (1, q), and a `matrix` (count, q) of constants.
    """

    name: str
    results: np.ndarray  # (count,), places
    operands: np.ndarray  # (number of operands, count), places
    matrix: np.ndarray | None = None


def _relu(a):
    return np.where(a < 0, 0.0, a)


# Functions of one number; C has the same names in curves.h, with slopes. Here is what they are on constants.
CURVES: dict[str, Callable] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softplus": lambda a: np.logaddexp(a, 0.0),
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": np.vectorize(math.erf),
    "sqrt": np.sqrt,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "reciprocal": lambda a: 1 / a,
    "square": np.square,
    "cube": lambda a: a * a * a,
    "abs": np.abs,
    "relu": _relu,
}
STEPS: dict[str, Callable] = {  # of one number, flat almost everywhere
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.round,
}
COMPARISONS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal}
COMPARISONS["ne"] = np.not_equal
PAIRS: dict[str, Callable] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "atan2": np.arctan2,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
FOLD = CURVES | STEPS | COMPARISONS | PAIRS | {"select": lambda c, a, b: np.where(c != 0, a, b)}


class Tape:
    """Operations on n numbers, in the order in which they are done.

    Attributes
    ----------
    blocks : list of Block
    constant : array (places,)
        Whether a place holds a constant.
    value : array (places, members)
        Its value, in each of the members of a batch that has parameters of its own; else there is one.
    slope : array (places,)
        Where the slope of a curve's value lies; -1 for other places.
    x : array (n,)
        Places of the numbers that the function takes.
    """

    def __init__(self, n: int, members: int = 1):
        self.blocks: list[Block] = []
        self.size = 0
        self.constant, self.value = np.zeros(1024, bool), np.zeros((1024, members))
        self.slope = np.full(1024, -1)
        self._known: dict[tuple, np.ndarray] = {}
        self.constants(np.array([0.0, 1.0, -1.0, 0.5]))
        self.x = self._places(n)

    def _places(self, count: int) -> np.ndarray:
        first, self.size = self.size, self.size + count
        if self.size > LARGEST:
            raise Unrecordable(f"more than {LARGEST} operations on numbers")
        while self.size > len(self.value):
            self.constant, self.value = (np.concatenate([a, np.zeros_like(a)]) for a in (self.constant, self.value))
            self.slope = np.concatenate([self.slope, np.full_like(self.slope, -1)])
        return np.arange(first, self.size)

    def constants(self, values: np.ndarray) -> np.ndarray:
        """Places of constants."""
        return self.parameters(values[..., None])

    def parameters(self, values: np.ndarray) -> np.ndarray:
        """Places of constants (...) that members (..., members) have of their own."""
        places = self._places(math.prod(values.shape[:-1])).reshape(values.shape[:-1])
        self.constant[places], self.value[places] = True, values
        return places

    def block(self, name: str, operands: np.ndarray, matrix: np.ndarray | None = None) -> np.ndarray:
        """Append an operation as it is; the places of its results."""
        count = operands.shape[1] if matrix is None else len(matrix)
        results = self._places(count)
        if name in CURVES:
            self.slope[results] = self._places(count)
        self.blocks.append(Block(name, results, operands, matrix))
        return results

    def apply(self, name: str, *operands) -> np.ndarray:
        """An operation, element by element, on arrays of places that broadcast; nothing is done twice."""
        arrays = np.broadcast_arrays(*operands)
        flat = np.stack([a.reshape(-1) for a in arrays])
        key = name, flat.tobytes(), flat.shape
        if key not in self._known:
            unique, first, back = np.unique(flat, axis=1, return_index=True, return_inverse=True)
            order = np.argsort(first, kind="stable")  # as they came: runs stay runs
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            self._known[key] = self._results(name, unique[:, order])[place[back.reshape(-1)]]
        return self._known[key].reshape(arrays[0].shape)

    def _results(self, name: str, operands: np.ndarray) -> np.ndarray:
        results = self._without_doing(name, operands)
        known = (results < 0) & self.constant[operands].all(0)
        if known.any():
            with np.errstate(all="ignore"):
                values = FOLD[name](*self.value[operands[:, known]])
            results[known] = self.parameters(np.asarray(values, dtype=np.float64))
        todo = results < 0
        if todo.any():
            results[todo] = self.block(name, operands[:, todo])
        return results

    @staticmethod
    def _without_doing(name: str, operands: np.ndarray) -> np.ndarray:
        """The result where an operand is a 0 or 1 that the derivative brings along; elsewhere -1."""
        results = np.full(operands.shape[1], -1)
        if name in ("add", "mul"):
            neutral = ZERO if name == "add" else ONE
            for a, b in (operands, operands[::-1]):
                results[a == neutral] = b[a == neutral]
            if name == "mul":
                results[(operands == ZERO).any(0)] = ZERO
        elif name == "sub":
            results[operands[1] == ZERO] = operands[0, operands[1] == ZERO]
        elif name == "select":
            for condition, chosen in ((ONE, 1), (ZERO, 2)):
                where = operands[0] == condition
                results[where] = operands[chosen, where]
        return results

    def needed(self, wanted: np.ndarray) -> list[Block]:
        """The operations, or parts of them, that lead to some places."""
        need = np.zeros(self.size, bool)
        need[wanted] = True
        parts = []
        for block in reversed(self.blocks):
            here = need[block.results]
            if block.name in CURVES:
                here |= need[self.slope[block.results]]
            if block.matrix is not None and here.any():
                here[:] = True
            if here.any():
                operands = block.operands if block.matrix is not None else block.operands[:, here]
                need[operands] = True
                parts.append(block._replace(results=block.results[here], operands=operands))
        return parts[::-1]

    def product(self, matrix: np.ndarray, z: np.ndarray) -> np.ndarray:
        """A matrix (m, q) of constants times places (q,): (m,)."""
        if matrix.size > 64:
            if (np.diff(z) != 1).any() or self.constant[z].any():
                z = self.block("copy", z[None])
            return self.block("product", z[None], matrix)
        return self.sum(self.apply("mul", self.constants(matrix), z))

    def sum(self, places: np.ndarray, name: str = "add") -> np.ndarray:
        """Sum (or another associative operation) over the last axis, by halves."""
        if places.shape[-1] == 0:
            return np.full(places.shape[:-1], ZERO)
        while (count := places.shape[-1]) > 1:
            half = count // 2
            halves = self.apply(name, places[..., :half], places[..., half : 2 * half])
            places = np.concatenate([halves, places[..., 2 * half :]], -1)
        return places[..., 0]
