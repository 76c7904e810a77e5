"""How far a regular expression looks, read from its parse tree. Pure.

Decides whether a text may be matched piece by piece with the result of matching it whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]  # the parser has no public name
from typing import Any

from .translate import parse, written

# A match that may be longer than this is taken for one without a limit.
_LONGEST_CHARS = 100_000
_ONE_CHARACTER = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_ALPHABETS = re.IGNORECASE | re.DOTALL | re.ASCII


@lru_cache(maxsize=512)
def stays_in_line(pattern: re.Pattern[str]) -> bool:
    r"""Return whether a match never takes a newline, nor depends on what lies beyond its own line.

    >>> [stays_in_line(re.compile(p)) for p in (r"a.*b", r"(?m)^a$", r"a\s", r"a$", r"[^b]", r"(?!\n)a")]
    [True, True, False, False, False, False]
    """
    tree = parse(pattern)
    return all(_stays(kind, value, flags=tree.state.flags) for kind, value in tree)


@lru_cache(maxsize=512)
def reach_chars(pattern: re.Pattern[str]) -> int | None:
    """Return how many characters behind its start decide on a match, or None where nothing limits them.

    >>> reach_chars(re.compile(r"ab?(?=cde)")), reach_chars(re.compile("a+"))
    (7, None)
    """
    tree = parse(pattern)
    widths = [tree.getwidth()[1], *(ahead.getwidth()[1] for ahead in _looked_ahead(tree))]
    # A place such as `$` looks at up to two characters more, to know whether a newline is the last one.
    return sum(widths) + 2 if all(width <= _LONGEST_CHARS for width in widths) else None


@lru_cache(maxsize=512)
def never_empty(pattern: re.Pattern[str]) -> bool:
    """Return whether every match takes at least one character."""
    return bool(parse(pattern).getwidth()[0] > 0)


def _stays(kind: Any, value: Any, *, flags: int) -> bool:
    if kind in _ONE_CHARACTER:
        return not _takes_newline(written(kind, value), flags & _ALPHABETS)
    if kind is op.AT:
        return _place_stays(value, flags)
    if kind is op.SUBPATTERN:
        flags = (flags | value[1]) & ~value[2]
    elif kind not in _WITH_PARTS and kind not in (op.GROUPREF, op.FAILURE):
        return False
    return all(_stays(*node, flags=flags) for part in _parts(kind, value) for node in part)


def _place_stays(place: Any, flags: int) -> bool:
    if place in (op.AT_BEGINNING, op.AT_END):
        return bool(flags & re.MULTILINE)
    return place in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY)


_WITH_PARTS = (
    op.SUBPATTERN,
    op.BRANCH,
    op.MAX_REPEAT,
    op.MIN_REPEAT,
    op.POSSESSIVE_REPEAT,
    op.ATOMIC_GROUP,
    op.ASSERT,
    op.ASSERT_NOT,
    op.GROUPREF_EXISTS,
)


def _parts(kind: Any, value: Any) -> list[Any]:
    """Return the expressions inside a node."""
    if kind is op.BRANCH:
        return list(value[1])
    if kind is op.GROUPREF_EXISTS:
        return [part for part in value[1:] if part is not None]
    if kind is op.ATOMIC_GROUP:
        return [value]
    return [value[-1]] if kind in _WITH_PARTS else []


def _looked_ahead(tree: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    for kind, value in tree:
        if kind in (op.ASSERT, op.ASSERT_NOT) and value[0] > 0:
            yield value[1]
        for part in _parts(kind, value):
            yield from _looked_ahead(part)


@lru_cache(maxsize=512)
def _takes_newline(expression: str, flags: int) -> bool:
    return re.match(expression, "\n", flags) is not None
