"""The documents of a context, each a context over its own text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from .describe import plain
from .layout import Span
from .shown import documents_html

if TYPE_CHECKING:
    from .context import Context


class Documents(Mapping[str, "Context"]):
    """Documents by name, in the order of the text; iterating gives the names, `values()` the documents.

    `documents[n]` with a number works too, negative ones from the end. Over a view these are the documents
    in sight, each clipped to it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._text = context._text
        self._numbers = _in_sight(context)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        names = self._text.documents.names
        return (names[number] for number in self._numbers)

    def __getitem__(self, key: str | int) -> Context:
        number = self._numbers[key] if isinstance(key, int) else self._number(key)
        span = _clipped(self._text.document(number), self._context._span)
        return self._context._restricted(span, name=self._text.documents.names[number])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._text.documents.numbers.get(name, -1) in self._numbers

    def __repr__(self) -> str:
        shown = ", ".join(f"'{plain(name)}'" for name in self.some(3))
        more = ", ..." if len(self) > 3 else ""
        return f"<{len(self):,} documents: {shown}{more}>"

    def _repr_html_(self) -> str:
        return documents_html(self)

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return list(self)

    def some(self, limit: int) -> Iterator[str]:
        """Yield the first few names."""
        return islice(self, limit)

    def starts(self) -> Iterator[tuple[str, int]]:
        """Yield each name with the line of the context at which its document starts."""
        first = self._context._span.newline_start
        for number in self._numbers:
            start = self._text.documents.line_starts[number] - first
            yield self._text.documents.names[number], max(0, start)

    def of_line(self, line: int) -> str:
        """Return the name of the document that a line of the context is in."""
        return self._text.documents.of_line(self._context._span.newline_start + line)

    def _number(self, name: str) -> int:
        number = self._text.documents.numbers.get(name)
        if number is None or number not in self._numbers:
            raise KeyError(f"no document {name!r}; there are {len(self):,}, such as {list(self.some(3))!r}")
        return number


def _in_sight(context: Context) -> range:
    """The numbers of the documents that lie in a context; whole texts keep their empty documents."""
    text, span = context._text, context._span
    table = text.documents
    if text.layout.is_whole(span) or len(table) <= 1:
        return range(len(table))
    if context.name is not None:
        number = table.numbers[context.name]
        return range(number, number + 1)
    if span.start == span.stop:
        return range(0)
    layout = text.layout
    first_byte = layout.byte_starts[span.start[0]] + span.start[1]
    stop_byte = layout.byte_starts[span.stop[0]] + span.stop[1]
    return range(bisect_right(table.byte_starts, first_byte) - 1, bisect_left(table.byte_starts, stop_byte))


def _clipped(document: Span, sight: Span) -> Span:
    start = max(document.start, sight.start)
    stop = max(min(document.stop, sight.stop), start)
    first = document if start == document.start else sight
    last = document if stop == document.stop else sight
    return Span(
        start=start,
        stop=stop,
        newline_start=first.newline_start,
        newline_stop=first.newline_start if start == stop else last.newline_stop,
        open_end=last.open_end and start != stop,
        char_start=first.char_start,
        char_stop=last.char_stop,
    )
