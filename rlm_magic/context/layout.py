"""Where lines, characters and documents of a text lie. Pure: columns and cumulative sums, no I/O.

A place in the text is (segment, byte offset in it), so that a text whose segments are not all measured yet
can be read by line. An end is written as the start of what follows: (segment + 1, 0).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

Address = tuple[int, int]


def starts(counts: Iterable[int]) -> array[int]:
    """Return the cumulative sums of `counts`, from 0 up to and including the total.

    >>> list(starts([3, 0, 2]))
    [0, 3, 3, 5]
    """
    return array("Q", accumulate(counts, initial=0))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, from any place to any place.

    The newlines are counted from the start of the text. `open_end` says that text follows the span's last
    newline. `char_start` and `char_stop` are None until somebody asks for characters.
    """

    start: Address
    stop: Address
    newline_start: int
    newline_stop: int
    open_end: bool
    char_start: int | None = None
    char_stop: int | None = None

    @property
    def lines(self) -> int:
        """How many lines the span has, the last one perhaps without its ending."""
        return self.newline_stop - self.newline_start + self.open_end


class Layout:
    """The columns of a text's segments as cumulative sums.

    `char_starts` is None for the older manifest form, whose rows count lines only. Then the text is not
    measured: `byte_starts` is what is stored, near enough to judge sizes by, and the last segment may have
    one line ending less than its row says; `lines` is right nevertheless.

    `unfinished` names the segments that do not end with a line ending: the text's last one, perhaps, and
    those that a long line runs through. Behind every other one a line starts, which is known without reading.
    """

    def __init__(
        self,
        newlines: Iterable[int],
        *,
        lines: int,
        lengths: Iterable[int],
        characters: Iterable[int] | None = None,
        unfinished: Iterable[int] = (),
    ) -> None:
        self.newline_starts = starts(newlines)
        self.byte_starts = starts(lengths)
        self.char_starts = None if characters is None else starts(characters)
        self.lines = lines
        self.unfinished = frozenset(unfinished)

    def __len__(self) -> int:
        return len(self.newline_starts) - 1

    @property
    def bytes(self) -> int | None:
        """Length of the text in UTF-8, if measured."""
        return None if self.char_starts is None else self.byte_starts[-1]

    @property
    def characters(self) -> int | None:
        """Length of the text in characters, if measured."""
        return None if self.char_starts is None else self.char_starts[-1]

    def whole(self) -> Span:
        """Return the span of the whole text."""
        newlines = self.newline_starts[-1]
        return Span(
            start=(0, 0),
            stop=(len(self), 0),
            newline_start=0,
            newline_stop=newlines,
            open_end=self.lines > newlines,
            char_start=0,
            char_stop=self.characters,
        )

    def is_whole(self, span: Span) -> bool:
        """Return whether a span is the whole text."""
        return span.start == (0, 0) and span.stop == (len(self), 0)

    def segment_of_newline(self, newline: int) -> int:
        """Return the segment that holds the given line ending, counted from 0."""
        return bisect_right(self.newline_starts, newline) - 1

    def line_place(self, line: int) -> tuple[int, int | None]:
        """Return the segment in which, or behind whose given line ending, a line starts.

        The second is None if the line is the first of the segment, which then need not be read.
        """
        if line == 0:
            return 0, None
        number = self.segment_of_newline(line - 1)
        if line == self.newline_starts[number + 1] and number not in self.unfinished:
            return number + 1, None
        return number, line - 1 - self.newline_starts[number]

    def byte_address(self, byte: int) -> Address:
        """Return the place of a byte of the measured text."""
        return self._address(self.byte_starts, byte)

    def char_segment(self, character: int) -> Address:
        """Return the segment that holds a character of the measured text, and its number in there."""
        return self._address(self.char_starts, character)

    def segments_between(self, start: Address, stop: Address) -> range:
        """Return the segments that a span reads."""
        return range(start[0], stop[0] + (stop[1] > 0))

    def bytes_between(self, start: Address, stop: Address) -> int:
        """Return how many bytes lie between two places, or about as many if the text is not measured."""
        return self.byte_starts[stop[0]] + stop[1] - self.byte_starts[start[0]] - start[1]

    def is_ascii(self, segments: range) -> bool:
        """Return whether the measured segments are known to hold one byte per character."""
        if self.char_starts is None or not segments:
            return False
        first, stop = segments.start, segments.stop
        byte_count = self.byte_starts[stop] - self.byte_starts[first]
        return byte_count == self.char_starts[stop] - self.char_starts[first]

    @staticmethod
    def _address(column: array[int] | None, position: int) -> Address:
        assert column is not None
        segment = bisect_right(column, position) - 1
        return segment, position - column[segment]


@dataclass(frozen=True)
class DocumentTable:
    """The documents of a text, in order, as columns.

    A document has `lines`, `characters` and `bytes` of its own; `separators` is 1 where a newline, which is
    the text's and not the document's, was supplied behind it.
    """

    names: Sequence[str]
    lines: Sequence[int]
    characters: Sequence[int]
    bytes: Sequence[int]
    separators: Sequence[int]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each document by its name."""
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def line_starts(self) -> array[int]:
        """The line at which each document starts."""
        return starts(self.lines)

    @cached_property
    def char_starts(self) -> array[int]:
        """The character at which each document starts."""
        return starts(map(sum, zip(self.characters, self.separators, strict=True)))

    @cached_property
    def byte_starts(self) -> array[int]:
        """The byte at which each document starts."""
        return starts(map(sum, zip(self.bytes, self.separators, strict=True)))

    def of_line(self, line: int) -> str:
        """Return the name of the document that holds a line of the text."""
        if len(self.names) == 1:
            return self.names[0]
        return self.names[bisect_right(self.line_starts, line) - 1]


def document_span(layout: Layout, documents: DocumentTable, number: int) -> Span:
    """Return where a document lies. A text without measured segments is one document."""
    if layout.char_starts is None:
        return layout.whole()
    first_byte, first_char = documents.byte_starts[number], documents.char_starts[number]
    first_line, lines = documents.line_starts[number], documents.lines[number]
    # The last line of the text may be without its ending, as is a document's in front of a supplied newline.
    is_open = bool(documents.separators[number]) or first_line + lines > layout.newline_starts[-1]
    open_end = lines > 0 and is_open
    return Span(
        start=layout.byte_address(first_byte),
        stop=layout.byte_address(first_byte + documents.bytes[number]),
        newline_start=first_line,
        newline_stop=first_line + lines - open_end,
        open_end=open_end,
        char_start=first_char,
        char_stop=first_char + documents.characters[number],
    )
