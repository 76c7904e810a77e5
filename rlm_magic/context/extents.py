"""Where the bytes of each segment are stored, and what they must be. Pure: no I/O.

`settle` is the one gate between stored bytes and text: nothing reaches a reader that did not pass it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import IntegrityError
from .layout import Layout
from .segment import Segment
from .utf8 import BOM, Errors, clean, warn_of_replacements

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Extents:
    """The stored side of a text's segments, as columns.

    `keys` and `versions` are per object; a version of None is not checked. Per segment: the number of its
    object, and the range there; a length of -1 is all the object holds from `offsets` on. `sha256` is the
    digests one after another, zeros for an unknown one, or nothing at all. `supplied` names the segments
    behind which a newline belongs to the text without being stored. Invalid bytes are treated by `errors`.
    """

    keys: Sequence[str]
    versions: Sequence[str | None]
    objects: Sequence[int]
    offsets: Sequence[int]
    lengths: Sequence[int]
    sha256: bytes = b""
    supplied: frozenset[int] = frozenset()
    errors: Errors = "replace"
    is_older_form: bool = False

    def digest(self, segment: int) -> bytes:
        """Return the sha256 of a segment's stored bytes; nothing if it is not known."""
        digest = self.sha256[segment * DIGEST_BYTES : (segment + 1) * DIGEST_BYTES]
        return digest if any(digest) else b""

    def name(self, segment: int) -> str:
        """Return how errors name a segment."""
        key, offset, length = self.keys[self.objects[segment]], self.offsets[segment], self.lengths[segment]
        if length < 0:
            return f"segment {key}"
        return f"segment {segment} (bytes {offset} to {offset + length} of {key})"


def settle(raw: bytes, segment: int, *, extents: Extents, layout: Layout) -> Segment:
    """Return stored bytes as a segment of the text; raises IntegrityError if they are not as promised."""
    length = extents.lengths[segment]
    if length >= 0 and len(raw) != length:
        found = f"{len(raw)} bytes; the manifest promises {length}"
        raise _broken(f"has {found}", segment, extents=extents, layout=layout)
    digest = extents.digest(segment)
    if digest and hashlib.sha256(raw).digest() != digest:
        found = "does not have the sha256 that was recorded of it"
        raise _broken(found, segment, extents=extents, layout=layout)
    if extents.is_older_form:
        return _settle_counted_lines(raw, segment, extents=extents, layout=layout)
    data = clean(raw, errors=extents.errors, name=extents.name(segment), offset=extents.offsets[segment]).data
    if segment in extents.supplied:
        data += b"\n"
    settled = Segment(data)
    _check_measures(settled, segment, extents=extents, layout=layout)
    return settled


def _check_measures(settled: Segment, segment: int, *, extents: Extents, layout: Layout) -> None:
    byte_starts, char_starts, newlines = layout.byte_starts, layout.char_starts, layout.newline_starts
    assert char_starts is not None
    promised = (
        byte_starts[segment + 1] - byte_starts[segment],
        char_starts[segment + 1] - char_starts[segment],
        newlines[segment + 1] - newlines[segment],
        segment in layout.unfinished,
    )
    data = settled.data
    is_unfinished = not data.endswith(b"\n")
    found = (len(data), settled.chars_before(len(data)), settled.newline_count, is_unfinished)
    if found != promised:
        measures = f"has (bytes, characters, newlines, unfinished) {found}, not {promised} as indexed"
        raise _broken(measures, segment, extents=extents, layout=layout)


def _settle_counted_lines(raw: bytes, segment: int, *, extents: Extents, layout: Layout) -> Segment:
    """The older form promises lines only. Counted now: a wrong count would shift every later line."""
    if segment == 0:
        raw = raw.removeprefix(BOM)
    cleaned = clean(raw, errors=extents.errors, name=extents.name(segment), offset=0)
    warn_of_replacements(cleaned.replaced, of=extents.name(segment))
    data = cleaned.data
    promised = layout.newline_starts[segment + 1] - layout.newline_starts[segment]
    if data and not data.endswith(b"\n") and layout.newline_starts[segment + 1] < layout.lines:
        data += b"\n"
    settled = Segment(data)
    found = settled.newline_count + (bool(data) and not data.endswith(b"\n"))
    if found != promised:
        counted = f"has {found} lines; its row in the manifest says {promised}"
        raise _broken(counted, segment, extents=extents, layout=layout)
    return settled


def _broken(what: str, segment: int, *, extents: Extents, layout: Layout) -> IntegrityError:
    # Nothing is said of who did it: only the writer's digest is known, not what became of the object since.
    first, stop = layout.newline_starts[segment], layout.newline_starts[segment + 1]
    return IntegrityError(
        f"{extents.name(segment)} {what}; it was damaged, or replaced after it was written: restore it, or "
        f"ingest again, or bind again what was never ingested (lines {first} to {stop} of the context; "
        "the others can still be read)"
    )
