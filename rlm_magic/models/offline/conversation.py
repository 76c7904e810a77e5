"""Read a root conversation: the question, what the cells have printed, what the loop says. Pure.

The model keeps nothing between calls: where it stands follows from the conversation alone. Its cells print
rows, one JSON list per line, whose first item is a tag; so a text that holds line breaks, quotes or fences
cannot be mistaken for anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...records import Message

Row = list[Any]

SEARCH_TAG = "search"
"""Printed before the rows of a search, so that a second search replaces the first."""
OF_ONE_SEARCH = ("count", "spot", "window", "inside", "reply", "said", "value")

_TURN = "\n\nTurn "
_QUESTION = "Question: "


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the rules know of a run so far. `replies` are the model's own, `rows` what its cells printed."""

    question: str
    replies: tuple[str, ...]
    rows: tuple[Row, ...]
    errors: tuple[str, ...]
    """The last line of each traceback that a cell printed, oldest first."""
    failed: bool
    """Whether the latest cell ended in a traceback."""
    must_answer: bool
    sub_calls_left: int | None

    def tagged(self, tag: str) -> list[Row]:
        """Return the rows printed under `tag`, without it, oldest first; of the latest search only."""
        rows = self.rows
        for index, row in enumerate(rows):
            if row[0] == SEARCH_TAG and tag in OF_ONE_SEARCH:
                rows = self.rows[index:]
        return [row[1:] for row in rows if row[0] == tag]


def read_conversation(messages: Sequence[Message]) -> Conversation:
    """Return what `messages` say. Any conversation will do: what is not there reads as empty."""
    spoken = [message for message in messages if message.role != "system"]
    first = spoken[0].content if spoken else ""
    shown = [message.content for message in spoken[1:] if message.role == "user"]
    latest = shown[-1] if shown else first
    errors = [error for text in shown for error in _errors(text)]
    return Conversation(
        question=_question(first),
        replies=tuple(message.content for message in spoken if message.role == "assistant"),
        rows=tuple(row for text in shown for row in _rows(text)),
        errors=tuple(errors),
        failed=bool(shown and _errors(latest)),
        must_answer="Answer now" in latest.rpartition("```")[2],
        sub_calls_left=_sub_calls_left(latest),
    )


def _question(text: str) -> str:
    # The turn line is the loop's; a question may hold the same words, so the last one counts.
    asked = text.rpartition(_TURN)[0] or text
    return asked.removeprefix(_QUESTION).strip()


def _rows(text: str) -> list[Row]:
    rows = []
    for line in text.split("\n"):
        if not line.startswith('["'):
            continue
        try:
            row = json.loads(line)
        except ValueError:
            # Cut in the middle by the loop's cap on output: the rows around it still stand.
            continue
        rows.append(row)
    return rows


def _errors(text: str) -> list[str]:
    """Return the error line of each traceback. Our own rows cannot look like one: they are JSON."""
    return [match[0][:200] for match in _ERROR_LINE.finditer(text)]


_ERROR_LINE = re.compile(
    r"^[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Exceeded|TooLarge|Missing|Changed|Unavailable|Interrupt)"
    r"(?::.*)?$",
    re.MULTILINE,
)


def _sub_calls_left(text: str) -> int | None:
    found = re.search(r"(\d+) sub-calls? left", text.rpartition("```")[2])
    return int(found[1]) if found else None
