"""Find the lines of a block in which a regular expression matches, as `re.search` line by line would.

Three ways, the first that serves: bytes.find for plain text, re2 over the whole block, `re` line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import PatternError
from .segment import Segment
from .translate import Untranslatable, has_choices, literal_of, parse, translate
from .utf8 import encode_needle

# re2's default of 8 MiB is soon spent on the states of classes with hundreds of ranges; then it slows down.
_RE2_MEMORY_BYTES = 64 * 1024 * 1024


# A line's number in its block, the line, and the span of the first match in it, in characters. A tuple: there
# may be very many of them, and each lives for a moment.
Hit = tuple[int, str, int, int]


def compiled(pattern: str | re.Pattern[str], *, ignore_case: bool, literal: bool) -> re.Pattern[str]:
    """Return a pattern compiled by `re`; raises PatternError if it cannot be."""
    source = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(source, str):
        raise PatternError(
            f"a context is searched for a str pattern, not {type(source).__name__}: {source!r}"
        )
    flags = (pattern.flags if isinstance(pattern, re.Pattern) else 0) | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(re.escape(source) if literal else source, flags)
    except re.error as error:
        raise PatternError(
            f"{source!r} is no regular expression: {error}; pass literal=True to search for it as plain text"
        ) from error
    except (RecursionError, OverflowError) as error:
        raise PatternError(f"the regular expression is too large for Python: {error}") from error


class LineSearch:
    """A pattern, made ready to run over blocks of whole lines."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def hits(self, block: Segment) -> Iterator[Hit]:
        """Yield the lines of the block that match, in order."""
        if self._literal is not None:
            return self._by_find(block, self._literal)
        engine = self._ascii if block.ascii else self._any
        return self._by_re(block) if engine is None else self._by_re2(block, engine)

    def findings(self, hit: Hit) -> list[Any]:
        """Return what `re.findall` gives for the line of a hit.

        re2 finds where each match is, and `re` says what its groups are, starting from there: searching for
        matches is what takes `re` forever on some patterns.
        """
        _, text, first, _ = hit
        line = text.encode()
        engine = self._ascii if line.isascii() else self._any
        if engine is None or engine.line is None or not self._ends_where_it_can:
            # Before the first hit there is nothing, as re2 knows; `re` could spend ages on finding that out.
            return self._pattern.findall(text, first)
        starts = _characters_at(line, _match_starts(engine.line, line))
        return [_finding(self._pattern, text, start) for start in starts]

    @cached_property
    def _ends_where_it_can(self) -> bool:
        """Whether a match of nothing means that there is no longer one at its place."""
        return parse(self._pattern).getwidth()[0] > 0 or not has_choices(parse(self._pattern))

    @cached_property
    def _literal(self) -> str | None:
        literal = literal_of(self._pattern)
        return literal or None

    @cached_property
    def _ascii(self) -> _Engine | None:
        return _Engine.of(self._pattern, ascii_only=True)

    @cached_property
    def _any(self) -> _Engine | None:
        return _Engine.of(self._pattern, ascii_only=False)

    def _by_find(self, block: Segment, literal: str) -> Iterator[Hit]:
        wanted = encode_needle(literal)
        # A line ending can only be the last thing of a line.
        if wanted is None or b"\n" in wanted[:-1]:
            return
        data = block.data
        at = data.find(wanted)
        while at >= 0:
            number, first, stop = _line_at(block, data, at)
            yield _hit(block, number, first, stop, at - first, at - first + len(wanted))
            at = data.find(wanted, stop)

    def _by_re2(self, block: Segment, engine: _Engine) -> Iterator[Hit]:
        data = block.data
        at = 0
        while at < len(data) and (found := engine.block.search(data, at)) is not None:
            number, first, stop = _line_at(block, data, found.start())
            if first == stop:
                return  # Behind the last line ending there is no line.
            if engine.exact:
                yield _hit(block, number, first, stop, found.start() - first, found.end() - first)
            else:
                yield from self._confirmed(block, number, first, stop)
            at = stop

    def _confirmed(self, block: Segment, number: int, first: int, stop: int) -> Iterator[Hit]:
        line = bytes(block.view[first:stop])
        # Of ASCII lines re2 knows everything; others may hold a word boundary that it does not see.
        engine = self._ascii if line.isascii() else self._any
        if engine is not None and engine.line is not None:
            found = engine.line.search(line)
            if found is not None:
                yield _hit(block, number, first, stop, *found.span())
        else:
            yield from self._by_re_in(number, line.decode())

    def _by_re(self, block: Segment) -> Iterator[Hit]:
        data = block.data
        first, number = 0, 0
        while first < len(data):
            stop = data.find(b"\n", first) + 1 or len(data)
            yield from self._by_re_in(number, str(block.view[first:stop], "utf-8"))
            first, number = stop, number + 1

    def _by_re_in(self, number: int, line: str) -> Iterator[Hit]:
        found = self._pattern.search(line)
        if found is not None:
            yield number, line, *found.span()


@dataclass(frozen=True, slots=True)
class _Engine:
    """A translation, compiled by re2. `line` is None where only `re` can confirm a line."""

    block: Any
    exact: bool
    line: Any

    @classmethod
    def of(cls, pattern: re.Pattern[str], *, ascii_only: bool) -> _Engine | None:
        """Return the engine for a pattern, or None if re2 cannot run it."""
        import re2

        try:
            translation = translate(pattern, ascii_only=ascii_only)
            line = None if translation.line is None else _compile(translation.line)
            return cls(_compile(translation.block), translation.exact, line)
        except (Untranslatable, re2.error, RecursionError):
            return None


def _match_starts(line_engine: Any, line: bytes) -> Iterator[int]:
    """Yield the byte at which each match starts, as `re.finditer` goes on from one to the next."""
    at = 0
    while at <= len(line) and (found := line_engine.search(line, at)) is not None:
        first, at = found.span()
        yield first
        if first == at:
            at += 1
            while at < len(line) and line[at] & 0xC0 == 0x80:
                at += 1


def _characters_at(line: bytes, offsets: Iterable[int]) -> Iterator[int]:
    """Turn ascending byte offsets into character numbers."""
    before, characters = 0, 0
    for offset in offsets:
        characters += len(line[before:offset].decode())
        before = offset
        yield characters


def _finding(pattern: re.Pattern[str], line: str, start: int) -> Any:
    found = pattern.match(line, start)
    assert found is not None
    if pattern.groups <= 1:
        return found.group(pattern.groups) or ""
    return found.groups("")


def _compile(expression: str) -> Any:
    import re2

    options = re2.Options()
    options.max_mem = _RE2_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    return re2.compile(expression, options)


def _line_at(block: Segment, data: bytes, offset: int) -> tuple[int, int, int]:
    """Return number, start and stop of the line that holds an offset; an empty one behind the last line."""
    first = data.rfind(b"\n", 0, offset) + 1
    return block.newlines_before(offset), first, data.find(b"\n", offset) + 1 or len(data)


def _hit(block: Segment, number: int, first: int, stop: int, start: int, end: int) -> Hit:
    line = str(block.view[first:stop], "utf-8")
    if len(line) != stop - first:
        start = len(str(block.view[first : first + start], "utf-8"))
        end = len(str(block.view[first : first + end], "utf-8"))
    return number, line, start, end
