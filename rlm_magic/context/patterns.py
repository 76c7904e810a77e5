"""Guess which segments will be read next from those that were. Pure: numbers in, numbers out, no I/O.

Windows grow when a reader had to wait, not when a guess was right: a slow reader never needs many segments
ahead, and every segment read in vain costs a request and memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

_FIRST_WINDOW = 2
# A stream that so many reads in a row passed by is over; fewer would end streams that take turns.
_PATIENCE = 16


@dataclass(frozen=True, slots=True)
class Advice:
    """What to read ahead after a read, nearest first, on whose behalf, and whose earlier advice is void."""

    fetch: Sequence[int] = ()
    owner: int | None = None
    cancelled: Sequence[int] = ()


@dataclass(slots=True)
class _Stream:
    """Reads that follow one another at a distance. `step` is what was seen last, a guess until confirmed."""

    owner: int
    first: int
    last: int
    step: int
    confirmed: bool = False
    window: int = _FIRST_WINDOW
    issued: int = 0
    """How many reads from here on were already advised."""
    passed_by: int = 0

    def steps_to(self, first: int, last: int) -> int:
        """Return how many of its steps lead to a read, 0 if none do."""
        if self.touches(first, last):
            return 1
        if not self.step or (first - self.first) % self.step:
            return 0
        steps = (first - self.first) // self.step
        # Reads of segments that were in memory already are not told, so some steps may seem left out.
        return steps if 1 <= steps <= (max(1, self.issued) if self.confirmed else 1) else 0

    def touches(self, first: int, last: int) -> bool:
        """Return whether a read goes on right where this one ended, in either direction."""
        forward = first in (self.last, self.last + 1) and last > self.last
        backward = last in (self.first, self.first - 1) and first < self.first
        return forward or backward

    def follow(self, first: int, last: int, *, steps: int) -> None:
        """Move on to a read that belongs to it."""
        step = self.step
        if self.touches(first, last):
            step = 1 if last > self.last else -1
        turned = step != self.step
        self.issued = 0 if turned else max(0, self.issued - self._advance(first, last, steps))
        self.step, self.confirmed, self.passed_by = step, True, 0
        self.first, self.last = first, last

    def _advance(self, first: int, last: int, steps: int) -> int:
        if abs(self.step) != 1:
            return steps
        return last - self.last if self.step > 0 else self.first - first

    def ahead(self, segments: int) -> list[int]:
        """Return the segments to ask for now: none until half of the window was read."""
        if not self.confirmed or self.issued > self.window // 2:
            return []
        wanted = range(self.issued + 1, self.window + 1)
        self.issued = self.window
        return [number for steps in wanted for number in self._after(steps) if 0 <= number < segments]

    def _after(self, steps: int) -> Sequence[int]:
        if abs(self.step) == 1:
            return ((self.last if self.step > 0 else self.first) + steps * self.step,)
        return range(self.first + steps * self.step, self.last + steps * self.step + 1)


class Patterns:
    """Follow up to `streams` interleaved patterns in the reads of a text of `segments` segments.

    Recognised are scans in either direction, equal strides, and zooming: a read inside the one before it, for
    which the rest of that one is advised. `window` bounds how many reads ahead one stream may be. Anything
    else, and a read of the same segments again, gives no advice. Not safe for several threads at once.
    """

    def __init__(self, segments: int, *, streams: int, window: int) -> None:
        self._segments = segments
        self._limit = streams
        self._window = max(1, window)
        self._streams: list[_Stream] = []
        self._owners = count(1)
        self._before: tuple[int, int] | None = None

    def observe(self, numbers: Sequence[int], *, stalled: bool) -> Advice:
        """Take note of a read of the given segments; `stalled` says that the reader had to wait for them."""
        if not numbers:
            return Advice()
        first, last = min(numbers), max(numbers)
        before, self._before = self._before, (first, last)
        if before is not None and before[0] <= first and last <= before[1]:
            return self._zoomed(before, first, last)
        # A neighbour says more than a distance, which may be that between two scans taking turns.
        for stream in sorted(self._streams, key=lambda stream: not stream.touches(first, last)):
            if steps := stream.steps_to(first, last):
                return self._followed(stream, first, last, steps=steps, stalled=stalled)
        return self._begun(before, first, last)

    def resumed(self) -> list[Advice]:
        """Return advice for a full window of every stream, latest first, for when nobody reads meanwhile."""
        confirmed = [stream for stream in self._streams if stream.confirmed]
        for stream in confirmed:
            stream.issued = min(stream.issued, stream.window // 2)
        return [Advice(stream.ahead(self._segments), stream.owner) for stream in confirmed]

    def wasted(self, owner: int) -> None:
        """Take note that a segment read ahead for `owner` was evicted before anybody read it."""
        for stream in self._streams:
            if stream.owner == owner:
                stream.window = max(1, stream.window // 2)

    def _followed(self, stream: _Stream, first: int, last: int, *, steps: int, stalled: bool) -> Advice:
        ahead = stream.confirmed
        stream.follow(first, last, steps=steps)
        if stalled and ahead:
            factor = 4 if stream.window < self._window // 16 else 2
            stream.window *= factor
        self._fit_window(stream)
        self._streams.remove(stream)
        self._streams.insert(0, stream)
        return Advice(stream.ahead(self._segments), stream.owner, self._dropped(1))

    def _begun(self, before: tuple[int, int] | None, first: int, last: int) -> Advice:
        # Who reads the start of a text most likely goes on.
        at_start = first == 0
        step = 1 if at_start or before is None else first - before[0]
        stream = _Stream(next(self._owners), first, last, step, confirmed=at_start)
        self._fit_window(stream)
        self._streams.insert(0, stream)
        return Advice(stream.ahead(self._segments), stream.owner, self._dropped(1))

    def _fit_window(self, stream: _Stream) -> None:
        # Half of a window is to be ahead of the next read, however many segments that takes.
        width = stream.last - stream.first + 1
        if abs(stream.step) == 1 and width > 1:
            stream.window = max(stream.window, 2 * width)
        stream.window = min(stream.window, self._window)

    def _zoomed(self, before: tuple[int, int], first: int, last: int) -> Advice:
        if before == (first, last):
            return Advice()
        # The outer read stays the one to compare with: several reads inside it are one zoom.
        self._before = before
        rest = [number for number in range(before[0], before[1] + 1) if not first <= number <= last]
        around = [number for number in (before[0] - 1, before[1] + 1) if 0 <= number < self._segments]
        return Advice((rest + around)[: self._window], next(self._owners))

    def _dropped(self, spared: int) -> list[int]:
        """Age all streams but the first `spared`; forget the surplus and those passed by too often."""
        for stream in self._streams[spared:]:
            stream.passed_by += 1
        gone = [
            stream
            for place, stream in enumerate(self._streams)
            if place >= self._limit or stream.passed_by > _PATIENCE
        ]
        self._streams = [stream for stream in self._streams if stream not in gone]
        return [stream.owner for stream in gone]


def neighbours(numbers: Iterable[int], *, segments: int, limit: int) -> list[int]:
    """Return the segments right beside the given ones, nearest the first of them first, at most `limit`.

    >>> neighbours([5, 9], segments=10, limit=8)
    [6, 4, 8]
    """
    given = list(numbers)
    taken = set(given)
    beside = (number + step for number in given for step in (1, -1))
    fresh = dict.fromkeys(number for number in beside if 0 <= number < segments and number not in taken)
    return list(fresh)[:limit]
