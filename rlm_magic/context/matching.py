"""Match regular expressions against a context as `re` matches them against its text.

Small texts are matched whole. So are large ones, while they fit in memory, unless the pattern allows for
less: one that stays within lines is matched block by block, and the first match of one that looks a bounded
way ahead is looked for in a prefix that grows. Positions are characters, whatever the context's unit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .locality import never_empty, reach_chars, stays_in_line
from .match import PlacedMatch
from .room import check_room
from .search import blocks

if TYPE_CHECKING:
    from .context import Context

Found = re.Match[str] | PlacedMatch
Finder = Callable[[str, int], re.Match[str] | None]

_ADVICE = (
    "write the pattern so that it cannot run over a line ending, and it is matched line by line "
    r"([^\n] for ., [ \t] for \s, (?m) with ^ and $), or use context.search(pattern)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What to match against: the text of `context` from character `start` on, or not even its emptiness."""

    context: Context
    start: int = 0
    is_nothing: bool = False

    @classmethod
    def of(cls, context: Context, pos: int, endpos: int) -> Target:
        """Return what a compiled pattern's methods mean by `pos` and `endpos`."""
        if endpos >= sys.maxsize:
            return cls(context, max(0, pos))
        length = len(context.chars)
        start, stop = min(max(0, pos), length), min(max(0, endpos), length)
        return cls(context.chars.view(0, stop), start, is_nothing=start > stop)

    @property
    def is_small(self) -> bool:
        """Whether it takes no thought to match it whole."""
        text, span = self.context._text, self.context._span
        return text.layout.bytes_between(span.start, span.stop) <= text.config.segment_bytes

    def whole(self, what: str, *, copies: int = 1, read: bool = False) -> str:
        """Return the text; ContextTooLarge if it does not fit."""
        return self.context.whole(what=f"re.{what}()", copies=copies, advice=_ADVICE, searched=not read)


def search(pattern: re.Pattern[str], target: Target) -> Found | None:
    """Return the first match."""
    if target.is_nothing:
        return None
    if stays_in_line(pattern) and not target.is_small:
        return next(_in_blocks(pattern, target), None)
    return _first(pattern, pattern.search, target, what="search")


def match(pattern: re.Pattern[str], target: Target) -> Found | None:
    """Return the match at the start."""
    if target.is_nothing:
        return None
    if stays_in_line(pattern) and not target.is_small:
        return next(_in_blocks(pattern, target, at_start=True), None)
    return _first(pattern, pattern.match, target, what="match")


def fullmatch(pattern: re.Pattern[str], target: Target) -> Found | None:
    """Return the match that takes all of the text."""
    span = target.context._span
    if target.is_nothing:
        return None
    if target.start == 0 and span.newline_stop > span.newline_start and stays_in_line(pattern):
        return None
    found = pattern.fullmatch(target.whole("fullmatch"), target.start)
    return _noted(target, found)


def finditer(pattern: re.Pattern[str], target: Target) -> Iterator[Found]:
    """Return an iterator over all matches; it has read nothing yet where it can match in blocks."""
    if target.is_nothing:
        return iter(())
    if stays_in_line(pattern) and not target.is_small:
        return _in_blocks(pattern, target)
    whole = _Block(target.whole("finditer"), line=0, before=0, offset=target.start)
    return _noting(pattern.finditer(whole.text, whole.offset), whole, target.context)


def find_all(pattern: re.Pattern[str], target: Target) -> list[Any]:
    """Return what `re.findall` does; ContextTooLarge once the list holds more than memory allows."""
    found: list[Any] = []
    held_bytes = 0
    for items in _findings(pattern, target):
        held_bytes += sum(map(sys.getsizeof, items))
        found += items
        limit_bytes = target.context._text.config.slice_limit_bytes
        check_room(held_bytes, limit_bytes=limit_bytes, what="the list of all findings")
    return found


def _findings(pattern: re.Pattern[str], target: Target) -> Iterator[list[Any]]:
    if target.is_small or not (stays_in_line(pattern) and never_empty(pattern)):
        groups = pattern.groups
        for found in finditer(pattern, target):
            yield [found.groups("") if groups > 1 else found.group(groups) or ""]
        return
    for block in _blocks(target):
        yield pattern.findall(block.text, block.offset)
        if target.context._text.observers:
            for _ in _noting(pattern.finditer(block.text, block.offset), block, target.context):
                pass


def split(pattern: re.Pattern[str], context: Context, maxsplit: int) -> list[Any]:
    """Return the text split at the matches."""
    return pattern.split(Target(context).whole("split", copies=2, read=True), maxsplit)


def subn(pattern: re.Pattern[str], replacement: Any, context: Context, count: int) -> tuple[str, int]:
    """Return the text with its matches replaced, and how many they were."""
    return pattern.subn(replacement, Target(context).whole("sub", copies=2, read=True), count)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some whole lines of a target: the first one's number, the characters before it, where to begin."""

    text: str
    line: int
    before: int
    offset: int


def _blocks(target: Target) -> Iterator[_Block]:
    context, line, before = _line_with(target)
    offset = target.start - before
    for number, segment in blocks(context._text, context._span):
        text = str(segment.view, "utf-8")
        lines = segment.newline_count + (text[-1] != "\n")
        target.context._note_searched(line + number, line + number + lines)
        yield _Block(text, line + number, before, offset)
        offset, before = 0, before + len(text)


def _in_blocks(pattern: re.Pattern[str], target: Target, *, at_start: bool = False) -> Iterator[PlacedMatch]:
    """Yield the matches of a pattern that stays within lines, block of whole lines by block."""
    find = _at_most_one(pattern.match) if at_start else pattern.finditer
    whole, behind = target.context, None
    for block in _blocks(target):
        behind = None
        for found in _noting(find(block.text, block.offset), block, whole):
            if found.start() < len(block.text):
                yield PlacedMatch(found, block.before, whole)
            else:
                # Emptiness where the next block starts is found there, unless there is none.
                behind = PlacedMatch(found, block.before, whole)
        if at_start:
            break
    if behind is not None:
        yield behind


def _noting(matches: Iterator[re.Match[str]], block: _Block, context: Context) -> Iterator[re.Match[str]]:
    """Yield matches, and tell observers which lines they are on."""
    if not context._text.observers:
        yield from matches
        return
    line, at = block.line, 0
    for found in matches:
        start, end = found.span()
        line, at = line + block.text.count("\n", at, start), start
        if start < len(block.text):
            context._note_read(line, line + 1 + block.text.count("\n", start, max(start, end - 1)))
        yield found


def _at_most_one(find: Finder) -> Callable[[str, int], Iterator[re.Match[str]]]:
    return lambda text, start: (found for found in [find(text, start)] if found is not None)


def _line_with(target: Target) -> tuple[Context, int, int]:
    """Return the part that begins with the line of the start, that line, and the characters before it."""
    context = target.context
    if target.start == 0:
        return context, 0, 0
    lines = context.lines
    upto = context.chars.view(0, target.start)._span
    line = min(upto.newline_stop - upto.newline_start, max(0, len(lines) - 1))
    return lines.view(line), line, len(lines.view(0, line).chars)


def _noted(target: Target, found: re.Match[str] | None) -> re.Match[str] | None:
    if found is not None and target.context._text.observers:
        line = found.string.count("\n", 0, found.start())
        last = line + found.string.count("\n", found.start(), max(found.start(), found.end() - 1))
        target.context._note_read(line, last + 1)
    return found


def _first(pattern: re.Pattern[str], find: Finder, target: Target, *, what: str) -> Found | None:
    reach = reach_chars(pattern)
    if reach is None or target.is_small:
        return _noted(target, find(target.whole(what), target.start))
    start = target.start
    for prefix, complete in _prefixes(target, what=what):
        target.context._note_searched(0, prefix.count("\n") + 1)
        found = find(prefix, start)
        settled = len(prefix) - reach
        if complete or (
            found.start() < settled if found is not None else what == "match" and start < settled
        ):
            return _noted(target, found)
        if what == "search":
            start = max(start, settled)
    return None


def _prefixes(target: Target, *, what: str) -> Iterator[tuple[str, bool]]:
    """Yield prefixes of the text that double in size, the last of them all of it."""
    text, span = target.context._text, target.context._span
    size_bytes = text.layout.bytes_between(span.start, span.stop)
    parts: list[str] = []
    held_bytes, wanted_bytes = 0, text.config.segment_bytes
    for piece in text.pieces(span.start, span.stop):
        parts.append(str(piece, "utf-8"))
        held_bytes += len(piece)
        check_room(
            held_bytes * 4, limit_bytes=text.config.slice_limit_bytes, what=f"re.{what}()", advice=_ADVICE
        )
        if held_bytes >= wanted_bytes and held_bytes * 2 < size_bytes:
            parts, wanted_bytes = ["".join(parts)], held_bytes * 2
            yield parts[0], False
    yield "".join(parts), True
