"""Note which lines of a context a run reads and searches, and which of them reach a sub-model's prompt.

A line counts as read once code was given some of it: by a slice, by iterating, by characters, by `str()` and
the methods of a str, as the line of a match. It counts as searched once a search, count or `in` looked at
it. What is read for the library's own ends (prefetch, warm, pickling) is not counted, nor is what happens
while nobody observes. A stepped slice of characters counts as the whole stretch it is taken from.

Lines are whole-text lines where they are noted, so that every view and document of a text reports alike.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..records import LineRanges, Reading, merged_ranges
from .prompted import Excerpts, prompted_lines

if TYPE_CHECKING:
    from .lines import LineContext

# Notes are merged so many at a time, or half as many as there are ranges already: the cost stays linear.
_MERGED_AT_ONCE = 4096
# Code that reads lines far apart, one by one, could need more: then the nearest ranges are joined.
_MOST_RANGES = 50_000


class LineSet:
    """Line ranges, added from any thread."""

    def __init__(self) -> None:
        self._added: deque[tuple[int, int]] = deque()
        self._merged: LineRanges = ()
        self._merging = threading.Lock()
        self._merge_at = _MERGED_AT_ONCE

    def add(self, start: int, stop: int) -> None:
        """Add lines [start, stop)."""
        # Appending to a deque is one step that no thread can divide, and far cheaper than a lock.
        self._added.append((start, stop))
        if len(self._added) > self._merge_at:
            with self._merging:
                self._merge()

    def drain(self) -> LineRanges:
        """Return what was added, and forget it; what is added meanwhile is kept for the next time."""
        with self._merging:
            self._merge()
            drained, self._merged = self._merged, ()
        return drained

    def _merge(self) -> None:
        fresh = tuple(self._added.popleft() for _ in range(len(self._added)))
        self._merged = limited(merged_ranges(self._merged, fresh), most=_MOST_RANGES)
        self._merge_at = max(_MERGED_AT_ONCE, len(self._merged) // 2)


class Observer:
    """What a run did with one context: made by `Context.observe`, ended by `close`. Safe from any thread.

    Contexts over the text put what they read and search into `reads` and `searches`, in lines of the whole
    text. Told are lines as the context observed counts them, whichever view, document or unit they were read
    by, and nothing of the text around it.
    """

    def __init__(self, lines: LineContext) -> None:
        self._lines = lines
        self._first = lines._first_newline
        self.reads, self.searches = LineSet(), LineSet()
        # Iterations that have not ended, each with the line up to which it was noted.
        self._under_way: dict[_Progress, int] = {}
        self._read: LineRanges = ()
        lines._text.observe(self)

    def begin(self, progress: _Progress) -> None:
        """Follow an iteration from now on."""
        self._under_way[progress] = progress.line

    def end(self, progress: _Progress) -> None:
        """Note what an iteration has read, and follow it no longer."""
        self._catch_up(progress)
        self._under_way.pop(progress, None)

    def _catch_up(self, progress: _Progress) -> None:
        noted, line = self._under_way.get(progress, progress.line), progress.line
        if noted < line:
            self._under_way[progress] = line
            self.reads.add(noted, line)

    def take(self, prompts: Sequence[str]) -> Reading:
        """Return what was done since the last take, and which lines read so far these prompts hold.

        `prompted_lines` says what counts as holding a line. It looks at segments that are in memory, those
        of the latest reads first, up to ContextConfig.coverage_bytes of them.
        """
        for progress in tuple(self._under_way):
            self._catch_up(progress)
        read, searched = self._drained(self.reads), self._drained(self.searches)
        before, self._read = self._read, merged_ranges(self._read, read)
        excerpts = _Excerpts(self._lines, read, without(before, read))
        return Reading(read, searched, prompted_lines(prompts, excerpts) if prompts else ())

    def close(self) -> None:
        """Stop observing; closing twice is harmless."""
        self._lines._text.unobserve(self)

    def _drained(self, lines: LineSet) -> LineRanges:
        first, count = self._first, len(self._lines)
        clipped = ((max(0, start - first), min(stop - first, count)) for start, stop in lines.drain())
        return tuple((start, stop) for start, stop in clipped if start < stop)


class _Progress:
    """How far an iteration is: the line that comes next. Compared by identity."""

    __slots__ = ("line",)

    def __init__(self, line: int) -> None:
        self.line = line


def followed(lines: Iterable[str], first_line: int, observers: Sequence[Observer]) -> Iterator[str]:
    """Yield lines, telling observers which of them were reached, also of an iteration that is never ended."""
    progress = _Progress(first_line)
    for observer in observers:
        observer.begin(progress)
    try:
        for line in lines:
            progress.line += 1
            yield line
    finally:
        for observer in observers:
            observer.end(progress)


class _Excerpts(Excerpts):
    """The lines that a run has read, as far as they are in memory, the latest first."""

    def __init__(self, lines: LineContext, *ranges: LineRanges) -> None:
        self._lines = lines
        self._ranges = ranges
        self._read = merged_ranges(*ranges)

    def rounds(self) -> Iterator[Iterator[tuple[int, list[str]]]]:
        self._left_bytes = self._lines._text.config.coverage_bytes
        return map(self._blocks, self._ranges)

    def _blocks(self, ranges: LineRanges) -> Iterator[tuple[int, list[str]]]:
        for start, stop in reversed(ranges):
            for first, text in self._lines.resident_blocks(start, stop):
                if self._left_bytes < 0:
                    return
                self._left_bytes -= len(text)
                yield first, _split(text)

    def between(self, start: int, stop: int) -> list[str]:
        number = bisect_right(self._read, start, key=lambda line_range: line_range[0]) - 1
        if number < 0 or start >= self._read[number][1]:
            return []
        lines: list[str] = []
        for first, text in self._lines.resident_blocks(start, min(stop, self._read[number][1])):
            if first != start + len(lines):
                break
            lines += _split(text)
        return lines


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def without(ranges: LineRanges, removed: LineRanges) -> LineRanges:
    """Return the lines of one set that are not in another.

    >>> without(((0, 9),), ((2, 3), (5, 20)))
    ((0, 2), (3, 5))
    """
    left: list[tuple[int, int]] = []
    gaps = iter(removed)
    gap = next(gaps, None)
    for start, stop in ranges:
        while gap is not None and gap[0] < stop:
            if start < gap[0]:
                left.append((start, gap[0]))
            start = max(start, gap[1])
            if gap[1] >= stop:
                break
            gap = next(gaps, None)
        if start < stop:
            left.append((start, stop))
    return tuple(left)


def limited(ranges: LineRanges, *, most: int) -> LineRanges:
    """Return at most `most` ranges that hold all lines of `ranges`, joined where they are nearest.

    >>> limited(((0, 1), (2, 3), (9, 10)), most=2)
    ((0, 3), (9, 10))
    """
    if len(ranges) <= most:
        return ranges
    widest = sorted(range(1, len(ranges)), key=lambda number: ranges[number - 1][1] - ranges[number][0])
    firsts = [0, *sorted(widest[: most - 1])]
    stops = [*(ranges[number - 1][1] for number in firsts[1:]), ranges[-1][1]]
    return tuple((ranges[first][0], stop) for first, stop in zip(firsts, stops, strict=True))
