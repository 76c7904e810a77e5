"""`Context`: a text of any size behind slicing. Read-only; safe to read from several threads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from ..errors import ContextTooLarge
from ..records import ReadStats
from .coverage import Observer
from .describe import describe
from .documents import Documents
from .foresight import Foresight
from .guess import Measures
from .info import Info, Unit
from .layout import Span
from .likestr import LikeStr
from .matches import Matches
from .needle import contains, count
from .search import Pattern, findall, search
from .shown import Shown
from .text import Text

if TYPE_CHECKING:
    from .chars import CharContext
    from .lines import LineContext

# Of so many hits the surroundings are likely to be read next.
_SEARCHED_NEIGHBOURS = 8


class Context(LikeStr, Shown, Sequence[str]):
    r"""A text of any size, read as a sequence of lines or of characters.

    A line ends at "\n", keeps its ending, and nothing else is a line break. `context[i]` is a line,
    `context[a:b]` the text of some lines as one str. `context.chars` is the same text by characters,
    `context.lines` by lines; a context bound with unit="chars" is read by characters itself.

    Slices need what they return: one that would not fit in memory raises ContextTooLarge before reading.
    Two contexts are equal only if they are the same object; a context equals a str with its text. It has the
    methods of a str too, for code that takes it for one (likestr.py says what each does).
    """

    unit: Unit

    def __init__(self, text: Text, span: Span, *, name: str | None = None) -> None:
        super().__init__(text, span)
        self._name = name

    @property
    @abstractmethod
    def lines(self) -> LineContext:
        """The same text as a sequence of lines."""

    @property
    @abstractmethod
    def chars(self) -> CharContext:
        """The same text as a sequence of characters."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> str: ...
    @abstractmethod
    def __getitem__(self, index: int | slice) -> str: ...

    @abstractmethod
    def view(self, start: int | None = None, stop: int | None = None) -> Context:
        """Return a part of the context, in its own unit, as a context of the same kind; nothing is copied."""

    @abstractmethod
    def find(self, needle: str, start: int = 0) -> int:
        """Return where `needle` first occurs at or after `start`, or -1."""

    @property
    def name(self) -> str | None:
        """The name of the document this is, or None for anything else."""
        return self._name

    @property
    def documents(self) -> Documents:
        """The documents, by name or number, each a context over its own text; those in sight, for a view."""
        return Documents(self)

    @property
    def stats(self) -> ReadStats:
        """What reading has cost since the context was opened; a view shares it with its context."""
        return self._text.segments.stats

    @property
    def info(self) -> Info:
        """Source, unit, lines, characters, bytes, segments, documents; nothing is read for it."""
        span, layout, origin = self._span, self._text.layout, self._text.origin
        numbers = layout.segments_between(span.start, span.stop)
        return Info(
            source=origin.address,
            kind=origin.kind,
            unit=self.unit,
            lines=span.lines,
            characters=self._known_characters(),
            bytes=None if layout.char_starts is None else layout.bytes_between(span.start, span.stop),
            segments=len(numbers),
            documents=len(self.documents),
            replaced=origin.replaced,
            snapshot=origin.snapshot,
        )

    def description(self) -> str:
        """Return a few lines about the context for whoever is to write code for it; never any of its text."""
        return describe(self.info, list(self.documents.some(5)))

    def observe(self) -> Observer:
        """Return what notes from now on which lines of this context are read and searched; close it."""
        return Observer(self.lines)

    def foresight(self) -> Foresight | None:
        """Return what turns the progress of a run into reads ahead of time; None where that gains nothing.

        Only a whole remote text has it: the numbers that code writes for a view are not those of its text.
        """
        if self._text.prefetcher is None or not self._text.layout.is_whole(self._span):
            return None
        layout = self._text.layout
        measures = Measures(layout.lines, layout.characters, self.unit)
        return Foresight(self._text, self._text.prefetcher, measures)

    def warm(self, *, on_progress: Callable[[int, int | None], None] | None = None) -> None:
        """Load the whole context into memory, after which slicing reads nothing.

        `on_progress` is called with the bytes done and the bytes in all. Raises ContextTooLarge, having read
        nothing, when it does not fit the memory for segments (ContextConfig.memory_bytes).
        """
        text, span = self._text, self._span
        size_bytes = text.layout.bytes_between(span.start, span.stop)
        if size_bytes > text.config.memory_bytes:
            raise ContextTooLarge(
                f"{size_bytes:,} bytes do not fit the {text.config.memory_bytes:,} bytes of memory for "
                "segments; warm a part, as in context.view(a, b).warm()"
            )
        done_bytes = 0
        for piece in text.pieces(span.start, span.stop):
            done_bytes += len(piece)
            if on_progress is not None:
                on_progress(done_bytes, size_bytes)

    def search(
        self,
        pattern: Pattern,
        *,
        ignore_case: bool = False,
        literal: bool = False,
        limit: int | None = -1,
    ) -> Matches:
        """Return the lines in which a regular expression is found, with where in the line.

        Those are the lines for which `re.search(pattern, line)` finds something, line ending included;
        `start` and `end` of each Match are its span. `pattern` is a str or a compiled pattern; `literal`
        takes it as plain text. At most `limit` lines are returned (config.search_limit unless given; None
        for all).
        Line numbers count from the start of this view. Patterns with neither backreferences nor lookaround
        take time linear in the text, however they are written. Raises PatternError for a faulty pattern.
        """
        wanted = self._text.config.search_limit if limit == -1 else limit
        found = search(
            self._text, self._span, pattern, ignore_case=ignore_case, literal=literal, limit=wanted
        )
        self._note_found([match.line for match in found], complete=wanted is None or len(found) < wanted)
        if self._text.prefetcher is not None:
            lines = (self._span.newline_start + match.line for match in found[:_SEARCHED_NEIGHBOURS])
            self._text.prefetcher.found(self._text.layout.line_place(line)[0] for line in lines)
        return found

    def findall(self, pattern: Pattern, *, ignore_case: bool = False) -> list[Any]:
        """Return what `re.findall` gives line by line, in one list.

        Raises ContextTooLarge once the list holds more than memory allows.
        """
        self._note_searched(0, self._span.lines)
        on_line = self._note_line if self._text.observers else None
        return findall(self._text, self._span, pattern, ignore_case=ignore_case, on_line=on_line)

    def count(self, value: str, start: int | None = None, stop: int | None = None) -> int:
        """Return how often a str occurs in the text, or from `start` to `stop` in the context's unit.

        As with str.count, occurrences do not overlap.
        """
        if start is not None or stop is not None:
            return 0 if self._is_nowhere(start, stop) else self.view(start, stop).count(value)
        if value == "":
            return len(self.chars) + 1
        self._note_searched(0, self._span.lines)
        return count(self._text, self._span, value)

    def __contains__(self, value: object) -> bool:
        self._note_searched(0, self._span.lines)
        return contains(self._text, self._span, value)

    def __str__(self) -> str:
        limit = self._text.config.str_limit_chars
        # Bytes are known without reading, and there are never more characters than bytes.
        if (
            self._text.layout.bytes_between(self._span.start, self._span.stop) > limit
            and len(self.chars) > limit
        ):
            raise ContextTooLarge(
                f"str() of a context of {len(self.chars):,} characters; the limit is {limit:,}. Slice it "
                "(context[a:b], context.chars[a:b]), search it, or write context[:] if you do want it whole"
            )
        return self.whole(what="str()")

    def __reduce__(self) -> tuple[Any, ...]:
        from .reopen import recipe, reopen

        return reopen, (recipe(self._text), self.unit, self._span, self._name)

    def _known_characters(self) -> int | None:
        """Return the number of characters as far as it is known without reading."""
        span, layout = self._span, self._text.layout
        if span.char_start is not None and span.char_stop is not None:
            return span.char_stop - span.char_start
        if layout.is_whole(span):
            return layout.characters
        is_ascii = layout.is_ascii(layout.segments_between(span.start, span.stop))
        return layout.bytes_between(span.start, span.stop) if is_ascii else None

    def _restricted(self, span: Span, *, name: str | None = None) -> Context:
        return type(self)(self._text, span, name=name)

    def _with_chars(self) -> Span:
        """Return the span with its characters counted."""
        span, text = self._span, self._text
        if span.char_start is None or span.char_stop is None:
            first, stop = text.char_position(span.start), text.char_position(span.stop)
            self._span = span = replace(span, char_start=first, char_stop=stop)
        return span
