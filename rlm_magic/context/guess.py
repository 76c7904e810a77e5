"""Work out numbers in half-written code without running it. Pure.

Literals, `len(context)`, sums, differences, products and floor quotients, plain assignments of such and loops
over `range` of such are understood; for anything else the answer is None.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Unit = Literal["lines", "chars"]

LARGEST = 1 << 62
_ASSIGNMENT = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*([^=\n][^\n]{0,80})\n", re.MULTILINE)
_LOOP = re.compile(r"\bfor\s+(\w+)\s+in\s+range\(")
# Longer than any subscript worth guessing at; a bracket that is never closed must not cost a scan of it all.
_ARGUMENT_CHARS = 200

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True, slots=True)
class Measures:
    """How long the context is, characters None while nobody knows. `unit` is that of the context itself."""

    lines: int
    characters: int | None
    unit: Unit = "lines"

    def length(self, unit: Unit) -> int | None:
        """Return the length in a unit, if known."""
        return self.lines if unit == "lines" else self.characters


Bound = tuple[int, ...] | None
"""What an expression may be: one number, or what it is at the ends of a loop. None if unknown."""

Values = Mapping[str, tuple[int, ...]]
"""What a name may stand for: one number, or the first and the last of a loop."""


def names_of(code: str, measures: Measures) -> Values:
    """Return what names stand for at the end of `code`."""
    values: dict[str, tuple[int, ...]] = {}
    statements = [*_ASSIGNMENT.finditer(code), *_LOOP.finditer(code)]
    for match in sorted(statements, key=lambda found: found.start()):
        value = (
            _assigned(match, values, measures)
            if match.re is _ASSIGNMENT
            else _looped(code, match, values, measures)
        )
        if value is None:
            values.pop(match[1], None)
        else:
            values[match[1]] = value
    return values


def _assigned(match: re.Match[str], values: Values, measures: Measures) -> Bound:
    tree = parsed(match[2].strip())
    return None if tree is None else evaluated(tree, values, measures)


def _looped(code: str, match: re.Match[str], values: Values, measures: Measures) -> Bound:
    """Return the first and the last number of a loop over `range`."""
    argument = argument_at(code, match.end())
    tree = None if argument is None else parsed(f"range({argument})")
    if not isinstance(tree, ast.Call) or not 1 <= len(tree.args) <= 3 or tree.keywords:
        return None
    parts = [evaluated(part, values, measures) for part in tree.args]
    if any(part is None or len(part) != 1 for part in parts):
        return None
    numbers = [part[0] for part in parts if part is not None]
    if len(numbers) == 3 and numbers[2] == 0:
        return None
    steps = range(*numbers)
    return (steps[0], steps[-1]) if steps else None


def evaluated(tree: ast.expr, values: Values, measures: Measures) -> Bound:
    """Return what an expression may be; of one in a loop, what it is at the loop's ends."""
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return (number,) if number <= LARGEST else None
        case ast.Name(id=name):
            return values.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = evaluated(operand, values, measures)
            return None if inner is None else tuple(-value for value in inner)
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(evaluated(left, values, measures), op, evaluated(right, values, measures))
        case ast.Call(func=ast.Name(id="len"), args=[argument], keywords=[]):
            length = measures.length(unit) if (unit := _measured(argument, measures)) else None
            return None if length is None else (length,)
    return None


def _combined(left: Bound, op: ast.operator, right: Bound) -> Bound:
    apply = _OPERATORS.get(type(op))
    if left is None or right is None or apply is None or (apply is operator.floordiv and 0 in right):
        return None
    results = tuple(apply(one, other) for one in left for other in right)
    return results if all(abs(value) <= LARGEST for value in results) else None


def _measured(tree: ast.expr, measures: Measures) -> Unit | None:
    match tree:
        case ast.Name(id="context"):
            return measures.unit
        case ast.Attribute(value=ast.Name(id="context"), attr="lines"):
            return "lines"
        case ast.Attribute(value=ast.Name(id="context"), attr="chars"):
            return "chars"
    return None


# A growing reply is gone through again and again: without this, parsing makes that nearly twice as slow.
@lru_cache(maxsize=1024)
def parsed(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Half-written code and prose between brackets are the normal case here, not a fault.
        return None


def argument_at(code: str, start: int) -> str | None:
    """Return the text up to the bracket closing the one opened before `start`; None if there is none yet."""
    depth = 1
    for place, character in _brackets(code, start):
        depth += 1 if character in "([{" else -1
        if depth == 0:
            return code[start:place]
    return None


def _brackets(code: str, start: int) -> Iterator[tuple[int, str]]:
    stop = min(len(code), start + _ARGUMENT_CHARS)
    return ((place, code[place]) for place in range(start, stop) if code[place] in "()[]{}")
