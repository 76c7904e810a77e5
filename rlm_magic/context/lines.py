"""A context read by lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import index as as_index
from typing import TYPE_CHECKING

from .context import Context
from .coverage import followed
from .layout import Address, Span
from .needle import find, find_last
from .text import Held, Text

if TYPE_CHECKING:
    from .chars import CharContext

# Lines of a stepped slice that are read together, so that their segments come in parallel.
_LINES_AT_ONCE = 4096


class LineContext(Context):
    """A text as a sequence of lines. See Context."""

    unit = "lines"

    def __init__(self, text: Text, span: Span, *, name: str | None = None) -> None:
        super().__init__(text, span, name=name)
        # Read on every single line, where each attribute on the way counts.
        self._resident = text.segments.resident
        self._newline_starts = text.layout.newline_starts
        self._first_newline = span.newline_start
        self._last_line = span.lines - 1

    @property
    def lines(self) -> LineContext:
        """This context itself."""
        return self

    @property
    def chars(self) -> CharContext:
        """The same text as a sequence of characters."""
        from .chars import CharContext

        return CharContext(self._text, self._with_chars(), name=self._name)

    def __len__(self) -> int:
        return self._last_line + 1

    def __getitem__(self, index: int | slice) -> str:
        if isinstance(index, slice):
            return self._slice(index)
        if index.__class__ is int and 0 < index < self._last_line:
            found = self._at_hand(index, index + 1)
            if found is not None:
                return found
        return self._line(as_index(index))

    def __iter__(self) -> Iterator[str]:
        observers = self._text.observers
        lines = self._unnoted()
        return followed(lines, self._first_newline, observers) if observers else lines

    def _unnoted(self) -> Iterator[str]:
        unfinished: list[str] = []
        for text in self._streamed():
            *whole, rest = text.split("\n")
            if whole and unfinished:
                whole[0] = "".join(unfinished) + whole[0]
                unfinished = []
            for line in whole:
                yield line + "\n"
            if rest:
                unfinished.append(rest)
        if unfinished:
            yield "".join(unfinished)

    def view(self, start: int | None = None, stop: int | None = None) -> LineContext:
        """Return lines [start, stop) as a context; nothing is copied."""
        first, last, _ = slice(start, stop).indices(len(self))
        return LineContext(self._text, self._part(first, max(first, last)))

    def find(self, needle: str, start: int | None = None, stop: int | None = None) -> int:
        """Return the number of the first line, from `start` on, in which `needle` begins, or -1.

        All of the needle lies in front of line `stop`, if that is given.
        """
        return self._found(find, needle, start, stop)

    def rfind(self, needle: str, start: int | None = None, stop: int | None = None) -> int:
        """Return the number of the last line, from `start` to `stop`, in which `needle` begins, or -1."""
        return self._found(find_last, needle, start, stop)

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the number of the first line that is `value`, ending included; ValueError if none is."""
        return self._required(next(self._equal(value, start, stop), None), value)

    def rindex(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the number of the last line that is `value`, ending included; ValueError if none is."""
        return self._required(max(self._equal(value, start, stop), default=None), value)

    def _found(
        self, finder: Callable[..., Address | None], needle: str, start: int | None, stop: int | None
    ) -> int:
        if self._is_nowhere(start, stop):
            return -1
        first, last, _ = slice(start, stop).indices(len(self))
        if needle == "":
            return first if finder is find else last
        found = finder(self._text, (self._address(first), self._address(last)), needle)
        if found is None:
            self._note_searched(first, last)
            return -1
        line = self._text.newlines_before(found) - self._first_newline
        self._note_searched(*((first, line + 1) if finder is find else (line, last)))
        return line

    def _equal(self, value: str, start: int, stop: int | None) -> Iterator[int]:
        first, last, _ = slice(start, stop).indices(len(self))
        self._note_searched(first, last)
        lines = self.view(first, last)._unnoted()
        return (number for number, line in enumerate(lines, first) if line == value)

    @staticmethod
    def _required(found: int | None, value: str) -> int:
        if found is None:
            raise ValueError(
                f"no line is {value!r}, ending included; context.find(...) gives the first line that holds a "
                "str, context.chars.index(...) its first character"
            )
        return found

    def _line(self, line: int) -> str:
        found = line + len(self) if line < 0 else line
        if not 0 <= found < len(self):
            raise IndexError(f"line {line} of a context of {len(self)} lines")
        return self._between(found, found + 1, what=f"line {line}")

    def _slice(self, index: slice) -> str:
        first, stop, step = index.indices(self._last_line + 1)
        if step != 1:
            return self._stepped(range(first, stop, step))
        if first >= stop:
            return ""
        found = self._at_hand(first, stop) if first > 0 and stop <= self._last_line else None
        return self._between(first, stop, what="this slice") if found is None else found

    def _at_hand(self, first: int, stop: int) -> str | None:
        """Return some lines, neither the first nor the last, if one segment in memory has them all.

        Most slices are such. Everything is spelled out here, because each call on the way would be felt.
        """
        newline = self._first_newline + first
        starts = self._newline_starts
        number = bisect_right(starts, newline - 1) - 1
        segment = self._resident.get(number)
        if segment is None or newline - first + stop > starts[number + 1]:
            return None
        segment.hot = True
        if segment.ahead is not None:
            self._text.segments.used(number, segment)
        for observer in self._text.observers:
            observer.reads.add(newline, newline - first + stop)
        newlines, before = segment.newlines, newline - 1 - starts[number]
        return str(segment.view[newlines[before] + 1 : newlines[before - first + stop] + 1], "utf-8")

    def _between(self, first: int, stop: int, *, what: str) -> str:
        """Return the text of some lines, every segment it needs fetched at once."""
        held = self._text.gather(self._segments_of(first, stop), what=what)
        found = self._text.read(self._address(first, held), self._address(stop, held), held=held, what=what)
        self._note_read(first, stop)
        return found

    def resident_blocks(self, first: int, stop: int) -> Iterator[tuple[int, str]]:
        """Yield lines [first, stop) as far as they are in memory, in runs, each with the number of its first.

        Nothing is read for it from a store, and nothing noted.
        """
        starts, text = self._newline_starts, self._text
        while first < stop:
            number = bisect_right(starts, self._first_newline + first) - 1
            behind = (
                max(first + 1, starts[number + 1] - self._first_newline) if number + 1 < len(starts) else stop
            )
            behind = min(behind, stop)
            needed = self._segments_of(first, behind)
            held = {each: segment for each in needed if (segment := self._resident.get(each)) is not None}
            if len(held) == len(needed):
                yield first, text.read(self._address(first, held), self._address(behind, held), held=held)
            first = behind

    def _segments_of(self, first: int, stop: int) -> range:
        """The segments to read for some lines: from where they start to where they end."""
        layout, (start_number, _), (stop_number, stop_offset) = (
            self._text.layout,
            self._span.start,
            self._span.stop,
        )
        if first > 0:
            start_number, _ = layout.line_place(self._first_newline + first)
        if stop <= self._last_line:
            return range(start_number, layout.segment_of_newline(self._first_newline + stop - 1) + 1)
        return range(start_number, stop_number + (stop_offset > 0))

    def _stepped(self, lines: range) -> str:
        if not lines:
            return ""
        low, high = min(lines[0], lines[-1]), max(lines[0], lines[-1])
        self._text.check_room(
            self._address(low), self._address(high + 1), what="this slice", share=abs(lines.step)
        )
        parts: list[str] = []
        for first in range(0, len(lines), _LINES_AT_ONCE):
            some = lines[first : first + _LINES_AT_ONCE]
            held = self._load_for(some)
            parts.extend(self[line] for line in some)
            del held
        return "".join(parts)

    def _load_for(self, lines: range) -> object:
        layout = self._text.layout
        first = self._first_newline
        last = len(layout) - 1
        numbers = {min(layout.segment_of_newline(first + line), last) for line in lines}
        return self._text.segments.load(sorted(numbers))

    def _address(self, line: int, held: Held | None = None) -> Address:
        if line <= 0:
            return self._span.start
        if line > self._last_line:
            return self._span.stop
        return self._text.line_address(self._first_newline + line, held)

    def _part(self, first: int, stop: int) -> Span:
        if first == 0 and stop == len(self):
            return self._span
        to_the_end = stop == len(self) and first < stop
        return replace(
            self._span,
            start=self._address(first),
            stop=self._address(stop),
            newline_start=self._first_newline + first,
            newline_stop=self._span.newline_stop if to_the_end else self._first_newline + stop,
            open_end=self._span.open_end and to_the_end,
            char_start=self._span.char_start if first == 0 else None,
            char_stop=self._span.char_stop if stop == len(self) else None,
        )
