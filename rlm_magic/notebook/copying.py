"""Show how far a long copy is: one display that is updated in Jupyter, a line now and then in a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .live import bar_text
from .progress import Progress, progress_for

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

OnProgress = Callable[[int, int | None], None]
_FIRST_AFTER_S = 0.5
_LINES_EVERY_S = 2.0
_MB = 1_000_000


@contextmanager
def copying(shell: InteractiveShell, kind: str, what: str) -> Iterator[OnProgress]:
    """Yield what is to be called with bytes done and bytes in all (None: unknown), and show it.

    What is over within half a second shows nothing. It may be called from any thread.
    """
    copy = _Copy(progress_for(shell, kind), what)
    try:
        yield copy.progressed
    finally:
        copy.end()


class _Copy:
    """How far one copy is, and when that was last shown."""

    def __init__(self, display: Progress, what: str) -> None:
        from .in_terminal import PlainProgress

        self._display, self._what = display, what
        self._lock = threading.Lock()
        self._started = self._shown_at = time.monotonic()
        appends = isinstance(display, PlainProgress) and not display.rewrites
        self._interval_s = _LINES_EVERY_S if appends else _FIRST_AFTER_S
        self._latest: tuple[int, int | None] = (0, None)
        self._is_shown = False

    def progressed(self, done: int, total: int | None) -> None:
        with self._lock:
            self._latest = done, total
            now = time.monotonic()
            if now - self._shown_at >= (self._interval_s if self._is_shown else _FIRST_AFTER_S):
                self._shown_at, self._is_shown = now, True
                self._display.update(self._line(now))

    def end(self) -> None:
        with self._lock:
            if self._is_shown:
                self._display.update(self._line(time.monotonic()), is_last=True)

    def _line(self, now: float) -> str:
        return bar_line(self._what, *self._latest, seconds=now - self._started)


def bar_line(what: str, done: int, total: int | None, *, seconds: float) -> str:
    """Return one line that says how far a copy is, and how fast it goes.

    >>> bar_line("writing x", 5_000_000, 10_000_000, seconds=2.0)
    'writing x ████████████░░░░░░░░░░░░ 50 % · 5.0 of 10.0 MB · 2.5 MB/s'
    """
    rate = f" · {done / _MB / seconds:,.1f} MB/s" if seconds > 0 else ""
    if total is None:
        return f"{what} · {done / _MB:,.1f} MB{rate}"
    share = min(done / total, 1.0) if total else 1.0
    of = f"{done / _MB:,.1f} of {total / _MB:,.1f} MB{rate}"
    return f"{what} {bar_text(share)} {100 * share:.0f} % · {of}"
