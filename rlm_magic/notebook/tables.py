"""What %rlm_context, %rlm_status, %rlm_log and %rlm_cache return: small values that show themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ..records import Answer, ReadStats
from ..text import counted

if TYPE_CHECKING:
    from typing import Self

    from ..context import Context
    from ..disk import DiskUsage

_RECENT_RUNS = 20
_QUESTION_CHARS = 60


class ContextList:
    """The bound contexts, the default one marked."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        self._rows = [f"{name} = {context!r}" for name, context in contexts.items()]

    def __repr__(self) -> str:
        if not self._rows:
            from .binding import HOW_TO_BIND

            return HOW_TO_BIND
        return "\n".join([*self._rows[:-1], f"{self._rows[-1]}  (default)"])


class Status:
    """Contexts, models with their keys, and the last run."""

    def __init__(
        self, contexts: Mapping[str, Context], model: str, sub_model: str, last: Answer | None
    ) -> None:
        from ..models import default_models, sub_model_for
        from ..views import reads_line, summary_line

        root, sub = default_models()
        if model:
            root, sub = model, sub_model_for(model)
        self._lines = [
            "contexts",
            *(f"  {line}" for line in repr(ContextList(contexts)).splitlines()),
            *(
                f"  {name}: {line}"
                for name, context in contexts.items()
                if (line := reads_line(context.stats))
            ),
            "models",
            f"  root {root}, sub {sub_model or sub}",
            *(f"  {name} {'is set' if os.environ.get(name) else 'is not set'}" for name in _KEY_VARIABLES),
            "last run",
            f"  {last.run_id}: {summary_line(last)}" if last else "  none in this kernel",
        ]

    def __repr__(self) -> str:
        return "\n".join(self._lines)


_KEY_VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


@dataclass(frozen=True, slots=True)
class RunList:
    """The newest recorded runs, one line each."""

    lines: tuple[str, ...]
    total: int

    @classmethod
    def recent(cls) -> Self:
        """Read the newest runs from the user's data directory."""
        from ..engine import find_run, list_runs, read_trajectory
        from ..errors import TrajectoryError

        runs = list_runs()
        lines = []
        for run in runs[:_RECENT_RUNS]:
            path = find_run(run)
            try:
                lines.append(_run_line(run, path.stat().st_mtime, read_trajectory(path)))
            except TrajectoryError as error:
                lines.append(f"{run}  unreadable: {error}")
        return cls(tuple(lines), len(runs))

    def __repr__(self) -> str:
        if not self.lines:
            return "no runs recorded yet"
        more = self.total - len(self.lines)
        return "\n".join([*self.lines, *([f"... and {more:,} older"] if more else [])])


class RunView:
    """One recorded run, or one step of it."""

    def __init__(self, answer: Answer, *, step: int | None) -> None:
        self._answer = answer
        self._steps = answer.steps if step is None else tuple(s for s in answer.steps if s.number == step)
        if step is not None and not self._steps:
            raise UsageError(f"run {answer.run_id} has {len(answer.steps)} steps; there is no step {step}")
        self._whole = step is None

    def __repr__(self) -> str:
        from ..views import run_plain, step_plain

        return run_plain(self._answer) if self._whole else "\n\n".join(map(step_plain, self._steps))

    def _repr_html_(self) -> str:
        from ..views import answer_html, trace_html

        return trace_html(self._steps) + (answer_html(self._answer) if self._whole else "")


@dataclass(frozen=True, slots=True)
class CacheView:
    """What is kept on disk, and what the bound contexts have read from where."""

    disk: DiskUsage
    indexes: int
    index_bytes: int
    read: Mapping[str, ReadStats]
    freed_bytes: int | None = None

    @classmethod
    def now(cls, contexts: Mapping[str, Context], *, freed_bytes: int | None) -> Self:
        """Look at the caches as they are."""
        from ..context.remember import remembered
        from ..disk import segment_cache

        indexes, index_bytes = remembered()
        read = {name: context.stats for name, context in contexts.items()}
        return cls(segment_cache().summary(), indexes, index_bytes, read, freed_bytes)

    def __repr__(self) -> str:
        disk = self.disk
        held = f"{_entries(disk.entries)}, {disk.bytes:,} of {disk.limit_bytes:,} bytes; "
        held = held if disk.limit_bytes else ""
        lines = [] if self.freed_bytes is None else [f"freed {self.freed_bytes:,} bytes on disk"]
        lines += [
            f"segments in {disk.folder}",
            f"  {held}{disk.state}",
            "remembered indexes of files",
            f"  {_entries(self.indexes)}, {self.index_bytes:,} bytes",
            "segments read by each context",
            *(f"  {name}: {_read_from(stats)}" for name, stats in self.read.items()),
        ]
        return "\n".join(lines if self.read else [*lines, "  no context is bound"])


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _read_from(stats: ReadStats) -> str:
    if stats == ReadStats():
        return "none"
    return (
        f"{stats.memory_hits:,} in memory, {stats.disk_hits:,} on disk, {stats.store_reads:,} in the store "
        f"({counted(stats.requests, 'request')}, {stats.bytes:,} bytes)"
    )


def _run_line(run: str, modified: float, answer: Answer) -> str:
    from ..views.plain import printable

    question = shorten(printable(answer.question), _QUESTION_CHARS, placeholder=" ...")
    when = datetime.fromtimestamp(modified)
    return f"{run}  {when:%d %b %H:%M}  {answer.status}, {len(answer.steps)} steps  {question}"
