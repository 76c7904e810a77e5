"""What a run is doing now, in one line. Pure: events and figures in, text out; knows no display."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..events import (
    CellFinished,
    CellStarted,
    ChildRunProgressed,
    Event,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    SubCallsProgressed,
    TextStreamed,
    ThinkingStarted,
)
from ..records import ReadStats, Usage
from ..text import size_text

if TYPE_CHECKING:
    from ..context import Context
    from ..engine import Run

_TAIL_CHARS = 60
_BAR_CHARS = 24
_SHORT_BAR_CHARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run has cost up to now, and where what it reads comes from."""

    usage: Usage = field(default_factory=Usage)
    cost_limit_usd: float | None = None
    reads: ReadStats = field(default_factory=ReadStats)
    place: str = "the store"
    seconds: float | None = None
    """Since the run began, pauses left out; None: since its display did."""


Meter = Callable[[], Figures]


def meter(run: Run, context: Context | None) -> Meter:
    """Return what tells the figures of a run that begins now; may be asked from any thread."""
    assert context is not None  # no run is started without one
    before, place = context.stats, _place(context.info.source)

    def figures() -> Figures:
        return Figures(
            usage=sum(run.ledger.usage.values(), Usage()),
            cost_limit_usd=run.ledger.budget.cost_usd,
            reads=context.stats - before,
            place=place,
            seconds=run.ledger.seconds_in_all,
        )

    return figures


class Live:
    """Follows the events of a run and says in one line what is happening."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._max_steps = self._step = 0
        self._doing = "starting"
        self._cell = ""
        self._batch = (0, 1)
        self._streamed_chars = 0
        self._tail = ""
        self._reads = ReadStats()
        self._over: str | None = None
        self.is_first_text = False
        """Whether a reply has just begun to arrive: worth showing before the next update is due."""

    def take(self, event: Event) -> None:
        """Take note of what happened."""
        self.is_first_text = isinstance(event, TextStreamed) and not self._streamed_chars
        match event:
            case RunStarted():
                self._max_steps, self._doing = event.max_steps, f"asking {event.model}"
            case ThinkingStarted(step):
                self._step, self._doing = step, "thinking"
                self._streamed_chars, self._tail, self._over = 0, "", None
            case TextStreamed(_, text):
                self._streamed_chars += len(text)
                self._tail = (self._tail + text)[-4 * _TAIL_CHARS :]
                self._doing = ""
            case RunPaused(step):
                self._doing = f"paused at the reply of step {step}: %rlm_step carries it out"
            case CellStarted(_, index):
                self._doing = self._cell = f"running cell {index + 1}"
            case SubCallsProgressed(_, done, total):
                self._batch = (done, total)
                self._doing = _batch(done, total) if done < total else self._cell
            case ChildRunProgressed():
                self._doing = _child(event, *self._batch)
            case CellFinished(_, index):
                self._doing = f"cell {index + 1} has run"
            case StepFinished(step):
                self._doing = f"step {step.number} is done"
            case RunFinished(answer):
                from ..views import summary_line

                self._over = summary_line(answer)

    def line(self, figures: Figures) -> str:
        """Return the line; once the run is over, what sums it up."""
        if self._over is not None:
            return f"rlm · {self._over}"
        turn = f"turn {self._step} of {self._max_steps}" if self._step else ""
        seconds = self._clock() - self._started if figures.seconds is None else figures.seconds
        parts = ["rlm", turn, self._now(figures), f"{seconds:.1f} s", *_costs(figures)]
        return " · ".join(filter(None, parts))

    def _now(self, figures: Figures) -> str:
        reads, self._reads = self._reads, figures.reads
        if not self._doing:
            return _streaming(self._streamed_chars, self._tail)
        is_reading = self._doing == self._cell != "" and _moved(reads, figures.reads)
        return f"{self._doing}, reading from {figures.place}" if is_reading else self._doing


def bar_text(share: float, *, width: int = _BAR_CHARS) -> str:
    """Return a bar that is filled up to `share`, 0 to 1.

    >>> bar_text(0.5, width=6)
    '███░░░'
    """
    filled = int(min(max(share, 0.0), 1.0) * width)
    return "█" * filled + "░" * (width - filled)


def _batch(done: int, total: int) -> str:
    if total == 1:
        return "waiting for a sub-call"
    return f"{bar_text(done / total, width=_SHORT_BAR_CHARS)} {done:,} of {total:,} sub-calls"


def _child(event: ChildRunProgressed, done: int, total: int) -> str:
    turn = f"turn {event.turn} of {event.max_steps}"
    if total > 1:
        return f"{_batch(done, total)}, a child run at {turn}"
    question = " ".join(event.question.split())
    shown = question if len(question) <= _TAIL_CHARS else f"{question[:_TAIL_CHARS]}…"
    return f"child run at {turn}: {shown}"


def _streaming(chars: int, tail: str) -> str:
    words = " ".join(tail.split())
    shown = words if len(words) <= _TAIL_CHARS else f"…{words[-_TAIL_CHARS:]}"
    return f"thinking, {chars:,} characters: {shown}"


def _moved(before: ReadStats, now: ReadStats) -> bool:
    return (before.requests, before.bytes, before.disk_hits) != (now.requests, now.bytes, now.disk_hits)


def _costs(figures: Figures) -> list[str]:
    usage, reads = figures.usage, figures.reads
    parts = (
        [f"{usage.tokens:,} tokens", _money(usage.cost_usd, figures.cost_limit_usd)] if usage.calls else []
    )
    if reads.requests or reads.disk_hits:
        waited = f", waited {reads.stall_s:.1f} s" if reads.stall_s >= 0.1 else ""
        hits = reads.memory_hits + reads.disk_hits
        parts.append(f"read {size_text(reads.bytes)}{waited}")
        parts.append(f"cache {hits:,} of {hits + reads.store_reads:,} segments")
    return parts


def _money(cost_usd: float | None, limit_usd: float | None) -> str:
    spent = "cost unknown" if cost_usd is None else f"${cost_usd:.4f}"
    return spent if limit_usd is None else f"{spent} of ${limit_usd:,.2f}"


def _place(source: str) -> str:
    scheme, is_url, _ = source.partition("://")
    if not is_url:
        return "disk"
    return {"s3": "S3", "gs": "Google Cloud Storage", "az": "Azure"}.get(scheme.lower(), "the web")
