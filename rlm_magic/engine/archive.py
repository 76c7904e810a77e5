"""Read trajectories back: which runs there are, and one of them as the Answer it gave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..errors import RunNotFound, TrajectoryError
from ..records import (
    Answer,
    Cell,
    CellResult,
    Citation,
    Compaction,
    Coverage,
    LineRanges,
    Reading,
    ReadStats,
    Step,
    SubCall,
    Usage,
)
from .trajectory import runs_dir

_SECOND_CHARS = len("2026-11-21_01-02-03")


def list_runs(*, directory: Path | None = None) -> list[str]:
    """Return the ids of the recorded runs, the newest first."""
    directory = directory or runs_dir()
    # An id tells its second; of those that began in the same one, the file written last comes first.
    begun = [
        (path.stem[:_SECOND_CHARS], path.stat().st_mtime_ns, path.stem) for path in directory.glob("*.jsonl")
    ]
    return [stem for _, _, stem in sorted(begun, reverse=True)]


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
    answer = read_records(_records(path), run_id=path.stem)
    if answer is None:
        raise TrajectoryError(f"{path} is not a trajectory: it has no metadata line")
    return replace(answer, trajectory=path)


def read_records(records: Iterable[Mapping[str, Any]], *, run_id: str) -> Answer | None:
    """Return the Answer that the lines of a trajectory tell of; None when no metadata is among them."""
    metadata: Mapping[str, Any] = {}
    steps: list[Step] = []
    for record in records:
        if record.get("type") == "metadata":
            metadata = record
        else:
            steps.append(_step(record))
    if not metadata:
        return None
    usage = metadata.get("usage")
    return Answer(
        question=str(metadata.get("question", "")),
        text=str(metadata.get("answer", "")),
        status=str(metadata.get("status", "unfinished")),
        steps=tuple(steps),
        usage=_usages(usage) if usage is not None else spent_in(steps, str(metadata.get("root_model", ""))),
        reads=_reads(metadata.get("reads") or {}),
        seconds=float(metadata.get("seconds") or sum(step.seconds for step in steps)),
        run_id=str(metadata.get("run_id", run_id)),
        coverage=_coverage(metadata.get("coverage")),
        other_coverage=_other_coverage(metadata.get("other_coverage") or {}),
        citations=tuple(Citation(**citation) for citation in metadata.get("citations") or ()),
        model=str(metadata.get("root_model") or ""),
    )


def spent_in(steps: Sequence[Step], root_model: str) -> dict[str, Usage]:
    """Return what steps have cost, per model: for a run that was cut off before it could say so itself."""
    spent: dict[str, Usage] = {}

    def add(model: str, usage: Usage) -> None:
        if usage != Usage():
            spent[model] = spent.get(model, Usage()) + usage

    for step in steps:
        add(root_model, step.usage)
        for call in step.sub_calls:
            parts = {call.model: call.usage} if call.child is None else call.child.usage
            for model, usage in parts.items():
                add(model, usage)
    return spent


def _records(path: Path) -> Iterator[dict[str, Any]]:
    # As bytes: a crash may cut the last line in the middle of a character.
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
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
        usage=read_usage(record.get("usage") or {}),
        seconds=float(record.get("iteration_time") or 0.0),
        notes=tuple(record.get("notes") or ()),
        final=record.get("final_answer"),
        reading=Reading(**_ranges(record.get("reading") or {})),
        compaction=Compaction(**record["compaction"]) if record.get("compaction") else None,
        started_s=record.get("started_s"),
        edited=bool(record.get("edited")),
    )


def _cell(block: Mapping[str, Any]) -> Cell:
    result = block.get("result") or {}
    calls = tuple(read_call(call) for call in result.get("rlm_calls") or ())
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
        started_s=block.get("started_s"),
    )


def read_call(call: Mapping[str, Any]) -> SubCall:
    """Return a sub-call from its entry in a record."""
    return SubCall(
        model=str(call.get("root_model") or ""),
        prompt=str(call.get("prompt") or ""),
        reply=str(call.get("response") or ""),
        usage=Usage(
            int(call.get("calls", 1)),
            int(call.get("prompt_tokens") or 0),
            int(call.get("completion_tokens") or 0),
            call.get("cost_usd"),
        ),
        seconds=float(call.get("execution_time") or 0.0),
        error=call.get("error"),
        cached=bool(call.get("cached")),
        child=_child(call.get("metadata") or {}),
        started_s=call.get("started_s"),
        number=call.get("number"),
    )


def _child(nested: Mapping[str, Any]) -> Answer | None:
    metadata = nested.get("run_metadata")
    if not isinstance(metadata, Mapping):
        return None
    return read_records([metadata, *(nested.get("iterations") or ())], run_id="")


def _other_coverage(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Coverage]:
    found = {name: _coverage(record) for name, record in records.items()}
    return {name: coverage for name, coverage in found.items() if coverage is not None}


def _coverage(record: Mapping[str, Any] | None) -> Coverage | None:
    if record is None:
        return None
    documents = tuple((str(name), int(line)) for name, line in record.get("documents") or ())
    lines, unmarked = (int(record.get(name) or 0) for name in ("lines", "unmarked"))
    return Coverage(lines, documents=documents, unmarked=unmarked, **_ranges(record))


def _ranges(record: Mapping[str, Any]) -> dict[str, LineRanges]:
    names = ("read", "searched", "prompted")
    return {name: tuple((int(a), int(b)) for a, b in record.get(name) or ()) for name in names}


def _usages(record: Mapping[str, Any]) -> dict[str, Usage]:
    return {model: read_usage(spent) for model, spent in record.items()}


def _reads(record: Mapping[str, Any]) -> ReadStats:
    known = {item.name for item in fields(ReadStats)}
    return ReadStats(**{name: count for name, count in record.items() if name in known})


def read_usage(record: Mapping[str, Any]) -> Usage:
    """Return a Usage from its record."""
    return Usage(
        calls=int(record.get("calls") or 0),
        input_tokens=int(record.get("input_tokens") or 0),
        output_tokens=int(record.get("output_tokens") or 0),
        cost_usd=record.get("cost_usd"),
    )
