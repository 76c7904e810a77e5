"""Call something at intervals while the main thread is busy."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

_END_S = 1.0


class Ticker:
    """Calls `tick` every `interval_s` seconds on a thread of its own, between `start` and `stop`."""

    def __init__(self, tick: Callable[[], None], *, interval_s: float) -> None:
        self._tick = tick
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tick; while it ticks, starting again changes nothing."""
        if self._thread is not None:
            return
        self._stopped = threading.Event()
        # With the context of the notebook cell: ipykernel else takes the thread's output for another cell's.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._run, self._stopped), name="rlm status", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End ticking; unless a tick is stuck, none comes after this returns."""
        thread, self._thread = self._thread, None
        self._stopped.set()
        if thread is not None:
            thread.join(_END_S)

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(self._interval_s):
            self._tick()
