"""Make a text of strs that are already in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..config import ContextConfig
from ..errors import SourceError
from .borrowed import ascii_view
from .cutter import Cutter
from .describe import IN_MEMORY
from .layout import DocumentTable, Layout
from .segment import NEWLINE, Segment, newlines_in
from .segments import GivenSegments
from .text import Origin, Text
from .utf8 import Clean, Errors, encode, warn_of_replacements

# Encoded piece by piece, so that a large str never has a second copy beside its segments. (A large str that
# is ASCII has none at all.)
_PIECE_CHARS = 1 << 20


def text_of(
    documents: Iterable[tuple[str, str]], *, kind: str, errors: Errors, config: ContextConfig
) -> Text:
    """Return named strs as one text; raises SourceError for two of one name, BadText by the policy."""
    joined = _Joined(config.segment_bytes)
    for name, content in documents:
        joined.add(name, content, errors=errors)
    segments, table = joined.finish()
    warn_of_replacements(joined.replaced, of=f"the {kind} given")
    layout = Layout(
        [segment.newline_count for segment in segments],
        lines=sum(table.lines),
        lengths=[len(segment.view) for segment in segments],
        characters=[segment.chars_before(len(segment.view)) for segment in segments],
        unfinished=[number for number, segment in enumerate(segments) if segment.view[-1] != NEWLINE],
    )
    origin = Origin(kind=kind, address=IN_MEMORY, replaced=joined.replaced)
    return Text(layout, GivenSegments(segments), table, origin, config=config)


def named(items: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Yield the items of a list as (name, text); raises SourceError for one that is neither str nor pair."""
    for number, item in enumerate(items):
        pair = (str(number), item) if isinstance(item, str) else item
        match pair:
            case (str(name), str(content)):
                yield name, content
            case _:
                raise SourceError(
                    f"item {number} of the list is {type(item).__name__}; give str, or (name, text) of str"
                )


def check_names(names: Iterable[str]) -> None:
    """Raise SourceError if two documents have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SourceError(f"two documents are named {name!r}; give each a name of its own")
        seen.add(name)


class _Joined:
    """Documents on their way into one text; every one starts on a line of its own."""

    def __init__(self, segment_bytes: int) -> None:
        self.replaced = 0
        self._segment_bytes = segment_bytes
        self._cutter = Cutter(segment_bytes)
        self._segments: list[Segment] = []
        self._names: list[str] = []
        self._lines: list[int] = []
        self._characters: list[int] = []
        self._bytes: list[int] = []
        self._separators: list[int] = []
        # The document that the text so far ends with, if its last line is unfinished.
        self._unfinished: int | None = None

    def add(self, name: str, content: str, *, errors: Errors) -> None:
        if content and self._unfinished is not None:
            self._separators[self._unfinished] = 1
            self._take(b"\n")
        view = ascii_view(content) if len(content) >= self._segment_bytes else None
        if view is not None:
            length, newlines = self._borrow(content, view)
        else:
            length, newlines = self._encode(name, content, errors=errors)
        number = len(self._names)
        unfinished = bool(content) and not content.endswith("\n")
        if content:
            self._unfinished = number if unfinished else None
        self._names.append(name)
        self._lines.append(newlines + unfinished)
        self._characters.append(len(content))
        self._bytes.append(length)
        self._separators.append(0)

    def finish(self) -> tuple[list[Segment], DocumentTable]:
        check_names(self._names)
        self._segments.extend(map(Segment, self._cutter.finish()))
        table = DocumentTable(self._names, self._lines, self._characters, self._bytes, self._separators)
        return self._segments, table

    def _borrow(self, content: str, view: memoryview) -> tuple[int, int]:
        """Add a large ASCII str in place; return its length in bytes and its line endings."""
        self._segments.extend(map(Segment, self._cutter.finish()))
        first = newlines = 0
        while first < len(content):
            stop = _cut(content, first, self._segment_bytes)
            segment = Segment(view[first:stop])
            newlines += segment.newline_count
            self._segments.append(segment)
            first = stop
        return first, newlines

    def _encode(self, name: str, content: str, *, errors: Errors) -> tuple[int, int]:
        """Add a str as UTF-8; return its length in bytes and its line endings."""
        length = newlines = 0
        for piece in _encoded(name, content, errors=errors):
            self.replaced += piece.replaced
            length += len(piece.data)
            newlines += newlines_in(piece.data)
            self._take(piece.data)
        return length, newlines

    def _take(self, data: bytes) -> None:
        self._segments.extend(map(Segment, self._cutter.feed(data)))


def _cut(content: str, first: int, limit_chars: int) -> int:
    """Return where the segment of an ASCII str that begins at `first` ends, by the rule of `cut_point`."""
    last = first + limit_chars
    return len(content) if last >= len(content) else content.rfind("\n", first, last) + 1 or last


def _encoded(name: str, content: str, *, errors: Errors) -> Iterator[Clean]:
    for first in range(0, len(content), _PIECE_CHARS):
        yield encode(content[first : first + _PIECE_CHARS], errors=errors, name=name)
