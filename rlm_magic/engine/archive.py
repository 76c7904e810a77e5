"""Read trajectories back: which runs there are, and one of them as the Answer it gave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import RunNotFound, TrajectoryError
from ..records import Answer, Cell, CellResult, ReadStats, Step, SubCall, Usage
from .trajectory import runs_dir


def list_runs(*, directory: Path | None = None) -> list[str]:
    """Return the ids of the recorded runs, the newest first."""
    directory = directory or runs_dir()
    return sorted((path.stem for path in directory.glob("*.jsonl")), reverse=True)


def find_run(name: str, *, directory: Path | None = None) -> Path:
    """Return the file of a run given its id, the beginning of one, "last", or a path to a trajectory.

    Raises RunNotFound when no run, or more than one, goes by that name.
    """
    directory = directory or runs_dir()
    if name.endswith(".jsonl") and Path(name).expanduser().is_file():
        return Path(name).expanduser()
    runs = list_runs(directory=directory)
    matches = runs[:1] if name == "last" else [run for run in runs if run.startswith(name)]
    if len(matches) == 1 or name in matches:
        return directory / f"{name if name in matches else matches[0]}.jsonl"
    if matches:
        raise RunNotFound(f"run {name!r} is ambiguous: {len(matches)} runs begin so, such as {matches[0]}")
    known = f"the newest is {runs[0]}" if runs else "none was recorded yet"
    raise RunNotFound(f"no run {name!r} in {directory}; {known}")


def read_trajectory(path: Path) -> Answer:
    """Return a recorded run as an Answer. Variables are not part of a record, so it has none.

    A run whose last line is missing was cut off; its status is "unfinished". A half-written last line, as a
    crash leaves it, is left out. Raises TrajectoryError when the file is not a trajectory.
    """
    metadata: Mapping[str, Any] = {}
    steps: list[Step] = []
    for record in _records(path):
        if record.get("type") == "metadata":
            metadata = record
        else:
            steps.append(_step(record))
    if not metadata:
        raise TrajectoryError(f"{path} is not a trajectory: it has no metadata line")
    usage = metadata.get("usage") or {}
    return Answer(
        question=str(metadata.get("question", "")),
        text=str(metadata.get("answer", "")),
        status=str(metadata.get("status", "unfinished")),
        steps=tuple(steps),
        usage={model: _usage(spent) for model, spent in usage.items()},
        reads=_reads(metadata.get("reads") or {}),
        seconds=float(metadata.get("seconds") or sum(step.seconds for step in steps)),
        run_id=str(metadata.get("run_id", path.stem)),
        trajectory=path,
    )


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
            except ValueError as error:
                if not line.endswith("\n"):
                    return
                raise TrajectoryError(f"{path} line {number} is not JSON: {error}") from error
            if not isinstance(record, dict):
                raise TrajectoryError(f"{path} line {number} is not a JSON object")
            yield record


def _step(record: Mapping[str, Any]) -> Step:
    return Step(
        number=int(record.get("iteration", 0)),
        reply=str(record.get("response") or ""),
        cells=tuple(_cell(block) for block in record.get("code_blocks") or ()),
        usage=_usage(record.get("usage") or {}),
        seconds=float(record.get("iteration_time") or 0.0),
        notes=tuple(record.get("notes") or ()),
        final=record.get("final_answer"),
    )


def _cell(block: Mapping[str, Any]) -> Cell:
    result = block.get("result") or {}
    calls = tuple(_call(call) for call in result.get("rlm_calls") or ())
    return Cell(
        code=str(block.get("code") or ""),
        result=CellResult(
            stdout=str(result.get("stdout") or ""),
            error=result.get("stderr") or None,
            interrupted=bool(result.get("interrupted")),
            timed_out=bool(result.get("timed_out")),
            seconds=float(result.get("execution_time") or 0.0),
        ),
        sub_calls=calls,
    )


def _call(call: Mapping[str, Any]) -> SubCall:
    return SubCall(
        model=str(call.get("root_model") or ""),
        prompt=str(call.get("prompt") or ""),
        reply=str(call.get("response") or ""),
        usage=Usage(
            1,
            int(call.get("prompt_tokens") or 0),
            int(call.get("completion_tokens") or 0),
            call.get("cost_usd"),
        ),
        seconds=float(call.get("execution_time") or 0.0),
        error=call.get("error"),
    )


def _reads(record: Mapping[str, Any]) -> ReadStats:
    known = {item.name for item in fields(ReadStats)}
    return ReadStats(**{name: count for name, count in record.items() if name in known})


def _usage(record: Mapping[str, Any]) -> Usage:
    return Usage(
        calls=int(record.get("calls") or 0),
        input_tokens=int(record.get("input_tokens") or 0),
        output_tokens=int(record.get("output_tokens") or 0),
        cost_usd=record.get("cost_usd"),
    )
