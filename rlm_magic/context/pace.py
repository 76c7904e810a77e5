"""How long requests take, and from when on one of them is late. Pure but for its memory of the last ones."""

from __future__ import annotations

import threading
from collections import deque

_REMEMBERED = 64
_ENOUGH = 8


class Pace:
    """Learns from the requests that came back how long others may take. Safe to use from several threads.

    A request is late beyond three medians and one and a half times the 95th percentile of those before it;
    for one of more bytes than they had, in proportion. Before there are enough of them, beyond `unknown_s`.
    """

    def __init__(self, *, unknown_s: float) -> None:
        self._unknown_s = unknown_s
        self._taken: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def note(self, seconds: float, size_bytes: int) -> None:
        """Take note of a request that came back."""
        with self._lock:
            self._taken.append((seconds, size_bytes))

    def late_after_s(self, size_bytes: int) -> float:
        """Return after how many seconds a request of `size_bytes` is late."""
        with self._lock:
            taken = list(self._taken)
        if len(taken) < _ENOUGH:
            return self._unknown_s
        seconds = sorted(taking for taking, _ in taken)
        sizes = sorted(size for _, size in taken)
        middle = len(taken) // 2
        late = max(3 * seconds[middle], 1.5 * seconds[len(seconds) * 95 // 100])
        return late * max(1.0, size_bytes / max(1, sizes[middle]))
