"""A part of a text as a whole: all of it, its ends, its bytes in passing. Tells observers what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .layout import Span
from .needle import first_bytes, last_bytes, same_text
from .room import SMALLER
from .text import Text


class Passage:
    """A span of a text. Lines are counted from the span's first; observers count them in the whole text."""

    def __init__(self, text: Text, span: Span) -> None:
        self._text = text
        self._span = span

    def whole(self, *, what: str, copies: int = 1, advice: str = SMALLER, searched: bool = False) -> str:
        """Return all of the text; ContextTooLarge, with `advice`, if `copies` of it do not fit in memory.

        `what` names in the message what the text is wanted for. It counts as read, or else as searched.
        """
        span = self._span
        self._text.check_room(span.start, span.stop, what=what, copies=copies, advice=advice)
        note = self._note_searched if searched else self._note_read
        note(0, span.lines)
        return self._text.read(span.start, span.stop, what=what)

    def has_text(self, text: str) -> bool:
        """Return whether the text is `text`; stops reading at the first difference."""
        self._note_searched(0, self._span.lines)
        return same_text(self._text, self._span, text)

    def first_bytes(self, size: int) -> bytes:
        """Return the first `size` bytes of the text in UTF-8, or all if it has less."""
        return first_bytes(self._text, self._span, size)

    def last_bytes(self, size: int) -> bytes:
        """Return the last `size` bytes of the text in UTF-8, or all if it has less."""
        return last_bytes(self._text, self._span, size)

    def _note_read(self, first: int, stop: int) -> None:
        start = self._span.newline_start
        for observer in self._text.observers:
            observer.reads.add(start + first, start + stop)

    def _note_searched(self, first: int, stop: int) -> None:
        start = self._span.newline_start
        for observer in self._text.observers:
            observer.searches.add(start + first, start + stop)

    def _note_line(self, line: int) -> None:
        self._note_read(line, line + 1)

    def _note_found(self, lines: Sequence[int], *, complete: bool) -> None:
        """Note a search that found something on the given lines, and went on to the end if `complete`."""
        if self._text.observers:
            self._note_searched(0, self._span.lines if complete else max(lines, default=-1) + 1)
            for line in lines:
                self._note_read(line, line + 1)

    def _streamed(self) -> Iterator[str]:
        return (str(piece, "utf-8") for piece in self._text.pieces(self._span.start, self._span.stop))
