"""Count what reading costs. Counters may be raised from any thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStats:
    """What was read since the context was opened.

    `store_reads` and the hits count segments. A hit in memory is counted where a read had to look for
    missing segments; reads that found all they need in memory are too cheap to be counted.
    """

    requests: int = 0
    bytes: int = 0
    stall_s: float = 0.0
    memory_hits: int = 0
    store_reads: int = 0
    prefetched_bytes: int = 0
    prefetched_used_bytes: int = 0
    prefetched_wasted_bytes: int = 0
    retries: int = 0


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
