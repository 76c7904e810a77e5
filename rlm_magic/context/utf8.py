"""Turn stored bytes into valid UTF-8, and find the places where text may be cut. Pure.

Invariant: decoding the pieces between cuts, one by one, gives exactly what decoding the whole would give,
invalid bytes included.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Literal

from ..errors import BadText, SourceError

Errors = Literal["replace", "strict"]
BOM = b"\xef\xbb\xbf"
_REPLACEMENT = "\ufffd"
_REPLACEMENT_BYTES = _REPLACEMENT.encode()
_SURROGATES = re.compile("[\ud800-\udfff]")
# The widest character, and so the longest look around a cut.
_WIDEST_BYTES = 4


class TextWarning(UserWarning):
    """Something in a text was replaced."""


@dataclass(frozen=True, slots=True)
class Clean:
    """Valid UTF-8, the characters it holds, and how many of them stand for something invalid."""

    data: bytes
    characters: int
    replaced: int = 0


def check_errors(errors: str) -> Errors:
    """Return `errors` if it is a policy; raises SourceError otherwise."""
    if errors == "replace":
        return "replace"
    if errors == "strict":
        return "strict"
    raise SourceError(f"errors={errors!r} is not a policy; use 'replace' or 'strict'")


def clean(raw: bytes, *, errors: Errors, name: str, offset: int) -> Clean:
    """Return `raw` as `raw.decode("utf-8", "replace")` has it.

    `name` and `offset` (of `raw` in what it is a part of) go into BadText, raised under errors="strict".
    """
    try:
        return Clean(raw, len(raw) if raw.isascii() else len(raw.decode()))
    except UnicodeDecodeError as error:
        if errors == "strict":
            raise BadText(
                f"{name}: byte {raw[error.start]:#04x} at offset {offset + error.start} is not UTF-8; "
                "convert the text, or bind it with errors='replace'"
            ) from error
    text = raw.decode("utf-8", "replace")
    # A genuine U+FFFD in the text is not a replacement; its three bytes decode to nothing else.
    replaced = text.count(_REPLACEMENT) - raw.count(_REPLACEMENT_BYTES)
    return Clean(text.encode(), len(text), replaced)


def encode(text: str, *, errors: Errors, name: str) -> Clean:
    """Return a str as UTF-8; lone surrogates, which UTF-8 cannot hold, become U+FFFD or raise BadText."""
    try:
        return Clean(text.encode(), len(text))
    except UnicodeEncodeError as error:
        if errors == "strict":
            raise BadText(
                f"{name}: character {error.start} is the lone surrogate {text[error.start]!a}; "
                "repair the text, or bind it with errors='replace'"
            ) from error
    replaced_text, replaced = _SURROGATES.subn(_REPLACEMENT, text)
    return Clean(replaced_text.encode(), len(text), replaced)


def warn_of_replacements(count: int, *, of: str) -> None:
    """Warn that invalid text was replaced, if any was."""
    if count:
        warnings.warn(
            f"{of}: {count:,} invalid parts were replaced by U+FFFD; errors='strict' refuses them instead",
            TextWarning,
            stacklevel=2,
        )


def encode_needle(needle: str) -> bytes | None:
    """Return what to look for in the bytes, or None if no context can hold it (a lone surrogate)."""
    if not isinstance(needle, str):
        raise TypeError(f"a context is searched for a str, not {type(needle).__name__}")
    try:
        return needle.encode()
    except UnicodeEncodeError:
        return None


def cut_point(data: bytes | bytearray, *, limit_bytes: int, final: bool) -> int:
    """Return where the first segment of `data` ends, or 0 if more data is needed to tell.

    It holds at most `limit_bytes` and ends at the last line ending in them; inside a longer line at a
    character boundary, and if the first character alone is wider than the limit, behind that character.

    >>> cut_point(b"ab\\ncd\\nef", limit_bytes=7, final=True)
    6
    >>> cut_point("aé".encode(), limit_bytes=2, final=True)
    1
    """
    if final and len(data) <= limit_bytes:
        return len(data)
    if len(data) < limit_bytes + _WIDEST_BYTES and not final:
        return 0
    newline = data.rfind(b"\n", 0, limit_bytes)
    if newline >= 0:
        return newline + 1
    cut = _boundary_before(data, limit_bytes)
    return cut or next(at for at in range(1, len(data) + 1) if _boundary_before(data, at) == at)


def _boundary_before(data: bytes | bytearray, at: int) -> int:
    """Return the last place at or before `at` where a cut cannot change what decodes."""
    if at >= len(data):
        return len(data)
    for place in range(at, max(at - _WIDEST_BYTES, 0), -1):
        if data[place] & 0xC0 != 0x80:
            return place
    # Four continuation bytes in a row: no character reaches over the last of them, each is invalid by itself.
    return at if at >= _WIDEST_BYTES else 0
