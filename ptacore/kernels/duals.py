"""The derivative of what is on a tape, as a program of linear steps on tangent vectors.

The derivative of a number is a sum of terms: a coefficient, which is a number on the tape itself, times a row, which
holds the derivatives of one number along all tangent vectors. The rows 0 to n - 1 are the tangent vectors. Terms are
carried through the operations, so that most of the work is done once, on numbers, and not for each tangent vector; a
number gets a row of its own where that is cheaper.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ptacore.kernels.tape import COMPARISONS, CURVES, HALF, MINUS, ONE, STEPS, ZERO, Block, Tape

MOST_TERMS = 8  # terms that a number is allowed before its operands get rows
SHARED = 4  # uses that make a row of a number with several terms pay

Terms = tuple[tuple[int, int], ...]  # coefficient, a place on the tape, and row


class Row(NamedTuple):
    """row <- the sum of its terms"""

    row: int
    terms: Terms


class Product(NamedTuple):
    """rows from `row` on <- the matrix of a tape's block times the rows from `operand` on"""

    row: int
    operand: int
    block: Block


class Linear(NamedTuple):
    """A derivative: its program, terms of the n results, and the number of rows."""

    program: list[Row | Product]
    results: list[Terms]
    rows: int


def _div(t: Tape, y, a, b):
    inverse = t.apply("reciprocal", b)
    return inverse, t.apply("mul", MINUS, t.apply("mul", y, inverse))


def _pow(t: Tape, y, a, b):
    by_base = t.apply("mul", b, t.apply("pow", a, t.apply("sub", b, ONE)))
    by_exponent = ZERO if t.constant[b].all() else t.apply("mul", y, t.apply("log", a))
    return by_base, by_exponent


def _atan2(t: Tape, y, a, b):
    inverse = t.apply("reciprocal", t.apply("add", t.apply("square", a), t.apply("square", b)))
    return t.apply("mul", b, inverse), t.apply("mul", MINUS, t.apply("mul", a, inverse))


def _maximum(t: Tape, y, a, b):
    """At a tie each gets a half, as in torch."""
    share = t.apply("mul", HALF, t.apply("add", t.apply("gt", a, b), t.apply("ge", a, b)))
    return share, t.apply("sub", ONE, share)


PARTIALS: dict[str, Callable] = {  # of a result y by its operands
    **{name: lambda t, y, a: (t.slope[y],) for name in CURVES},
    **{name: lambda t, y, a: (ZERO,) for name in STEPS},
    **{name: lambda t, y, a, b: (ZERO, ZERO) for name in COMPARISONS},
    "copy": lambda t, y, a: (ONE,),
    "add": lambda t, y, a, b: (ONE, ONE),
    "sub": lambda t, y, a, b: (ONE, MINUS),
    "mul": lambda t, y, a, b: (b, a),
    "div": _div,
    "pow": _pow,
    "atan2": _atan2,
    "maximum": _maximum,
    "minimum": lambda t, y, a, b: _maximum(t, y, b, a),
    "select": lambda t, y, c, a, b: (ZERO, c, t.apply("sub", ONE, c)),
}


class _Derivative:
    def __init__(self, tape: Tape, outputs: np.ndarray):
        self.tape = tape
        self.program: list[Row | Product] = []
        self.terms: dict[int, Terms] = {int(x): ((ONE, i),) for i, x in enumerate(tape.x)}
        self.rows = len(tape.x)
        self.uses = np.bincount(outputs, minlength=tape.size)
        blocks = tape.needed(outputs)
        for block in blocks:
            np.add.at(self.uses, block.operands.reshape(-1), 1)
        for block in blocks:
            self._product(block) if block.matrix is not None else self._elementwise(block)
        self.results = [self.terms.get(int(y), ()) for y in outputs]

    def _new_rows(self, count: int) -> int:
        self.rows += count
        return self.rows - count

    def _product(self, block: Block) -> None:
        terms = [self.terms.get(int(z), ()) for z in block.operands[0]]
        first = terms[0][0][1] if terms[0] else -1
        if first < 0 or any(t != ((ONE, first + i),) for i, t in enumerate(terms)):
            first = self._new_rows(len(terms))
            self.program += [Row(first + i, t) for i, t in enumerate(terms)]
        row = self._new_rows(len(block.results))
        self.program.append(Product(row, first, block))
        self.terms |= {int(y): ((ONE, row + i),) for i, y in enumerate(block.results)}

    def _elementwise(self, block: Block) -> None:
        y, operands = block.results, list(block.operands)
        depends = [np.array([int(p) in self.terms for p in o]) for o in operands]
        if not any(d.any() for d in depends):
            return
        partials = [np.broadcast_to(p, y.shape) for p in PARTIALS[block.name](self.tape, y, *operands)]
        for o, used in zip(operands, depends, strict=True):
            for place in o[used]:
                if len(self.terms[int(place)]) > 2 and self.uses[place] >= SHARED:
                    self._give_row(int(place))
        sums = self._chained(operands, partials)
        long = [i for i, terms in enumerate(sums) if len(terms) > MOST_TERMS]
        if long:
            for i in long:
                for o in operands:
                    self._give_row(int(o[i]))
            sums = self._chained(operands, partials)
        self.terms |= {int(place): terms for place, terms in zip(y, sums, strict=True) if terms}

    def _give_row(self, place: int) -> None:
        if len(self.terms.get(place, ())) > 1:
            row = self._new_rows(1)
            self.program.append(Row(row, self.terms[place]))
            self.terms[place] = ((ONE, row),)

    def _chained(self, operands, partials) -> list[Terms]:
        """Partials times the operands' terms, with those of the same row added up."""
        sums: list[dict[int, int]] = [{} for _ in range(len(operands[0]))]
        for o, partial in zip(operands, partials, strict=True):
            terms = [self.terms.get(int(place), ()) if p != ZERO else () for place, p in zip(o, partial, strict=True)]
            for turn in range(max(map(len, terms))):
                some = [i for i, t in enumerate(terms) if len(t) > turn]
                coefficients = self.tape.apply("mul", partial[some], np.array([terms[i][turn][0] for i in some]))
                rows = [terms[i][turn][1] for i in some]
                before = np.array([sums[i].get(row, ZERO) for i, row in zip(some, rows, strict=True)])
                total = self.tape.apply("add", before, coefficients)
                for i, row, coefficient in zip(some, rows, total, strict=True):
                    sums[i][row] = int(coefficient)
        return [tuple((c, row) for row, c in total.items() if c != ZERO) for total in sums]


def differentiate(tape: Tape, outputs: np.ndarray) -> Linear:
    """The derivative of the results at `outputs` (n,); its coefficients are appended to the tape."""
    found = _Derivative(tape, outputs)
    return Linear(found.program, found.results, found.rows)
