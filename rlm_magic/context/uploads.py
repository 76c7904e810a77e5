"""Put objects into a store: one after another into a directory, several at a time into a remote store."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType

from ..config import ContextConfig
from ..errors import SegmentMissing
from .connections import Connections
from .destination import Destination
from .stores.etags import may_be_of
from .stores.objects import ObstoreStore


class Uploads:
    """Objects on their way into a store, `upload_ahead_bytes` at most; leaving the block waits for them.

    Keys are made of the content, so an object that is there is not sent again, unless it is seen to be
    damaged. An error of any upload is raised by a later `put` or at the end. Used from one thread.
    """

    def __init__(self, place: Destination, *, config: ContextConfig) -> None:
        self._store = place.store
        self._config = config
        self._threads: Connections | None = None
        self._begun: deque[tuple[Future[None], int]] = deque()
        # One request for a thousand objects, where asking for each would cost as much as small ones do.
        self._there = place.listed
        self.pending_bytes = 0
        if isinstance(place.store, ObstoreStore):
            # Of which the process can end before a store has answered, unlike those of an executor.
            threads = config.upload_threads
            self._threads = Connections(threads, background=threads, idle_s=config.connection_idle_s)

    def __enter__(self) -> Uploads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._wait_until(0)
        finally:
            for future, _ in self._begun:
                future.cancel()

    def put(self, key: str, parts: Sequence[bytes], size: int) -> None:
        """Send an object unless it is there; waits while too much is on its way."""
        if self._has(key, parts, size):
            return
        if self._threads is None:
            self._store.put(key, parts)
            return
        self._wait_until(max(self._config.upload_ahead_bytes - size, 0))
        self._begun.append((self._threads.ask(partial(self._store.put, key, parts)), size))
        self.pending_bytes += size

    def _wait_until(self, pending_bytes: int) -> None:
        while self._begun and (self.pending_bytes > pending_bytes or self._begun[0][0].done()):
            future, size = self._begun.popleft()
            future.result()
            self.pending_bytes -= size

    def _has(self, key: str, parts: Sequence[bytes], size: int) -> bool:
        if self._there is not None:
            head = self._there.get(key)
            if head is None or head.size != size:
                return False
            return may_be_of(head.version, b"".join(parts), part_bytes=self._config.upload_part_bytes)
        try:
            # To read it costs less than to write it again.
            return self._store.head(key).size == size and self._store.get(key) == b"".join(parts)
        except SegmentMissing:
            return False
