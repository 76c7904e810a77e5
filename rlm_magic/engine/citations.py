"""Check the lines that an answer cites against what its run has read. Pure.

An answer cites as `[L1200-L1210]`, `[L1200]` or `[L5, L9-L12]`, the numbers being those of `context.search`,
and lines of a text that is bound under another name with that in front: `[notes L5]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from ..records import Citation, Coverage, LineRanges

# More digits than any text has lines: not a citation, and no number to build a range of.
_NUMBER = r"\d{1,15}"
_DASH = r"\s*[-\u2010-\u2015\u2212]\s*"
_LINES = rf"L\s?{_NUMBER}(?:{_DASH}L?\s?{_NUMBER})?"
_MORE_LINES = rf"L?\s?{_NUMBER}(?:{_DASH}L?\s?{_NUMBER})?"
_NAME = r"(?:([^\W\d]\w*)(?:\s*:\s*|\s+))?"
_GROUP = re.compile(rf"\[\s*{_NAME}({_LINES}(?:\s*[,;]\s*{_MORE_LINES})*)\s*\]", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*[,;]\s*")


def citations(
    text: str, coverage: Coverage, others: Mapping[str, Coverage] = MappingProxyType({})
) -> tuple[Citation, ...]:
    """Return the lines that `text` cites, each once, in the order it names them.

    `coverage` is of `context`, `others` of further texts by name; a name that is neither cites nothing.

    A citation is "read" only if all of its lines were; "no such line" if one of them is past the end.

    >>> found = citations("Paris [L7, L9-L12].", Coverage(lines=20, read=((5, 10),)))[0]
    >>> found.first, found.last, found.status, found.label
    (7, 7, 'read', 'L7')
    >>> [found.status for found in citations("[L9-L12] and [L20]", Coverage(lines=20, read=((5, 10),)))]
    ['not read', 'no such line']
    >>> [(c.context, c.first) for c in citations("[notes L5] [see L6]", Coverage(9), {"notes": Coverage(9)})]
    [('notes', 5)]
    """
    covered = {**others, "": coverage}
    labels: dict[tuple[str, int, int], str] = {}
    for name, first, last, label in _cited(text):
        if name in covered:
            labels.setdefault((name, first, last), label)
    return tuple(
        Citation(first, last, _status(first, last, covered[name]), label, context=name)
        for (name, first, last), label in labels.items()
    )


def _cited(text: str) -> Iterator[tuple[str, int, int, str]]:
    for group in _GROUP.finditer(text):
        name = group[1] or ""
        for label in _SEPARATOR.split(group[2]):
            numbers = sorted(map(int, re.findall(r"\d+", label)))
            yield "" if name == "context" else name, numbers[0], numbers[-1], label


def _status(first: int, last: int, coverage: Coverage) -> Literal["read", "not read", "no such line"]:
    if last >= coverage.lines:
        return "no such line"
    return "read" if _holds(coverage.read, first, last + 1) else "not read"


def _holds(ranges: LineRanges, start: int, stop: int) -> bool:
    # The ranges are merged: whatever is read throughout lies in one of them.
    return any(low <= start and stop <= high for low, high in ranges)
