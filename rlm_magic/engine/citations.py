"""Check the lines that an answer cites against what its run has read. Pure.

An answer cites as `[L1200-L1210]`, `[L1200]` or `[L5, L9-L12]`, the numbers being those of `context.search`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from ..records import Citation, Coverage, LineRanges

# More digits than any text has lines: not a citation, and no number to build a range of.
_NUMBER = r"\d{1,15}"
_DASH = r"\s*[-\u2010-\u2015\u2212]\s*"
_LINES = rf"L\s?{_NUMBER}(?:{_DASH}L?\s?{_NUMBER})?"
_MORE_LINES = rf"L?\s?{_NUMBER}(?:{_DASH}L?\s?{_NUMBER})?"
_GROUP = re.compile(rf"\[\s*({_LINES}(?:\s*[,;]\s*{_MORE_LINES})*)\s*\]", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*[,;]\s*")


def citations(text: str, coverage: Coverage) -> tuple[Citation, ...]:
    """Return the lines that `text` cites, each once, in the order it names them.

    A citation is "read" only if all of its lines were; "no such line" if one of them is past the end.

    >>> found = citations("Paris [L7, L9-L12].", Coverage(lines=20, read=((5, 10),)))[0]
    >>> found.first, found.last, found.status, found.label
    (7, 7, 'read', 'L7')
    >>> [found.status for found in citations("[L9-L12] and [L20]", Coverage(lines=20, read=((5, 10),)))]
    ['not read', 'no such line']
    """
    labels: dict[tuple[int, int], str] = {}
    for first, last, label in _cited(text):
        labels.setdefault((first, last), label)
    return tuple(
        Citation(first, last, _status(first, last, coverage), label)
        for (first, last), label in labels.items()
    )


def _cited(text: str) -> Iterator[tuple[int, int, str]]:
    for group in _GROUP.finditer(text):
        for label in _SEPARATOR.split(group[1]):
            numbers = sorted(map(int, re.findall(r"\d+", label)))
            yield numbers[0], numbers[-1], label


def _status(first: int, last: int, coverage: Coverage) -> Literal["read", "not read", "no such line"]:
    if last >= coverage.lines:
        return "no such line"
    return "read" if _holds(coverage.read, first, last + 1) else "not read"


def _holds(ranges: LineRanges, start: int, stop: int) -> bool:
    # The ranges are merged: whatever is read throughout lies in one of them.
    return any(low <= start and stop <= high for low, high in ranges)
