"""Say things about text and numbers in few words. Pure."""

from __future__ import annotations

import re

# Escape sequences and other controls could repaint the terminal; tabs and line ends are all a text needs.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clip(text: str, *, limit_chars: int) -> str:
    """Return `text` whole if it has at most `limit_chars` characters, else its head and tail around a count.

    >>> clip("abcdefghij", limit_chars=4)
    'ab\\n... [6 of 10 characters omitted] ...\\nij'
    """
    if len(text) <= limit_chars:
        return text
    head, tail = (limit_chars + 1) // 2, limit_chars // 2
    omitted = len(text) - head - tail
    note = f"\n... [{omitted:,} of {len(text):,} characters omitted] ...\n"
    return text[:head] + note + text[len(text) - tail :]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "line"), counted(2000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size_text(size_bytes: float) -> str:
    """Return a size as people read it.

    >>> size_text(0), size_text(123_456_789)
    ('0 B', '123.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:,.1f} {unit}"


def printable(text: str) -> str:
    r"""Return `text` with control characters made visible, so that it cannot act on what shows it.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROLS.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
