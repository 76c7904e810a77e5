"""Write in the background: handing over returns at once, and a thread that ends when idle does the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable

# What gives the data when its turn comes, or None if it is gone by then.
Held = Callable[[], bytes | None]


class Writer:
    """A queue bounded in bytes before a function that writes. `None` in place of data asks for a deletion.

    Data that somebody else holds takes none of the bound: it is asked for when its turn comes.
    """

    def __init__(
        self,
        write: Callable[[str, bytes | None], None],
        *,
        queue_bytes: int,
        idle_s: float,
        pause_s: float = 0.0,
    ) -> None:
        self._write, self._queue_bytes, self._idle_s, self._pause_s = write, queue_bytes, idle_s, pause_s
        self._is_awaited, self._was_idle = False, True
        # Locked by itself, not through the condition, within which an interrupt could leave it locked.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting: dict[str, bytes | Held | None] = {}
        self._held_bytes = 0
        self._is_writing = False
        self._thread: threading.Thread | None = None

    def hand_over(self, key: str, data: bytes | Held | None) -> bool:
        """Queue a value, in the place of one queued under the same key; return False if there is no room.

        A deletion does not displace a value: that is newer than what was found wanting.
        """
        with self._lock:
            if data is None:
                self._waiting.setdefault(key, None)
            else:
                held_bytes = self._held_bytes + _size(data) - _size(self._waiting.get(key))
                if held_bytes > self._queue_bytes:
                    return False
                self._waiting[key] = data
                self._held_bytes = held_bytes
            self._wake()
            return True

    def waiting(self, key: str) -> bytes | None:
        """Return the value that waits under a key, or None."""
        with self._lock:
            data = self._waiting.get(key)
        return data if isinstance(data, bytes) else None

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written; return False if that takes longer than `timeout_s`."""
        with self._lock:
            self._is_awaited = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not (self._waiting or self._is_writing), timeout_s)
            finally:
                self._is_awaited = False

    def forget(self) -> None:
        """Drop what is queued."""
        with self._lock:
            self._waiting.clear()
            self._held_bytes = 0
            self._changed.notify_all()

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name="rlm-disk-cache", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The process is ending, or has as many threads as it may have.
                self._waiting.clear()
                self._held_bytes = 0
                return
            self._thread = thread
        self._changed.notify_all()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            key, data = item
            try:
                if callable(data):
                    data = data()
                    if data is None:
                        continue
                self._write(key, data)
            finally:
                with self._lock:
                    self._is_writing = False
                    self._changed.notify_all()
            # Not held while nothing is to be done.
            del item, data

    def _next(self) -> tuple[str, bytes | Held | None] | None:
        with self._lock:
            while not self._waiting or self._was_idle:
                if not self._changed.wait_for(lambda: self._waiting, self._idle_s):
                    self._thread = None
                    return None
                self._changed.wait_for(lambda: self._is_awaited, self._pause_s)
                self._was_idle = False
            self._was_idle = len(self._waiting) == 1
            key = next(iter(self._waiting))
            data = self._waiting.pop(key)
            self._held_bytes -= _size(data)
            self._is_writing = True
            return key, data


def _size(data: bytes | Held | None) -> int:
    return len(data) if isinstance(data, bytes) else 0
