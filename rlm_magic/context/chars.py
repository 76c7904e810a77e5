"""A context read by characters, as a str is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import index as as_index

from .context import Context
from .layout import Address, Span
from .lines import LineContext
from .needle import find, find_last
from .text import Held, Text


class CharContext(Context):
    """A text as a sequence of characters. See Context."""

    unit = "chars"

    def __init__(self, text: Text, span: Span, *, name: str | None = None) -> None:
        super().__init__(text, span, name=name)
        span = self._with_chars()
        assert span.char_start is not None
        assert span.char_stop is not None
        self._first = span.char_start
        self._length = span.char_stop - span.char_start

    @property
    def lines(self) -> LineContext:
        """The same text as a sequence of lines."""
        return LineContext(self._text, self._span, name=self._name)

    @property
    def chars(self) -> CharContext:
        """This context itself."""
        return self

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int | slice) -> str:
        if isinstance(index, slice):
            return self._slice(index)
        wanted = as_index(index)
        found = wanted + self._length if wanted < 0 else wanted
        if not 0 <= found < self._length:
            raise IndexError(f"character {wanted} of a context of {self._length} characters")
        return self._between(found, found + 1)

    def __iter__(self) -> Iterator[str]:
        for text in self._streamed() if not self._text.observers else self._noted_lines():
            yield from text

    def _noted_lines(self) -> Iterator[str]:
        """Yield the text in pieces that end where a line does, and note each line as it is reached."""
        line = 0
        for text in self._streamed():
            for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
                self._note_line(line)
                yield piece
                line += piece.endswith("\n")

    def view(self, start: int | None = None, stop: int | None = None) -> CharContext:
        """Return characters [start, stop) as a context; nothing is copied."""
        first, last, _ = slice(start, stop).indices(self._length)
        return CharContext(self._text, self._part(first, max(first, last)))

    def find(self, needle: str, start: int | None = None, stop: int | None = None) -> int:
        """Return the number of the character at which `needle` first occurs, as str.find does, or -1."""
        return self._found(find, needle, start, stop)

    def rfind(self, needle: str, start: int | None = None, stop: int | None = None) -> int:
        """Return the number of the character at which `needle` last occurs, as str.rfind does, or -1."""
        return self._found(find_last, needle, start, stop)

    def index(self, value: str, start: int | None = None, stop: int | None = None) -> int:
        """Return where a str first occurs, as str.index does; raises ValueError if it does not."""
        return self._required(self.find(value, start, stop), value)

    def rindex(self, value: str, start: int | None = None, stop: int | None = None) -> int:
        """Return where a str last occurs, as str.rindex does; raises ValueError if it does not."""
        return self._required(self.rfind(value, start, stop), value)

    def _found(
        self, finder: Callable[..., Address | None], needle: str, start: int | None, stop: int | None
    ) -> int:
        if self._is_nowhere(start, stop):
            return -1
        first, last, _ = slice(start, stop).indices(self._length)
        between = (self._address(first), self._address(last))
        found = finder(self._text, between, needle)
        if self._text.observers:
            newlines = self._text.newlines_before
            self._note_searched(
                newlines(between[0]) - self._span.newline_start,
                newlines(between[1] if found is None else found) - self._span.newline_start + 1,
            )
        return -1 if found is None else self._text.char_position(found) - self._first

    @staticmethod
    def _required(found: int, value: str) -> int:
        if found < 0:
            raise ValueError(f"{value!r} does not occur in the context")
        return found

    def _slice(self, index: slice) -> str:
        first, stop, step = index.indices(self._length)
        if step != 1:
            return self._stepped(range(first, stop, step))
        return self._between(first, stop) if first < stop else ""

    def _between(self, first: int, stop: int) -> str:
        """Return some characters, every segment that holds them fetched at once."""
        layout = self._text.measured()
        numbers = range(
            layout.char_segment(self._first + first)[0], layout.char_segment(self._first + stop - 1)[0] + 1
        )
        held = self._text.gather(numbers, what="this slice")
        start = self._address(first, held)
        found = self._text.read(start, self._address(stop, held), held=held)
        if self._text.observers:
            line = self._text.newlines_before(start, held) - self._span.newline_start
            self._note_read(line, line + found.count("\n") + (not found.endswith("\n")))
        return found

    def _stepped(self, characters: range) -> str:
        if not characters:
            return ""
        low, high = min(characters[0], characters[-1]), max(characters[0], characters[-1])
        start, stop = self._address(low), self._address(high + 1)
        stride = abs(characters.step)
        self._text.check_room(start, stop, what="this slice", share=stride)
        parts, skip = [], 0
        for piece in self._text.pieces(start, stop):
            text = str(piece, "utf-8")
            parts.append(text[skip::stride])
            skip = (skip - len(text)) % stride
        self._note_stretch(low, high)
        forward = "".join(parts)
        return forward if characters.step > 0 else forward[::-1]

    def _note_stretch(self, low: int, high: int) -> None:
        if self._text.observers:
            first, last = (
                self._text.newlines_before(self._address(character)) - self._span.newline_start
                for character in (low, high)
            )
            self._note_read(first, last + 1)

    def _address(self, character: int, held: Held | None = None) -> Address:
        if character <= 0:
            return self._span.start
        if character >= self._length:
            return self._span.stop
        return self._text.char_address(self._first + character, held)

    def _part(self, first: int, stop: int) -> Span:
        if first == 0 and stop == self._length:
            return self._span
        start_address, stop_address = self._address(first), self._address(stop)
        newline_stop = self._text.newlines_before(stop_address)
        closed = first == stop or self._text.read(self._address(stop - 1), stop_address) == "\n"
        return Span(
            start=start_address,
            stop=stop_address,
            newline_start=self._text.newlines_before(start_address),
            newline_stop=newline_stop,
            open_end=not closed,
            char_start=self._first + first,
            char_stop=self._first + stop,
        )
