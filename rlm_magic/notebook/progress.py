"""Show a run while it goes: one status line and one trace in Jupyter, a line per step in a terminal.

The progress displays are callables that take each Event. In Jupyter they publish through the display
publisher the shell had before the cell began, because the repl captures what model code displays.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from uuid import uuid4

from IPython.core.error import UsageError

from ..records import (
    CellStarted,
    Event,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    SubCallsProgressed,
    TextStreamed,
    ThinkingStarted,
)
from ..text import counted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

PROGRESS_VARIABLE = "RLM_PROGRESS"
PROGRESS_KINDS = ("auto", "html", "plain", "none")
_STATUS_INTERVAL_S = 0.5


class Progress(Protocol):
    """Takes each event of a run as it happens, and remarks that concern the user."""

    def __call__(self, event: Event) -> None: ...

    def say(self, remark: str) -> None:
        """Show a remark once."""
        ...


def progress_for(shell: InteractiveShell, kind: str) -> Progress:
    """Return the display for `kind`; "auto" asks $RLM_PROGRESS, then whether this is Jupyter."""
    if kind == "auto":
        kind = os.environ.get(PROGRESS_VARIABLE, "auto")
    if kind not in PROGRESS_KINDS:
        raise UsageError(f"progress {kind!r} is not known; use one of {', '.join(PROGRESS_KINDS)}")
    if kind == "auto":
        kind = "html" if hasattr(shell, "kernel") else "plain"
    if kind == "html":
        return HtmlProgress(shell.display_pub)
    return PlainProgress(sys.stderr) if kind == "plain" else SilentProgress()


class SilentProgress:
    """Shows nothing, so that a notebook's outputs are the same every time."""

    def __call__(self, event: Event) -> None:
        """Ignore the event."""

    def say(self, remark: str) -> None:
        """Ignore the remark."""


class PlainProgress:
    """Writes one line when a run starts, one per step, one at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.say(f"{event.model} over {event.sub_model}, at most {event.max_steps} steps")
            case StepFinished(step):
                self.say(_step_line(step))
            case RunFinished(answer):
                from ..views import summary_line

                self.say(summary_line(answer))

    def say(self, remark: str) -> None:
        """Write one line."""
        from ..views.plain import printable

        self._stream.write(f"rlm: {printable(remark)}\n")
        self._stream.flush()


class HtmlProgress:
    """Keeps one status line (at most twice a second) and, below it, one trace that grows when a step ends.

    The trace is left alone between steps: every update replaces it, and a fold the user opened would close.
    """

    def __init__(self, publisher: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._publish = publisher.publish
        self._clock = clock
        self._status = _Slot(self._publish)
        self._trace = _Slot(self._publish)
        self._steps: list[Step] = []
        self._started = clock()
        self._shown_at = float("-inf")
        self._streamed_chars = 0
        self._max_steps = 0

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._max_steps = event.max_steps
                self._show(f"asking {event.model}", now=True)
            case ThinkingStarted(step):
                self._streamed_chars = 0
                self._show(f"{self._turn(step)} · thinking", now=True)
            case TextStreamed(step, text):
                self._streamed_chars += len(text)
                self._show(f"{self._turn(step)} · thinking, {self._streamed_chars:,} characters so far")
            case CellStarted(step, index):
                self._show(f"{self._turn(step)} · running cell {index + 1}")
            case SubCallsProgressed(step, done, total):
                self._show(f"{self._turn(step)} · {done:,} of {total:,} sub-calls back")
            case StepFinished(step):
                self._add(step)
            case RunFinished(answer):
                from ..views import summary_line

                self._show(summary_line(answer), now=True, timed=False)

    def say(self, remark: str) -> None:
        """Show a remark above the trace, for good."""
        _Slot(self._publish).show(_status_bundle(remark))

    def update(self, line: str) -> None:
        """Show something other than a run in the status line, in place of what it said."""
        self._status.show(_status_bundle(line))

    def _turn(self, step: int) -> str:
        return f"turn {step} of {self._max_steps}"

    def _show(self, text: str, *, now: bool = False, timed: bool = True) -> None:
        at = self._clock()
        if now or at - self._shown_at >= _STATUS_INTERVAL_S:
            self._shown_at = at
            self._status.show(
                _status_bundle(f"rlm · {text}" + (f" · {at - self._started:.1f} s" if timed else ""))
            )

    def _add(self, step: Step) -> None:
        from ..views import trace_html

        self._steps.append(step)
        plain = "\n".join(_step_line(step) for step in self._steps)
        self._trace.show({"text/html": trace_html(self._steps), "text/plain": plain})


class _Slot:
    """One display that is shown once and updated in place from then on."""

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._id = uuid4().hex
        self._shown = False

    def show(self, data: dict[str, str]) -> None:
        self._publish(data=data, metadata={}, transient={"display_id": self._id}, update=self._shown)
        self._shown = True


def _status_bundle(text: str) -> dict[str, str]:
    from ..views import status_html

    return {"text/html": status_html(text), "text/plain": text}


def _step_line(step: Step) -> str:
    from ..views.plain import calls_text, tree_of_calls

    parts = [f"step {step.number}", counted(len(step.cells), "cell")]
    if step.sub_calls:
        parts.append(calls_text(tree_of_calls([step])))
    if any(cell.result.error is not None for cell in step.cells):
        parts.append("error")
    return " · ".join([*parts, f"{step.seconds:.1f} s"])


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show what is warned of as one line each, without the place in our code that it came from."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        print(f"{warning.category.__name__}: {warning.message}", file=sys.stderr)
