"""C text of a function and its derivative, from their tape; constants are left out of it, so that they may change.

The text has two functions, which functions.h calls: `values`, all numbers of one evaluation of F, and `program`,
the linear steps that take tangent vectors through it. What lies in order becomes a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ptacore.kernels.duals import Linear, Product, differentiate
from ptacore.kernels.tape import CURVES, MINUS, ONE, Block, Tape, Unrecordable

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
SMALL = 160  # statements up to which everything is written out, so that the compiler keeps all in registers
MOST = 4000  # lines of C that a compiler translates in a second or two
SHORTEST = 3  # statements that make a loop


class Emitted(NamedTuple):
    """A function in C.

    Attributes
    ----------
    text : str
        Its source.
    constants : array
        Numbers that the text calls C(0), C(1), ...
    matrices : list of array (m, q)
        Those that it multiplies by, in the order of their places in memory.
    work : tuple of int
        Operations of one evaluation: of `values`, and of `program` for each tangent vector.
    small : bool
        Whether it is written out, without loops.
    """

    text: str
    constants: np.ndarray
    matrices: list[np.ndarray]
    work: tuple[int, int]
    small: bool


Statement = tuple[str, tuple[int, ...]]  # a line with {} for indices, and those


class _Emitter:
    def __init__(self, tape: Tape, outputs: np.ndarray, flow: bool):
        self.tape, self.outputs, self.flow, self.n = tape, outputs, flow, len(tape.x)
        self.linear: Linear = differentiate(tape, outputs)
        rows = [step.terms for step in self.linear.program if not isinstance(step, Product)]
        coefficients = [c for terms in (*rows, *self.linear.results) for c, _ in terms]
        self.blocks = tape.needed(np.array([*outputs, *coefficients], dtype=int))
        self.matrices: dict[int, tuple[np.ndarray, int]] = {}  # by identity; where each begins
        self.held = 0
        self._number()

    def _number(self) -> None:
        """Where each place lies in memory: numbers in S, constants in C."""
        self.index = np.full(self.tape.size, -1)
        self.index[self.tape.x] = np.arange(self.n)
        count = self.n
        for block in self.blocks:
            for places in (block.results, self.tape.slope[block.results])[: 2 if block.name in CURVES else 1]:
                self.index[places] = count + np.arange(len(places))
                count += len(places)
        self.count, self.constants = count, []

    def _refers(self, place: int) -> tuple[str, int]:
        place = int(place)
        if self.tape.constant[place] and self.index[place] < 0:
            self.index[place] = len(self.constants)
            self.constants.append(self.tape.value[place])
        return ("C({})" if self.tape.constant[place] else "S({})"), int(self.index[place])

    def _matrix(self, matrix: np.ndarray) -> int:
        if id(matrix) not in self.matrices:
            self.matrices[id(matrix)] = matrix, self.held
            self.held += -(-matrix.shape[0] // 8) * 8 * matrix.shape[1]  # panels of up to 8 rows
        return self.matrices[id(matrix)][1]

    def _value_statements(self, block: Block) -> Iterator[Statement]:
        if block.matrix is not None:
            sizes = self._matrix(block.matrix), *block.matrix.shape
            operand, result = int(self.index[block.operands[0, 0]]), int(self.index[block.results[0]])
            yield "matvec(m + {}, {}, {}, &S({}), &S({}));", (*sizes, operand, result)
            return
        slopes = self.tape.slope[block.results] if block.name in CURVES else [None] * len(block.results)
        for result, slope, *operands in zip(block.results, slopes, *block.operands, strict=True):
            forms, indices = zip(*map(self._refers, operands), strict=True)
            if block.name in INFIX:
                form = f" {INFIX[block.name]} ".join(forms)
            elif block.name == "copy":
                form = forms[0]
            elif slope is not None:
                form, indices = f"{block.name}_({forms[0]}, &S({{}}))", (*indices, int(self.index[slope]))
            else:
                form = f"{block.name}_({', '.join(forms)})"
            yield f"S({{}}) = {form};", (int(self.index[result]), *indices)

    def _sum(self, terms) -> tuple[str, tuple[int, ...]]:
        form, indices = "", []
        for coefficient, row in terms:
            if coefficient in (ONE, MINUS):
                form += f" {'-' if coefficient == MINUS else '+'} V({{}})"
            else:
                factor, index = self._refers(coefficient)
                form += f" + {factor} * V({{}})"
                indices.append(index)
            indices.append(row)
        return form.removeprefix(" + ").strip() or "(vec){{0}}", tuple(indices)

    def _tangent_statements(self) -> Iterator[Statement]:
        for step in self.linear.program:
            if isinstance(step, Product):
                sizes = self._matrix(step.block.matrix), *step.block.matrix.shape
                yield "matmul(m + {}, {}, {}, v + {} * W, v + {} * W, W);", (*sizes, step.operand, step.row)
            else:
                form, indices = self._sum(step.terms)
                yield f"EACH V({{}}) = {form};", (step.row, *indices)
        for i, terms in enumerate(self.linear.results):
            form, indices = self._sum(terms)
            yield f"EACH RESULT({{}}, {form});", (i, *indices)

    def emit(self) -> Emitted:
        values = [s for block in self.blocks for s in self._value_statements(block)]
        for i, place in enumerate(self.outputs):
            form, index = self._refers(place)
            values.append((f"F({{}}) = {form};", (i, index)))
        tangents = list(self._tangent_statements())
        products = sum(matrix.size for matrix, _ in self.matrices.values())
        small = len(values) + len(tangents) <= SMALL and not products
        lines = [list(_plain(part) if small else _loops(part)) for part in (values, tangents)]
        if sum(map(len, lines)) > MOST:
            raise Unrecordable(f"more than {MOST} lines of C: operations that lie in no order")
        text = f"""\
#define FLOW {int(self.flow)}
#define N {self.n}
#define NUMBERS {self.count}
#define ROWS {self.linear.rows}
#define SMALL {int(small)}
#include "functions.h"

PART void values(const double *c, const double *m, num *s, num *f) {{
{_body(lines[0])}}}

INLINE void program(const double *c, const double *m, const num *s, vec *v, TARGET) {{
{_body(lines[1])}}}

#include "function_steps.h"
"""
        terms = sum(len(indices) for _, indices in tangents)
        matrices = [matrix for matrix, _ in self.matrices.values()]
        return Emitted(text, np.array(self.constants), matrices, (len(values) + products, terms + products), small)


def _body(lines: Iterable[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _plain(statements: list[Statement]) -> Iterator[str]:
    for form, indices in statements:
        yield form.format(*indices)


def _loops(statements: list[Statement]) -> Iterator[str]:
    """Statements of one form whose indices go on by constant steps become one loop."""
    i = 0
    while i < len(statements):
        form, first = statements[i]
        end, step = i + 1, None
        while end < len(statements) and statements[end][0] == form and not form.startswith("mat"):
            ahead = tuple(b - a for a, b in zip(statements[end - 1][1], statements[end][1], strict=True))
            if step is not None and ahead != step:
                break
            step, end = ahead, end + 1
        if end - i < SHORTEST:
            yield form.format(*first)
            i += 1
            continue
        turns = [f"{a} + i" if d == 1 else f"{a}" if d == 0 else f"{a} + {d} * i" for a, d in zip(first, step, strict=True)]
        yield f"for (int i = 0; i < {end - i}; i++) {form.format(*turns)}"
        i = end


def emit(tape: Tape, outputs: np.ndarray, flow: bool) -> Emitted:
    """The function with results at `outputs`, in C; a flow's vector field, or a map."""
    return _Emitter(tape, outputs, flow).emit()
