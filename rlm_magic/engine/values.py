"""Look at what model code made. Such an object may raise whatever it likes when it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..text import clip

T = TypeVar("T")

_SUMMARY_CHARS = 80
_RECORD_CHARS = 200
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


def answer_text(value: object) -> str:
    """Return the answer as text: a str as it is, anything else through str(), whose errors pass through."""
    return value if type(value) is str else str(value)


def text_or_type(value: object) -> str:
    """Return a value as text, or the name of its type where it has no text.

    >>> text_or_type(12), text_or_type(10**5000)
    ('12', 'int')
    """
    return looked_at(lambda: answer_text(value), otherwise=type(value).__name__)


def value_summary(value: object) -> str:
    """Return what a value is in a few words: its type, its size, itself if it is short.

    >>> value_summary([1, 2]), value_summary(10**5000)
    ('list of 2', 'int')
    """
    kind = type(value).__name__
    if isinstance(value, _SIZED):
        kind += looked_at(lambda: f" of {len(value):,}", otherwise="")
    if isinstance(value, (str, int, float, bool, type(None))):
        kind += looked_at(lambda: f" = {clip(repr(value), limit_chars=_SUMMARY_CHARS)}", otherwise="")
    return kind


def recorded_summary(value: object) -> str:
    """Return what a record says of a variable: its type and size; of text its head, of a number itself."""
    return looked_at(lambda: _recorded(value), otherwise=type(value).__name__)


def is_set(flag: object) -> bool:
    """Return whether a flag is set; one that is neither true nor false, as an array may be, is not."""
    return looked_at(lambda: bool(flag), otherwise=False)


def looked_at(look: Callable[[], T], *, otherwise: T) -> T:
    """Return what `look` finds, or `otherwise` when the object does not bear it."""
    try:
        return look()
    except Exception:  # noqa: BLE001 - methods of the model's own classes; and str() of a very large int raises
        return otherwise


def _recorded(value: object) -> str:
    if isinstance(value, _SIZED):
        head = repr(value[:_RECORD_CHARS]) if isinstance(value, (str, bytes)) else ""
        return clip(f"{type(value).__name__}[{len(value):,}] {head}".strip(), limit_chars=_RECORD_CHARS)
    if isinstance(value, (bool, int, float, type(None))):
        return repr(value)[:_RECORD_CHARS]
    return type(value).__name__
