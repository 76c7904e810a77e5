"""The memory tier: segments read from a store, up to a budget of bytes."""

from __future__ import annotations

import threading
from collections import deque

from .segment import Segment
from .trim import trim

# A body on its way is in memory as the pieces that came, as those joined, and as the segment made of it.
_COPIES = 3


class MemoryTier:
    """Holds segments by number; `resident` may be read without a lock.

    Which segment goes first is decided as by a clock's hand: one that was read since the hand last passed
    is spared once. An exact least-recently-used order would cost a lock on every read. The budget is also for
    what is on its way, up to a quarter of it.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.resident: dict[int, Segment] = {}
        self._budget_bytes = budget_bytes
        self.wasted_bytes = 0
        self.start_afresh()

    def start_afresh(self) -> None:
        """Make lock and books anew: a forked process may have inherited them half way through a change."""
        self._lock = threading.Lock()
        self._clock = deque(self.resident)
        self._held_bytes = sum(segment.size_bytes for segment in self.resident.values())
        self._passing_bytes = self._evicted_bytes = 0

    def passing(self, size_bytes: int) -> None:
        """Take note of bytes that are on their way; negative for those that came."""
        with self._lock:
            self._passing_bytes += size_bytes

    def admit(self, number: int, segment: Segment) -> list[object]:
        """Keep a segment, evicting others to stay within the budget; one larger than that is not kept.

        Returns on whose behalf those were read ahead that are evicted before anybody read them.
        """
        if segment.size_bytes > self._budget_bytes:
            return []
        with self._lock:
            if number in self.resident:
                return []
            wasted = self._make_room(segment.size_bytes)
            self.resident[number] = segment
            self._clock.append(number)
            self._held_bytes += segment.size_bytes
            is_due = self._evicted_bytes > self._budget_bytes // 32
            if is_due:
                self._evicted_bytes = 0
        if is_due:
            trim()
        return wasted

    def _make_room(self, wanted_bytes: int) -> list[object]:
        wasted = []
        passing_bytes = min(_COPIES * self._passing_bytes, self._budget_bytes // 4)
        while self._clock and self._held_bytes + wanted_bytes + passing_bytes > self._budget_bytes:
            number = self._clock.popleft()
            held = self.resident[number]
            if held.hot:
                held.hot = False
                self._clock.append(number)
            else:
                del self.resident[number]
                self._held_bytes -= held.size_bytes
                self._evicted_bytes += held.size_bytes
                if held.ahead is not None:
                    self.wasted_bytes += len(held.view)
                    wasted.append(held.ahead)
        return wasted
