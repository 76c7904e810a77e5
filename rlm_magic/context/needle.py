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


def find_last(text: Text, between: tuple[Address, Address], needle: str) -> Address | None:
    """Return the last place at which a str occurs between two places, or None; reads from the end."""
    wanted = encode_needle(needle)
    if wanted is None:
        return None
    if not wanted:
        return between[1]
    behind = b""
    for number, first, piece in _backward(text, between):
        window = piece + behind
        at = window.rfind(wanted)
        if at >= 0:
            return _address(text, (number, first), at)
        behind = window[: len(wanted) - 1]
    return None


def same_text(text: Text, span: Span, other: str) -> bool:
    """Return whether a span has just this text; a text of another length is not read."""
    wanted = encode_needle(other)
    if wanted is None:
        return False
    is_measured = text.layout.char_starts is not None
    if is_measured and text.layout.bytes_between(span.start, span.stop) != len(wanted):
        return False
    done = 0
    for piece in text.pieces(span.start, span.stop):
        if wanted[done : done + len(piece)] != piece:
            return False
        done += len(piece)
    return done == len(wanted)


def first_bytes(text: Text, span: Span, size: int) -> bytes:
    """Return the first bytes of a span, as many as it has; no segment beyond them is read."""
    found = b""
    for number in text.layout.segments_between(span.start, span.stop):
        if len(found) >= size:
            break
        found += _part_of(text, number, (span.start, span.stop))
    return found[:size]


def last_bytes(text: Text, span: Span, size: int) -> bytes:
    """Return the last bytes of a span, as many as it has; no segment in front of them is read."""
    found = b""
    for _, _, piece in _backward(text, (span.start, span.stop)):
        found = piece + found
        if len(found) >= size:
            break
    return found[max(0, len(found) - size) :]


def _backward(text: Text, between: tuple[Address, Address]) -> Iterator[tuple[int, int, bytes]]:
    """Yield the segments from the last to the first: number, where in it the piece starts, the piece."""
    for number in reversed(text.layout.segments_between(*between)):
        first = between[0][1] if number == between[0][0] else 0
        yield number, first, _part_of(text, number, between)


def _part_of(text: Text, number: int, between: tuple[Address, Address]) -> bytes:
    start, stop = between
    view = text.segment(number).view
    first = start[1] if number == start[0] else 0
    last = stop[1] if number == stop[0] else len(view)
    return bytes(view[first:last])


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
        length = len(text.segment(number).view)
        if offset + distance < length:
            return number, offset + distance
        distance -= length - offset
        offset = 0
    return number + 1, 0


def _overlaps_itself(wanted: bytes) -> bool:
    return any(wanted.startswith(wanted[at:]) for at in range(1, len(wanted)))
