"""Read ahead: after reads that show a pattern, for hints from a reply, and while a model is thinking.

Only queues reads behind the foreground; what it guesses wrong is never seen, and what fails is read again,
with its error, by whoever needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from .connections import READAHEAD, THINK_TIME
from .hints import Hint
from .layout import Layout
from .patterns import Advice, Patterns, neighbours

_STREAMS = 8
_NEIGHBOURS = 8


class Ahead(Protocol):
    """Segments that can be asked for before anybody needs them."""

    @property
    def resident(self) -> Mapping[int, object]:
        """Segments by number that can be read without waiting."""
        ...

    def prefetch(self, numbers: Sequence[int], *, priority: int, owner: object) -> None:
        """Queue reads of the given segments, except of those here or on their way."""
        ...

    def cancel(self, owner: object) -> None:
        """Drop what `owner` queued and is not yet on its way."""
        ...


def window_for(layout: Layout, *, most_segments: int, most_bytes: int) -> int:
    """Return how many segments ahead a stream may be: so many, or as many as fit, but at least one."""
    mean_bytes = max(1, layout.byte_starts[-1] // max(1, len(layout)))
    return max(1, min(most_segments, most_bytes // mean_bytes))


class Prefetcher:
    """Turns what is known of coming reads into queued ones. Safe to use from several threads.

    `window` bounds in segments what one pattern or hint may be ahead; in all, the segments bound it in bytes.
    """

    def __init__(self, segments: Ahead, layout: Layout, *, window: int, memory_bytes: int) -> None:
        self._segments = segments
        self._layout = layout
        self._window = window
        self._fits = layout.byte_starts[-1] <= memory_bytes
        self._patterns = Patterns(len(layout), streams=_STREAMS, window=window)
        self._found: list[int] = []
        self._lock = threading.Lock()

    def listen(self, numbers: Sequence[int], stalled: bool) -> None:
        """Take note of a read, on the thread that reads; made to be the listener of the segments."""
        with self._lock:
            advice = self._patterns.observe(numbers, stalled=stalled)
        self._follow(advice, priority=READAHEAD)

    def wasted(self, owner: object) -> None:
        """Take note that something read ahead for `owner` was evicted before anybody read it."""
        if isinstance(owner, int):
            with self._lock:
                self._patterns.wasted(owner)

    def found(self, numbers: Iterable[int]) -> None:
        """Take note of where a search found something: what lies beside is likely to be read."""
        beside = neighbours(numbers, segments=len(self._layout), limit=_NEIGHBOURS)
        with self._lock:
            self._found = beside
        self._segments.prefetch(beside, priority=READAHEAD, owner="found")

    def expect(self, hints: Iterable[Hint]) -> None:
        """Queue what code is about to read, of each hint the first so many segments.

        Hints that name a document are passed over: where it lies is not this module's to know.
        """
        for hint in hints:
            numbers = segments_of(hint, self._layout)[: self._window]
            if numbers:
                self._segments.prefetch(numbers, priority=READAHEAD, owner="hints")

    def idle(self) -> None:
        """Use the time while a model thinks: patterns, then beside what was found, then all if it fits."""
        with self._lock:
            advices, beside = self._patterns.resumed(), self._found
        for advice in advices:
            self._follow(advice, priority=THINK_TIME)
        self._segments.prefetch(beside, priority=THINK_TIME, owner="idle")
        if self._fits:
            missing = [number for number in range(len(self._layout)) if number not in self._segments.resident]
            self._segments.prefetch(missing, priority=THINK_TIME, owner="idle")

    def busy(self) -> None:
        """End what `idle` began, as far as it is not yet on its way."""
        self._segments.cancel("idle")

    def _follow(self, advice: Advice, *, priority: int) -> None:
        for owner in advice.cancelled:
            self._segments.cancel(owner)
        if advice.fetch:
            self._segments.prefetch(advice.fetch, priority=priority, owner=advice.owner)


def segments_of(hint: Hint, layout: Layout) -> range:
    """Return the segments a hint without a document reads; none if it needs characters nobody has counted."""
    if hint.document is not None or not len(layout):
        return range(0)
    if hint.unit == "lines":
        stop = min(hint.stop, layout.lines)
        if hint.start >= stop:
            return range(0)
        return range(layout.line_place(hint.start)[0], _clipped(layout.segment_of_newline(stop - 1), layout))
    characters = layout.characters
    if characters is None or hint.start >= min(hint.stop, characters):
        return range(0)
    last = layout.char_segment(min(hint.stop, characters) - 1)[0]
    return range(layout.char_segment(hint.start)[0], _clipped(last, layout))


def _clipped(last: int, layout: Layout) -> int:
    return min(last + 1, len(layout))
