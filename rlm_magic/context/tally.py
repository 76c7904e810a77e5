"""Tell whoever watches how far the indexing of plain objects is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all, from any thread, one call at a time."""

_WATCHER: ContextVar[OnProgress | None] = ContextVar("rlm_indexing", default=None)


@contextmanager
def watching_indexing(on_progress: OnProgress) -> Iterator[None]:
    """Have `on_progress` called while what is bound in the block is indexed.

    A context variable, as the one that binds and the pass over the objects are a dozen calls apart.
    """
    token = _WATCHER.set(on_progress)
    try:
        yield
    finally:
        _WATCHER.reset(token)


class Tally:
    """Counts the bytes of one pass, for the watcher of the thread that made it."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._watcher = _WATCHER.get()
        self._lock = threading.Lock()

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks, each counted once it has been dealt with."""
        for block in blocks:
            yield block
            if self._watcher is not None:
                with self._lock:
                    self._done_bytes += len(block)
                    self._watcher(self._done_bytes, self._total_bytes)
