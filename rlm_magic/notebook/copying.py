"""Show how far a long copy is: one display that is updated in Jupyter, a line now and then in a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .progress import HtmlProgress, PlainProgress, progress_for

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

OnProgress = Callable[[int, int | None], None]
_BAR_CHARS = 24
_FIRST_AFTER_S = 0.5
_LINES_EVERY_S = 2.0
_MB = 1_000_000


@contextmanager
def copying(shell: InteractiveShell, kind: str, what: str) -> Iterator[OnProgress]:
    """Yield what is to be called with bytes done and bytes in all (None: unknown), and show it.

    What is over within half a second shows nothing.
    """
    display = progress_for(shell, kind)
    started = shown_at = time.monotonic()
    interval_s = _LINES_EVERY_S if isinstance(display, PlainProgress) else _FIRST_AFTER_S
    latest: tuple[int, int | None] = (0, None)
    is_shown = False

    def show(now: float) -> None:
        line = bar_line(what, *latest, seconds=now - started)
        if isinstance(display, HtmlProgress):
            display.update(line)
        else:
            display.say(line)

    def on_progress(done: int, total: int | None) -> None:
        nonlocal shown_at, latest, is_shown
        latest = done, total
        now = time.monotonic()
        if now - shown_at >= (interval_s if is_shown else _FIRST_AFTER_S):
            shown_at, is_shown = now, True
            show(now)

    yield on_progress
    if is_shown:
        show(time.monotonic())


def bar_line(what: str, done: int, total: int | None, *, seconds: float) -> str:
    """Return one line that says how far a copy is, and how fast it goes.

    >>> bar_line("writing x", 5_000_000, 10_000_000, seconds=2.0)
    'writing x ████████████░░░░░░░░░░░░ 50 % · 5.0 of 10.0 MB · 2.5 MB/s'
    """
    rate = f" · {done / _MB / seconds:,.1f} MB/s" if seconds > 0 else ""
    if total is None:
        return f"{what} · {done / _MB:,.1f} MB{rate}"
    share = min(done / total, 1.0) if total else 1.0
    filled = int(share * _BAR_CHARS)
    bar = "█" * filled + "░" * (_BAR_CHARS - filled)
    return f"{what} {bar} {share:.0%} · {done / _MB:,.1f} of {total / _MB:,.1f} MB{rate}".replace(
        "%", " %", 1
    )
