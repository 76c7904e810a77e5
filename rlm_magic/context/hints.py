"""Find in half-written code which parts of the context it is going to read. Pure: text in, ranges out.

Nothing is executed. What cannot be told from literals, `len(context)`, plain assignments of numbers and loops
over `range` gives no hint; a wrong hint costs a request, never a wrong result.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from .guess import LARGEST, Bound, Measures, Unit, Values, argument_at, evaluated, names_of, parsed

_ACCESS = re.compile(
    r"\bcontext(?:\.documents\[\s*(?:'(?P<single>[^'\n]*)'|\"(?P<double>[^\"\n]*)\"|(?P<number>\d+))\s*\])?"
    r"(?:\.(?P<unit>lines|chars))?(?P<open>\[|\.view\()"
)
_DOCUMENT = re.compile(r"\bcontext\.documents\[\s*(?:'(?P<single>[^'\n]*)'|\"(?P<double>[^\"\n]*)\")\s*\]")


_LOOK_BACK_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Hint:
    """A part of the context, or of one of its documents (by name or number), that code is about to read.

    `start` and `stop` are never negative; of a document, whose length is not asked for, they may lie beyond
    the end.
    """

    unit: Unit
    start: int
    stop: int
    document: str | int | None = None


def find_hints(code: str, measures: Measures) -> list[Hint]:
    """Return what `code`, complete or not, is going to read, in the order of its text and without repeats.

    A subscript counts once its bracket is closed; a part that runs through a loop over `range` is one hint
    from the loop's first to its last. A bound that needs a length nobody knows gives no hint.

    >>> find_hints("x = context[5000:9000]; y = context.chars[12:", Measures(lines=10_000, characters=None))
    [Hint(unit='lines', start=5000, stop=9000, document=None)]
    """
    values = names_of(code, measures)
    found = [(match.start(), _of_access(code, match, values, measures)) for match in _ACCESS.finditer(code)]
    found += [(match.start(), _of_document(code, match, measures)) for match in _DOCUMENT.finditer(code)]
    found.sort(key=lambda place: place[0])
    return list(dict.fromkeys(hint for _, hint in found if hint is not None))


class HintReader:
    """Find hints in a reply as it streams, each only once."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._text = ""
        self._given: set[Hint] = set()

    def feed(self, piece: str) -> list[Hint]:
        """Take the next piece of the reply and return what it newly tells."""
        # Only so much is looked back: a reply is scanned again at every bracket that closes.
        self._text = (self._text + piece)[-_LOOK_BACK_CHARS:]
        # Only a closing bracket or the end of a line can complete anything.
        if not any(mark in piece for mark in "])\n"):
            return []
        new = [hint for hint in find_hints(self._text, self._measures) if hint not in self._given]
        self._given.update(new)
        return new


def _of_access(code: str, match: re.Match[str], values: Values, measures: Measures) -> Hint | None:
    argument = argument_at(code, match.end())
    if argument is None:
        return None
    document = _document(match)
    unit: Unit = "lines"
    if match["unit"] == "chars" or (match["unit"] is None and measures.unit == "chars"):
        unit = "chars"
    length = measures.length(unit) if document is None else None
    bounds = _bounds(argument, values, is_view=match["open"] != "[", measures=measures)
    if bounds is None:
        return None
    placed = _placed(bounds, length)
    return None if placed is None else Hint(unit, *placed, document)


def _of_document(code: str, match: re.Match[str], measures: Measures) -> Hint | None:
    """A document on its own; one that is sliced, or of which only the size is asked, is not read whole."""
    following = code[match.end() : match.end() + 6]
    if not following or following[0] in ".[":
        return None
    return Hint(measures.unit, 0, LARGEST, _document(match))


def _document(match: re.Match[str]) -> str | int | None:
    groups = match.groupdict()
    if groups.get("number") is not None:
        return int(groups["number"])
    return groups["single"] if groups["single"] is not None else groups["double"]


def _bounds(
    argument: str, values: Values, *, is_view: bool, measures: Measures
) -> tuple[Bound, Bound] | None:
    """Return what start and stop may be, None for one left out; None for all if it cannot be told."""
    tree = parsed(f"f({argument})" if is_view else f"x[{argument}]")
    if isinstance(tree, ast.Subscript):
        if not isinstance(tree.slice, ast.Slice):
            at = evaluated(tree.slice, values, measures)
            return None if at is None else (at, tuple(value + 1 or LARGEST for value in at))
        parts = [tree.slice.lower, tree.slice.upper]
    elif isinstance(tree, ast.Call) and not tree.keywords and len(tree.args) <= 2:
        parts = [*tree.args, None, None][:2]
    else:
        return None
    bounds: list[Bound] = []
    for part in parts:
        bound = None
        if part is not None and (bound := evaluated(part, values, measures)) is None:
            return None
        bounds.append(bound)
    return bounds[0], bounds[1]


def _placed(bounds: tuple[Bound, Bound], length: int | None) -> tuple[int, int] | None:
    """Return start and stop counted from the front, over all that they may be."""
    starts, stops = bounds[0] or (0,), bounds[1] or (LARGEST if length is None else length,)
    every = (*starts, *stops)
    if min(every) < 0:
        if length is None:
            return None
        starts, stops = _from_front(starts, length), _from_front(stops, length)
    start, stop = min(starts), max(stops)
    if length is not None:
        stop = min(stop, length)
    return (start, stop) if start < stop else None


def _from_front(bounds: tuple[int, ...], length: int) -> tuple[int, ...]:
    return tuple(max(0, bound + length) if bound < 0 else bound for bound in bounds)
