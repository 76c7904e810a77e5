"""Stop a cell: when its time is up, or when the user presses stop.

A watchdog thread keeps the time. On the main thread it sends that thread a signal, whose handler raises in
the model's code, also out of a sleep; on another thread, and on Windows, it sets an asynchronous exception,
which Python code meets soon and a sleep only at its end. Code that holds the interpreter lock keeps the
watchdog from running, so a timer of the operating system helps it: the one that counts processor time, as
model code uses `signal.alarm` itself, which owns the other. Nothing is ever raised outside `guarded`.

Cells of child runs nest inside a cell that waits. The innermost has the signals; an outer clock holds still
meanwhile, and learns of an interrupt when its own cell goes on.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..errors import CellTimeout
from .guard import corner, guard_of, guarded
from .thrown import absorb_thrown, throw_into

# Ignored by default, so that one which arrives late, or after model code removed the handler, is harmless.
_SIGNAL = getattr(signal, "SIGURG", None)
_POLL_S = 0.1
_TIMER_SIGNAL = getattr(signal, "SIGVTALRM", None)
_TIMER_S = 1.0


class CellClock:
    """The time limit of one cell, and its ear for the stop button."""

    def __init__(self, *, limit_s: float, repeat_s: float) -> None:
        self.limit_s = limit_s
        self.expired = False
        self.interrupted = False
        self.raised = 0
        """How often the model's code was stopped; more than once when it caught the stop."""
        self._repeat_s = repeat_s
        self._thread_id = threading.get_ident()
        self._by_signal = _SIGNAL is not None and threading.current_thread() is threading.main_thread()
        # Taken by plain `with` on the cell's thread: that is safe against exceptions from signal handlers,
        # which a Condition's own Python-level __enter__ is not.
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._spent_s = 0.0
        self._running_since: float | None = None
        self._pauses = 0
        self._stops = 0
        self._last_raise = 0.0
        self._sent_at: float | None = None
        self._previous: Any = None
        self._timer_handler_before: Any = None
        self._held = False

    @property
    def waiting(self) -> bool:
        """Whether the cell waits for its sub-calls, so that others may run inside of it."""
        return self._pauses > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise nothing while a cell runs inside of this one; an interrupt is only noted."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def interrupt(self) -> None:
        """Note an interrupt that another clock met; code that swallows it is stopped again."""
        self.interrupted = True
        self._last_raise = time.monotonic()

    @property
    def message(self) -> str:
        """What the model is told when its time is up."""
        return f"the cell was stopped at its time limit of {self.limit_s:g} s; do less in one cell"

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Own the signals while a cell runs; put the handlers back afterwards, whatever the cell did."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[int, Any] = {signal.SIGINT: self._on_interrupt}
        if _SIGNAL is not None and _TIMER_SIGNAL is not None:
            handlers |= {_SIGNAL: self._on_stop, _TIMER_SIGNAL: self._on_timer}
        # None: installed by C code, which signal.signal could not put back.
        before = {number: signal.getsignal(number) for number in handlers}
        mine = {number: handlers[number] for number, handler in before.items() if handler is not None}
        self._previous = before.get(int(_SIGNAL or 0))
        self._timer_handler_before = before.get(int(_TIMER_SIGNAL or 0))
        try:
            for number, handler in mine.items():
                signal.signal(number, handler)
            with self._timer_running():
                yield
        finally:
            for number in mine:
                signal.signal(number, before[number])

    @contextmanager
    def _timer_running(self) -> Iterator[None]:
        if _TIMER_SIGNAL is None or self._timer_is_foreign():
            # Theirs goes on, and the watchdog is all there is.
            yield
            return
        outer_s = signal.getitimer(signal.ITIMER_VIRTUAL)[0]
        signal.setitimer(signal.ITIMER_VIRTUAL, min(_TIMER_S, self.limit_s))
        try:
            yield
        finally:
            # First, or a signal under way would wind the timer up again.
            self._finished.set()
            signal.setitimer(signal.ITIMER_VIRTUAL, outer_s and _TIMER_S)

    def _timer_is_foreign(self) -> bool:
        running = signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
        return running and not isinstance(getattr(self._timer_handler_before, "__self__", None), CellClock)

    def supervise(self, body: Callable[[], None]) -> None:
        """Run `body` against the clock. Raises what it raises; afterwards nothing is thrown any more."""
        self._running_since = time.monotonic()
        watchdog = threading.Thread(target=self._watch, name="rlm cell clock", daemon=True)
        watchdog.start()
        tracer = sys.gettrace()
        try:
            guarded(body, self)
        finally:
            # The first may be hit by an asynchronous exception already under way; they come one at a time.
            with suppress(CellTimeout, KeyboardInterrupt):
                self._finish()
            self._finish()
            if sys.gettrace() is not tracer:
                sys.settrace(tracer)
            watchdog.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the clock stand still; counted, so that it runs again when the last of several is over."""
        self._pause()
        try:
            yield
        finally:
            self._resume()

    def _pause(self) -> None:
        with self._lock:
            self._pauses += 1
            if self._running_since is not None:
                self._spent_s += time.monotonic() - self._running_since
                self._running_since = None

    def _resume(self) -> None:
        with self._lock:
            self._pauses -= 1
            if self._pauses == 0:
                self._running_since = time.monotonic()

    def _finish(self) -> None:
        with self._lock:
            self._finished.set()
        if self._stops and not self._by_signal:
            absorb_thrown()

    def _watch(self) -> None:
        wait_s = min(_POLL_S, self.limit_s)
        while not self._finished.wait(wait_s):
            with self._lock:
                if self._finished.is_set():
                    return
                remaining_s = self._remaining_s()
                if remaining_s <= 0:
                    self._stop_cell()
                    wait_s = self._repeat_s
                else:
                    wait_s = min(_POLL_S, remaining_s)

    def _remaining_s(self) -> float:
        now = time.monotonic()
        if self.interrupted:
            return self._last_raise + self._repeat_s - now
        if self._running_since is None:
            return _POLL_S
        remaining_s = self.limit_s - self._spent_s - (now - self._running_since)
        self.expired = self.expired or remaining_s <= 0
        return remaining_s

    def _stop_cell(self) -> None:
        self._stops += 1
        if self._by_signal and _SIGNAL is not None:
            # One at a time: on a starved thread each would interrupt the handling of the one before. But one
            # may have been lost, to a handler of the model's.
            now = time.monotonic()
            if self._sent_at is None or now > self._sent_at + 10 * self._repeat_s:
                self._sent_at = now
                signal.pthread_kill(self._thread_id, _SIGNAL)
        else:
            self.raised += 1
            throw_into(self._thread_id, KeyboardInterrupt if self.interrupted else CellTimeout)

    def _on_interrupt(self, _number: int, frame: FrameType | None) -> None:
        self.interrupt()
        if self._may_raise(frame):
            self.raised += 1
            raise KeyboardInterrupt

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if not self._stops:
            if callable(self._previous):
                self._previous(number, frame)
            return
        try:
            self._stop_here(frame)
        finally:
            self._sent_at = None

    def _on_timer(self, _number: int, frame: FrameType | None) -> None:
        try:
            if self._remaining_s() <= 0:
                self._stop_here(frame)
        finally:
            # Wound up by hand for the same reason: the next comes when this one is dealt with.
            if not self._finished.is_set():
                signal.setitimer(signal.ITIMER_VIRTUAL, _TIMER_S)

    def _stop_here(self, frame: FrameType | None) -> None:
        now = time.monotonic()
        # Watchdog and timer may fire together, and the code has a moment to clean up.
        too_soon = self.raised and now < self._last_raise + self._repeat_s / 2
        waits = self._running_since is None and not self.interrupted
        if waits or too_soon or self._finished.is_set() or not self._may_raise(frame):
            return
        if self.raised:
            corner(frame, self._reason)
        self._last_raise = now
        self.raised += 1
        raise self._reason()

    def _may_raise(self, frame: FrameType | None) -> bool:
        return not self._held and guard_of(frame) is self

    def _reason(self) -> BaseException:
        return KeyboardInterrupt() if self.interrupted else CellTimeout(self.message)
