"""Run the cells of a recorded run again, their sub-calls answered from the record, so as not to pay twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import NotRecorded
from ..records import Cell, Step, SubCall
from ..repl import Repl
from ..text import clip
from .redact import PLACEHOLDER
from .trajectory import as_recorded

if TYPE_CHECKING:
    from .functions import CellFunctions

_CLIPPED = re.compile(r"\n\.\.\. \[[\d,]+ of [\d,]+ characters omitted\] \.\.\.\n")
_SHOWN_CHARS = 60


@dataclass(slots=True)
class Rehearsal:
    """The recorded sub-calls of one cell, each given once, by prompt. `gaps` says what was not there.

    Of several with the same prompt, such as children that are each about another context, the one that was
    asked for first comes first, whenever its reply had come.
    """

    recorded: list[SubCall]
    gaps: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.recorded.sort(key=lambda call: call.number or 0)

    def replies(self, texts: Sequence[str]) -> list[SubCall]:
        """Return the recorded calls for these prompts. Raises NotRecorded for one that was not made."""
        with self._lock:
            return [self._reply(text) for text in texts]

    def _reply(self, text: str) -> SubCall:
        written = as_recorded(text)
        for index, call in enumerate(self.recorded):
            if call.prompt in (text, written):
                del self.recorded[index]
                if is_whole(call.reply):
                    return call
                self._miss(f"the reply to {_shown(text)} was shortened or redacted in the record")
        self._miss(f"it now asks for something it did not ask before: {_shown(text)}")
        raise AssertionError

    def _miss(self, gap: str) -> None:
        self.gaps.append(gap)
        raise NotRecorded(f"{gap}; the cells of a resumed run are run again from its record")


def is_whole(text: str) -> bool:
    """Return whether a recorded text is what it was: neither clipped nor redacted."""
    return PLACEHOLDER not in text and not _CLIPPED.search(text)


def rehearse(
    steps: Sequence[Step],
    *,
    repl: Repl,
    functions: CellFunctions,
    limit_s: Callable[[], float],
) -> Iterator[str]:
    """Run every recorded cell again, in order, and yield what could not be restored, in words."""
    for step in steps:
        for index, cell in enumerate(step.cells):
            name = f"{step.number}.{index + 1}"
            for gap in _again(cell, name, repl=repl, functions=functions, limit_s=limit_s()):
                yield f"cell {name}: {gap}"


def _again(cell: Cell, name: str, *, repl: Repl, functions: CellFunctions, limit_s: float) -> list[str]:
    if not is_whole(cell.code):
        return ["its code was shortened or redacted in the record, so it was not run again"]
    if cell.result.interrupted or cell.result.timed_out:
        functions.sub_queries.unused.sub_calls += cell.sub_calls
        return ["it had been stopped in the middle, so it was not run again"]
    rehearsal = Rehearsal(list(cell.sub_calls))
    functions.begin_cell(rehearsal)
    result = repl.run(cell.code, name=f"rlm {name}", timeout_s=limit_s)
    if result.interrupted:
        raise KeyboardInterrupt
    if result.error and not cell.result.error and not rehearsal.gaps:
        return [f"it failed this time: {result.error.splitlines()[-1]}"]
    return rehearsal.gaps


def _shown(text: str) -> str:
    return repr(clip(text, limit_chars=_SHOWN_CHARS))
