"""Find and count a plain str in a text, across its lines and segments.

Bytes are searched: UTF-8 is such that a character's bytes occur nowhere else, so hits are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from .layout import Address, Span
from .text import Text
from .utf8 import encode_needle


def contains(text: Text, span: Span, needle: object) -> bool:
    """Return whether a str occurs in the span; raises TypeError for anything but a str."""
    if not isinstance(needle, str):
        raise TypeError(f"'in <context>' takes a str, not {type(needle).__name__}")
    return find(text, (span.start, span.stop), needle) is not None


def find(text: Text, between: tuple[Address, Address], needle: str) -> Address | None:
    """Return the first place at which a str occurs between two places, or None."""
    wanted = encode_needle(needle)
    if wanted is None:
        return None
    if not wanted:
        return between[0]
    consumed = 0
    for window, before in _windows(text, between, overlap=len(wanted) - 1):
        at = window.find(wanted)
        if at >= 0:
            return _address(text, between[0], consumed - before + at)
        consumed += len(window) - before
    return None


def count(text: Text, span: Span, needle: str) -> int:
    """Return how often a non-empty str occurs in the span without overlapping, counted from the left."""
    wanted = encode_needle(needle)
    if wanted is None:
        return 0
    between = (span.start, span.stop)
    if _overlaps_itself(wanted):
        return _count_one_by_one(text, between, wanted)
    windows = _windows(text, between, overlap=len(wanted) - 1)
    # The overlap is too short to hold an occurrence, so none is counted twice.
    return sum(window.count(wanted) for window, _ in windows)


def _count_one_by_one(text: Text, between: tuple[Address, Address], wanted: bytes) -> int:
    """Occurrences may overlap: which of them count depends on where the one before ended."""
    found, rest = 0, b""
    for piece in text.pieces(*between):
        window = rest + bytes(piece)
        done = 0
        while (at := window.find(wanted, done)) >= 0:
            found += 1
            done = at + len(wanted)
        rest = window[max(done, len(window) - len(wanted) + 1) :]
    return found


def _windows(text: Text, between: tuple[Address, Address], *, overlap: int) -> Iterator[tuple[bytes, int]]:
    """Yield the pieces, each with up to `overlap` bytes of what came before it, and how many those are."""
    before = b""
    for piece in text.pieces(*between):
        window = before + bytes(piece)
        yield window, len(before)
        before = window[len(window) - min(overlap, len(window)) :]


def _address(text: Text, start: Address, distance: int) -> Address:
    """Return the place `distance` bytes behind `start`."""
    number, offset = start
    for number in text.layout.segments_between(start, (len(text.layout), 0)):
        length = len(text.segment(number).data)
        if offset + distance < length:
            return number, offset + distance
        distance -= length - offset
        offset = 0
    return number + 1, 0


def _overlaps_itself(wanted: bytes) -> bool:
    return any(wanted.startswith(wanted[at:]) for at in range(1, len(wanted)))
