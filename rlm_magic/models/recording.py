"""A recording: which requests were made of which models, and what they replied. One file of JSON Lines.

    {"type": "recording", "version": 1}
    {"type": "message", "id": "0f3a...", "role": "user", "content": "..."}
    {"type": "exchange", "model": "openai:gpt-5", "options": {}, "messages": ["0f3a..."], "text": "...", ...}

A message is written once, before the first exchange that holds it, so that a conversation takes room in
proportion to its length and not to its square. Secrets are redacted: a recording is made to be shared.
An exchange holds either a reply (`text`, `stop_reason`, `usage`) or an `error` (`kind`, `message`). They
stand in the order in which replies came; `asked` counts in the order in which they were asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ModelError, UnknownModel
from ..records import Message, Usage
from .provider import wire_text

VERSION = 1
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what came of it: a reply, or the kind and message of an error.

    `asked` is its place among all requests of the recording, as they were made.
    """

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""
    stop_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    error: tuple[str, str] | None = None
    asked: int = 0


def message_id(message: Message) -> str:
    """Return the id of a message: a digest of its role and content."""
    return hashlib.sha256(f"{message.role}\n{message.content}".encode("utf-8", "surrogatepass")).hexdigest()[
        :16
    ]


def shareable(text: str, redact: Redact) -> str:
    """Return `text` as a file that is shared can hold it."""
    return redact(wire_text(text))


def lines_of(exchange: Exchange, *, known: dict[str, str], redact: Redact) -> list[str]:
    """Return the lines that record `exchange`, without secrets.

    `known` maps the ids of messages seen before, as they were and as they were recorded, to the latter: these
    are neither redacted nor written again. What the lines write is added to it.
    """
    ids: list[str] = []
    lines: list[dict[str, object]] = []
    for message in exchange.messages:
        asked = message_id(message)
        if asked not in known:
            clean = Message(message.role, shareable(message.content, redact))
            recorded = message_id(clean)
            if recorded not in known:
                line = {"type": "message", "id": recorded, "role": clean.role, "content": clean.content}
                lines.append(dict(line))
            known[asked] = known[recorded] = recorded
        ids.append(known[asked])
    options = {
        key: shareable(value, redact) if isinstance(value, str) else value
        for key, value in exchange.options.items()
    }
    request = {"model": exchange.model, "options": options, "messages": ids, "asked": exchange.asked}
    lines.append({"type": "exchange", **request, **_outcome(exchange, redact)})
    return [json.dumps(line, ensure_ascii=False) for line in lines]


def read_recording(path: Path) -> Sequence[Exchange]:
    """Return the exchanges of a recording in the order in which they were written.

    A last line that was cut off is left out: whoever wrote it was stopped. Raises UnknownModel for a file
    that is not there, ModelError for one that is no recording.
    """
    try:
        stamp = path.stat()
    except OSError as error:
        raise UnknownModel(
            f"there is no recording {str(path)!r} ({error.strerror}); make one by recording a run"
        ) from error
    return _read(path.absolute(), stamp.st_mtime_ns, stamp.st_size)


# A run opens its recording for the root model, the sub-model and their windows: it is read once.
@lru_cache(maxsize=8)
def _read(path: Path, _stamp: int, _size: int) -> tuple[Exchange, ...]:
    try:
        *whole, _cut = path.read_bytes().split(b"\n")
        records = [json.loads(line) for line in whole if line.strip()]
        if records[0] != header():
            raise ValueError(f"its first line is not {json.dumps(header())}")
        return tuple(_exchanges(records))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{str(path)!r} is no recording of models ({type(error).__name__}: {error}); record the run again"
        ) from error


def header() -> dict[str, object]:
    """Return what the first line of a recording says."""
    return {"type": "recording", "version": VERSION}


def _exchanges(records: list[dict[str, Any]]) -> list[Exchange]:
    messages: dict[str, Message] = {}
    exchanges = []
    for record in records[1:]:
        if record["type"] == "message":
            messages[record["id"]] = Message(record["role"], record["content"])
        elif record["type"] == "exchange":
            exchanges.append(_exchange(record, tuple(messages[identity] for identity in record["messages"])))
    return exchanges


def _exchange(record: dict[str, Any], messages: tuple[Message, ...]) -> Exchange:
    error = record.get("error")
    usage = record.get("usage") or {}
    return Exchange(
        model=str(record["model"]),
        messages=messages,
        options=MappingProxyType(dict(record.get("options") or {})),
        text=str(record.get("text", "")),
        stop_reason=str(record.get("stop_reason", "stop")),
        usage=Usage(
            calls=int(usage.get("calls", 1)),
            input_tokens=int(usage.get("input_tokens", 0)),
            output_tokens=int(usage.get("output_tokens", 0)),
            cost_usd=usage.get("cost_usd"),
        ),
        error=(str(error["kind"]), str(error["message"])) if error else None,
        asked=int(record.get("asked") or 0),
    )


def _outcome(exchange: Exchange, redact: Redact) -> dict[str, object]:
    if exchange.error is not None:
        kind, message = exchange.error
        return {"error": {"kind": kind, "message": shareable(message, redact)}}
    usage = exchange.usage
    return {
        "text": shareable(exchange.text, redact),
        "stop_reason": exchange.stop_reason,
        "usage": {
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage.cost_usd,
        },
    }
