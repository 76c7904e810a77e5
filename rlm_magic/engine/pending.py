"""What the step under way has been paid for so far: kept beside the trajectory until the step is written.

A kernel that dies in the middle of a step thus loses no reply: the run that goes on takes the root model's
reply and the sub-calls' from here, and pays only for what is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..records import Cell, CellResult, Completion, Step, SubCall
from .archive import read_call, read_usage
from .jsonlines import whole_records
from .rehearsal import is_whole
from .trajectory import PENDING_SUFFIX, as_recorded


@dataclass(slots=True)
class Paid:
    """Sub-calls that were paid for, each to be used once."""

    sub_calls: list[SubCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, prompt: str, number: int | None = None) -> SubCall | None:
        """Return a call that was made for this prompt; None when there is none, or not all of it.

        `number` is the place in which it is asked for. It alone tells which of several contexts a child run
        was about; of a sub-model's replies to the same prompt each will do.
        """
        written = as_recorded(prompt)
        with self._lock:
            fitting = [call for call in self.sub_calls if call.prompt == written and _is_usable(call)]
            same = [call for call in fitting if call.number in (number, None)]
            for call in (*same, *(call for call in fitting if call.child is None)):
                self.sub_calls.remove(call)
                return call
        return None


@dataclass(slots=True)
class Pending:
    """A step that was broken off: the reply of its root model, and the sub-calls made by then."""

    number: int
    completion: Completion
    sub_calls: list[SubCall] = field(default_factory=list)

    def paid(self) -> Paid:
        """Return its sub-calls, to be used."""
        return Paid(list(self.sub_calls))

    def step(self) -> Step:
        """Return it as a step, for what it has cost."""
        cell = Cell("", CellResult(), tuple(self.sub_calls))
        return Step(self.number, self.completion.text, (cell,), self.completion.usage, 0.0)


def _is_usable(call: SubCall) -> bool:
    return call.error is None and is_whole(call.reply)


def read_pending(trajectory: Path, *, after: int) -> Pending | None:
    """Return what was paid for in the step after step `after`, or None when that had not begun."""
    pending: Pending | None = None
    for line in _lines(trajectory.with_suffix(PENDING_SUFFIX)):
        if line.get("step") != after + 1:
            continue
        if "reply" in line and is_whole(line["reply"]):
            usage = read_usage(line.get("usage") or {})
            pending = Pending(after + 1, Completion(line["reply"], usage, str(line.get("stop_reason"))))
        elif "call" in line and pending is not None:
            pending.sub_calls.append(read_call(line["call"]))
    return pending


def _lines(path: Path) -> list[Mapping[str, Any]]:
    try:
        return list(whole_records(path))
    except FileNotFoundError:
        return []
