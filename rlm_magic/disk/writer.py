"""Write in the background: handing over returns at once, and a thread that ends when idle does the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Writer:
    """A queue bounded in bytes before a function that writes. `None` in place of data asks for a deletion."""

    def __init__(
        self, write: Callable[[str, bytes | None], None], *, queue_bytes: int, idle_s: float
    ) -> None:
        self._write, self._queue_bytes, self._idle_s = write, queue_bytes, idle_s
        self._changed = threading.Condition()
        self._waiting: dict[str, bytes | None] = {}
        self._held_bytes = 0
        self._is_writing = False
        self._thread: threading.Thread | None = None

    def hand_over(self, key: str, data: bytes | None) -> bool:
        """Queue a value, in the place of one queued under the same key; return False if there is no room.

        A deletion does not displace a value: that is newer than what was found wanting.
        """
        with self._changed:
            if data is None:
                self._waiting.setdefault(key, None)
            else:
                held_bytes = self._held_bytes + len(data) - len(self._waiting.get(key) or b"")
                if held_bytes > self._queue_bytes:
                    return False
                self._waiting[key] = data
                self._held_bytes = held_bytes
            self._wake()
            return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written; return False if that takes longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._is_writing), timeout_s)

    def forget(self) -> None:
        """Drop what is queued."""
        with self._changed:
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
            try:
                self._write(*item)
            finally:
                with self._changed:
                    self._is_writing = False
                    self._changed.notify_all()

    def _next(self) -> tuple[str, bytes | None] | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, self._idle_s):
                self._thread = None
                return None
            key = next(iter(self._waiting))
            data = self._waiting.pop(key)
            self._held_bytes -= len(data or b"")
            self._is_writing = True
            return key, data
