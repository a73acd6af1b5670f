"""C text of a function and its derivative, from their tape; constants are left out of it, so that they may change.

The text has two functions, which functions.h calls: `values`, all numbers of one evaluation of F, and `program`,
the linear steps that take tangent vectors through it. What lies in order becomes a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from ptacore.kernels.duals import Linear, Product, differentiate
from ptacore.kernels.tape import CURVES, MINUS, ONE, Block, Tape, Unrecordable

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
SMALL = 160  # statements up to which everything is written out, so that the compiler keeps all in registers
MOST_CHARACTERS = 32_000  # characters of C, which a compiler translates in two seconds
PANEL = 8  # rows of a packed matrix that lie together (PANEL of functions.h)
RESULT = "result"  # in place of an operation: what becomes of its operands
SHORTEST = 3  # statements that make a loop


class Emitted(NamedTuple):
    """A function in C.

    Attributes
    ----------
    text : str
        Its source.
    constants : array (members, count)
        Numbers that the text calls C(0), C(1), ...; of each member of a batch, or of all, where there is one row.
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


Statement = tuple[str, tuple[int, ...]]  # lines with {} for indices, and those


class _Group(NamedTuple):
    """Operations on equally many numbers each, which one loop can do: none needs another turn's results."""

    blocks: list[Block]
    owner: dict[int, int]  # which turn makes a place


class _Emitter:
    def __init__(self, tape: Tape, outputs: np.ndarray, flow: bool):
        self.tape, self.outputs, self.flow, self.n = tape, outputs, flow, len(tape.x)
        self.linear: Linear = differentiate(tape, outputs)
        rows = [step.terms for step in self.linear.program if not isinstance(step, Product)]
        self.kept = {c for terms in (*rows, *self.linear.results) for c, _ in terms}  # coefficients
        self.blocks = tape.needed(np.array([*outputs, *self.kept], dtype=int))
        self.matrices: dict[int, tuple[np.ndarray, int]] = {}  # by identity; where each begins
        self.held = 0
        statements = len(self.linear.program) + sum(len(b.results) for b in self.blocks) + 2 * self.n
        self.small = statements <= SMALL and not any(b.matrix is not None for b in self.blocks)
        self.local: dict[int, str] = {}  # places that a turn of a loop keeps to itself
        self.groups = self._grouped()
        self._number()

    def _grouped(self) -> list[_Group]:
        groups: list[_Group] = []
        made_by: dict[int, int] = {}
        for block in (*self.blocks, *self._results()):
            operands = block.operands.reshape(-1)
            after = max((made_by.get(int(p), -1) for p in operands), default=-1)
            at = next((g for g in range(max(after, 0), len(groups)) if self._fits(block, groups[g], g == after)), None)
            if at is None or self.small:
                at = len(groups)
                groups.append(_Group([], {}))
            groups[at].blocks.append(block)
            for places in self._made(block):
                made_by |= dict.fromkeys(places, at)
                groups[at].owner.update(zip(places, range(len(places)), strict=True))
        if not self.small:
            self._find_local(groups, made_by)
        return groups

    def _made(self, block: Block) -> list[list[int]]:
        """Places that an operation fills: values, and slopes."""
        if block.name == RESULT:
            return []
        slopes = [self.tape.slope[block.results].tolist()] if block.name in CURVES else []
        return [block.results.tolist(), *slopes]

    def _results(self) -> Iterator[Block]:
        """Operations that hand over the results, in pieces that one operation has made each."""
        origin = np.full(self.tape.size, -1)
        for number, block in enumerate(self.blocks):
            origin[block.results] = number
        cuts = np.flatnonzero(np.diff(origin[self.outputs])) + 1
        for piece in np.split(np.arange(self.n), cuts):
            yield Block(RESULT, piece, self.outputs[piece][None])

    @staticmethod
    def _fits(block: Block, group: _Group, depends: bool) -> bool:
        first = group.blocks[0]
        if block.matrix is not None or first.matrix is not None or len(first.results) != len(block.results):
            return False
        if not depends:
            return True
        turns = range(len(block.results))
        return all(group.owner.get(int(p), t) == t for o in block.operands for p, t in zip(o, turns, strict=True))

    def _find_local(self, groups: list[_Group], made_by: dict[int, int]) -> None:
        outside = set(self.kept)
        for number, group in enumerate(groups):
            for block in group.blocks:
                outside |= {int(p) for p in block.operands.reshape(-1) if made_by.get(int(p), -1) != number}
                if block.matrix is not None:
                    outside |= {int(p) for p in (*block.operands.reshape(-1), *block.results)}
        count = 0
        for block in self.blocks:
            for places in self._made(block):
                if not outside.intersection(places):
                    self.local |= dict.fromkeys(places, f"t{count}")
                    count += 1

    def _number(self) -> None:
        """Where each place lies in memory: numbers in S, constants in C."""
        self.index = np.full(self.tape.size, -1)
        self.index[self.tape.x] = np.arange(self.n)
        count = self.n
        for block in self.blocks:
            for places in self._made(block):
                if places[0] not in self.local:
                    self.index[places] = count + np.arange(len(places))
                    count += len(places)
        self.count, self.constants = count, []

    def _refers(self, place: int) -> tuple[str, tuple[int, ...]]:
        """How the text calls a place, and with which index."""
        place = int(place)
        if place in self.local:
            return self.local[place], ()
        if self.tape.constant[place] and self.index[place] < 0:
            self.index[place] = len(self.constants)
            self.constants.append(self.tape.value[place])
        return ("C({})" if self.tape.constant[place] else "S({})"), (int(self.index[place]),)

    def _matrix(self, matrix: np.ndarray) -> int:
        if id(matrix) not in self.matrices:
            self.matrices[id(matrix)] = matrix, self.held
            self.held += -(-matrix.shape[0] // PANEL) * PANEL * matrix.shape[1]
        return self.matrices[id(matrix)][1]

    def _value_statements(self, group: _Group) -> list[Statement]:
        block = group.blocks[0]
        if block.matrix is not None:
            sizes = self._matrix(block.matrix), *block.matrix.shape
            operand, result = int(self.index[block.operands[0, 0]]), int(self.index[block.results[0]])
            return [("matvec(m + {}, {}, {}, &S({}), &S({}));", (*sizes, operand, result))]
        turns = range(len(block.results))
        parts = [[self._value_statement(block, turn) for block in group.blocks] for turn in turns]
        return [(" ".join(form for form, _ in part), sum((i for _, i in part), ())) for part in parts]

    def _value_statement(self, block: Block, turn: int) -> Statement:
        operands = [self._refers(o[turn]) for o in block.operands]
        forms, indices = [form for form, _ in operands], sum((i for _, i in operands), ())
        if block.name == RESULT:
            return f"F({{}}) = {forms[0]};", (int(block.results[turn]), *indices)
        if block.name in INFIX:
            form = f" {INFIX[block.name]} ".join(forms)
        elif block.name == "copy":
            form = forms[0]
        else:
            form = f"{block.name}_({', '.join(forms)})"
        before = ""
        if block.name in CURVES:
            slope, index = self._refers(self.tape.slope[block.results[turn]])
            before = "" if index else f"num {slope}; "
            form, indices = f"{form[:-1]}, &{slope})", (*indices, *index)
        target, index = self._refers(block.results[turn])
        return f"{before}{target if index else f'num {target}'} = {form};", (*index, *indices)

    def _sum(self, terms) -> tuple[str, tuple[int, ...]]:
        form, indices = "", []
        for coefficient, row in terms:
            if coefficient in (ONE, MINUS):
                form += f" {'-' if coefficient == MINUS else '+'} V({{}})"
            else:
                factor, index = self._refers(coefficient)
                form += f" + {factor} * V({{}})"
                indices += index
            indices.append(row)
        return form.removeprefix(" + ").strip() or "(vec){{0}}", tuple(indices)

    def _tangent_statements(self) -> Iterator[Statement]:
        for step in self.linear.program:
            if isinstance(step, Product):
                sizes = self._matrix(step.block.matrix), *step.block.matrix.shape
                yield "matmul(m + {}, {}, {}, v + {} * W, v + {} * W, W, used);", (*sizes, step.operand, step.row)
            else:
                form, indices = self._sum(step.terms)
                yield f"EACH V({{}}) = {form};", (step.row, *indices)
        for i, terms in enumerate(self.linear.results):
            form, indices = self._sum(terms)
            yield f"EACH RESULT({{}}, {form});", (i, *indices)

    def emit(self) -> Emitted:
        values = [self._value_statements(group) for group in self.groups]
        tangents = list(self._tangent_statements())
        if self.small:
            lines = [list(_plain(part)) for part in (chain.from_iterable(values), tangents)]
        else:
            lines = [[line for part in values for line in _loops(part)], list(_loops(tangents))]
        bodies = list(map(_body, lines))
        if sum(map(len, bodies)) > MOST_CHARACTERS:
            raise Unrecordable("too many operations that lie in no order to make loops of them")
        text = f"""\
#define FLOW {int(self.flow)}
#define N {self.n}
#define NUMBERS {self.count}
#define ROWS {self.linear.rows}
#define SMALL {int(self.small)}
#define CURVED {int(any(block.name in CURVES for block in self.blocks))}
{f"#define OWN {len(self.constants)}" if self.tape.value.shape[1] > 1 else ""}
#include "functions.h"

PART void values(const fixed *restrict c, const double *restrict m, num *restrict s, num *restrict f) {{
{bodies[0]}}}

INLINE void program(const fixed *c, const double *m, const num *s, vec *v, TARGET) {{
{bodies[1]}}}

#include "function_steps.h"
"""
        matrices = [matrix for matrix, _ in self.matrices.values()]
        products = sum(b.matrix.size for b in self.blocks if b.matrix is not None)
        terms = products + sum(len(indices) for _, indices in tangents)
        work = products + sum(len(b.results) for b in self.blocks), terms
        constants = np.reshape(self.constants, (len(self.constants), self.tape.value.shape[1])).T.copy()
        return Emitted(text, constants, matrices, work, self.small)


def _body(lines: Iterable[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _plain(statements: Iterable[Statement]) -> Iterator[str]:
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
            yield f"{{ {form.format(*first)} }}"
            i += 1
            continue
        turns = [
            f"{a} + i" if d == 1 else f"{a}" if d == 0 else f"{a} + {d} * i" for a, d in zip(first, step, strict=True)
        ]
        yield f"for (int i = 0; i < {end - i}; i++) {{ {form.format(*turns)} }}"
        i = end


def emit(tape: Tape, outputs: np.ndarray, flow: bool) -> Emitted:
    """The function with results at `outputs`, in C; a flow's vector field, or a map."""
    return _Emitter(tape, outputs, flow).emit()
