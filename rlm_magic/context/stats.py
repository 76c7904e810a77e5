"""Count what reading costs. Counters may be raised from any thread."""

from __future__ import annotations

import threading
from dataclasses import replace

from ..records import ReadStats


class ReadCounter:
    """Collects a `ReadStats`."""

    def __init__(self) -> None:
        self._stats = ReadStats()
        self.start_afresh()

    def start_afresh(self) -> None:
        """Make the lock anew, as a fork demands; the counts stay."""
        self._lock = threading.Lock()

    def add(self, **amounts: float) -> None:
        """Raise counts by their names in `ReadStats`."""
        with self._lock:
            raised = {name: getattr(self._stats, name) + amount for name, amount in amounts.items()}
            self._stats = replace(self._stats, **raised)

    def snapshot(self) -> ReadStats:
        """Return the counts of this moment."""
        return self._stats
