"""What the checks of an answer share: what a schema is, a value as JSON, and the words for a misfit. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass

from ..text import clip

SHOWN_CHARS = 300
_SHOWN_ERRORS = 10
_FENCED = re.compile(r"\A\s*(`{3,}|~{3,})\w*\s*\n(.*)\n\s*\1\s*\Z", re.DOTALL)
FORM = """\
The answer has to fit this JSON schema:
```json
{schema}
```
Build it as a Python value (dicts, lists, numbers, strings) and end with FINAL(value) in code or with
FINAL_VAR(name); JSON as text inside FINAL(...) is read too. It is checked: what does not fit comes back to
you with the reasons, and you can answer again."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A form that answers must have.

    `prompt` tells the model; `accept` returns the typed value or raises AnswerRejected with the reasons, in
    words for the model; `text` is a typed value as text: JSON, or a str as it is.
    """

    prompt: str
    accept: Callable[[object], object]
    text: Callable[[object], str]


def as_json(value: object) -> str | None:
    """Return the JSON that a value is or can be written as, or None."""
    if isinstance(value, str):
        text = fenced.group(2) if (fenced := _FENCED.match(value)) is not None else str(value)
        return text if _is_json(text) else None
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return None


def reason(path: Iterable[object], message: str) -> str:
    """Return what does not fit, after the place where.

    >>> reason(("items", 0, "name"), "Field required")
    'items.0.name: Field required'
    """
    where = ".".join(map(str, path))
    return f"{where}: {message}" if where else message


def rejection(reasons: list[str], value: object) -> str:
    """Return what the model is told about a value that does not fit."""
    shown = [clip(each, limit_chars=SHOWN_CHARS) for each in reasons[:_SHOWN_ERRORS]]
    if len(reasons) > len(shown):
        shown.append(f"and {len(reasons) - len(shown):,} more")
    lines = "\n".join(f"- {each}" for each in shown)
    kind = type(value).__name__
    return f"it is a {kind} that does not fit the schema:\n{lines}\nAnswer again."


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    # Numbers and arrays of numpy, as counting with it leaves them.
    to_list = getattr(value, "tolist", None)
    if to_list is None:
        raise TypeError(f"{type(value).__name__} is not JSON")
    return to_list()
