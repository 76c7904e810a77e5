"""Say how a request differs from the nearest of those that were recorded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ..records import Message
from ..text import counted

_BEFORE_CHARS = 60
_AFTER_CHARS = 100
# difflib takes time in proportion to the square of what it compares.
_COMPARED_CHARS = 2_000
_COMPARED_REQUESTS = 40

Request = Sequence[Message]


def difference(asked: Request, recorded: Sequence[Request]) -> str:
    """Return where `asked` parts from the nearest of the `recorded` requests, with a piece of both.

    The nearest is the one that agrees in most messages from the first on, and then most resembles it.
    """
    size = f"this request of {counted(len(asked), 'message')}"
    if not recorded:
        return f"has no reply to {size}: nothing is recorded for it"
    nearest = _nearest(asked, recorded)
    same = _same(asked, nearest)
    if same == min(len(asked), len(nearest)):
        return f"has no reply to {size}; the nearest one agrees and has {counted(len(nearest), 'message')}"
    was, now = nearest[same], asked[same]
    if was.role != now.role:
        where = f"message {same + 1}: recorded from {was.role}, asked from {now.role}"
        return f"has no reply to {size}; the nearest one differs in {where}"
    left, right = _around(was.content, now.content)
    return (
        f"has no reply to {size}; the nearest one differs in message {same + 1} ({now.role}):\n"
        f"  recorded: {left}\n  asked:    {right}\nrecord the run again, or ask as it was recorded"
    )


def _same(one: Request, other: Request) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _nearest(asked: Request, recorded: Sequence[Request]) -> Request:
    most = max(_same(asked, request) for request in recorded)
    best = [request for request in recorded if _same(asked, request) == most][-_COMPARED_REQUESTS:]
    return max(best, key=lambda request: _likeness(asked[most:], request[most:]))


def _likeness(asked: Request, recorded: Request) -> float:
    if not asked or not recorded:
        return 0.0
    one, other = asked[0].content, recorded[0].content
    start = _agreeing_chars(one, other)
    matcher = SequenceMatcher(None, one[-_COMPARED_CHARS:], other[-_COMPARED_CHARS:], autojunk=False)
    return start / max(1, len(one), len(other)) + matcher.quick_ratio()


def _agreeing_chars(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


def _around(was: str, now: str) -> tuple[str, str]:
    at = _agreeing_chars(was, now)
    return _piece(was, at), _piece(now, at)


def _piece(text: str, at: int) -> str:
    start, stop = max(0, at - _BEFORE_CHARS), at + _AFTER_CHARS
    head, tail = "..." if start else "", "..." if stop < len(text) else ""
    return f"{head}{text[start:stop]!r}{tail}"
