"""A run against time: its tree of steps, cells, sub-calls and child runs; where seconds and money went. Pure.

A record of an earlier version has no start times; its parts are then laid end to end, and the timeline says
that it is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import shorten

from ..records import Answer, Cell, Step, SubCall, Usage
from ..text import counted
from .plain import cost_text, printable

WIDTH = 1_000
_CALLS_PER_CELL = 40
_LABEL_CHARS = 60
_THINNEST = 2.0
MODEL_COLOUR, CODE_COLOUR, CALL_COLOUR = "#1976d2", "#757575", "#b45f06"


@dataclass(frozen=True, slots=True)
class Part:
    """A bar of a row. What models do is full height, what code does is low."""

    x: float
    width: float
    y: int
    height: int
    colour: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline. `depth` is how deep it lies in the tree."""

    depth: int
    label: str
    title: str
    seconds: float
    cost: str
    parts: tuple[Part, ...]


@dataclass(slots=True)
class Timeline:
    """The rows of a run that took `seconds`; `omitted` more were left out. `estimated`: see this module."""

    seconds: float
    most_rows: int
    rows: list[Row] = field(default_factory=list)
    omitted: int = 0
    estimated: bool = False

    def add(self, depth: int, label: str, start_s: float, spans: Sequence[_Timed], cost: str) -> None:
        """Add a row that begins at `start_s`; its spans follow each other."""
        if len(self.rows) >= self.most_rows:
            self.omitted += 1
            return
        parts = []
        at_s = start_s
        for span in spans:
            parts.append(self._part(at_s, span))
            at_s += span.seconds
        title = f"{label}: from {start_s:.2f} s to {at_s:.2f} s"
        self.rows.append(Row(depth, label, title, at_s - start_s, cost, tuple(parts)))

    def _part(self, start_s: float, span: _Timed) -> Part:
        scale = WIDTH / self.seconds
        x = round(min(start_s * scale, WIDTH - _THINNEST), 1)
        width = round(min(max(span.seconds * scale, _THINNEST), WIDTH - x), 1)
        low = span.colour == CODE_COLOUR
        return Part(x, width, 4 if low else 0, 4 if low else 12, span.colour)


@dataclass(frozen=True, slots=True)
class _Timed:
    seconds: float
    colour: str


def timeline(answer: Answer, *, most_rows: int) -> Timeline:
    """Return the timeline of a run, child runs inside: at most 40 sub-calls of each cell."""
    steps = _total_s(answer.steps)
    made = Timeline(max(answer.seconds, steps, 1e-3), most_rows)
    made.estimated = any(step.started_s is None for step in answer.steps)
    _add_steps(made, answer.steps, offset_s=0.0, depth=0)
    return made


def _add_steps(made: Timeline, steps: Iterable[Step], *, offset_s: float, depth: int) -> None:
    next_s = 0.0
    for step in steps:
        start_s = next_s if step.started_s is None else step.started_s
        next_s = start_s + step.seconds
        cells_s = sum(cell.result.seconds for cell in step.cells)
        thinking_s = _thinking_s(step, start_s)
        spans = (_Timed(thinking_s, MODEL_COLOUR), _Timed(max(0.0, step.seconds - thinking_s), CODE_COLOUR))
        made.add(depth, f"step {step.number}", offset_s + start_s, spans, cost_text(_cost_of(step)))
        cell_s = max(start_s, next_s - cells_s)
        for index, cell in enumerate(step.cells, 1):
            began_s = cell_s if cell.started_s is None else cell.started_s
            _add_cell(made, f"cell {step.number}.{index}", cell, began_s, offset_s, depth + 1)
            cell_s = began_s + cell.result.seconds


def _add_cell(made: Timeline, label: str, cell: Cell, start_s: float, offset_s: float, depth: int) -> None:
    cost = sum((call.usage for call in cell.sub_calls), Usage())
    spans = (_Timed(cell.result.seconds, CODE_COLOUR),)
    made.add(depth, label, offset_s + start_s, spans, cost_text(cost) if cell.sub_calls else "")
    for call in cell.sub_calls[:_CALLS_PER_CELL]:
        began_s = start_s if call.started_s is None else call.started_s
        _add_call(made, call, offset_s + began_s, depth + 1)
    made.omitted += max(0, len(cell.sub_calls) - _CALLS_PER_CELL)


def _add_call(made: Timeline, call: SubCall, start_s: float, depth: int) -> None:
    kind = "sub-call" if call.child is None else "child run"
    marks = "".join([", cached" * call.cached, ", failed" * (call.error is not None)])
    asked = shorten(printable(call.prompt[: 4 * _LABEL_CHARS]), _LABEL_CHARS, placeholder=" ...")
    spans = (_Timed(call.seconds, CALL_COLOUR),)
    made.add(depth, f"{kind}{marks}: {asked}", start_s, spans, cost_text(call.usage))
    if call.child is not None:
        _add_steps(made, call.child.steps, offset_s=start_s, depth=depth + 1)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one part of a run took: seconds, the share of the run's seconds, tokens and cost as text."""

    what: str
    seconds: float
    share: float
    tokens: str
    cost: str


def spending(answer: Answer) -> list[Spent]:
    """Return where the seconds and the money of a run went; waits that overlap count once."""
    steps = answer.steps
    calls = [call for step in steps for call in step.sub_calls]
    flat = [call.usage for call in calls if call.child is None]
    children = [call.usage for call in calls if call.child is not None]
    thinking_s = sum(_thinking_s(step, step.started_s or 0.0) for step in steps)
    cells = [cell for step in steps for cell in step.cells]
    flat_s = sum(_waiting_s(cell, children=False) for cell in cells)
    both_s = sum(_waiting_s(cell, children=None) for cell in cells)
    code_s = max(0.0, sum(cell.result.seconds for cell in cells) - both_s)
    whole_s = max(answer.seconds, _total_s(steps))
    total_s = whole_s or 1.0
    rows = [
        (f"thinking ({answer.model or 'root model'})", thinking_s, [step.usage for step in steps]),
        (f"waiting for {counted(len(flat), 'sub-call')}", flat_s, flat),
        (f"waiting for {counted(len(children), 'child run')}", both_s - flat_s, children),
        ("running code", code_s, []),
        ("outside of steps", max(0.0, whole_s - thinking_s - both_s - code_s), []),
    ]
    return [
        Spent(what, seconds, seconds / total_s, *_money(usages))
        for what, seconds, usages in rows
        if usages or seconds > 0.001 * total_s
    ]


def _money(usages: Sequence[Usage]) -> tuple[str, str]:
    if not usages:
        return "", ""
    total = sum(usages, Usage())
    return f"{total.tokens:,}", cost_text(total)


def _thinking_s(step: Step, start_s: float) -> float:
    """Return how long the root model took: up to the first cell, or all of a step without cells."""
    if step.cells and step.started_s is not None and step.cells[0].started_s is not None:
        return max(0.0, min(step.cells[0].started_s - start_s, step.seconds))
    return max(0.0, step.seconds - sum(cell.result.seconds for cell in step.cells))


def _waiting_s(cell: Cell, *, children: bool | None) -> float:
    """Return how long a cell waited for calls, overlaps counted once, never longer than it ran."""
    chosen = [call for call in cell.sub_calls if children is None or (call.child is not None) is children]
    waited_s, reached_s = 0.0, float("-inf")
    for start_s, stop_s in sorted(_spans(chosen, cell.started_s or 0.0)):
        waited_s += max(0.0, stop_s - max(start_s, reached_s))
        reached_s = max(reached_s, stop_s)
    return min(waited_s, cell.result.seconds)


def _spans(calls: Iterable[SubCall], default_s: float) -> Iterator[tuple[float, float]]:
    for call in calls:
        start_s = default_s if call.started_s is None else call.started_s
        yield start_s, start_s + call.seconds


def _cost_of(step: Step) -> Usage:
    return sum((call.usage for call in step.sub_calls), step.usage)


def _total_s(steps: Sequence[Step]) -> float:
    ends = [(step.started_s or 0.0) + step.seconds for step in steps]
    return max([*ends, sum(step.seconds for step in steps)], default=0.0)
