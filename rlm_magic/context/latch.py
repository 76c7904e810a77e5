"""Wait for a value that another thread brings, in a way that an interrupt cannot spoil."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Latch(Generic[_Value]):
    """Holds a value once `set` was called.

    Not a Future nor an Event: both lock within Python code, where an interrupt of a waiting main thread can
    leave them locked, and with them, for ever, the thread that was to bring the value.
    """

    def __init__(self) -> None:
        self._value: _Value | None = None
        self._closed = threading.Lock()
        self._closed.acquire()
        self.is_set = False

    def set(self, value: _Value) -> None:
        """Bring the value, once."""
        self._value = value
        self.is_set = True
        self._closed.release()

    def wait(self, timeout_s: float) -> bool:
        """Return whether the value has come, waiting for it at most so long."""
        # A waiter interrupted here may keep the lock: then the others wait their time, and see it set.
        if not self.is_set and self._closed.acquire(timeout=timeout_s):
            self._closed.release()
        return self.is_set

    @property
    def value(self) -> _Value:
        """The value; ValueError before it came."""
        if not self.is_set:
            raise ValueError("nothing was brought yet")
        return self._value  # type: ignore[return-value]
