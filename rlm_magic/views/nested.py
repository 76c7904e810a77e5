"""A step as the templates want it, child runs inside: clipped, and free of control characters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import shorten

from ..records import Cell, LineRanges, Reading, Step, SubCall
from ..text import clip, counted
from .highlight import highlighted
from .plain import call_line, child_line, cost_text, notable_calls, printable, reasoning_of

_HEADLINE_CHARS = 90
_LINE_CHARS = 300
_RANGES_SHOWN = 8
_ANSWERS = re.compile(r"^FINAL\((.*?)\)?$")


class Room:
    """How many characters of child runs may still be shown. Beyond it they are counted, not shown."""

    def __init__(self, chars: int) -> None:
        self.chars = chars


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a step is shown: characters of each text and of child runs, cells, sub-calls of a cell."""

    chars: int
    cells: int
    calls: int
    child_chars: int


class StepView:
    """One step within limits, and what they left out. Several may share a `room` for what child runs did."""

    def __init__(self, step: Step, limits: Limits, room: Room | None = None) -> None:
        self._limits = limits
        self._room = Room(limits.child_chars) if room is None else room
        self.size_chars = 0
        self.number = step.number
        self.seconds = step.seconds
        self.reasoning = self._shown(reasoning_of(step))
        self.read = self._shown(read_text(step.reading))
        self.notes = [self._shown(note) for note in step.notes[: limits.cells]]
        self.failed = any(cell.result.error is not None for cell in step.cells)
        self.cells = [self._cell(cell) for cell in step.cells[: limits.cells]]
        self.omitted = counted_if_any(len(step.cells) - len(self.cells), "more cell")

    def _cell(self, cell: Cell) -> dict[str, object]:
        calls, omitted = notable_calls(cell.sub_calls, most=self._limits.calls)
        return {
            "code": highlighted(self._shown(cell.code.rstrip())),
            "seconds": cell.result.seconds,
            "output": self._shown(cell.result.output),
            "failed": cell.result.error is not None,
            "calls": [self._call(call) for call in calls],
            "omitted": counted_if_any(omitted, "more sub-call"),
        }

    def _call(self, call: SubCall) -> dict[str, object]:
        line = self._shown(call_line(call))
        told = {"line": line, "figures": self._shown(_figures(call)), "reply": self._rest_of(call)}
        if call.child is None:
            return {**told, "child": "", "steps": [], "omitted": ""}
        views = self._child_steps(call.child.steps)
        omitted = counted_if_any(len(call.child.steps) - len(views), "more step")
        child = clip(printable(child_line(call.child)), limit_chars=_LINE_CHARS)
        return {**told, "child": child, "steps": views, "omitted": omitted}

    def _rest_of(self, call: SubCall) -> str:
        """Return the reply if the line that names the call has only its head."""
        if call.error is not None or call_line(call).endswith(f" -> {call.reply}"):
            return ""
        return clip(self._shown(call.reply), limit_chars=self._limits.chars // 4)

    def _child_steps(self, steps: tuple[Step, ...]) -> list[StepView]:
        views: list[StepView] = []
        for step in steps:
            if self._room.chars <= 0:
                break
            view = StepView(step, self._limits, self._room)
            self._room.chars -= view.size_chars
            views.append(view)
        return views

    def _shown(self, text: str) -> str:
        shown = clip(printable(text), limit_chars=self._limits.chars)
        self.size_chars += len(shown)
        return shown


def counted_if_any(number: int, noun: str) -> str:
    """Return a number with its noun; nothing for none."""
    return counted(number, noun) if number else ""


def read_text(reading: Reading) -> str:
    """Return which lines were read, searched and shown to sub-models; nothing if none were.

    >>> read_text(Reading(read=((0, 500), (700, 701)), searched=((0, 2_000),)))
    'read L0-L499, L700 · searched L0-L1999'
    """
    parts = ((reading.read, "read"), (reading.searched, "searched"), (reading.prompted, "to sub-models"))
    return " · ".join(f"{what} {_ranges(ranges)}" for ranges, what in parts if ranges)


def _ranges(ranges: LineRanges) -> str:
    shown = [
        f"L{start}" if stop - start == 1 else f"L{start}-L{stop - 1}"
        for start, stop in ranges[:_RANGES_SHOWN]
    ]
    more = len(ranges) - len(shown)
    return ", ".join(shown) + (f" and {counted(more, 'more place')}" if more else "")


def _figures(call: SubCall) -> str:
    tokens = [counted(call.usage.tokens, "token"), cost_text(call.usage)] if call.usage.calls else []
    return " · ".join(["cached" if call.cached else call.model, *tokens, f"{call.seconds:.1f} s"])


def headline(step: Step) -> str:
    """Return the first line of the reasoning, which says what the step is for, or of the answer it gives."""
    lines = reasoning_of(step).splitlines()
    if not lines:
        return ""
    line = _ANSWERS.sub(r"answer: \1", lines[0][: 4 * _HEADLINE_CHARS])
    return shorten(line, _HEADLINE_CHARS, placeholder=" ...")
