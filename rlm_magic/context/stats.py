"""Count what reading costs. Counters may be raised from any thread."""

from __future__ import annotations

import threading
from collections import Counter

from ..records import ReadStats


class ReadCounter:
    """Collects a `ReadStats`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.start_afresh()

    def start_afresh(self) -> None:
        """Make the lock anew, as a fork demands; the counts stay."""
        self._lock = threading.Lock()

    def add(self, **amounts: float) -> None:
        """Raise counts by their names in `ReadStats`."""
        with self._lock:
            for name, amount in amounts.items():
                self._counts[name] += amount  # type: ignore[assignment]  # stall_s is a float

    def snapshot(self) -> ReadStats:
        """Return the counts of this moment."""
        with self._lock:
            return ReadStats(**self._counts)
