"""How a step stands in a trajectory: in the fields of rlms, which its visualizer needs, and in ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ..records import Cell, Message, Step
from .call_record import call_record, usage_record
from .values import recorded_summary, text_or_type


def step_record(step: Step, prompt: Sequence[Message], variables: Mapping[str, object]) -> dict[str, Any]:
    """Return the entry of one step. `prompt` are the messages that no earlier step's entry has."""
    return {
        "iteration": step.number,
        "prompt": [{"role": message.role, "content": message.content} for message in prompt],
        "response": step.reply,
        "code_blocks": [_block(cell, variables) for cell in step.cells],
        "final_answer": step.final,
        "iteration_time": step.seconds,
        "started_s": step.started_s,
        "usage": usage_record(step.usage),
        "notes": list(step.notes),
        "reading": asdict(step.reading),
        "compaction": None if step.compaction is None else asdict(step.compaction),
        "edited": step.edited,
    }


def _block(cell: Cell, variables: Mapping[str, object]) -> dict[str, Any]:
    result = cell.result
    printed = replace(result, stderr="", error=None).output
    return {
        "code": cell.code,
        "started_s": cell.started_s,
        "result": {
            "stdout": printed,
            "stderr": "\n".join(text for text in (result.stderr, result.error) if text),
            "locals": {name: recorded_summary(value) for name, value in variables.items()},
            "execution_time": result.seconds,
            "rlm_calls": [call_record(call) for call in cell.sub_calls],
            "final_answer": text_or_type(result.final) if result.ended else None,
            "interrupted": result.interrupted,
            "timed_out": result.timed_out,
        },
    }
