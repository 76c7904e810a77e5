"""Steps as plain values: for model code to look back at, and for what reached sub-models. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..records import Cell, Compaction, Step, Usage


@dataclass(frozen=True, slots=True)
class Before:
    """What happened before the model was asked: notes, a shortened conversation and what that cost."""

    notes: tuple[str, ...]
    compaction: Compaction | None
    summing_up: Usage


def history_entry(step: Step) -> dict[str, object]:
    """Return a step as an entry of `history`."""
    return {
        "step": step.number,
        "reply": step.reply,
        "code": "\n".join(cell.code for cell in step.cells),
        "output": "\n".join(cell.result.output for cell in step.cells),
    }


def prompts_of(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield every text that reached a sub-model from these cells: prompts, and all that child runs saw."""
    for cell in cells:
        for call in cell.sub_calls:
            yield call.prompt
            if call.child is not None:
                for step in call.child.steps:
                    yield from (cell.result.output for cell in step.cells)
                    yield from prompts_of(step.cells)
