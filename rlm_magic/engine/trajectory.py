"""Write a run down as it goes: JSON Lines, one line per step, flushed before the next step begins.

The lines are those of the rlms visualizer: a line of type "metadata" first, then one of type "iteration" per
step. A last metadata line repeats the first with the run's status; readers take the last one they find. No
other line type may be invented, because readers take every other line for a step.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from platformdirs import user_data_path

from ..records import Answer, Cell, Message, Step, SubCall, Usage
from ..text import clip
from .redact import redactor

DATA_DIR_VARIABLE = "RLM_DATA_DIR"
_TEXT_CHARS = 200_000
_VARIABLE_CHARS = 200


def runs_dir() -> Path:
    """Return the directory of trajectories: $RLM_DATA_DIR, else the user's data directory."""
    root = os.environ.get(DATA_DIR_VARIABLE)
    return (Path(root).expanduser() if root else user_data_path("rlm_magic", appauthor=False)) / "runs"


def new_run_id() -> str:
    """Return a name for a run that sorts by time and never repeats."""
    return f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}_{uuid4().hex[:8]}"


class Trajectory:
    """The file of one run. Private to the user (0600), written line by line, synced never half a line.

    `path` is where it lies. Secrets are redacted, and every text is clipped with its size kept.
    """

    def __init__(self, run_id: str, *, directory: Path | None = None) -> None:
        directory = directory or runs_dir()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = directory / f"{run_id}.jsonl"
        self._redact = redactor()
        self._metadata: dict[str, Any] = {}
        # O_EXCL: two runs never share a file. The mode is set at creation, so there is no moment of 0644.
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def begin(self, **metadata: object) -> None:
        """Write the first line: what was asked, of which models, under which budget."""
        self._metadata = {"type": "metadata", "timestamp": _now(), **metadata}
        self._write(self._metadata)

    def add(self, step: Step, *, prompt: Sequence[Message], variables: Mapping[str, object]) -> None:
        """Write one step. `prompt` holds only the messages that are new since the step before."""
        self._write(
            {
                "type": "iteration",
                "iteration": step.number,
                "timestamp": _now(),
                "prompt": [{"role": message.role, "content": message.content} for message in prompt],
                "response": step.reply,
                "code_blocks": [_block(cell, variables) for cell in step.cells],
                "final_answer": step.final,
                "iteration_time": step.seconds,
                "usage": _usage(step.usage),
                "notes": list(step.notes),
            }
        )

    def end(self, answer: Answer) -> None:
        """Write the last line and close the file."""
        self._write(
            {
                **self._metadata,
                "status": answer.status,
                "answer": answer.text,
                "seconds": answer.seconds,
                "usage": {model: _usage(spent) for model, spent in answer.usage.items()},
                "reads": asdict(answer.reads),
            }
        )
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(_clean(record, self._redact), ensure_ascii=False, allow_nan=False)
        data = (line + "\n").encode("utf-8", "replace")
        while data:
            data = data[os.write(self._file, data) :]

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


def _block(cell: Cell, variables: Mapping[str, object]) -> dict[str, Any]:
    result = cell.result
    printed = replace(result, stderr="", error=None).output
    return {
        "code": cell.code,
        "result": {
            "stdout": printed,
            "stderr": "\n".join(text for text in (result.stderr, result.error) if text),
            "locals": {name: _short(value) for name, value in variables.items()},
            "execution_time": result.seconds,
            "rlm_calls": [_call(call) for call in cell.sub_calls],
            "interrupted": result.interrupted,
            "timed_out": result.timed_out,
        },
    }


def _call(call: SubCall) -> dict[str, Any]:
    return {
        "root_model": call.model,
        "prompt": call.prompt,
        "response": call.reply,
        "prompt_tokens": call.usage.input_tokens,
        "completion_tokens": call.usage.output_tokens,
        "cost_usd": call.usage.cost_usd,
        "execution_time": call.seconds,
        "error": call.error,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
    }


def _short(value: object) -> str:
    """Describe a variable by type and, for plain small values, by content."""
    if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
        head = repr(value[:_VARIABLE_CHARS]) if isinstance(value, (str, bytes)) else ""
        return clip(f"{type(value).__name__}[{len(value):,}] {head}".strip(), limit_chars=_VARIABLE_CHARS)
    if isinstance(value, (bool, int, float, type(None))):
        return repr(value)[:_VARIABLE_CHARS]
    return type(value).__name__


def _clean(value: Any, redact: Callable[[str], str]) -> Any:
    """Make a record safe to write: secrets out, long text clipped, NaN and infinities as strings."""
    if isinstance(value, str):
        return clip(redact(value), limit_chars=_TEXT_CHARS)
    if isinstance(value, float) and not -1e308 <= value <= 1e308:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(item, redact) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item, redact) for item in value]
    return value


def _now() -> str:
    return datetime.now(UTC).isoformat()
