"""The display of a run in Jupyter: a status line that moves, and below it a trace that grows by steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ..events import Event, RunFinished, RunPaused, StepFinished
from ..records import Step
from .in_terminal import step_line
from .live import Figures, Live, Meter
from .ticker import Ticker

INTERVAL_S = 0.5


class HtmlProgress:
    """Keeps one status line, renewed at most twice a second, and one trace that grows when a step ends.

    The trace is left alone between steps: every update replaces it, and a fold the user opened would close.
    A thread keeps the status moving while the main thread runs a cell.
    """

    def __init__(self, publisher: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._publish = publisher.publish
        self._clock = clock
        self._lock = threading.Lock()
        self._live = Live(clock=clock)
        self._meter: Meter = Figures
        self._status = _Slot(self._publish)
        self._trace = _Slot(self._publish)
        self._steps: list[Step] = []
        self._shown_steps = 0
        self._status_at = self._trace_at = float("-inf")
        self._ticker = Ticker(self._tick, interval_s=INTERVAL_S)

    def __call__(self, event: Event) -> None:
        """Show what happened, soon."""
        is_over = isinstance(event, (RunFinished, RunPaused))
        with self._lock:
            self._live.take(event)
            if isinstance(event, StepFinished):
                self._steps.append(event.step)
            self._refresh(at_once=is_over or self._live.is_first_text)
        if is_over:
            self._ticker.stop()
        else:
            self._ticker.start()

    def say(self, remark: str) -> None:
        """Show a remark above the trace, for good."""
        _Slot(self._publish).show(_status_bundle(remark))

    def update(self, line: str, *, is_last: bool = False) -> None:  # noqa: ARG002
        """Show something other than a run in the status line, in place of what it said."""
        with self._lock:
            self._status.show(_status_bundle(line))

    def watch(self, meter: Meter) -> None:
        """Ask `meter` for the figures of the run from now on."""
        self._meter = meter

    def close(self) -> None:
        """Stop moving, with everything shown; the next event begins anew."""
        self._ticker.stop()
        with self._lock:
            if self._steps or self._status_at > float("-inf"):
                self._refresh(at_once=True)

    def _tick(self) -> None:
        with self._lock:
            self._refresh(at_once=False)

    def _refresh(self, *, at_once: bool) -> None:
        now = self._clock()
        if at_once or now - self._status_at >= INTERVAL_S:
            self._status_at = now
            self._status.show(_status_bundle(self._live.line(self._meter())))
        # Steps may come faster than a front end takes traces: Jupyter drops what exceeds 1 MB/s.
        if len(self._steps) > self._shown_steps and (at_once or now - self._trace_at >= INTERVAL_S):
            self._trace_at, self._shown_steps = now, len(self._steps)
            self._trace.show(_trace_bundle(self._steps))


class _Slot:
    """One display that is shown once and updated in place from then on."""

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._id = uuid4().hex
        self._shown = ""

    def show(self, data: dict[str, str]) -> None:
        # What did not change is not sent: an update would close what the user has opened.
        if self._shown != data["text/html"]:
            self._publish(
                data=data, metadata={}, transient={"display_id": self._id}, update=bool(self._shown)
            )
            self._shown = data["text/html"]


def _status_bundle(text: str) -> dict[str, str]:
    from ..views import status_html
    from ..views.plain import printable

    return {"text/html": status_html(text), "text/plain": printable(text)}


def _trace_bundle(steps: list[Step]) -> dict[str, str]:
    from ..views import trace_html

    return {"text/html": trace_html(steps), "text/plain": "\n".join(map(step_line, steps))}
