"""How a sub-call stands in a trajectory: in the fields of rlms and in those that its visualizer reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..records import Answer, SubCall, Usage
from .jsonlines import whole_records


def call_record(call: SubCall) -> dict[str, Any]:
    """Return the entry of one sub-call; a child run's whole record hangs under it."""
    record = {
        "root_model": call.model,
        "prompt": call.prompt,
        "response": call.reply,
        "prompt_tokens": call.usage.input_tokens,
        "completion_tokens": call.usage.output_tokens,
        "usage_summary": _usage_summary(call),
        "calls": call.usage.calls,
        "cost_usd": call.usage.cost_usd,
        "execution_time": call.seconds,
        "started_s": call.started_s,
        "error": call.error,
        "cached": call.cached,
        "number": call.number,
    }
    if call.child is not None:
        record["metadata"] = _nested(call.child)
    return record


def usage_record(usage: Usage) -> dict[str, Any]:
    """Return a Usage as a record."""
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
    }


def _usage_summary(call: SubCall) -> dict[str, Any]:
    """Return the usage as rlms writes it, where an unknown cost is left out."""
    per_model: Mapping[str, Usage] = {call.model: call.usage} if call.child is None else call.child.usage
    summary: dict[str, Any] = {
        "model_usage_summaries": {
            model: {
                "total_calls": usage.calls,
                "total_input_tokens": usage.input_tokens,
                "total_output_tokens": usage.output_tokens,
                **({} if usage.cost_usd is None else {"total_cost": usage.cost_usd}),
            }
            for model, usage in per_model.items()
        }
    }
    if call.usage.cost_usd is not None:
        summary["total_cost"] = call.usage.cost_usd
    return summary


def _nested(child: Answer) -> dict[str, Any]:
    """Return a child's record, from the file that it was written to as it went."""
    records = _lines(child.trajectory)
    metadata = [record for record in records if record["type"] == "metadata"]
    return {
        "run_metadata": metadata[-1] if metadata else None,
        "iterations": [record for record in records if record["type"] != "metadata"],
    }


def _lines(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        return list(whole_records(path))
    except OSError:
        # Somebody has tidied up, or the disk fails; the child's answer still stands in its own fields.
        return []
