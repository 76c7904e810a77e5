"""The display of a run in a terminal: a line per step and, on a real one, a last line that moves."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import threading
import time
import unicodedata
from collections.abc import Callable
from typing import TextIO

from ..events import Event, RunFinished, RunPaused, RunStarted, StepFinished
from ..records import Step
from ..text import counted
from .live import Figures, Live, Meter
from .ticker import Ticker

_INTERVAL_S = 0.5
_DEFAULT_COLUMNS = 80


class PlainProgress:
    """Writes one line when a run starts, one per step, one at the end.

    On a terminal, and only there, a last line says what is happening now; it is rewritten in place.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._live = Live(clock=clock)
        self._meter: Meter = Figures
        self._moving = _MovingLine(stream) if stream.isatty() else None
        self._shown_at = float("-inf")
        self._ticker = Ticker(self._tick, interval_s=_INTERVAL_S)

    def __call__(self, event: Event) -> None:
        """Write what is worth a line of its own, and renew the moving line."""
        with self._lock:
            self._live.take(event)
            match event:
                case RunStarted():
                    self._write(f"{event.model} over {event.sub_model}, at most {event.max_steps} steps")
                case StepFinished(step):
                    self._write(step_line(step))
                case RunFinished(answer):
                    from ..views import summary_line

                    self._write(summary_line(answer))
        if isinstance(event, (RunFinished, RunPaused)):
            self.close()
        elif self._moving is not None:
            if self._live.is_first_text:
                self._shown_at = float("-inf")
            self._tick()
            self._ticker.start()

    def say(self, remark: str) -> None:
        """Write one line."""
        with self._lock:
            self._write(remark)

    @property
    def rewrites(self) -> bool:
        """Whether an update takes the place of the one before."""
        return self._moving is not None

    def update(self, line: str, *, is_last: bool = False) -> None:
        """Show something other than a run: in place on a terminal until the last, a line each elsewhere."""
        with self._lock:
            if self._moving is None or is_last:
                self._write(line)
            else:
                self._moving.show(f"rlm: {line}")

    def watch(self, meter: Meter) -> None:
        """Ask `meter` for the figures of the run from now on."""
        self._meter = meter

    def close(self) -> None:
        """Stop moving and leave an empty line; the next event begins anew."""
        self._ticker.stop()
        with self._lock:
            if self._moving is not None:
                self._moving.clear()

    def _tick(self) -> None:
        with self._lock:
            if self._moving is not None and self._clock() - self._shown_at >= _INTERVAL_S:
                self._shown_at = self._clock()
                self._moving.show(self._live.line(self._meter()))

    def _write(self, remark: str) -> None:
        from ..views.plain import printable

        if self._moving is not None:
            self._moving.clear()
        self._stream.write(f"rlm: {printable(remark)}\n")
        self._stream.flush()


class _MovingLine:
    """The last line of a terminal, rewritten in place.

    Only a carriage return and spaces are used, which every terminal knows; escape sequences are not needed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_columns = 0

    def show(self, text: str) -> None:
        from ..views.plain import printable

        # A line as wide as the terminal would wrap, and a carriage return goes back to the second half only.
        shown = fitted(printable(text).replace("\n", " ").replace("\t", " "), columns=self._columns() - 1)
        columns = columns_of(shown)
        self._stream.write("\r" + shown + " " * (self._shown_columns - columns))
        self._stream.flush()
        self._shown_columns = columns

    def clear(self) -> None:
        if self._shown_columns:
            # Not wider than the terminal is by now: it may have been made narrower.
            blank = " " * min(self._shown_columns, self._columns() - 1)
            self._stream.write(f"\r{blank}\r")
            self._stream.flush()
            self._shown_columns = 0

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _DEFAULT_COLUMNS
        except (OSError, ValueError):  # no terminal behind it, or no file at all
            return _DEFAULT_COLUMNS


def step_line(step: Step) -> str:
    """Return a step in one line: cells, sub-calls, seconds, and whether a cell failed."""
    from ..views.plain import calls_text, tree_of_calls

    parts = [f"step {step.number}", counted(len(step.cells), "cell")]
    if step.sub_calls:
        parts.append(calls_text(tree_of_calls([step])))
    if any(cell.result.error is not None for cell in step.cells):
        parts.append("error")
    return " · ".join([*parts, f"{step.seconds:.1f} s"])


def for_terminal(text: str) -> str:
    """Return lines that are wider than the terminal wrapped at their words; all as they are elsewhere."""
    if not sys.stdout.isatty():
        return text
    columns = shutil.get_terminal_size().columns - 1
    return "\n".join(_wrapped(line, columns=columns) for line in text.split("\n"))


def _wrapped(line: str, *, columns: int) -> str:
    r"""Return a line of a table as several, each but the first set in.

    >>> _wrapped("  today       2 runs  15,566 tokens  $0.0000", columns=24)
    '  today  2 runs  15,566\n      tokens  $0.0000'
    """
    if len(line) <= columns:
        return line
    set_in = " " * (len(line) - len(line.lstrip()))
    # With nothing below each other any more, a gap says that a new cell begins, and need not be wide.
    cells = re.sub(r" {3,}", "  ", line.strip())
    return textwrap.fill(cells, columns, initial_indent=set_in, subsequent_indent=f"{set_in}    ")


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> columns_of("ab"), columns_of("日本")
    (2, 4)
    """
    return sum(map(_columns_of_character, text))


def fitted(text: str, *, columns: int) -> str:
    """Return a text cut to so many columns of a terminal.

    >>> fitted("a long line", columns=6), fitted("日本語", columns=4)
    ('a lon…', '日…')
    """
    if columns_of(text) <= columns:
        return text
    kept, used = [], 1
    for character in text:
        used += _columns_of_character(character)
        if used > columns:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _columns_of_character(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
