"""Search a text for a regular expression, line by line, whatever its segments are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .layout import Span
from .linesearch import LineSearch, compiled
from .matches import Match, Matches
from .room import check_room
from .segment import NEWLINE, Segment
from .text import Text

Pattern = str | re.Pattern[str]


def search(
    text: Text, span: Span, pattern: Pattern, *, ignore_case: bool, literal: bool, limit: int | None
) -> Matches:
    """Return the first `limit` lines of the span that match, or all of them for None."""
    ready = LineSearch(compiled(pattern, ignore_case=ignore_case, literal=literal))
    found = Matches()
    if limit is not None and limit <= 0:
        return found
    documents = text.documents
    for first_line, block in blocks(text, span):
        for number, content, start, end in ready.hits(block):
            line = first_line + number
            document = documents.of_line(span.newline_start + line)
            found.append(Match(line, content, start, end, document))
            if len(found) == limit:
                return found
    return found


def findall(
    text: Text,
    span: Span,
    pattern: Pattern,
    *,
    ignore_case: bool,
    on_line: Callable[[int], None] | None = None,
) -> list[Any]:
    """Return what re.findall gives for each line of the span, in one list; `on_line` hears of each line."""
    ready = LineSearch(compiled(pattern, ignore_case=ignore_case, literal=False))
    found: list[Any] = []
    held_bytes = 0
    for first_line, block in blocks(text, span):
        for hit in ready.hits(block):
            if on_line is not None:
                on_line(first_line + hit[0])
            items = ready.findings(hit)
            held_bytes += sum(map(sys.getsizeof, items))
            found.extend(items)
        check_room(held_bytes, limit_bytes=text.config.slice_limit_bytes, what="the list of all findings")
    return found


def blocks(text: Text, span: Span) -> Iterator[tuple[int, Segment]]:
    """Yield the span as blocks of whole lines, each with the number of its first line."""
    line = 0
    parts: list[memoryview] = []
    held_bytes = 0
    for piece, segment in text.segments_of(span):
        parts.append(piece)
        held_bytes += len(piece)
        if piece[-1] != NEWLINE:
            check_room(held_bytes * 2, limit_bytes=text.config.slice_limit_bytes, what=f"line {line}")
            continue
        whole = len(parts) == 1 and len(piece) == len(segment.view)
        block = segment if whole else Segment(b"".join(parts))
        yield line, block
        line += block.newline_count
        parts, held_bytes = [], 0
    if parts:
        yield line, Segment(b"".join(parts))
